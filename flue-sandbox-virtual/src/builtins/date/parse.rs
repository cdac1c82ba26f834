//! `date -d STRING`: dates, times, zones and relative amounts, in any order.
//!
//! The string is cut into numbers, words and signs; items are read off the
//! front, and what they say is put together at the end: the named fields
//! first, then years, months and days are added, then hours and less.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::super::clock::{Zone, zone_named};
use super::words::{Unit, Word, look_up};

/// Longest string read.
const MAX_BYTES: usize = 4096;
const DAY_SECONDS: i64 = 86_400;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number { sign: Option<i64>, value: i64, digits: usize, nanos: Option<u32> },
    Word(Word),
    Char(char),
}

/// The moment a string names, or `None` if it names none.
pub(in super::super) fn parse(text: &str, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix("TZ=\"") {
        let (name, rest) = rest.split_once('"')?;
        return parse(rest, now, zone_named(name));
    }
    let tokens = tokens(text)?;
    if let [Token::Char('@'), Token::Number { sign, value, nanos, .. }] = tokens.as_slice() {
        return epoch(sign.unwrap_or(1), *value, nanos.unwrap_or(0));
    }
    let mut items = Items { tokens: &tokens, at: 0, found: Found::default() };
    while items.at < tokens.len() {
        items.item()?;
    }
    items.found.moment(now, zone)
}

fn epoch(sign: i64, seconds: i64, nanos: u32) -> Option<DateTime<Utc>> {
    let moment = DateTime::from_timestamp(sign * seconds, 0)?;
    moment.checked_add_signed(TimeDelta::nanoseconds(sign * i64::from(nanos)))
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    while let Some(&c) = chars.get(at) {
        if c.is_whitespace() || c == ',' {
            at += 1;
        } else if c == '(' {
            let mut depth = 0;
            while let Some(&c) = chars.get(at) {
                depth += i32::from(c == '(') - i32::from(c == ')');
                at += 1;
                if depth == 0 {
                    break;
                }
            }
        } else if c == '-' || c == '+' {
            let mut sign = 1;
            while let Some(&c) = chars.get(at)
                && (c == '-' || c == '+' || c.is_whitespace())
            {
                if c == '-' {
                    sign = -sign;
                }
                at += 1;
            }
            // A sign without a number is punctuation, as in `2-Jan-2024`.
            if digit(at) {
                tokens.push(number(&chars, &mut at, Some(sign))?);
            }
        } else if digit(at) {
            tokens.push(number(&chars, &mut at, None)?);
        } else if c.is_ascii_alphabetic() {
            let start = at;
            while chars.get(at).is_some_and(|c| c.is_ascii_alphabetic() || *c == '.') {
                at += 1;
            }
            let word: String = chars[start..at].iter().collect();
            tokens.push(Token::Word(look_up(&word)?));
        } else {
            tokens.push(Token::Char(c));
            at += 1;
        }
    }
    Some(tokens)
}

fn number(chars: &[char], at: &mut usize, sign: Option<i64>) -> Option<Token> {
    let run = |at: &mut usize| -> String {
        let start = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        chars[start..*at].iter().collect()
    };
    let whole = run(at);
    let fraction = matches!(chars.get(*at), Some('.' | ',')) && chars.get(*at + 1).is_some_and(char::is_ascii_digit);
    let nanos = if fraction {
        *at += 1;
        let digits: String = run(at).chars().chain("000000000".chars()).take(9).collect();
        Some(digits.parse().ok()?)
    } else {
        None
    };
    Some(Token::Number { sign, value: whole.parse().ok()?, digits: whole.len(), nanos })
}

/// What the items so far have said.
#[derive(Debug, Default)]
struct Found {
    dates: usize,
    times: usize,
    weekdays: usize,
    zones: usize,
    relatives: usize,
    /// Year (and its digits), month, day.
    date: (Option<(i64, usize)>, i64, i64),
    /// Hour, minute, second, nanosecond.
    time: (i64, i64, i64, u32),
    weekday: (i64, i64),
    offset: i64,
    years: i64,
    months: i64,
    days: i64,
    seconds: i64,
}

