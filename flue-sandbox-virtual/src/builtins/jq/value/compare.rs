//! The order of all values: null, false, true, numbers, strings, arrays, objects.

use std::cmp::Ordering;

use super::{Fields, Val};

impl Val {
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Num(_) | Self::Long(_) => 3,
            Self::Str(_) => 4,
            Self::Arr(_) => 5,
            Self::Obj(_) => 6,
        }
    }
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Long(a), Self::Long(b)) => a.cmp(b),
            (Self::Num(_) | Self::Long(_), Self::Num(_) | Self::Long(_)) => {
                let (a, b) = (self.number().unwrap_or(0.0), other.number().unwrap_or(0.0));
                // What is no number is less than any that is.
                a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
            }
            (Self::Str(a), Self::Str(b)) => a.as_str().cmp(b.as_str()),
            (Self::Arr(a), Self::Arr(b)) => a.items().cmp(b.items()),
            (Self::Obj(a), Self::Obj(b)) => compare_fields(a.fields(), b.fields()),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// The sets of keys come first, then the values in the order of the keys.
fn compare_fields(a: &Fields, b: &Fields) -> Ordering {
    let sorted = |fields: &Fields| {
        let mut keys: Vec<_> = fields.keys().cloned().collect();
        keys.sort_unstable();
        keys
    };
    let (keys, other) = (sorted(a), sorted(b));
    keys.cmp(&other).then_with(|| keys.iter().map(|key| &a[key]).cmp(keys.iter().map(|key| &b[key])))
}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Val {}
