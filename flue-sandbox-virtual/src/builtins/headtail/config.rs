//! The command lines of `head` and `tail`.

use super::super::options::{LONG, Opt, flag, optional, parse as parse_options, value};
use super::super::sizes;
use super::select::{Part, Unit};

const HEAD: &[Opt] = &[
    value('c', "bytes"),
    value('n', "lines"),
    flag('q', "quiet"),
    flag(LONG, "silent"),
    flag('v', "verbose"),
    flag('z', "zero-terminated"),
];

const TAIL: &[Opt] = &[
    value('c', "bytes"),
    value('n', "lines"),
    flag('q', "quiet"),
    flag(LONG, "silent"),
    flag('v', "verbose"),
    flag('z', "zero-terminated"),
    optional('f', "follow"),
    flag('F', "-F"),
    value(LONG, "pid"),
    flag(LONG, "retry"),
    value('s', "sleep-interval"),
    value(LONG, "max-unchanged-stats"),
];

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Head,
    Tail,
}

pub(super) struct Config {
    pub(super) part: Part,
    pub(super) unit: Unit,
    /// Whether names are printed: always, never, or where there are several.
    pub(super) headers: Option<bool>,
    pub(super) follow: bool,
    pub(super) operands: Vec<String>,
}

/// Why a command line cannot be read.
pub(super) enum Mistake {
    /// Worth a hint at the usage.
    Usage(String),
    Value(String),
}

pub(super) fn read(end: End, args: &[String]) -> Result<Config, Mistake> {
    let args = modern(end, args);
    let specs = if end == End::Head { HEAD } else { TAIL };
    let parsed = parse_options(specs, &args).map_err(Mistake::Usage)?;
    let mut config = Config {
        part: if end == End::Head { Part::First(10) } else { Part::Last(10) },
        unit: Unit::Lines(b'\n'),
        headers: None,
        follow: false,
        operands: parsed.operands,
    };
    let mut terminator = b'\n';
    for (name, text) in parsed.options {
        let text = text.unwrap_or_default();
        match name {
            "bytes" => (config.part, config.unit) = (part(end, &text, "bytes")?, Unit::Bytes),
            "lines" => (config.part, config.unit) = (part(end, &text, "lines")?, Unit::Lines(b'\n')),
            "quiet" | "silent" => config.headers = Some(false),
            "verbose" => config.headers = Some(true),
            "zero-terminated" => terminator = 0,
            "follow" | "-F" => config.follow = true,
            _ => {}
        }
    }
    if let Unit::Lines(_) = config.unit {
        config.unit = Unit::Lines(terminator);
    }
    if config.operands.is_empty() {
        config.operands.push("-".into());
    }
    Ok(config)
}

fn part(end: End, text: &str, what: &str) -> Result<Part, Mistake> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(sign @ (b'-' | b'+')) => (Some(sign), &text[1..]),
        _ => (None, text),
    };
    let Some(count) = sizes::parse(digits) else {
        return Err(Mistake::Value(format!("invalid number of {what}: ‘{text}’")));
    };
    Ok(match (end, sign) {
        (End::Head, Some(b'-')) => Part::AllButLast(count),
        (End::Head, _) => Part::First(count),
        (End::Tail, Some(b'+')) => Part::After(count.saturating_sub(1)),
        (End::Tail, _) => Part::Last(count),
    })
}

/// `-5`, and `+5` where it is all there is beside a file, as `-n` has them.
fn modern(end: End, args: &[String]) -> Vec<String> {
    let is_count = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let mut modern = Vec::with_capacity(args.len());
    let mut is_value = false;
    for (at, arg) in args.iter().enumerate() {
        if arg == "--" {
            modern.extend_from_slice(&args[at..]);
            break;
        }
        match arg.split_at_checked(1) {
            Some(("-", digits)) if !is_value && is_count(digits) => modern.push(format!("-n{digits}")),
            Some(("+", digits)) if end == End::Tail && at == 0 && args.len() <= 2 && is_count(digits) => {
                modern.push(format!("-n{arg}"));
            }
            _ => modern.push(arg.clone()),
        }
        is_value = matches!(arg.as_str(), "-n" | "-c" | "--lines" | "--bytes");
    }
    modern
}
