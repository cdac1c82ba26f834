//! `date`, with all of GNU's ways to name a moment.

mod parse;
mod strftime;
mod words;

pub(super) use self::parse::parse;
pub(super) use self::strftime::strftime;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};
use chrono::{DateTime, Utc};

use super::clock::{self, Zone};
use super::files::{read_operand, reason, resolve};
use super::options::{LONG, Opt, flag, optional, parse as parse_options, usage_error, value};

/// The `date` command.
pub(super) struct Date;

const OPTIONS: &[Opt] = &[
    value('d', "date"),
    flag(LONG, "debug"),
    value('f', "file"),
    optional('I', "iso-8601"),
    value('r', "reference"),
    flag('R', "rfc-email"),
    flag(LONG, "rfc-822"),
    flag(LONG, "rfc-2822"),
    value(LONG, "rfc-3339"),
    value('s', "set"),
    flag('u', "utc"),
    flag(LONG, "universal"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

/// Which moments to print.
enum Source {
    Now,
    Text(String),
    Lines(String),
    FileTime(String),
}

#[async_trait]
impl Builtin for Date {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse_options(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("date", &message, 1)),
        };
        let (mut source, mut format, mut utc) = (Source::Now, None, false);
        for (name, text) in parsed.options {
            let text = text.unwrap_or_default();
            match name {
                "date" => source = Source::Text(text),
                "file" => source = Source::Lines(text),
                "reference" => source = Source::FileTime(text),
                "utc" | "universal" => utc = true,
                "set" => return Ok(fail("cannot set date: Operation not permitted")),
                "rfc-email" | "rfc-822" | "rfc-2822" => {
                    format = Some("%a, %d %b %Y %H:%M:%S %z".to_string());
                }
                "iso-8601" | "rfc-3339" => match iso_format(name, &text) {
                    Some(iso) => format = Some(iso.to_string()),
                    None => {
                        let message = format!("invalid argument ‘{text}’ for ‘--{name}’");
                        return Ok(usage_error("date", &message, 1));
                    }
                },
                _ => {}
            }
        }
        for operand in parsed.operands {
            match operand.strip_prefix('+') {
                Some(_) if format.is_some() => {
                    let message = format!("extra operand ‘{operand}’");
                    return Ok(usage_error("date", &message, 1));
                }
                Some(text) => format = Some(text.to_string()),
                // An operand without `+` would set the clock.
                None if operand.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
                    return Ok(fail("cannot set date: Operation not permitted"));
                }
                None => return Ok(fail(&format!("invalid date ‘{operand}’"))),
            }
        }
        let zone = if utc { Zone::Utc } else { clock::zone(ctx.env) };
        let format = format.as_deref().unwrap_or("%a %b %e %H:%M:%S %Z %Y");
        Ok(print(&ctx, source, format, zone).await)
    }
}

async fn print(ctx: &BuiltinContext<'_>, source: Source, format: &str, zone: Zone) -> ExecResult {
    let now = Utc::now();
    let line = |moment: DateTime<Utc>| format!("{}\n", strftime(format, moment, zone));
    match source {
        Source::Now => ExecResult::ok(line(now)),
        Source::Text(text) => match parse(&text, now, zone) {
            Some(moment) => ExecResult::ok(line(moment)),
            None => fail(&format!("invalid date ‘{text}’")),
        },
        Source::FileTime(name) => match ctx.fs.stat(&resolve(ctx.cwd, &name)).await {
            Ok(meta) => ExecResult::ok(line(meta.modified.into())),
            Err(error) => fail(&format!("{name}: {}", reason(&error))),
        },
        Source::Lines(name) => match read_operand(ctx, &name).await {
            Ok(bytes) => {
                let mut result = ExecResult::default();
                let (mut out, mut err) = (String::new(), String::new());
                for text in String::from_utf8_lossy(&bytes).lines() {
                    match parse(text, now, zone) {
                        Some(moment) => out.push_str(&line(moment)),
                        None => {
                            err.push_str(&format!("date: invalid date ‘{text}’\n"));
                            result.exit_code = 1;
                        }
                    }
                }
                result.stdout = out.into();
                result.stderr = err.into();
                result
            }
            Err(why) => fail(&format!("{name}: {why}")),
        },
    }
}

fn iso_format(option: &str, precision: &str) -> Option<&'static str> {
    Some(match (option, precision) {
        ("iso-8601", "" | "date") | ("rfc-3339", "date") => "%Y-%m-%d",
        ("iso-8601", "hours") => "%Y-%m-%dT%H%:z",
        ("iso-8601", "minutes") => "%Y-%m-%dT%H:%M%:z",
        ("iso-8601", "seconds") => "%Y-%m-%dT%H:%M:%S%:z",
        ("iso-8601", "ns") => "%Y-%m-%dT%H:%M:%S,%N%:z",
        ("rfc-3339", "seconds") => "%Y-%m-%d %H:%M:%S%:z",
        ("rfc-3339", "ns") => "%Y-%m-%d %H:%M:%S.%N%:z",
        _ => return None,
    })
}

fn fail(message: &str) -> ExecResult {
    ExecResult::err(format!("date: {message}\n"), 1)
}
