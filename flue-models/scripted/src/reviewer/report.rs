//! The findings, computed from what the tools gave back.

use std::fmt::Write as _;

use super::checks::{Check, LONG_LINE, Place, Topic, places, size};

/// The most findings of one kind that are listed.
const MAX_LISTED: usize = 20;

/// The most characters of a line that are quoted.
const MAX_QUOTED: usize = 100;

pub(super) struct Report<'a> {
    document: &'a str,
    facts: Vec<String>,
    findings: Vec<String>,
    /// What could not be found out.
    gaps: Vec<String>,
}

impl<'a> Report<'a> {
    /// Begins with the text as it was read.
    pub(super) fn new(document: &'a str, text: &str) -> Self {
        let mut report = Self { document, facts: Vec::new(), findings: Vec::new(), gaps: Vec::new() };
        if text.trim().is_empty() {
            report.findings.push("The document is empty.".to_owned());
        } else if let Some(first) = text.lines().find(|line| !line.trim().is_empty()) {
            report.facts.push(format!("It begins with: {}", quoted(first)));
        }
        report
    }

    /// Takes the output of a check.
    pub(super) fn add(&mut self, check: &Check, output: &str) {
        let understood = match check.topic {
            Topic::Size => size(output).map(|[lines, words, bytes]| {
                self.facts.push(format!(
                    "{}, {}, {}.",
                    counted(lines, "line"),
                    counted(words, "word"),
                    counted(bytes, "byte")
                ));
            }),
            topic => places(output).map(|places| self.take(topic, &places)),
        };
        if understood.is_none() {
            self.failed(check, output);
        }
    }

    /// Takes the failure of a check.
    pub(super) fn failed(&mut self, check: &Check, output: &str) {
        self.gaps.push(format!("The {}; the command said: {}", check.topic.name(), quoted(output)));
    }

    /// Says that there was no tool for checks.
    pub(super) fn unchecked(&mut self) {
        self.gaps.push("No tool was offered to run commands with, so nothing was counted or searched.".to_owned());
    }

    fn take(&mut self, topic: Topic, places: &[Place]) {
        match topic {
            Topic::Size => {}
            Topic::Markers => {
                self.list(places, |place| format!("Line {}: open marker: {}", place.line, quoted(&place.text)))
            }
            Topic::Headings => self.headings(places),
            // Lengths have no unit: some awks count bytes, others characters.
            Topic::Longest => {
                self.facts.extend(
                    places
                        .iter()
                        .map(|place| format!("The longest line is line {}, of length {}.", place.line, place.text)),
                );
            }
            Topic::LongLines => {
                self.list(places, |place| {
                    format!("Line {}: of length {}, more than {LONG_LINE}.", place.line, place.text)
                });
            }
            Topic::DoubledWords => {
                self.list(places, |place| format!("Line {}: {} is written twice.", place.line, quoted(&place.text)));
            }
            Topic::TrailingSpace => self.list(places, |place| format!("Line {}: white space at the end.", place.line)),
        }
    }

    fn headings(&mut self, places: &[Place]) {
        let level = |place: &Place| place.text.bytes().take_while(|byte| *byte == b'#').count();
        match (places.iter().map(level).min(), places.iter().map(level).max()) {
            (Some(top), Some(deepest)) => {
                let count = counted(places.len() as u64, "heading");
                self.facts.push(if top == deepest {
                    format!("{count}, of level {top}.")
                } else {
                    format!("{count}, of levels {top} to {deepest}.")
                });
            }
            _ => self.facts.push("No headings.".to_owned()),
        }
        let jumps: Vec<&Place> =
            places.windows(2).filter(|pair| level(&pair[1]) > level(&pair[0]) + 1).map(|pair| &pair[1]).collect();
        self.list(jumps, |place| {
            format!("Line {}: the heading {} leaves a level out.", place.line, quoted(&place.text))
        });
        let repeated: Vec<&Place> = places
            .iter()
            .enumerate()
            .filter(|(index, place)| places[..*index].iter().any(|earlier| earlier.text == place.text))
            .map(|(_, place)| place)
            .collect();
        self.list(repeated, |place| {
            format!("Line {}: the heading {} is there already.", place.line, quoted(&place.text))
        });
    }

    fn list<'p>(&mut self, places: impl IntoIterator<Item = &'p Place>, say: impl Fn(&Place) -> String) {
        let mut places = places.into_iter();
        self.findings.extend(places.by_ref().take(MAX_LISTED).map(say));
        let more = places.count();
        if more > 0 {
            self.findings.push(format!("And {more} more of this kind."));
        }
    }

    /// How many findings there are, in words.
    pub(super) fn count(&self) -> String {
        match self.findings.len() {
            0 => "no findings".to_owned(),
            count => counted(count as u64, "finding"),
        }
    }

    pub(super) fn to_markdown(&self, notice: &str) -> String {
        let mut text = format!(
            "# Review of {}\n\n{notice}\nEvery line below was computed from what a tool gave back.\n",
            self.document
        );
        let mut section = |title: &str, lines: &[String], ordered: bool| {
            if !lines.is_empty() {
                let _ = write!(text, "\n## {title}\n\n");
                for (index, line) in lines.iter().enumerate() {
                    let bullet = if ordered { format!("{}.", index + 1) } else { "-".to_owned() };
                    let _ = writeln!(text, "{bullet} {line}");
                }
            }
        };
        section("Facts", &self.facts, false);
        section("Findings", &self.findings, true);
        if self.findings.is_empty() {
            let none = if self.gaps.is_empty() { "Nothing found." } else { "Nothing found by what could be checked." };
            section("Findings", &[none.to_owned()], false);
        }
        section("Not checked", &self.gaps, false);
        text
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// One line of `text` as code, cut to a readable length.
fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let cut: String = line.chars().take(MAX_QUOTED).collect();
    let dots = if cut.len() < line.len() { "…" } else { "" };
    if cut.contains('`') { format!("`` {cut}{dots} ``") } else { format!("`{cut}{dots}`") }
}
