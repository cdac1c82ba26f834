//! The command line of `gzip`, `gunzip` and `zcat`.

use super::super::super::options::{LONG, Opt, flag, parse as parse_options, value};

const OPTIONS: &[Opt] = &[
    flag('a', "ascii"),
    flag('c', "stdout"),
    flag(LONG, "to-stdout"),
    flag('d', "decompress"),
    flag(LONG, "uncompress"),
    flag('f', "force"),
    flag('k', "keep"),
    flag('l', "list"),
    flag('n', "no-name"),
    flag('N', "name"),
    flag('q', "quiet"),
    flag('r', "recursive"),
    value('S', "suffix"),
    flag('t', "test"),
    flag('v', "verbose"),
    flag(LONG, "rsyncable"),
    flag(LONG, "synchronous"),
    flag('1', "fast"),
    flag('2', "-2"),
    flag('3', "-3"),
    flag('4', "-4"),
    flag('5', "-5"),
    flag('6', "-6"),
    flag('7', "-7"),
    flag('8', "-8"),
    flag('9', "best"),
];

/// What is done with each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pack,
    Unpack,
    Test,
    List,
}

#[derive(Debug)]
pub(super) struct Config {
    pub(super) action: Action,
    pub(super) stdout: bool,
    pub(super) keep: bool,
    pub(super) force: bool,
    pub(super) quiet: bool,
    pub(super) recursive: bool,
    pub(super) verbose: bool,
    pub(super) level: u32,
    pub(super) suffix: String,
    pub(super) operands: Vec<String>,
}

/// Reads a command line; `name` is the command's.
pub(super) fn read(name: &str, args: &[String]) -> Result<Config, String> {
    let parsed = parse_options(OPTIONS, args)?;
    let mut config = Config {
        action: if name == "gzip" { Action::Pack } else { Action::Unpack },
        stdout: name == "zcat",
        keep: false,
        force: false,
        quiet: false,
        recursive: false,
        verbose: false,
        level: 6,
        suffix: ".gz".into(),
        operands: parsed.operands,
    };
    for (option, text) in parsed.options {
        match option {
            "stdout" | "to-stdout" => config.stdout = true,
            "decompress" | "uncompress" if config.action == Action::Pack => config.action = Action::Unpack,
            "list" => config.action = Action::List,
            "test" => config.action = Action::Test,
            "force" => config.force = true,
            "keep" => config.keep = true,
            "quiet" => config.quiet = true,
            "recursive" => config.recursive = true,
            "verbose" => config.verbose = true,
            "suffix" => config.suffix = text.unwrap_or_default(),
            "fast" => config.level = 1,
            "best" => config.level = 9,
            digit => config.level = digit.strip_prefix('-').and_then(|d| d.parse().ok()).unwrap_or(config.level),
        }
    }
    if config.operands.is_empty() {
        config.operands.push("-".into());
    }
    Ok(config)
}
