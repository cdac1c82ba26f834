//! Command-line options the way GNU `getopt_long` reads them.
//!
//! Options and operands mix freely, short flags cluster, a value may be glued
//! to its flag, long names may be abbreviated, and `--` ends the options.

use bashkit::ExecResult;

/// Whether an option carries a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// Only in the glued forms `-xVALUE` and `--long=VALUE`.
    Optional,
}

/// One option a command knows.
pub(super) struct Opt {
    short: char,
    /// The long name, and the name [`Parsed`] reports. A leading `-` marks an
    /// option that has no long form.
    long: &'static str,
    takes: Takes,
}

/// The "no short form" letter.
pub(super) const LONG: char = '\0';

pub(super) const fn flag(short: char, long: &'static str) -> Opt {
    Opt { short, long, takes: Takes::Nothing }
}

pub(super) const fn value(short: char, long: &'static str) -> Opt {
    Opt { short, long, takes: Takes::Value }
}

pub(super) const fn optional(short: char, long: &'static str) -> Opt {
    Opt { short, long, takes: Takes::Optional }
}

/// Options in the order given, and the operands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) options: Vec<(&'static str, Option<String>)>,
    pub(super) operands: Vec<String>,
    /// How many of the options came before each operand.
    pub(super) options_before: Vec<usize>,
}

impl Parsed {
    fn operand(&mut self, operand: &str) {
        self.operands.push(operand.to_string());
        self.options_before.push(self.options.len());
    }
}

/// Reads `args` by `specs`; the error is the message without the command's name.
pub(super) fn parse(specs: &[Opt], args: &[String]) -> Result<Parsed, String> {
    parse_with(specs, args, true)
}

/// Like [`parse`], but the first operand ends the options (`xargs`, `env`).
pub(super) fn parse_until_operand(specs: &[Opt], args: &[String]) -> Result<Parsed, String> {
    parse_with(specs, args, false)
}

fn parse_with(specs: &[Opt], args: &[String], permute: bool) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            rest.for_each(|operand| parsed.operand(operand));
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            let option = read_long(specs, long, &mut rest)?;
            parsed.options.push(option);
        } else if arg.len() > 1 && arg.starts_with('-') {
            read_cluster(specs, &arg[1..], &mut rest, &mut parsed)?;
        } else {
            parsed.operand(arg);
            if !permute {
                rest.for_each(|operand| parsed.operand(operand));
                break;
            }
        }
    }
    Ok(parsed)
}

type Rest<'a> = std::slice::Iter<'a, String>;

fn read_long(specs: &[Opt], text: &str, rest: &mut Rest<'_>) -> Result<(&'static str, Option<String>), String> {
    let (name, glued) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (text, None),
    };
    let spec = find_long(specs, name)?;
    match (spec.takes, glued) {
        (Takes::Nothing, Some(_)) => Err(format!("option '--{}' doesn't allow an argument", spec.long)),
        (Takes::Value, None) => match rest.next() {
            Some(value) => Ok((spec.long, Some(value.clone()))),
            None => Err(format!("option '--{}' requires an argument", spec.long)),
        },
        (_, glued) => Ok((spec.long, glued)),
    }
}

fn find_long<'a>(specs: &'a [Opt], name: &str) -> Result<&'a Opt, String> {
    if let Some(exact) = specs.iter().find(|spec| spec.long == name) {
        return Ok(exact);
    }
    let mut candidates = specs.iter().filter(|spec| spec.long.starts_with(name));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) if !name.is_empty() => Ok(only),
        (Some(_), Some(_)) if !name.is_empty() => Err(format!("option '--{name}' is ambiguous")),
        _ => Err(format!("unrecognized option '--{name}'")),
    }
}

fn read_cluster(specs: &[Opt], cluster: &str, rest: &mut Rest<'_>, parsed: &mut Parsed) -> Result<(), String> {
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        let Some(spec) = specs.iter().find(|spec| spec.short == letter && letter != LONG) else {
            return Err(format!("invalid option -- '{letter}'"));
        };
        if spec.takes == Takes::Nothing {
            parsed.options.push((spec.long, None));
            continue;
        }
        let glued = letters.as_str();
        let value = match (spec.takes, glued.is_empty()) {
            (_, false) => Some(glued.to_string()),
            (Takes::Optional, true) => None,
            (_, true) => match rest.next() {
                Some(value) => Some(value.clone()),
                None => return Err(format!("option requires an argument -- '{letter}'")),
            },
        };
        parsed.options.push((spec.long, value));
        break;
    }
    Ok(())
}

/// The result of a command line that could not be read, in GNU's words.
pub(super) fn usage_error(command: &str, message: &str, code: i32) -> ExecResult {
    ExecResult::err(format!("{command}: {message}\nTry '{command} --help' for more information.\n"), code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Opt] = &[flag('r', "reverse"), value('n', "lines"), optional('u', "unified"), flag('i', "-i")];

    fn read(args: &[&str]) -> Result<Parsed, String> {
        parse(SPECS, &args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn clusters_values_and_operands_mix() {
        let parsed = read(&["a", "-rn", "5", "--lin=6", "-u3", "-u", "b", "--", "-r"]).unwrap();
        assert_eq!(
            parsed.options,
            [
                ("reverse", None),
                ("lines", Some("5".into())),
                ("lines", Some("6".into())),
                ("unified", Some("3".into())),
                ("unified", None),
            ]
        );
        assert_eq!(parsed.operands, ["a", "b", "-r"]);
        assert_eq!(parsed.options_before, [0, 5, 5]);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(read(&["-x"]).unwrap_err(), "invalid option -- 'x'");
        assert_eq!(read(&["-n"]).unwrap_err(), "option requires an argument -- 'n'");
        assert_eq!(read(&["--reverse=1"]).unwrap_err(), "option '--reverse' doesn't allow an argument");
        assert_eq!(read(&["--nope"]).unwrap_err(), "unrecognized option '--nope'");
        assert_eq!(read(&["-i"]).unwrap().options, [("-i", None)]);
    }
}