struct Items<'a> {
    tokens: &'a [Token],
    at: usize,
    found: Found,
}

impl Items<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn word(&self, ahead: usize) -> Option<Word> {
        match self.peek(ahead) {
            Some(Token::Word(word)) => Some(*word),
            _ => None,
        }
    }

    fn is_char(&self, ahead: usize, c: char) -> bool {
        self.peek(ahead) == Some(&Token::Char(c))
    }

    /// An unsigned whole number and how many digits it has.
    fn unsigned(&self, ahead: usize) -> Option<(i64, usize)> {
        match self.peek(ahead) {
            Some(Token::Number { sign: None, value, digits, nanos: None }) => Some((*value, *digits)),
            _ => None,
        }
    }

    fn signed(&self, ahead: usize) -> Option<(i64, i64, usize)> {
        match self.peek(ahead) {
            Some(Token::Number { sign: Some(sign), value, digits, nanos: None }) => Some((*sign, *value, *digits)),
            _ => None,
        }
    }

    fn item(&mut self) -> Option<()> {
        if let Some(word) = self.word(0) {
            return self.word_item(word);
        }
        if let Some((sign, value, _)) = self.signed(0) {
            let Some(Word::Unit(unit, amount)) = self.word(1) else {
                return None;
            };
            self.at += 2;
            return self.relative(unit, amount, sign * value);
        }
        let (value, digits) = self.unsigned(0)?;
        if self.is_char(1, ':') {
            return self.time();
        }
        if self.is_char(1, '/') {
            return self.slashed(value, digits);
        }
        if let (Some((-1, month, _)), Some((-1, day, _))) = (self.signed(1), self.signed(2)) {
            self.at += 3;
            self.date(Some((value, digits)), month, day);
            if self.word(0) == Some(Word::T) {
                self.at += 1;
                self.time()?;
            }
            return Some(());
        }
        match self.word(1) {
            Some(Word::Meridian(hours)) => {
                self.at += 2;
                self.set_time(twelve_hours(value, hours)?, 0, 0, 0);
                Some(())
            }
            Some(Word::Month(month)) => {
                self.at += 2;
                let year = match (self.signed(0), self.unsigned(0)) {
                    (Some((-1, year, digits)), _) => Some((year, digits)),
                    (_, Some(year)) if !self.is_char(1, ':') && !self.is_meridian(1) => Some(year),
                    _ => None,
                };
                self.at += usize::from(year.is_some());
                self.date(year, month, value);
                Some(())
            }
            Some(Word::Weekday(day)) => {
                self.at += 2;
                self.weekday(value, day);
                Some(())
            }
            Some(Word::Unit(unit, amount)) => {
                self.at += 2;
                self.relative(unit, amount, value)
            }
            _ => {
                self.at += 1;
                self.bare_number(value, digits)
            }
        }
    }

    fn word_item(&mut self, word: Word) -> Option<()> {
        self.at += 1;
        match word {
            Word::Month(month) => {
                if let (Some((-1, day, _)), Some((-1, year, digits))) = (self.signed(0), self.signed(1)) {
                    self.at += 2;
                    self.date(Some((year, digits)), month, day);
                } else {
                    let (day, _) = self.unsigned(0)?;
                    self.at += 1;
                    self.date(None, month, day);
                }
            }
            Word::Weekday(day) => self.weekday(0, day),
            Word::Ordinal(ordinal) => match self.word(0)? {
                Word::Weekday(day) => {
                    self.at += 1;
                    self.weekday(ordinal, day);
                }
                Word::Unit(unit, amount) => {
                    self.at += 1;
                    return self.relative(unit, amount, ordinal);
                }
                _ => return None,
            },
            Word::Shift(days) => {
                self.found.relatives += 1;
                self.found.days = self.found.days.checked_add(days)?;
            }
            Word::Unit(unit, amount) => return self.relative(unit, amount, 1),
            Word::Zone(seconds) => return self.zone(seconds),
            Word::T => return self.zone(-7 * 3600),
            Word::DaylightSaving | Word::Ago | Word::Hence | Word::Meridian(_) => return None,
        }
        Some(())
    }

    /// A zone's name, perhaps with an offset (`UTC+3`) or `DST` behind it.
    fn zone(&mut self, mut seconds: i64) -> Option<()> {
        if self.signed(0).is_some() && !matches!(self.word(1), Some(Word::Unit(..))) {
            seconds += self.offset()?;
        } else if self.word(0) == Some(Word::DaylightSaving) {
            self.at += 1;
            seconds += 3600;
        }
        self.found.zones += 1;
        self.found.offset = seconds;
        Some(())
    }

    /// `+05`, `+0530`, `+05:30`.
    fn offset(&mut self) -> Option<i64> {
        let (sign, value, digits) = self.signed(0)?;
        self.at += 1;
        let (hours, minutes) = if self.is_char(0, ':') {
            let (minutes, _) = self.unsigned(1)?;
            self.at += 2;
            (value, minutes)
        } else if digits <= 2 {
            (value, 0)
        } else {
            (value / 100, value % 100)
        };
        let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60)?;
        (seconds <= DAY_SECONDS).then_some(sign * seconds)
    }

    fn time(&mut self) -> Option<()> {
        let (hour, _) = self.unsigned(0)?;
        if !self.is_char(1, ':') {
            // An ISO time of hours alone needs its zone.
            self.at += 1;
            let offset = self.offset()?;
            self.found.zones += 1;
            self.found.offset = offset;
            self.set_time(hour, 0, 0, 0);
            return Some(());
        }
        let (minute, _) = self.unsigned(2)?;
        self.at += 3;
        let (mut second, mut nanos) = (0, 0);
        if self.is_char(0, ':') {
            let Some(Token::Number { sign: None, value, nanos: fraction, .. }) = self.peek(1) else {
                return None;
            };
            (second, nanos) = (*value, fraction.unwrap_or(0));
            self.at += 2;
        }
        if let Some(Word::Meridian(hours)) = self.word(0) {
            self.at += 1;
            self.set_time(twelve_hours(hour, hours)?, minute, second, nanos);
            return Some(());
        }
        self.set_time(hour, minute, second, nanos);
        // A signed number here is the zone, whatever comes after it.
        if self.signed(0).is_some() {
            self.found.offset = self.offset()?;
            self.found.zones += 1;
        }
        Some(())
    }

    fn slashed(&mut self, first: i64, digits: usize) -> Option<()> {
        let (second, _) = self.unsigned(2)?;
        self.at += 3;
        if !self.is_char(0, '/') {
            self.date(None, first, second);
            return Some(());
        }
        let (third, third_digits) = self.unsigned(1)?;
        self.at += 2;
        if digits >= 4 {
            self.date(Some((first, digits)), second, third);
        } else {
            self.date(Some((third, third_digits)), first, second);
        }
        Some(())
    }

    fn is_meridian(&self, ahead: usize) -> bool {
        matches!(self.word(ahead), Some(Word::Meridian(_)))
    }

    /// A number alone: a year, a compact date, or an hour.
    fn bare_number(&mut self, value: i64, digits: usize) -> Option<()> {
        let found = &mut self.found;
        let wants_year = found.dates > 0 && found.date.0.is_none() && found.relatives == 0;
        if wants_year && (found.times > 0 || digits > 2) {
            found.date.0 = Some((value, digits));
        } else if digits > 4 {
            let year = (value / 10_000, digits - 4);
            self.date(Some(year), value / 100 % 100, value % 100);
        } else if digits <= 2 {
            self.set_time(value, 0, 0, 0);
        } else {
            self.set_time(value / 100, value % 100, 0, 0);
        }
        Some(())
    }

    fn relative(&mut self, unit: Unit, amount: i64, count: i64) -> Option<()> {
        let mut count = count.checked_mul(amount)?;
        match self.word(0) {
            Some(Word::Ago) => {
                self.at += 1;
                count = -count;
            }
            Some(Word::Hence) => self.at += 1,
            _ => {}
        }
        let found = &mut self.found;
        found.relatives += 1;
        let field = match unit {
            Unit::Years => &mut found.years,
            Unit::Months => &mut found.months,
            Unit::Days => &mut found.days,
            Unit::Seconds => &mut found.seconds,
        };
        *field = field.checked_add(count)?;
        Some(())
    }

    fn date(&mut self, year: Option<(i64, usize)>, month: i64, day: i64) {
        self.found.dates += 1;
        self.found.date = (year, month, day);
    }

    fn set_time(&mut self, hour: i64, minute: i64, second: i64, nanos: u32) {
        self.found.times += 1;
        self.found.time = (hour, minute, second, nanos);
    }

    fn weekday(&mut self, ordinal: i64, day: i64) {
        self.found.weekdays += 1;
        self.found.weekday = (ordinal, day);
    }
}

