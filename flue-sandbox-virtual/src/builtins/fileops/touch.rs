//! `touch`.

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};
use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::super::clock::{Zone, zone};
use super::super::date;
use super::super::files::{reason, resolve};
use super::super::options::{LONG, Opt, flag, parse, usage_error, value};
use super::Report;

/// The `touch` command.
pub(in super::super) struct Touch;

const OPTIONS: &[Opt] = &[
    flag('a', "-a"),
    flag('c', "no-create"),
    value('d', "date"),
    flag('f', "-f"),
    flag('h', "no-dereference"),
    flag('m', "-m"),
    value('r', "reference"),
    value('t', "-t"),
    value(LONG, "time"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[async_trait]
impl Builtin for Touch {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("touch", &message, 1)),
        };
        let (mut create, mut access, mut modification) = (true, false, false);
        let (mut text, mut stamp, mut reference) = (None, None, None);
        for (name, given) in parsed.options {
            match name {
                "no-create" | "no-dereference" => create = false,
                "-a" => access = true,
                "-m" => modification = true,
                "time" => match given.as_deref() {
                    Some("access" | "atime" | "use") => access = true,
                    _ => modification = true,
                },
                "date" => text = given,
                "-t" => stamp = given,
                "reference" => reference = given,
                _ => {}
            }
        }
        let mut report = Report::new("touch");
        let zone = zone(ctx.env);
        let mut time = Utc::now();
        if let Some(name) = reference {
            match ctx.fs.stat(&resolve(ctx.cwd, &name)).await {
                Ok(meta) => time = meta.modified.into(),
                Err(error) => {
                    let why = reason(&error);
                    report.fail(&format!("failed to get attributes of '{name}': {why}"));
                    return Ok(report.into_result());
                }
            }
        }
        let named = match (&text, &stamp) {
            (Some(text), _) => Some((text, date::parse(text, time, zone))),
            (None, Some(stamp)) => Some((stamp, parse_stamp(stamp, zone))),
            (None, None) => None,
        };
        match named {
            Some((_, Some(moment))) => time = moment,
            Some((text, None)) => {
                report.fail(&format!("invalid date format ‘{text}’"));
                return Ok(report.into_result());
            }
            None => {}
        }
        if parsed.operands.is_empty() {
            return Ok(usage_error("touch", "missing file operand", 1));
        }
        for operand in &parsed.operands {
            let path = resolve(ctx.cwd, operand);
            let exists = ctx.fs.exists(&path).await.unwrap_or(false);
            if !exists && !create {
                continue;
            }
            let created = if exists { Ok(()) } else { ctx.fs.write_file(&path, b"").await };
            // Access times are not kept: changing only those changes nothing.
            let set = match created {
                Ok(()) if exists && access && !modification => Ok(()),
                Ok(()) => ctx.fs.set_modified_time(&path, time.into()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = set {
                let what = if exists { "setting times of" } else { "cannot touch" };
                report.fail(&format!("{what} '{operand}': {}", reason(&error)));
            }
        }
        Ok(report.into_result())
    }
}

/// `[[CC]YY]MMDDhhmm[.ss]`.
fn parse_stamp(stamp: &str, zone: Zone) -> Option<DateTime<Utc>> {
    let (digits, seconds) = match stamp.split_once('.') {
        Some((digits, seconds)) if seconds.len() == 2 => (digits, seconds.parse().ok()?),
        Some(_) => return None,
        None => (stamp, 0),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 10 | 12) {
        return None;
    }
    let (year, rest) = digits.split_at(digits.len() - 8);
    let year = match (year.len(), year.parse::<i32>()) {
        (0, _) => zone.at(Utc::now()).year(),
        (2, Ok(year)) if year < 69 => year + 2000,
        (2, Ok(year)) => year + 1900,
        (_, Ok(year)) => year,
        _ => return None,
    };
    let part = |at: usize| rest[at..at + 2].parse::<u32>().ok();
    let date = NaiveDate::from_ymd_opt(year, part(0)?, part(2)?)?;
    zone.moment(date.and_hms_opt(part(4)?, part(6)?, seconds)?)
}
