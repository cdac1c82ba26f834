//! `+FORMAT`: the conversions of GNU `date` in the C locale.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, FixedOffset, Timelike, Utc};

use super::super::clock::Zone;

/// Widest padding honoured; wider asks only for memory.
const MAX_WIDTH: usize = 1024;
const NANO_DIGITS: usize = 9;

/// The flags of one conversion, such as `%-d` or `%^10a`.
#[derive(Default)]
struct Flags {
    pad: Option<char>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
    colons: usize,
}

/// Formats a moment as seen in `zone`.
pub(in super::super) fn strftime(format: &str, moment: DateTime<Utc>, zone: Zone) -> String {
    let local = zone.at(moment);
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (flags, letter, after) = conversion(&rest[at + 1..]);
        let text = letter.and_then(|letter| convert(letter, &flags, moment, local, zone));
        match text {
            Some(text) => out.push_str(&text),
            // What is no conversion stands for itself.
            None => out.push_str(&rest[at..rest.len() - after.len()]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Flags, width and letter behind a `%`, and the rest of the format.
fn conversion(text: &str) -> (Flags, Option<char>, &str) {
    let mut flags = Flags::default();
    let mut rest = text;
    loop {
        let Some(c) = rest.chars().next() else {
            return (flags, None, rest);
        };
        let after = &rest[c.len_utf8()..];
        match c {
            '-' | '_' | '+' => flags.pad = Some(c),
            '0' if flags.width.is_none() => flags.pad = Some('0'),
            '0'..='9' => {
                let digit = c as usize - '0' as usize;
                let width = flags.width.unwrap_or(0).saturating_mul(10).saturating_add(digit);
                flags.width = Some(width.min(MAX_WIDTH));
            }
            '^' => flags.upper = true,
            '#' => flags.swap = true,
            ':' => flags.colons += 1,
            'E' | 'O' if after.starts_with(|c: char| c.is_ascii_alphabetic()) => {}
            letter => return (flags, Some(letter), after),
        }
        rest = after;
    }
}

fn convert(
    letter: char,
    flags: &Flags,
    moment: DateTime<Utc>,
    local: DateTime<FixedOffset>,
    zone: Zone,
) -> Option<String> {
    let number = |value: i64, width: usize, pad: char| Some(padded(value, width, pad, flags));
    let two = |value: u32| number(i64::from(value), 2, '0');
    let text = |value: String| Some(worded(value, flags));
    let again = |format: &str| text(strftime(format, moment, zone));
    let hour12 = local.hour12().1;
    let week = |first_day: u32| (local.ordinal0() + 7 - first_day) / 7;
    match letter {
        '%' => Some("%".into()),
        'n' => Some("\n".into()),
        't' => Some("\t".into()),
        'a' => text(local.format("%a").to_string()),
        'A' => text(local.format("%A").to_string()),
        'b' | 'h' => text(local.format("%b").to_string()),
        'B' => text(local.format("%B").to_string()),
        'c' => again("%a %b %e %H:%M:%S %Y"),
        'C' => number(i64::from(local.year().div_euclid(100)), 2, '0'),
        'd' => two(local.day()),
        'D' | 'x' => again("%m/%d/%y"),
        'e' => number(i64::from(local.day()), 2, '_'),
        'F' => again("%Y-%m-%d"),
        'g' => number(i64::from(local.iso_week().year().rem_euclid(100)), 2, '0'),
        'G' => number(i64::from(local.iso_week().year()), 4, '0'),
        'H' => two(local.hour()),
        'I' => two(hour12),
        'j' => number(i64::from(local.ordinal()), 3, '0'),
        'k' => number(i64::from(local.hour()), 2, '_'),
        'l' => number(i64::from(hour12), 2, '_'),
        'm' => two(local.month()),
        'M' => two(local.minute()),
        'N' => Some(nanoseconds(local.nanosecond() % 1_000_000_000, flags)),
        'p' if flags.swap => text(local.format("%P").to_string()),
        'p' => text(local.format("%p").to_string()),
        'P' => text(local.format("%P").to_string()),
        'q' => number(i64::from(local.month0() / 3 + 1), 1, '0'),
        'r' => again("%I:%M:%S %p"),
        'R' => again("%H:%M"),
        's' => number(moment.timestamp(), 1, '0'),
        'S' => two(local.second()),
        'T' | 'X' => again("%H:%M:%S"),
        'u' => number(i64::from(local.weekday().number_from_monday()), 1, '0'),
        'U' => two(week(local.weekday().num_days_from_sunday())),
        'V' => two(local.iso_week().week()),
        'w' => number(i64::from(local.weekday().num_days_from_sunday()), 1, '0'),
        'W' => two(week(local.weekday().num_days_from_monday())),
        'y' => number(i64::from(local.year().rem_euclid(100)), 2, '0'),
        'Y' => number(i64::from(local.year()), 4, '0'),
        'z' => offset(local.offset().local_minus_utc(), flags),
        'Z' if flags.swap => text(zone.abbreviation(moment).to_lowercase()),
        'Z' => text(zone.abbreviation(moment)),
        _ => None,
    }
}

fn padded(value: i64, width: usize, pad: char, flags: &Flags) -> String {
    let pad = flags.pad.unwrap_or(pad);
    let width = match (flags.pad, flags.width) {
        (Some('-'), None) => 0,
        (_, Some(asked)) => asked.max(width),
        (_, None) => width,
    };
    match pad {
        '_' => format!("{value:>width$}"),
        _ => format!("{value:0>width$}"),
    }
}

fn worded(text: String, flags: &Flags) -> String {
    let text =
        if flags.upper || flags.swap && !text.chars().all(|c| c.is_lowercase()) { text.to_uppercase() } else { text };
    let text =
        if flags.swap && !flags.upper && matches!(text.as_str(), "AM" | "PM") { text.to_lowercase() } else { text };
    match (flags.width, flags.pad) {
        (Some(width), Some('0')) => format!("{text:0>width$}"),
        (Some(width), _) => format!("{text:>width$}"),
        (None, _) => text,
    }
}

/// `%N` has nine digits; `%3N` the first three of them.
fn nanoseconds(value: u32, flags: &Flags) -> String {
    let mut text = format!("{value:0NANO_DIGITS$}");
    let width = flags.width.unwrap_or(NANO_DIGITS);
    if width < NANO_DIGITS {
        text.truncate(width);
    }
    while flags.pad == Some('-') && text.len() > 1 && text.ends_with('0') {
        text.pop();
    }
    text
}

/// `+0530`, `%:z` `+05:30`, `%::z` `+05:30:00`, `%:::z` as short as possible.
fn offset(seconds: i32, flags: &Flags) -> Option<String> {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes, rest) = {
        let seconds = seconds.abs();
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    let mut text = format!("{sign}{hours:02}");
    let _ = match flags.colons {
        0 => write!(text, "{minutes:02}"),
        1 => write!(text, ":{minutes:02}"),
        2 => write!(text, ":{minutes:02}:{rest:02}"),
        3 if rest != 0 => write!(text, ":{minutes:02}:{rest:02}"),
        3 if minutes != 0 => write!(text, ":{minutes:02}"),
        3 => Ok(()),
        _ => return None,
    };
    Some(text)
}
