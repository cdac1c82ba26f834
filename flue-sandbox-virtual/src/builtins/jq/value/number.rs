//! Numbers as `jq` prints them: the fewest digits that read back as the same number, seventeen at most.

/// How many zeros are printed behind the digits before an exponent takes their place.
const MAX_ZEROS: i32 = 15;
/// The smallest exponent that is printed as leading zeros.
const MIN_EXPONENT: i32 = -4;

/// Appends `number`. What is no number is `null`, and what is too large is the largest.
pub(in super::super) fn format(number: f64, out: &mut String) {
    if number.is_nan() {
        out.push_str("null");
        return;
    }
    let number = number.clamp(f64::MIN, f64::MAX);
    // `d.ddde-x`, with the fewest digits.
    let text = format!("{:e}", number.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number.is_sign_negative() {
        out.push('-');
    }
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // The place of the point, counted from before the first digit.
    let point = exponent + 1;
    if point <= MIN_EXPONENT || point > length + MAX_ZEROS {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    } else if point <= 0 {
        out.push_str("0.");
        (point..0).for_each(|_| out.push('0'));
        out.push_str(&digits);
    } else if point >= length {
        out.push_str(&digits);
        (length..point).for_each(|_| out.push('0'));
    } else {
        let point = usize::try_from(point).unwrap_or(0);
        out.push_str(&digits[..point]);
        out.push('.');
        out.push_str(&digits[point..]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_look_as_in_jq() {
        for (number, expected) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (-0.0, "-0"),
            (0.0, "0"),
            (100.0, "100"),
            (1e15, "1000000000000000"),
            (1e17, "1e+17"),
            (12345678901234567890.0, "12345678901234567000"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.00001234, "1.234e-05"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "1.7976931348623157e+308"),
            (f64::NAN, "null"),
            (22.71828182845904, "22.71828182845904"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            let mut out = String::new();
            super::format(number, &mut out);
            assert_eq!(out, expected);
        }
    }
}
