//! The words of `date -d`: months, days, units, zones.

/// A unit of relative time, in the field it is added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Years,
    Months,
    Days,
    Seconds,
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Month(i64),
    /// Days since Sunday.
    Weekday(i64),
    Unit(Unit, i64),
    /// `next`, `last`, `third`.
    Ordinal(i64),
    /// `today`, `tomorrow`: days from now.
    Shift(i64),
    Ago,
    Hence,
    /// `am` and `pm`: hours to add to a twelve-hour time.
    Meridian(i64),
    /// Seconds east of UTC.
    Zone(i64),
    DaylightSaving,
    /// Between an ISO date and its time; alone, a military zone.
    T,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const ORDINALS: [(&str, i64); 14] = [
    ("last", -1),
    ("this", 0),
    ("next", 1),
    ("first", 1),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("sixth", 6),
    ("seventh", 7),
    ("eighth", 8),
    ("ninth", 9),
    ("tenth", 10),
    ("eleventh", 11),
    ("twelfth", 12),
];
const UNITS: [(&str, Unit, i64); 10] = [
    ("year", Unit::Years, 1),
    ("month", Unit::Months, 1),
    ("fortnight", Unit::Days, 14),
    ("week", Unit::Days, 7),
    ("day", Unit::Days, 1),
    ("hour", Unit::Seconds, 3600),
    ("minute", Unit::Seconds, 60),
    ("min", Unit::Seconds, 60),
    ("second", Unit::Seconds, 1),
    ("sec", Unit::Seconds, 1),
];
/// Zone abbreviations `date` knows, in minutes east.
const ZONES: [(&str, i64); 44] = [
    ("utc", 0),
    ("uct", 0),
    ("gmt", 0),
    ("ut", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("art", -180),
    ("brt", -180),
    ("brst", -120),
    ("nst", -210),
    ("ndt", -150),
    ("ast", -240),
    ("adt", -180),
    ("clt", -240),
    ("clst", -180),
    ("est", -300),
    ("edt", -240),
    ("cst", -360),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("sst", -720),
    ("wat", 60),
    ("cet", 60),
    ("cest", 120),
    ("met", 60),
    ("mest", 120),
    ("eet", 120),
    ("eest", 180),
    ("cat", 120),
    ("sast", 120),
    ("eat", 180),
    ("msk", 180),
    ("ist", 330),
    ("sgt", 480),
    ("kst", 540),
    ("jst", 540),
    ("nzst", 720),
];

/// Looks a word up; upper and lower case are the same.
pub(super) fn look_up(word: &str) -> Option<Word> {
    let word = word.to_ascii_lowercase();
    let plain = word.replace('.', "");
    match plain.as_str() {
        "am" => return Some(Word::Meridian(0)),
        "pm" => return Some(Word::Meridian(12)),
        "ago" => return Some(Word::Ago),
        "hence" => return Some(Word::Hence),
        "today" | "now" => return Some(Word::Shift(0)),
        "tomorrow" => return Some(Word::Shift(1)),
        "yesterday" => return Some(Word::Shift(-1)),
        "dst" => return Some(Word::DaylightSaving),
        "t" => return Some(Word::T),
        "z" => return Some(Word::Zone(0)),
        _ => {}
    }
    let index = |names: &[&str]| {
        let known = |name: &&str| {
            **name == *plain
                || (plain.len() == 3 && name.starts_with(&*plain))
                || matches!(
                    (&**name, &*plain),
                    ("september", "sept")
                        | ("tuesday", "tues")
                        | ("wednesday", "wednes")
                        | ("thursday", "thur" | "thurs")
                )
        };
        names.iter().position(known).map(|at| at as i64)
    };
    if let Some(month) = index(&MONTHS) {
        return Some(Word::Month(month + 1));
    }
    if let Some(day) = index(&WEEKDAYS) {
        return Some(Word::Weekday(day));
    }
    if let Some((_, ordinal)) = ORDINALS.iter().find(|(name, _)| *name == plain) {
        return Some(Word::Ordinal(*ordinal));
    }
    let singular = plain.strip_suffix('s').unwrap_or(&plain);
    let unit = UNITS.iter().find(|(name, ..)| *name == plain || *name == singular);
    if let Some((_, unit, amount)) = unit {
        return Some(Word::Unit(*unit, *amount));
    }
    if let Some((_, minutes)) = ZONES.iter().find(|(name, _)| *name == plain) {
        return Some(Word::Zone(minutes * 60));
    }
    military(&plain).map(|hours| Word::Zone(hours * 3600))
}

/// The one-letter zones; `j` is none and `t` is read elsewhere.
fn military(word: &str) -> Option<i64> {
    let [letter] = word.as_bytes() else { return None };
    let position = |first: u8| i64::from(letter - first);
    match letter {
        b'a'..=b'i' => Some(position(b'a') + 1),
        b'k'..=b'm' => Some(position(b'k') + 10),
        b'n'..=b'y' => Some(-position(b'n') - 1),
        _ => None,
    }
}
