//! The command line of `split`.

use super::super::options::{LONG, Opt, flag, optional, parse as parse_options, value};
use super::super::sizes;
use super::suffix::Alphabet;

const OPTIONS: &[Opt] = &[
    value('a', "suffix-length"),
    value(LONG, "additional-suffix"),
    value('b', "bytes"),
    value('C', "line-bytes"),
    flag('d', "-d"),
    optional(LONG, "numeric-suffixes"),
    flag('e', "elide-empty-files"),
    value(LONG, "filter"),
    optional(LONG, "hex-suffixes"),
    value('l', "lines"),
    value('n', "number"),
    value('t', "separator"),
    flag('u', "unbuffered"),
    flag(LONG, "verbose"),
    flag('x', "-x"),
];

/// What one file gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    Lines(u64),
    Bytes(u64),
    /// Whole lines, of so many bytes at most.
    LineBytes(u64),
    Chunks(Chunks),
}

/// A known number of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    pub(super) count: u64,
    pub(super) by: By,
    /// The one to print instead of writing files.
    pub(super) only: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Size,
    /// By size, but no line is cut.
    Lines,
    /// Line by line in turn.
    RoundRobin,
}

pub(super) struct Config {
    pub(super) portion: Portion,
    pub(super) alphabet: Alphabet,
    pub(super) start: Option<u64>,
    pub(super) length: Option<usize>,
    pub(super) additional: String,
    pub(super) separator: u8,
    pub(super) skip_empty: bool,
    pub(super) verbose: bool,
    pub(super) input: String,
    pub(super) prefix: String,
}

/// Reads a command line; the error is the message, and whether the usage is worth a hint.
pub(super) fn read(args: &[String]) -> Result<Config, (String, bool)> {
    let args: Vec<String> = args.iter().map(|arg| modern(arg)).collect();
    let parsed = parse_options(OPTIONS, &args).map_err(|message| (message, true))?;
    let mut config = Config {
        portion: Portion::Lines(1000),
        alphabet: Alphabet::Letters,
        start: None,
        length: None,
        additional: String::new(),
        separator: b'\n',
        skip_empty: false,
        verbose: false,
        input: "-".into(),
        prefix: "x".into(),
    };
    let mut portions = 0;
    for (name, text) in parsed.options {
        let number = |what: &str| count(text.as_deref().unwrap_or_default(), what);
        match name {
            "lines" => config.portion = Portion::Lines(number("number of lines")?),
            "bytes" => config.portion = Portion::Bytes(number("number of bytes")?),
            "line-bytes" => config.portion = Portion::LineBytes(number("number of lines")?),
            "number" => config.portion = Portion::Chunks(chunks(text.as_deref().unwrap_or_default())?),
            "-d" => config.alphabet = Alphabet::Decimal,
            "-x" => config.alphabet = Alphabet::Hexadecimal,
            "numeric-suffixes" | "hex-suffixes" => {
                let radix = if name == "hex-suffixes" { 16 } else { 10 };
                config.alphabet = if radix == 16 { Alphabet::Hexadecimal } else { Alphabet::Decimal };
                config.start = text.as_deref().map(|text| start(text, radix)).transpose()?;
            }
            "suffix-length" => config.length = length(text.as_deref().unwrap_or_default())?,
            "additional-suffix" => config.additional = additional(text.unwrap_or_default())?,
            "separator" => config.separator = separator(text.as_deref().unwrap_or_default())?,
            "elide-empty-files" => config.skip_empty = true,
            "verbose" => config.verbose = true,
            "filter" => return Err(("--filter is not supported; write the files and loop over them".into(), false)),
            _ => {}
        }
        portions += usize::from(matches!(name, "lines" | "bytes" | "line-bytes" | "number"));
    }
    if portions > 1 {
        return Err(("cannot split in more than one way".into(), true));
    }
    let mut operands = parsed.operands.into_iter();
    config.input = operands.next().unwrap_or(config.input);
    config.prefix = operands.next().unwrap_or(config.prefix);
    match operands.next() {
        Some(extra) => Err((format!("extra operand ‘{extra}’"), true)),
        None => Ok(config),
    }
}

/// `-5` as `-l5`.
fn modern(arg: &str) -> String {
    match arg.strip_prefix('-') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => format!("-l{digits}"),
        _ => arg.to_string(),
    }
}

fn count(text: &str, what: &str) -> Result<u64, (String, bool)> {
    match sizes::parse(text) {
        Some(count) if count > 0 => Ok(count),
        _ => Err((format!("invalid {what}: ‘{text}’"), false)),
    }
}

/// `N`, `K/N`, and the same behind `l/` or `r/`.
fn chunks(text: &str) -> Result<Chunks, (String, bool)> {
    let (by, rest) = match text.split_at_checked(2) {
        Some(("l/", rest)) => (By::Lines, rest),
        Some(("r/", rest)) => (By::RoundRobin, rest),
        _ => (By::Size, text),
    };
    let (only, count_text) = match rest.split_once('/') {
        Some((only, count_text)) => (Some(only), count_text),
        None => (None, rest),
    };
    let count = count(count_text, "number of chunks")?;
    let only = match only {
        None => None,
        Some(only) => match sizes::parse(only) {
            Some(number) if (1..=count).contains(&number) => Some(number),
            _ => return Err((format!("invalid chunk number: ‘{only}’"), false)),
        },
    };
    Ok(Chunks { count, by, only })
}

fn start(text: &str, radix: u32) -> Result<u64, (String, bool)> {
    u64::from_str_radix(text, radix).map_err(|_| (format!("{text}: invalid start value for numerical suffix"), true))
}

fn length(text: &str) -> Result<Option<usize>, (String, bool)> {
    match text.parse() {
        // Zero is the default.
        Ok(0) => Ok(None),
        Ok(length) => Ok(Some(length)),
        Err(_) => Err((format!("invalid suffix length: ‘{text}’"), false)),
    }
}

fn additional(text: String) -> Result<String, (String, bool)> {
    if text.contains('/') {
        return Err((format!("invalid suffix ‘{text}’, contains directory separator"), true));
    }
    Ok(text)
}

fn separator(text: &str) -> Result<u8, (String, bool)> {
    match text.as_bytes() {
        [] => Err(("empty record separator".into(), false)),
        [byte] => Ok(*byte),
        b"\\0" => Ok(0),
        _ => Err((format!("multi-character separator ‘{text}’"), false)),
    }
}
