//! Time zones and time stamps as the builtins print them.

use std::collections::HashMap;
use std::time::SystemTime;

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetName, Tz};

/// The zone local times are meant in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Zone {
    Utc,
    /// A POSIX `TZ` such as `EST5`: seconds east of UTC.
    Fixed(FixedOffset),
    Named(Tz),
}

/// The zone `TZ` names; UTC without one or with one nobody knows.
pub(super) fn zone(env: &HashMap<String, String>) -> Zone {
    env.get("TZ").map_or(Zone::Utc, |name| zone_named(name))
}

pub(super) fn zone_named(name: &str) -> Zone {
    let name = name.trim_start_matches(':');
    if let Ok(tz) = name.parse::<Tz>() {
        return if tz == Tz::UTC { Zone::Utc } else { Zone::Named(tz) };
    }
    posix_offset(name).map_or(Zone::Utc, Zone::Fixed)
}

/// `XYZ-5:30` is five and a half hours east: POSIX counts westwards.
fn posix_offset(name: &str) -> Option<FixedOffset> {
    let name = match name.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1,
        None => name.trim_start_matches(|c: char| c.is_ascii_alphabetic()),
    };
    let (west, digits) = match name.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => (1, name),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    FixedOffset::west_opt(west * seconds)
}

impl Zone {
    /// The moment on this zone's clocks.
    pub(super) fn at(self, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
        match self {
            Zone::Utc => moment.fixed_offset(),
            Zone::Fixed(offset) => moment.with_timezone(&offset),
            Zone::Named(tz) => moment.with_timezone(&tz).fixed_offset(),
        }
    }

    /// The moment a clock in this zone shows `local`; the later one where a
    /// clock shows it twice, an hour on where it is skipped.
    pub(super) fn moment(self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let Zone::Named(tz) = self else {
            let offset = match self {
                Zone::Fixed(offset) => offset,
                _ => Utc.fix(),
            };
            return offset.from_local_datetime(&local).single().map(|t| t.to_utc());
        };
        match tz.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time.to_utc()),
            LocalResult::None => {
                let later = local.checked_add_signed(TimeDelta::hours(1))?;
                tz.from_local_datetime(&later).earliest().map(|t| t.to_utc())
            }
        }
    }

    /// The abbreviation in force, such as `CEST`.
    pub(super) fn abbreviation(self, moment: DateTime<Utc>) -> String {
        match self {
            Zone::Utc => "UTC".into(),
            Zone::Fixed(offset) => offset.to_string(),
            Zone::Named(tz) => {
                let offset = tz.offset_from_utc_datetime(&moment.naive_utc());
                match offset.abbreviation() {
                    Some(name) => name.to_string(),
                    None => offset.fix().to_string(),
                }
            }
        }
    }
}

/// `2024-01-02 03:04:05.000000000 +0000`, as in a diff's header.
pub(super) fn file_time(time: SystemTime, zone: Zone) -> String {
    let time = zone.at(DateTime::<Utc>::from(time));
    time.format("%Y-%m-%d %H:%M:%S%.9f %z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read() {
        assert_eq!(zone_named("UTC"), Zone::Utc);
        assert_eq!(zone_named("Nowhere/Land"), Zone::Utc);
        assert_eq!(zone_named("EST5"), Zone::Fixed(FixedOffset::west_opt(18000).unwrap()));
        assert_eq!(zone_named("<+0530>-5:30"), Zone::Fixed(FixedOffset::east_opt(19800).unwrap()));
        assert_eq!(zone_named(":Europe/Paris"), Zone::Named(Tz::Europe__Paris));
    }

    #[test]
    fn a_skipped_hour_moves_on() {
        let local = NaiveDateTime::parse_from_str("2024-03-31 02:30", "%Y-%m-%d %H:%M").unwrap();
        let moment = Zone::Named(Tz::Europe__Paris).moment(local).unwrap();
        assert_eq!(moment.to_rfc3339(), "2024-03-31T01:30:00+00:00");
    }
}
