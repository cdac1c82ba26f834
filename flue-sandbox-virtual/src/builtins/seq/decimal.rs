//! Decimal numbers that add up exactly.

/// Digits behind the point that are kept exactly.
const MAX_SCALE: u32 = 18;

/// A number as a command line spells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Operand {
    pub(super) value: Number,
    /// Digits behind the point; unknown for hexadecimal numbers and the like.
    pub(super) precision: Option<usize>,
    /// Characters it takes to print at this precision.
    pub(super) width: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// `digits` divided by ten to the power of `scale`.
    Exact {
        digits: i128,
        scale: u32,
    },
    Float(f64),
}

impl Number {
    pub(super) fn to_f64(self) -> f64 {
        match self {
            // Reading the digits again rounds once; dividing would round twice.
            Self::Exact { digits, scale } => format!("{digits}e-{scale}").parse().unwrap_or(f64::NAN),
            Self::Float(value) => value,
        }
    }

    /// The digits at a larger scale, if they fit.
    pub(super) fn digits_at(self, scale: u32) -> Option<i128> {
        match self {
            Self::Exact { digits, scale: own } => digits.checked_mul(10_i128.checked_pow(scale.checked_sub(own)?)?),
            Self::Float(_) => None,
        }
    }

    pub(super) fn scale(self) -> u32 {
        match self {
            Self::Exact { scale, .. } => scale,
            Self::Float(_) => 0,
        }
    }
}

/// Reads a number; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Operand> {
    let text = text.trim_start().trim_start_matches('+');
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text),
    };
    if body.starts_with(['-', '+']) {
        return None;
    }
    if let Some(operand) = plain(text, negative, body) {
        return Some(operand);
    }
    let magnitude = match body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()? as f64,
        None => body.parse().ok()?,
    };
    let value = if negative { -magnitude } else { magnitude };
    let precision = (magnitude.is_finite() && body.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
        .then(|| exponent_precision(body))
        .flatten();
    let width = match precision {
        Some(precision) => format!("{value:.precision$}").len(),
        None => text.len(),
    };
    Some(Operand { value: Number::Float(value), precision, width })
}

/// Digits with at most one point among them.
fn plain(text: &str, negative: bool, body: &str) -> Option<Operand> {
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let scale = u32::try_from(fraction.len()).ok().filter(|&scale| scale <= MAX_SCALE)?;
    let magnitude: i128 = format!("{whole}{fraction}").parse().ok()?;
    let digits = if negative { -magnitude } else { magnitude };
    // `.5` prints as `0.5`, and `5.` as `5`.
    let width = text.len() + usize::from(whole.is_empty()) - usize::from(body.ends_with('.'));
    Some(Operand { value: Number::Exact { digits, scale }, precision: Some(fraction.len()), width })
}

/// The digits behind the point once the exponent has moved it.
fn exponent_precision(body: &str) -> Option<usize> {
    let (mantissa, exponent) = body.split_once(['e', 'E'])?;
    let digits = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let precision = i64::try_from(digits).ok()? - exponent.parse::<i64>().ok()?;
    usize::try_from(precision.max(0)).ok().filter(|&precision| precision <= MAX_SCALE as usize)
}

/// `digits` at `scale`, printed with `precision` digits behind the point.
pub(super) fn print(digits: i128, scale: u32, precision: usize) -> String {
    let all = format!("{:0width$}", digits.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = all.split_at(all.len() - scale as usize);
    let sign = if digits < 0 { "-" } else { "" };
    if precision == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{:0<precision$}", &fraction[..precision.min(fraction.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        let operand = |text| parse(text).unwrap();
        assert_eq!(
            operand("1.50"),
            Operand { value: Number::Exact { digits: 150, scale: 2 }, precision: Some(2), width: 4 }
        );
        assert_eq!(operand("-.5").width, 4);
        assert_eq!(operand("5.").width, 1);
        assert_eq!(operand(" +7").value, Number::Exact { digits: 7, scale: 0 });
        assert_eq!(operand("1e3"), Operand { value: Number::Float(1000.0), precision: Some(0), width: 4 });
        assert_eq!(operand("1.25e1").precision, Some(1));
        assert_eq!(operand("0x10").value, Number::Float(16.0));
        assert_eq!(operand("inf").value, Number::Float(f64::INFINITY));
        for bad in ["", "-", "x", "1x", "--1", "1.2.3", "."] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_printed_at_a_precision() {
        assert_eq!(print(150, 2, 1), "1.5");
        assert_eq!(print(-5, 2, 2), "-0.05");
        assert_eq!(print(1000, 3, 0), "1");
        assert_eq!(print(7, 0, 0), "7");
        assert_eq!(Number::Exact { digits: 3, scale: 1 }.to_f64(), 0.3);
    }
}
