//! Rounding as bash's own `printf` does it: it computes with 64 bits of precision, in which `2.675` is a little less.

use num_bigint::BigUint;

/// Bits that are kept of a number.
const MANTISSA_BITS: u64 = 64;
/// Digits of a number, and places asked for, beyond which nothing is done.
const MAX_DIGITS: usize = 400;

/// The arguments of `printf` with the numbers for `%f` rounded to the places that are printed, if that makes a difference.
pub(super) fn round_arguments(format: &str, args: &[String]) -> Option<Vec<String>> {
    let places = conversions(format)?;
    if places.iter().all(Option::is_none) {
        return None;
    }
    let mut changed = false;
    let rounded = args
        .iter()
        .zip(places.iter().cycle())
        .map(|(arg, places)| {
            let rounded = places.and_then(|places| round(arg, places));
            changed |= rounded.is_some();
            rounded.unwrap_or_else(|| arg.clone())
        })
        .collect();
    changed.then_some(rounded)
}

/// For each argument that the format takes, the places of its `%f`. Nothing when an argument gives a width.
fn conversions(format: &str) -> Option<Vec<Option<usize>>> {
    let mut found = Vec::new();
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        let spec = after.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+' | ' ' | '#' | '\''))?;
        let conversion = after[spec..].chars().next()?;
        let places = after[..spec].split_once('.').map(|(_, places)| places.parse().unwrap_or(0));
        match conversion {
            '*' | '(' => return None,
            '%' => {}
            'f' | 'F' => found.push(Some(places.unwrap_or(6))),
            _ => found.push(None),
        }
        rest = &after[spec + conversion.len_utf8()..];
    }
    Some(found)
}

/// A plain decimal number with more places than are printed, rounded.
fn round(text: &str, places: usize) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || fraction.len() <= places || digits.len() + places > MAX_DIGITS {
        return None;
    }
    let numerator = BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10)?;
    let denominator = BigUint::from(10_u8).pow(u32::try_from(fraction.len()).ok()?);
    if numerator.bits() == 0 {
        return None;
    }
    // Shifted so that the quotient has exactly the bits that are kept, give or take one.
    let shift = (MANTISSA_BITS + denominator.bits()).saturating_sub(numerator.bits());
    let quotient = (&numerator << shift) / &denominator;
    let excess = quotient.bits().saturating_sub(MANTISSA_BITS);
    let (shift, numerator, denominator) = if excess > 0 && shift >= excess {
        (shift - excess, numerator, denominator)
    } else {
        (shift, numerator, denominator)
    };
    let mantissa = divide(&(numerator << shift), &denominator);
    let scaled =
        divide(&(mantissa * BigUint::from(10_u8).pow(u32::try_from(places).ok()?)), &(BigUint::from(1_u8) << shift));
    let digits = format!("{scaled:0>width$}", width = places + 1, scaled = scaled.to_string());
    let (whole, fraction) = digits.split_at(digits.len() - places);
    Some(if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The quotient, rounded; half goes to even.
fn divide(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    let quotient = numerator / denominator;
    let twice = (numerator - &quotient * denominator) * 2_u8;
    let up = twice > *denominator || (twice == *denominator && quotient.bit(0));
    if up { quotient + 1_u8 } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_bash_does() {
        // What bash 5.2 prints on x86-64.
        for (text, places, expected) in [
            ("2.345", 2, "2.35"),
            ("1.005", 2, "1.00"),
            ("2.675", 2, "2.67"),
            ("1.115", 2, "1.12"),
            ("0.125", 2, "0.12"),
            ("10.235", 2, "10.23"),
            ("99.995", 2, "100.00"),
            ("-0.005", 2, "-0.00"),
            ("33.335", 2, "33.33"),
            ("0.5", 0, "0"),
            ("1.5", 0, "2"),
            ("0.35", 1, "0.3"),
            ("1.0005", 3, "1.001"),
            ("123456789012345678.55", 1, "123456789012345678.5"),
        ] {
            assert_eq!(round(text, places).as_deref(), Some(expected), "{text}");
        }
        for same in ["1", "1.5", "x.y", "1e3", "", "-", "1.2.3", "0.000"] {
            assert_eq!(round(same, 2), None, "{same}");
        }
    }

    #[test]
    fn finds_the_arguments_that_are_rounded() {
        let args = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let round = |format: &str, words: &[&str]| round_arguments(format, &args(words));
        assert_eq!(
            round("%s %.2f%%\n", &["2.675", "2.675", "2.675", "1.005"]),
            Some(args(&["2.675", "2.67", "2.675", "1.00"]))
        );
        assert_eq!(round("%5.1f|%-8.0f", &["0.35", "2.5"]), Some(args(&["0.3", "2"])));
        for format in ["%s", "%d %%", "%*.2f", "100%", "%(%F)T %.1f", ""] {
            assert_eq!(round(format, &["2.675", "2.675"]), None, "{format}");
        }
    }
}
