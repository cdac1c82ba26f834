//! The options of `cut`.

use super::super::options::{LONG, Opt, flag, parse, value};
use super::ranges::Ranges;

/// What a line is cut into.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Bytes,
    Fields { delimiter: u8, only_delimited: bool },
}

/// Everything asked of one `cut`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) part: Part,
    pub(super) ranges: Ranges,
    pub(super) output_delimiter: Option<String>,
    /// What lines end in.
    pub(super) end: u8,
    pub(super) operands: Vec<String>,
}

const OPTIONS: &[Opt] = &[
    value('b', "bytes"),
    value('c', "characters"),
    flag(LONG, "complement"),
    value('d', "delimiter"),
    value('f', "fields"),
    flag('n', "-n"),
    value(LONG, "output-delimiter"),
    flag('s', "only-delimited"),
    flag('z', "zero-terminated"),
];

/// The error is the message without the command's name.
pub(super) fn read(args: &[String]) -> Result<Config, String> {
    let parsed = parse(OPTIONS, args)?;
    let mut list: Option<(bool, String)> = None;
    let (mut delimiter, mut output_delimiter) = (None, None);
    let (mut complement, mut only_delimited, mut end) = (false, false, b'\n');
    for (name, text) in parsed.options {
        match (name, text) {
            ("bytes" | "characters" | "fields", Some(text)) => {
                let before = list.replace((name == "fields", text));
                if before.is_some() {
                    return Err("only one list may be specified".into());
                }
            }
            ("delimiter", Some(text)) => match text.as_bytes() {
                [] => delimiter = Some(0),
                [byte] => delimiter = Some(*byte),
                _ => return Err("the delimiter must be a single character".into()),
            },
            ("output-delimiter", text) => output_delimiter = text,
            ("complement", _) => complement = true,
            ("only-delimited", _) => only_delimited = true,
            ("zero-terminated", _) => end = 0,
            _ => {}
        }
    }
    let Some((fields, list)) = list else {
        return Err("you must specify a list of bytes, characters, or fields".into());
    };
    if !fields && delimiter.is_some() {
        return Err("an input delimiter may be specified only when operating on fields".into());
    }
    if !fields && only_delimited {
        return Err("suppressing non-delimited lines makes sense\n\tonly when operating on fields".into());
    }
    let ranges = Ranges::parse(&list, if fields { "field" } else { "byte/character" })?;
    let mut operands = parsed.operands;
    if operands.is_empty() {
        operands.push("-".into());
    }
    Ok(Config {
        part: if fields { Part::Fields { delimiter: delimiter.unwrap_or(b'\t'), only_delimited } } else { Part::Bytes },
        ranges: if complement { ranges.complement() } else { ranges },
        output_delimiter,
        end,
        operands,
    })
}