fn twelve_hours(hour: i64, add: i64) -> Option<i64> {
    (1..=12).contains(&hour).then_some(hour % 12 + add)
}

impl Found {
    fn moment(&self, now: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
        if [self.dates, self.times, self.weekdays, self.zones].iter().any(|&seen| seen > 1) {
            return None;
        }
        let here = zone.at(now).naive_local();
        let date = if self.dates > 0 { self.named_date(here)? } else { here.date() };
        let time = if self.times > 0 {
            let (hour, minute, second, nanos) = self.time;
            let part = |value: i64| u32::try_from(value).ok();
            date.and_hms_nano_opt(part(hour)?, part(minute)?, part(second)?, nanos)?
        } else if self.relatives > 0 && self.dates == 0 && self.weekdays == 0 {
            date.and_hms_nano_opt(here.hour(), here.minute(), here.second(), here.nanosecond())?
        } else {
            date.and_hms_opt(0, 0, 0)?
        };
        let local = self.moved(self.on_weekday(time)?)?;
        let moment = if self.zones > 0 {
            local.checked_sub_signed(TimeDelta::try_seconds(self.offset)?)?.and_utc()
        } else {
            zone.moment(local)?
        };
        moment.checked_add_signed(TimeDelta::try_seconds(self.seconds)?)
    }

