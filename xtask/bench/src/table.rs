//! The table of figures, and what each row of it means.

use std::fmt::Write as _;

use crate::stats::Spread;

/// What a figure ought to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// Its median is no more than this.
    AtMost(f64),
    /// Its median is no less than this.
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, median: f64) -> bool {
        match self {
            Self::AtMost(goal) => median <= goal,
            Self::AtLeast(goal) => median >= goal,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(goal) => format!("<= {goal}"),
            Self::AtLeast(goal) => format!(">= {goal}"),
        }
    }
}

/// What stands in place of a figure.
const MISSING: &str = "could not be measured";

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    means: &'static str,
    flue: Spread,
    other: Option<Spread>,
    goal: Option<Goal>,
    /// Why there is no figure.
    missing: Option<String>,
}

impl Row {
    /// A figure of Flue. `means` says in plain words what it is; rows with the same words share a line below the table.
    pub(crate) fn new(what: impl Into<String>, flue: Spread, means: &'static str) -> Self {
        Self { what: what.into(), means, flue, other: None, goal: None, missing: None }
    }

    /// Something that could not be measured, and why.
    #[cfg(feature = "remote")]
    pub(crate) fn missing(what: impl Into<String>, why: &flue_core::Error) -> Self {
        Self { missing: Some(format!("{why:#}")), ..Self::new(what, Spread::exactly(0.0), "") }
    }

    /// Whether it could not be measured.
    pub(crate) fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Sets what the same work costs elsewhere, on the floor or on the host.
    pub(crate) fn beside(mut self, other: Spread) -> Self {
        self.other = Some(other);
        self
    }

    /// Sets what the figure ought to be.
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    fn cells(&self) -> [String; 6] {
        let none = || "-".to_owned();
        if self.is_missing() {
            return [self.what.clone(), MISSING.to_owned(), none(), none(), none(), none()];
        }
        let ratio = self.other.filter(|other| other.median > 0.0).map(|other| self.flue.median / other.median);
        let verdict = self.goal.map(|goal| if goal.is_met(self.flue.median) { "met" } else { "missed" });
        [
            self.what.clone(),
            spread(self.flue),
            self.other.map_or_else(none, spread),
            ratio.map_or_else(none, number),
            self.goal.map_or_else(none, Goal::text),
            verdict.map_or_else(none, str::to_owned),
        ]
    }
}

fn spread(spread: Spread) -> String {
    if spread.min == spread.max {
        return number(spread.median);
    }
    format!("{} ({}..{})", number(spread.median), number(spread.min), number(spread.max))
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 || size == 0.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// The rows as a table, and then what they mean.
pub(crate) fn render(rows: &[Row]) -> String {
    let head = ["what", "flue", "floor or host", "ratio", "goal", "verdict"].map(str::to_owned);
    let cells: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..cells[0].len()).map(width).collect();
    let mut text = String::new();
    for (index, row) in cells.iter().enumerate() {
        let line: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        let _ = writeln!(text, "{}", line.trim_end());
        if index == 0 {
            let rule: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
            let _ = writeln!(text, "{}", rule.join("  "));
        }
    }
    text.push_str("\nWhat the rows mean:\n");
    let mut told = Vec::new();
    for row in rows.iter().filter(|row| !row.means.is_empty()) {
        if !told.contains(&row.means) {
            told.push(row.means);
            let _ = writeln!(text, "- {}: {}", row.what, row.means);
        }
    }
    for (row, why) in rows.iter().filter_map(|row| Some((row, row.missing.as_ref()?))) {
        let _ = writeln!(text, "- {} {MISSING}: {why}", row.what);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_median() {
        let at = |median| Row::new("a", Spread { median, min: 0.0, max: 9.0 }, "").goal(Goal::AtMost(2.0)).cells();
        assert_eq!(at(2.0)[5], "met");
        assert_eq!(at(2.1)[5], "missed");
        let least = Row::new("a", Spread::exactly(399.0), "").goal(Goal::AtLeast(400.0)).cells();
        assert_eq!((least[4].as_str(), least[5].as_str()), (">= 400", "missed"));
    }

    #[test]
    fn a_table_lines_up_and_explains_each_row_once() {
        let spread = Spread { median: 1.5, min: 1.0, max: 2.0 };
        let rows = [
            Row::new("a", spread, "the first").beside(Spread::exactly(0.75)),
            Row::new("b", Spread::exactly(1234.5), "the first"),
        ];
        let text = render(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "a     1.50 (1.00..2.00)  0.750          2.00   -     -");
        assert!(lines[3].starts_with("b     1234               -"), "{text}");
        assert_eq!(text.matches("the first").count(), 1);
    }

    #[cfg(feature = "remote")]
    #[test]
    fn what_is_missing_is_told_with_its_reason_and_has_no_figure() {
        let why = flue_core::Error::new(flue_core::ErrorKind::Unavailable, "start", "there is no program podman");
        let text = render(&[Row::missing("podman", &why)]);
        let line = text.lines().nth(2).unwrap();
        assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), "podman could not be measured - - - -");
        assert!(text.contains("- podman could not be measured: ") && text.contains("no program podman"), "{text}");
    }
}
