//! Dates and times.

use chrono::format::{Parsed, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};

use super::super::super::clock::Zone;
use super::super::super::date::strftime;
use super::super::machine::{Machine, Stop, error, shown};
use super::super::value::Val;
use super::{Native, expected, native};

const SECONDS_A_DAY: i64 = 86_400;

pub(super) const NATIVES: &[Native] = &[
    native("gmtime", 0, |machine, input, _| broken_down(machine, &input, Zone::Utc, "gmtime")),
    native("localtime", 0, |machine, input, _| broken_down(machine, &input, machine.zone, "localtime")),
    native("mktime", 0, |machine, input, _| {
        if !matches!(input, Val::Arr(_)) {
            return Err(expected(machine, "mktime requires array inputs"));
        }
        match seconds(&input) {
            #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
            Some(seconds) => Ok(Val::Num(seconds as f64)),
            None => Err(expected(machine, "mktime requires parsed datetime inputs")),
        }
    }),
    native("now", 0, |_, _, _| {
        let now = Utc::now();
        #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
        let seconds = now.timestamp_micros() as f64 / 1e6;
        Ok(Val::Num(seconds))
    }),
    native("strftime", 1, |machine, input, args| formatted(machine, &input, args, Zone::Utc, "strftime/1")),
    native("strflocaltime", 1, |machine, input, args| {
        formatted(machine, &input, args, machine.zone, "strflocaltime/1")
    }),
    native("strptime", 1, |machine, input, args| {
        let (Some(text), Some(format)) = (input.str(), args.first().and_then(Val::str)) else {
            return Err(expected(machine, "strptime/1 requires string inputs and arguments"));
        };
        parsed(machine, text, format)
            .ok_or_else(|| error(&machine.heap, format!("date \"{text}\" does not match format \"{format}\"")))
    }),
];

/// Seconds since 1970 as year, month from zero, day, hours, minutes, seconds, day of the week and day of the year.
fn broken_down(machine: &Machine<'_>, input: &Val, zone: Zone, name: &str) -> Result<Val, Stop> {
    let Some(number) = input.number() else {
        return Err(expected(machine, format!("{name}() requires a number")));
    };
    #[expect(clippy::cast_possible_truncation, reason = "out of range is no time")]
    let Some(moment) = DateTime::<Utc>::from_timestamp(number.floor() as i64, 0) else {
        return Err(expected(machine, format!("{} is no time", shown(input))));
    };
    let local = zone.at(moment);
    let fraction = number - number.floor();
    Ok(machine.list(vec![
        Val::Num(f64::from(local.year())),
        Val::Num(f64::from(local.month0())),
        Val::Num(f64::from(local.day())),
        Val::Num(f64::from(local.hour())),
        Val::Num(f64::from(local.minute())),
        Val::Num(f64::from(local.second()) + fraction),
        Val::Num(f64::from(local.weekday().num_days_from_sunday())),
        Val::Num(f64::from(local.ordinal0())),
    ]))
}

/// The seconds of a broken-down time; months, days and hours beyond their range carry over.
fn seconds(val: &Val) -> Option<i64> {
    let Val::Arr(list) = val else { return None };
    #[expect(clippy::cast_possible_truncation, reason = "out of range is no time")]
    let part = |at: usize| list.items().get(at)?.number().map(|number| number as i64);
    let (year, month) = (part(0)?, part(1)?);
    let year = i32::try_from(year.checked_add(month.div_euclid(12))?).ok()?;
    let month = u32::try_from(month.rem_euclid(12)).ok()? + 1;
    let days = NaiveDate::from_ymd_opt(year, month, 1)?.signed_duration_since(NaiveDate::default()).num_days();
    let days = days.checked_add(part(2)?.checked_sub(1)?)?;
    let clock = part(3)?.checked_mul(3600)?.checked_add(part(4)?.checked_mul(60)?)?.checked_add(part(5)?)?;
    days.checked_mul(SECONDS_A_DAY)?.checked_add(clock)
}

fn formatted(machine: &Machine<'_>, input: &Val, args: &[Val], zone: Zone, name: &str) -> Result<Val, Stop> {
    let Some(format) = args.first().and_then(Val::str) else {
        return Err(expected(machine, format!("{name} requires a string format")));
    };
    let moment = match input {
        Val::Num(_) | Val::Long(_) => {
            #[expect(clippy::cast_possible_truncation, reason = "out of range is no time")]
            let seconds = input.number().map(|number| number.floor() as i64);
            seconds.and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
        }
        // What a clock in the zone shows.
        Val::Arr(_) => seconds(input)
            .and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
            .and_then(|shown| zone.moment(shown.naive_utc())),
        _ => return Err(expected(machine, format!("{name} requires parsed datetime inputs"))),
    };
    match moment {
        Some(moment) => Ok(machine.text(strftime(format, moment, zone))),
        None => Err(expected(machine, format!("{name} requires parsed datetime inputs"))),
    }
}

/// A text read by a format, as a broken-down time.
fn parsed(machine: &Machine<'_>, text: &str, format: &str) -> Option<Val> {
    let mut found = Parsed::new();
    let items = StrftimeItems::new(format);
    chrono::format::parse(&mut found, text, items).ok()?;
    if let Some(seconds) = found.timestamp() {
        #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
        return broken_down(machine, &Val::Num(seconds as f64), Zone::Utc, "gmtime").ok();
    }
    let date = match found.to_naive_date() {
        Ok(date) => date,
        // A time alone is one of the first day there is.
        Err(_) if found.year().is_none() && found.year_mod_100().is_none() => NaiveDate::from_ymd_opt(1900, 1, 1)?,
        Err(_) => {
            let year = found.year()?;
            let month = found.month().unwrap_or(1);
            // Days that a month does not have are days of the next.
            let first = NaiveDate::from_ymd_opt(year, month, 1)?;
            first.checked_add_signed(chrono::TimeDelta::days(i64::from(found.day().unwrap_or(1)) - 1))?
        }
    };
    let hour = match (found.hour_div_12(), found.hour_mod_12()) {
        (Some(half), Some(hour)) => half * 12 + hour,
        (_, Some(hour)) => hour,
        _ => 0,
    };
    let time = NaiveTime::from_hms_opt(hour, found.minute().unwrap_or(0), found.second().unwrap_or(0).min(59))?;
    #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
    let seconds = date.and_time(time).and_utc().timestamp() as f64;
    broken_down(machine, &Val::Num(seconds), Zone::Utc, "gmtime").ok()
}
