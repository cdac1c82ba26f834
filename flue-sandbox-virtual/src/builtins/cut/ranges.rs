//! Lists of positions such as `1,3-5,7-`.

/// Positions, counted from one: ranges in order, none touching another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(usize, usize)>);

impl Ranges {
    /// Reads a list; `what` it counts is named in the error.
    pub(super) fn parse(list: &str, what: &str) -> Result<Self, String> {
        let mut ranges = Vec::new();
        for range in list.split([',', ' ', '\t']) {
            let number = |text: &str, empty: usize| match text {
                "" => Ok(empty),
                // Beyond any line is the same wherever it is.
                digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                    Ok(digits.parse().unwrap_or(usize::MAX))
                }
                _ => Err(format!("invalid {what} value '{range}'")),
            };
            let (from, to) = match range.split_once('-') {
                Some(("", "")) => return Err("invalid range with no endpoint: -".into()),
                Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
                None => {
                    let only = number(range, 0)?;
                    (only, only)
                }
            };
            if from == 0 {
                let positions = if what == "field" { "fields" } else { "byte/character positions" };
                return Err(format!("{positions} are numbered from 1"));
            }
            if from > to {
                return Err("invalid decreasing range".into());
            }
            ranges.push((from, to));
        }
        ranges.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for (from, to) in ranges {
            match joined.last_mut() {
                Some((_, last)) if from <= *last => *last = to.max(*last),
                _ => joined.push((from, to)),
            }
        }
        Ok(Self(joined))
    }

    /// All positions that are not among these.
    pub(super) fn complement(&self) -> Self {
        let mut others = Vec::new();
        let mut next = 1;
        for &(from, to) in &self.0 {
            if from > next {
                others.push((next, from - 1));
            }
            next = to.saturating_add(1);
        }
        if next < usize::MAX {
            others.push((next, usize::MAX));
        }
        Self(others)
    }

    pub(super) fn has(&self, position: usize) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&position))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_turned_around() {
        let ranges = Ranges::parse("5-,2,1-2", "field").unwrap();
        assert_eq!(ranges, Ranges(vec![(1, 2), (5, usize::MAX)]));
        assert_eq!(ranges.complement(), Ranges(vec![(3, 4)]));
        assert!(ranges.has(7) && !ranges.has(3));
        for (bad, message) in [
            ("0", "fields are numbered from 1"),
            ("3-2", "invalid decreasing range"),
            ("-", "invalid range with no endpoint: -"),
            ("x", "invalid field value 'x'"),
            ("", "fields are numbered from 1"),
        ] {
            assert_eq!(Ranges::parse(bad, "field").unwrap_err(), message, "{bad}");
        }
    }
}
