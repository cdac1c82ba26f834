//! The options of `diff`.

use std::time::SystemTime;

use regex::bytes::Regex;

use super::super::bre;
use super::super::options::{LONG, Opt, Parsed, flag, optional, parse, value};

/// How differences are shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Style {
    Normal,
    Unified(usize),
    Context(usize),
    Ed,
    SideBySide,
    /// `--*-line-format` and `--*-group-format`.
    Format,
}

/// How much white space counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub(super) enum Space {
    #[default]
    Counts,
    TabExpansion,
    TrailingIgnored,
    AmountIgnored,
    AllIgnored,
}

/// The line and group formats of [`Style::Format`], by kind of line.
#[derive(Clone, Debug, Default)]
pub(super) struct Formats {
    pub(super) old_line: Option<String>,
    pub(super) new_line: Option<String>,
    pub(super) same_line: Option<String>,
    pub(super) old_group: Option<String>,
    pub(super) new_group: Option<String>,
    pub(super) same_group: Option<String>,
    pub(super) changed_group: Option<String>,
}

/// Everything asked of one `diff`.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) style: Style,
    pub(super) space: Space,
    pub(super) ignore_case: bool,
    pub(super) ignore_blank_lines: bool,
    pub(super) ignore_matching: Vec<Regex>,
    pub(super) strip_trailing_cr: bool,
    pub(super) text: bool,
    pub(super) brief: bool,
    pub(super) report_identical: bool,
    pub(super) recursive: bool,
    pub(super) new_file: bool,
    pub(super) labels: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) function: Option<Regex>,
    pub(super) expand_tabs: bool,
    pub(super) initial_tab: bool,
    pub(super) width: usize,
    pub(super) left_column: bool,
    pub(super) suppress_common: bool,
    pub(super) formats: Formats,
    /// The option words as given, for the `diff -r a/f b/f` lines.
    pub(super) switches: Vec<String>,
    pub(super) now: SystemTime,
    pub(super) operands: Vec<String>,
}

const DEFAULT_CONTEXT: usize = 3;
/// Columns of `-y` when none are asked for.
const DEFAULT_WIDTH: usize = 130;
/// Wider columns only cost memory.
const MAX_WIDTH: usize = 100_000;

const OPTIONS: &[Opt] = &[
    flag(LONG, "normal"),
    flag('u', "-u"),
    optional(LONG, "unified"),
    value('U', "-U"),
    flag('c', "-c"),
    optional(LONG, "context"),
    value('C', "-C"),
    flag('e', "ed"),
    flag('y', "side-by-side"),
    value('W', "width"),
    flag(LONG, "left-column"),
    flag(LONG, "suppress-common-lines"),
    flag('q', "brief"),
    flag('s', "report-identical-files"),
    flag('r', "recursive"),
    flag('N', "new-file"),
    flag('i', "ignore-case"),
    flag('E', "ignore-tab-expansion"),
    flag('Z', "ignore-trailing-space"),
    flag('b', "ignore-space-change"),
    flag('w', "ignore-all-space"),
    flag('B', "ignore-blank-lines"),
    value('I', "ignore-matching-lines"),
    flag('a', "text"),
    flag(LONG, "strip-trailing-cr"),
    value('L', "label"),
    value('x', "exclude"),
    flag('p', "show-c-function"),
    value('F', "show-function-line"),
    flag('t', "expand-tabs"),
    flag('T', "initial-tab"),
    flag('d', "minimal"),
    flag('H', "speed-large-files"),
    flag('l', "paginate"),
    flag(LONG, "binary"),
    flag(LONG, "no-dereference"),
    flag(LONG, "suppress-blank-empty"),
    optional(LONG, "color"),
    value(LONG, "horizon-lines"),
    value(LONG, "tabsize"),
    value(LONG, "old-line-format"),
    value(LONG, "new-line-format"),
    value(LONG, "unchanged-line-format"),
    value(LONG, "line-format"),
    value(LONG, "old-group-format"),
    value(LONG, "new-group-format"),
    value(LONG, "unchanged-group-format"),
    value(LONG, "changed-group-format"),
    flag('v', "version"),
    flag(LONG, "help"),
];

/// Reads the command line; the error is a message for standard error.
pub(super) fn read(args: &[String], now: SystemTime) -> Result<Config, String> {
    // `-3` is `-U3` when a unified or context style is chosen beside it.
    let args = spell_out_digits(args);
    let parsed = parse(OPTIONS, &args)?;
    let mut config = defaults(&args, &parsed, now);
    let mut chosen: Option<Style> = None;
    for (name, text) in parsed.options {
        let text = text.unwrap_or_default();
        let style = match name {
            "normal" => Some(Style::Normal),
            "-u" => Some(Style::Unified(DEFAULT_CONTEXT)),
            "-c" => Some(Style::Context(DEFAULT_CONTEXT)),
            "unified" | "-U" => Some(Style::Unified(context_length(&text, name)?)),
            "context" | "-C" => Some(Style::Context(context_length(&text, name)?)),
            "ed" => Some(Style::Ed),
            "side-by-side" => Some(Style::SideBySide),
            _ => {
                config.set(name, text)?;
                None
            }
        };
        chosen = merge_styles(chosen, style)?;
    }
    if let Some(style) = chosen {
        config.style = style;
    }
    Ok(config)
}

