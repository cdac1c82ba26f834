//! `cmp`.

use std::fmt::Write as _;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use super::files::read_operand;
use super::options::{LONG, Opt, flag, parse, usage_error, value};

/// The `cmp` command.
pub(super) struct Cmp;

/// Exit status when a file could not be read.
const TROUBLE: i32 = 2;

const OPTIONS: &[Opt] = &[
    flag('b', "print-bytes"),
    value('i', "ignore-initial"),
    flag('l', "verbose"),
    value('n', "bytes"),
    flag('s', "silent"),
    flag(LONG, "quiet"),
    flag('v', "version"),
    flag(LONG, "help"),
];

#[async_trait]
impl Builtin for Cmp {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("cmp", &message, TROUBLE)),
        };
        let (mut silent, mut list, mut bytes_too) = (false, false, false);
        let (mut skip, mut limit) = ([0, 0], usize::MAX);
        for (name, text) in parsed.options {
            let text = text.unwrap_or_default();
            let number = |text: &str| text.parse::<usize>().ok();
            match name {
                "silent" | "quiet" => silent = true,
                "verbose" => list = true,
                "print-bytes" => bytes_too = true,
                "bytes" => match number(&text) {
                    Some(bytes) => limit = bytes,
                    None => return Ok(invalid("--bytes", &text)),
                },
                "ignore-initial" => {
                    let (first, second) = text.split_once(':').unwrap_or((&text, &text));
                    match (number(first), number(second)) {
                        (Some(first), Some(second)) => skip = [first, second],
                        _ => return Ok(invalid("--ignore-initial", &text)),
                    }
                }
                _ => {}
            }
        }
        let (first, second) = match parsed.operands.as_slice() {
            [first] => (first.as_str(), "-"),
            [first, second, ..] => (first.as_str(), second.as_str()),
            [] => return Ok(usage_error("cmp", "missing operand after 'cmp'", TROUBLE)),
        };
        let mut contents = Vec::new();
        for (name, skip) in [first, second].into_iter().zip(skip) {
            match read_operand(&ctx, name).await {
                Ok(bytes) => contents.push(bytes.get(skip..).unwrap_or_default().to_vec()),
                Err(_) if silent => return Ok(ExecResult::err("", TROUBLE)),
                Err(why) => return Ok(ExecResult::err(format!("cmp: {name}: {why}\n"), TROUBLE)),
            }
        }
        let [a, b] = [&contents[0], &contents[1]];
        let (a, b) = (&a[..a.len().min(limit)], &b[..b.len().min(limit)]);
        let mut result = ExecResult { exit_code: i32::from(a != b), ..ExecResult::default() };
        if !silent && a != b {
            let (mut out, mut err) = (String::new(), String::new());
            describe(a, b, [first, second], list, bytes_too, &mut out, &mut err);
            result.stdout = out.into();
            result.stderr = err.into();
        }
        Ok(result)
    }
}

fn describe(a: &[u8], b: &[u8], names: [&str; 2], list: bool, bytes_too: bool, out: &mut String, err: &mut String) {
    let both = || a.iter().zip(b).enumerate().filter(|(_, (x, y))| x != y);
    if list {
        let width = a.len().min(b.len()).to_string().len();
        for (at, (x, y)) in both() {
            let _ = if bytes_too {
                writeln!(out, "{:>width$} {x:3o} {:<4} {y:3o} {}", at + 1, shown(*x), shown(*y))
            } else {
                writeln!(out, "{:>width$} {x:3o} {y:3o}", at + 1)
            };
        }
    } else if let Some((at, (x, y))) = both().next() {
        let line = 1 + a[..at].iter().filter(|byte| **byte == b'\n').count();
        let _ = write!(out, "{} {} differ: byte {}, line {line}", names[0], names[1], at + 1);
        if bytes_too {
            let _ = write!(out, " is {x:3o} {} {y:3o} {}", shown(*x), shown(*y));
        }
        out.push('\n');
        return;
    }
    if a.len() != b.len() {
        let (name, short) = if a.len() < b.len() { (names[0], a) } else { (names[1], b) };
        let _ = match short {
            [] => writeln!(err, "cmp: EOF on {name} which is empty"),
            _ if list => writeln!(err, "cmp: EOF on {name} after byte {}", short.len()),
            _ => {
                let lines = short.iter().filter(|byte| **byte == b'\n').count();
                let inside = if short.ends_with(b"\n") { "line" } else { "in line" };
                let line = lines + usize::from(!short.ends_with(b"\n"));
                writeln!(err, "cmp: EOF on {name} after byte {}, {inside} {line}", short.len())
            }
        };
    }
}

/// A byte as `cat -v` would show it.
fn shown(byte: u8) -> String {
    match byte {
        0x80.. => format!("M-{}", shown(byte - 0x80)),
        0x7f => "^?".into(),
        0..0x20 => format!("^{}", char::from(byte + 0x40)),
        _ => char::from(byte).to_string(),
    }
}

fn invalid(option: &str, text: &str) -> ExecResult {
    usage_error("cmp", &format!("invalid {option} value '{text}'"), TROUBLE)
}
