//! Counts with a unit, such as `10K`, as GNU programs read them.

/// The count `text` names: decimal digits and a unit of [`unit`]. More than
/// fits counts as the largest number.
pub(super) fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    if number.is_empty() {
        return None;
    }
    let number = number.parse::<u64>().unwrap_or(u64::MAX);
    Some(number.saturating_mul(unit(suffix)?))
}

/// `b` is 512; `K` and `KiB` count in 1024s, `KB` (or `kB`) in 1000s.
fn unit(suffix: &str) -> Option<u64> {
    let mut letters = suffix.chars();
    let power = match letters.next() {
        None => return Some(1),
        Some('b') => return (suffix == "b").then_some(512),
        Some('k' | 'K') => 1,
        Some('M' | 'm') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some('P') => 5,
        Some('E') => 6,
        Some('Z') => 7,
        Some('Y') => 8,
        Some(_) => return None,
    };
    match letters.as_str() {
        "" | "iB" => Some(1024_u64.saturating_pow(power)),
        "B" => Some(1000_u64.saturating_pow(power)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn units_multiply() {
        assert_eq!(parse("10"), Some(10));
        assert_eq!(parse("2b"), Some(1024));
        assert_eq!(parse("3KB"), Some(3000));
        assert_eq!(parse("3KiB"), Some(3072));
        assert_eq!(parse("1M"), Some(1 << 20));
        assert_eq!(parse("9999999999999999999999"), Some(u64::MAX));
        assert_eq!(parse("1Y"), Some(u64::MAX));
        for bad in ["", "K", "1x", "1bb", "-1", "1 "] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