    fn named_date(&self, here: NaiveDateTime) -> Option<NaiveDate> {
        let (year, month, day) = self.date;
        let year = match year {
            None => i64::from(here.year()),
            // Two digits mean 1969 to 2068.
            Some((year, 2)) if year < 69 => year + 2000,
            Some((year, 2)) => year + 1900,
            Some((year, _)) => year,
        };
        let part = |value: i64| u32::try_from(value).ok();
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part(month)?, part(day)?)
    }

    fn on_weekday(&self, time: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.weekdays == 0 || self.dates > 0 {
            return Some(time);
        }
        let (ordinal, day) = self.weekday;
        let today = i64::from(time.weekday().num_days_from_sunday());
        let weeks = ordinal - i64::from(ordinal > 0 && today != day);
        let days = (day - today + 7) % 7 + weeks.checked_mul(7)?;
        time.checked_add_signed(TimeDelta::try_days(days)?)
    }

    /// Adds years, months and days; a day the month lacks runs into the next.
    fn moved(&self, time: NaiveDateTime) -> Option<NaiveDateTime> {
        let months = self.years.checked_mul(12)?.checked_add(self.months)?;
        let first = time.with_day(1)?;
        let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        let first = if months < 0 { first.checked_sub_months(count)? } else { first.checked_add_months(count)? };
        let days = i64::from(time.day0()).checked_add(self.days)?;
        first.checked_add_signed(TimeDelta::try_days(days)?)
    }
}
