//! Floating-point numbers printed as C's `printf` does.

/// Largest width and precision; C's limit is the memory.
pub(super) const MAX_WIDTH: usize = 4096;

/// One conversion, such as `%-10.3f`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) space: bool,
    pub(super) alternate: bool,
    pub(super) zero: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// One of `eEfFgG`.
    pub(super) conversion: char,
}

/// `value` as `spec` has it.
pub(super) fn print(spec: &Spec, value: f64) -> String {
    let precision = spec.precision.unwrap_or(6);
    let magnitude = value.abs();
    let mut body = if value.is_nan() {
        "nan".to_string()
    } else if value.is_infinite() {
        "inf".to_string()
    } else {
        match spec.conversion.to_ascii_lowercase() {
            'e' => exponential(magnitude, precision),
            'f' => format!("{magnitude:.precision$}"),
            _ => general(magnitude, precision.max(1), spec.alternate),
        }
    };
    if spec.alternate && value.is_finite() && !body.contains('.') {
        let point = body.find('e').unwrap_or(body.len());
        body.insert(point, '.');
    }
    if spec.conversion.is_ascii_uppercase() {
        body.make_ascii_uppercase();
    }
    let sign = match (value.is_sign_negative() && !value.is_nan(), spec.plus, spec.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let padding = spec.width.saturating_sub(sign.len() + body.len());
    if spec.minus {
        format!("{sign}{body}{:padding$}", "")
    } else if spec.zero && value.is_finite() {
        format!("{sign}{:0<padding$}{body}", "")
    } else {
        format!("{:padding$}{sign}{body}", "")
    }
}

/// `%e`: an exponent of at least two digits.
fn exponential(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(digits) => format!("{mantissa}e-{digits:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}

/// `%g`: `significant` digits, in whichever way is shorter.
fn general(magnitude: f64, significant: usize, keep_zeros: bool) -> String {
    let scientific = exponential(magnitude, significant - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent_value: i64 = exponent.parse().unwrap_or(0);
    let limit = i64::try_from(significant).unwrap_or(i64::MAX);
    if exponent_value < -4 || exponent_value >= limit {
        let mantissa = if keep_zeros { mantissa } else { trim_zeros(mantissa) };
        return format!("{mantissa}e{exponent}");
    }
    let decimals = usize::try_from(limit - 1 - exponent_value).unwrap_or(0);
    let fixed = format!("{magnitude:.decimals$}");
    if keep_zeros { fixed } else { trim_zeros(&fixed).to_string() }
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(conversion: char, precision: Option<usize>, value: f64) -> String {
        print(&Spec { precision, conversion, ..Spec::default() }, value)
    }

    #[test]
    fn conversions_are_those_of_c() {
        assert_eq!(show('f', None, 3.5), "3.500000");
        assert_eq!(show('e', Some(2), 12345.0), "1.23e+04");
        assert_eq!(show('E', Some(0), 1e-7), "1E-07");
        assert_eq!(show('g', None, 100_000.0), "100000");
        assert_eq!(show('g', None, 1_000_000.0), "1e+06");
        assert_eq!(show('g', None, 0.0001), "0.0001");
        assert_eq!(show('g', None, 0.00001234), "1.234e-05");
        assert_eq!(show('g', Some(17), 0.1), "0.10000000000000001");
        assert_eq!(show('g', None, 0.0), "0");
        assert_eq!(show('G', None, f64::NEG_INFINITY), "-INF");
    }

    #[test]
    fn flags_pad_and_sign() {
        let spec = Spec { conversion: 'g', width: 6, ..Spec::default() };
        assert_eq!(print(&spec, 1.5), "   1.5");
        assert_eq!(print(&Spec { zero: true, ..spec.clone() }, -1.5), "-001.5");
        assert_eq!(print(&Spec { minus: true, ..spec.clone() }, 1.5), "1.5   ");
        assert_eq!(print(&Spec { plus: true, ..spec.clone() }, 1.5), "  +1.5");
        assert_eq!(print(&Spec { alternate: true, ..spec }, 1.0), "1.00000");
    }
}
