//! The time of day, handed in.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of day. Durations are measured with tokio's clock, which tests can pause.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now.
    fn now(&self) -> SystemTime;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock; agents can be given another"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Milliseconds since the Unix epoch, 0 before it.
pub(crate) fn unix_ms(clock: &dyn Clock) -> u64 {
    let since = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Today in UTC, as `Fri, Nov 27, 2026`.
pub(crate) fn date(clock: &dyn Clock) -> String {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    // 1 January 1970 was a Thursday.
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut day = unix_ms(clock) / DAY_MS;
    let weekday = WEEKDAYS[(day % 7) as usize];
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    // A clock may be wrong by any amount; the calendar repeats every 400 years.
    const ERA_DAYS: u64 = 146_097;
    year += day / ERA_DAYS * 400;
    day %= ERA_DAYS;
    let days_of = |year| if is_leap(year) { 366 } else { 365 };
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 0;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{weekday}, {} {}, {year}", MONTHS[month], day + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug)]
    struct At(u64);

    impl Clock for At {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(self.0)
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // As `date -u -d @SECONDS '+%a, %b %-d, %Y'` prints them.
        for (seconds, expected) in [
            (0, "Thu, Jan 1, 1970"),
            (951_782_400, "Tue, Feb 29, 2000"),
            (951_868_800, "Wed, Mar 1, 2000"),
            (1_795_737_600, "Fri, Nov 27, 2026"),
            (4_107_542_400, "Mon, Mar 1, 2100"),
            (13_569_465_600, "Sat, Jan 1, 2400"),
        ] {
            assert_eq!(date(&At(seconds)), expected);
        }
    }
}