fn defaults(args: &[String], parsed: &Parsed, now: SystemTime) -> Config {
    Config {
        style: Style::Normal,
        space: Space::Counts,
        ignore_case: false,
        ignore_blank_lines: false,
        ignore_matching: Vec::new(),
        strip_trailing_cr: false,
        text: false,
        brief: false,
        report_identical: false,
        recursive: false,
        new_file: false,
        labels: Vec::new(),
        exclude: Vec::new(),
        function: None,
        expand_tabs: false,
        initial_tab: false,
        width: DEFAULT_WIDTH,
        left_column: false,
        suppress_common: false,
        formats: Formats::default(),
        switches: switches(args, &parsed.operands),
        now,
        operands: parsed.operands.clone(),
    }
}

impl Config {
    fn set(&mut self, name: &str, text: String) -> Result<(), String> {
        match name {
            "brief" => self.brief = true,
            "report-identical-files" => self.report_identical = true,
            "recursive" => self.recursive = true,
            "new-file" => self.new_file = true,
            "ignore-case" => self.ignore_case = true,
            "ignore-tab-expansion" => self.ignore(Space::TabExpansion),
            "ignore-trailing-space" => self.ignore(Space::TrailingIgnored),
            "ignore-space-change" => self.ignore(Space::AmountIgnored),
            "ignore-all-space" => self.ignore(Space::AllIgnored),
            "ignore-blank-lines" => self.ignore_blank_lines = true,
            "ignore-matching-lines" => self.ignore_matching.push(pattern(&text)?),
            "text" => self.text = true,
            "strip-trailing-cr" => self.strip_trailing_cr = true,
            "label" => self.labels.push(text),
            "exclude" => self.exclude.push(text),
            "show-c-function" => self.function = Some(pattern("^[A-Za-z$_]")?),
            "show-function-line" => self.function = Some(pattern(&text)?),
            "expand-tabs" => self.expand_tabs = true,
            "initial-tab" => self.initial_tab = true,
            "left-column" => self.left_column = true,
            "suppress-common-lines" => self.suppress_common = true,
            "width" => {
                self.width = text
                    .parse()
                    .ok()
                    .filter(|width| (1..=MAX_WIDTH).contains(width))
                    .ok_or_else(|| format!("invalid width '{text}'"))?;
            }
            "line-format" => {
                self.style = Style::Format;
                self.formats.old_line = Some(text.clone());
                self.formats.new_line = Some(text.clone());
                self.formats.same_line = Some(text);
            }
            name if name.ends_with("-format") => {
                self.style = Style::Format;
                let slot = match name {
                    "old-line-format" => &mut self.formats.old_line,
                    "new-line-format" => &mut self.formats.new_line,
                    "unchanged-line-format" => &mut self.formats.same_line,
                    "old-group-format" => &mut self.formats.old_group,
                    "new-group-format" => &mut self.formats.new_group,
                    "unchanged-group-format" => &mut self.formats.same_group,
                    _ => &mut self.formats.changed_group,
                };
                *slot = Some(text);
            }
            // The rest asks for what is done anyway, or for speed.
            _ => {}
        }
        Ok(())
    }

    fn ignore(&mut self, space: Space) {
        if space > self.space {
            self.space = space;
        }
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(&bre::modern(text)).map_err(|_| format!("{text}: Invalid regular expression"))
}

fn context_length(text: &str, option: &str) -> Result<usize, String> {
    if text.is_empty() && !option.starts_with('-') {
        return Ok(DEFAULT_CONTEXT);
    }
    text.parse().map_err(|_| format!("invalid context length '{text}'"))
}

/// A later length widens an earlier one; two different styles conflict.
fn merge_styles(before: Option<Style>, now: Option<Style>) -> Result<Option<Style>, String> {
    match (before, now) {
        (before, None) => Ok(before),
        (None, now) => Ok(now),
        (Some(Style::Unified(a)), Some(Style::Unified(b))) => Ok(Some(Style::Unified(widest(a, b)))),
        (Some(Style::Context(a)), Some(Style::Context(b))) => Ok(Some(Style::Context(widest(a, b)))),
        (Some(before), Some(now)) if before == now => Ok(Some(now)),
        _ => Err("conflicting output style options".into()),
    }
}

/// `-u -U5` means five; so does `-U5 -u`, whose `-u` asks for no length.
fn widest(a: usize, b: usize) -> usize {
    match (a, b) {
        (DEFAULT_CONTEXT, other) | (other, DEFAULT_CONTEXT) => other,
        _ => a.max(b),
    }
}

fn spell_out_digits(args: &[String]) -> Vec<String> {
    let context = args.iter().any(|arg| arg == "-c");
    let spell = |arg: &String| match arg.strip_prefix('-') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("-{}{digits}", if context { 'C' } else { 'U' })
        }
        _ => arg.clone(),
    };
    args.iter().map(spell).collect()
}

/// The words of `args` that are no operands.
fn switches(args: &[String], operands: &[String]) -> Vec<String> {
    let mut operands = operands.iter().rev().peekable();
    let mut switches: Vec<String> =
        args.iter().rev().filter(|arg| *arg != "--" && operands.next_if_eq(arg).is_none()).cloned().collect();
    switches.reverse();
    switches
}
