//! The options of `xargs`.

use super::super::options::{LONG, Opt, flag, optional, parse_until_operand, value};

/// Bytes of a command line unless `-s` asks for fewer: what findutils takes by default.
pub(super) const MAX_LINE_BYTES: usize = 128 * 1024;
/// What `--help` prints first.
pub(super) const HELP: &str = "Usage: xargs [OPTION]... COMMAND [INITIAL-ARGS]...\n\
    Run COMMAND with arguments INITIAL-ARGS and more arguments read from input.\n\n\
    Options: -0 -a FILE -d CHARACTER -E END -I REPLACE -L LINES -n ARGUMENTS -P PROCESSES -r -s BYTES -t -x\n";

/// Everything asked of one `xargs`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) file: Option<String>,
    /// What items end in; blanks and quotes have a meaning without one.
    pub(super) delimiter: Option<u8>,
    /// The item that ends the input.
    pub(super) end: Option<String>,
    /// What each item takes the place of, one command an item.
    pub(super) replace: Option<String>,
    pub(super) max_lines: Option<usize>,
    pub(super) max_args: Option<usize>,
    pub(super) max_bytes: usize,
    /// Whether arguments that do not fit are an error.
    pub(super) exact: bool,
    pub(super) run_if_empty: bool,
    pub(super) verbose: bool,
    /// Commands at a time: they run one after the other, and only their slots are counted.
    pub(super) slots: usize,
    pub(super) slot_variable: Option<String>,
    pub(super) command: Vec<String>,
}

/// Why a command line is not run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Help,
    Usage(String),
    Value(String),
}

const OPTIONS: &[Opt] = &[
    flag('0', "null"),
    value('a', "arg-file"),
    value('d', "delimiter"),
    value('E', "-E"),
    optional('e', "eof"),
    value('I', "-I"),
    optional('i', "replace"),
    value('L', "-L"),
    optional('l', "max-lines"),
    value('n', "max-args"),
    flag('o', "open-tty"),
    value('P', "max-procs"),
    flag('p', "interactive"),
    value(LONG, "process-slot-var"),
    flag('r', "no-run-if-empty"),
    value('s', "max-chars"),
    flag(LONG, "show-limits"),
    flag('t', "verbose"),
    flag('x', "exit"),
    flag(LONG, "help"),
];

pub(super) fn read(args: &[String]) -> Result<Config, Fault> {
    let parsed = parse_until_operand(OPTIONS, args).map_err(Fault::Usage)?;
    let mut config = Config {
        file: None,
        delimiter: None,
        end: None,
        replace: None,
        max_lines: None,
        max_args: None,
        max_bytes: MAX_LINE_BYTES,
        exact: false,
        run_if_empty: true,
        verbose: false,
        slots: 1,
        slot_variable: None,
        command: parsed.operands,
    };
    for (name, text) in parsed.options {
        config.set(name, text)?;
    }
    if config.command.is_empty() {
        config.command.push("echo".into());
    }
    Ok(config)
}

impl Config {
    fn set(&mut self, name: &str, text: Option<String>) -> Result<(), Fault> {
        match (name, text) {
            ("help", _) => return Err(Fault::Help),
            ("interactive", _) => return Err(Fault::Value("cannot ask: there is no terminal".into())),
            ("null", _) => self.delimiter = Some(0),
            ("delimiter", Some(text)) => self.delimiter = Some(delimiter(&text)?),
            ("arg-file", text) => self.file = text,
            ("-E" | "eof", text) => self.end = text,
            ("-I" | "replace", text) => {
                self.replace = Some(text.unwrap_or_else(|| "{}".into()));
                (self.max_lines, self.max_args) = (None, None);
            }
            ("-L" | "max-lines", text) => {
                self.max_lines = Some(number(&text.unwrap_or_else(|| "1".into()), "-L", 1)?);
                (self.replace, self.max_args) = (None, None);
            }
            ("max-args", Some(text)) => {
                let count = number(&text, "-n", 1)?;
                // One argument at a time is what replacing does anyway.
                if self.replace.is_none() || count > 1 {
                    self.max_args = Some(count);
                    (self.replace, self.max_lines) = (None, None);
                }
            }
            ("max-chars", Some(text)) => self.max_bytes = number(&text, "-s", 1)?.min(MAX_LINE_BYTES),
            ("max-procs", Some(text)) => self.slots = number(&text, "-P", 0)?,
            ("process-slot-var", text) => self.slot_variable = text,
            ("no-run-if-empty", _) => self.run_if_empty = false,
            ("verbose", _) => self.verbose = true,
            ("exit", _) => self.exact = true,
            _ => {}
        }
        Ok(())
    }
}

fn number(text: &str, option: &str, least: usize) -> Result<usize, Fault> {
    match text.parse::<usize>() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(Fault::Value(format!("value {text} for {option} option should be >= {least}"))),
        Err(_) => Err(Fault::Value(format!("invalid number \"{text}\" for {option} option"))),
    }
}

/// A single character, or an escape that means one.
fn delimiter(text: &str) -> Result<u8, Fault> {
    let bad = || {
        Fault::Value(format!(
            "Invalid input delimiter specification {text}: the delimiter must be either a single character or an \
             escape sequence starting with \\."
        ))
    };
    match text.as_bytes() {
        [byte] => Ok(*byte),
        [b'\\', letter] => match letter {
            b'n' => Ok(b'\n'),
            b't' => Ok(b'\t'),
            b'r' => Ok(b'\r'),
            b'0' => Ok(0),
            b'a' => Ok(7),
            b'b' => Ok(8),
            b'f' => Ok(12),
            b'v' => Ok(11),
            b'\\' => Ok(b'\\'),
            _ => Err(bad()),
        },
        [b'\\', b'x', ..] => u8::from_str_radix(&text[2..], 16).map_err(|_| bad()),
        [b'\\', ..] => u8::from_str_radix(&text[1..], 8).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Config, Fault> {
        read(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_last_of_three_ways_to_group_counts() {
        let config = of(&["-n2", "-I{}", "echo", "-n", "{}"]).unwrap();
        assert_eq!((config.replace.as_deref(), config.max_args), (Some("{}"), None));
        assert_eq!(config.command, ["echo", "-n", "{}"]);
        let config = of(&["-I{}", "-n2"]).unwrap();
        assert_eq!((config.replace, config.max_args), (None, Some(2)));
        assert_eq!(of(&["-I{}", "-n1"]).unwrap().replace.as_deref(), Some("{}"));
    }

    #[test]
    fn delimiters_may_be_escapes() {
        for (text, byte) in [(",", b','), ("\\n", b'\n'), ("\\0", 0), ("\\x2c", b','), ("\\054", b','), ("\\", b'\\')] {
            assert_eq!(of(&["-d", text]).unwrap().delimiter, Some(byte), "{text}");
        }
        for bad in ["ab", "\\q", "é", ""] {
            assert!(matches!(of(&["-d", bad]), Err(Fault::Value(_))), "{bad}");
        }
        assert!(matches!(of(&["-n", "0"]), Err(Fault::Value(_))));
        assert!(matches!(of(&["--nope"]), Err(Fault::Usage(_))));
    }
}
