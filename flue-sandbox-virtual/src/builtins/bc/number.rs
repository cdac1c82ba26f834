//! Decimal numbers as `bc` has them: digits and a scale, always truncated.

use num_bigint::{BigInt, Sign};

/// Digits beyond which a result is refused: they take memory and time alone.
const MAX_DIGITS: usize = 200_000;
/// Decimal digits of one bit, as a fraction.
const DIGITS_PER_BIT: (u64, u64) = (30_103, 100_000);

/// `digits / 10^scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) digits: BigInt,
    pub(super) scale: usize,
}

/// Why a calculation has no result.
pub(super) type Fault = &'static str;

const TOO_LARGE: Fault = "Number too large";

impl Number {
    pub(super) fn integer(value: i64) -> Self {
        Self { digits: BigInt::from(value), scale: 0 }
    }

    pub(super) fn truth(value: bool) -> Self {
        Self::integer(i64::from(value))
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.sign() == Sign::NoSign
    }

    pub(super) fn is_negative(&self) -> bool {
        self.digits.sign() == Sign::Minus
    }

    /// The same number with another scale, truncated if it is smaller.
    pub(super) fn rescaled(&self, scale: usize) -> Self {
        let digits = if scale >= self.scale {
            &self.digits * power_of_ten(scale - self.scale)
        } else {
            &self.digits / power_of_ten(self.scale - scale)
        };
        Self { digits, scale }
    }

    /// The integer part, if it fits.
    pub(super) fn to_i64(&self) -> Option<i64> {
        i64::try_from(self.rescaled(0).digits).ok()
    }

    pub(super) fn negated(&self) -> Self {
        Self { digits: -&self.digits, scale: self.scale }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self { digits: self.rescaled(scale).digits + other.rescaled(scale).digits, scale }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub(super) fn times(&self, other: &Self, scale: usize) -> Result<Self, Fault> {
        check_size(self.length() + other.length())?;
        let full = self.scale + other.scale;
        let product = Self { digits: &self.digits * &other.digits, scale: full };
        Ok(product.rescaled(full.min(scale.max(self.scale).max(other.scale))))
    }

    pub(super) fn over(&self, other: &Self, scale: usize) -> Result<Self, Fault> {
        if other.is_zero() {
            return Err("Divide by zero");
        }
        check_size(self.length() + scale + other.scale)?;
        let dividend = &self.digits * power_of_ten(scale + other.scale);
        Ok(Self { digits: dividend / (&other.digits * power_of_ten(self.scale)), scale })
    }

    pub(super) fn modulo(&self, other: &Self, scale: usize) -> Result<Self, Fault> {
        let quotient = self.over(other, scale)?;
        let full = quotient.scale + other.scale;
        let product = Self { digits: &quotient.digits * &other.digits, scale: full };
        let result_scale = self.scale.max(scale + other.scale);
        Ok(self.minus(&product).rescaled(result_scale))
    }

    pub(super) fn power(&self, exponent: &Self, scale: usize) -> Result<Self, Fault> {
        let count = exponent.to_i64().ok_or("Exponent too large in raise")?;
        let steps = u32::try_from(count.unsigned_abs()).map_err(|_| "Exponent too large in raise")?;
        check_size(self.length().max(1).saturating_mul(steps as usize))?;
        let full = self.scale * steps as usize;
        let power = Self { digits: self.digits.pow(steps), scale: full };
        if count < 0 {
            return Self::integer(1).over(&power, scale);
        }
        Ok(power.rescaled(full.min(scale.max(self.scale))))
    }

    pub(super) fn square_root(&self, scale: usize) -> Result<Self, Fault> {
        if self.is_negative() {
            return Err("Square root of a negative number");
        }
        let scale = scale.max(self.scale);
        check_size(self.length() + 2 * scale)?;
        Ok(Self { digits: self.rescaled(2 * scale).digits.sqrt(), scale })
    }

    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let scale = self.scale.max(other.scale);
        self.rescaled(scale).digits.cmp(&other.rescaled(scale).digits)
    }

    /// Significant digits, about.
    fn length(&self) -> usize {
        let digits = self.digits.bits() * DIGITS_PER_BIT.0 / DIGITS_PER_BIT.1 + 1;
        usize::try_from(digits).unwrap_or(usize::MAX).max(self.scale)
    }

    /// What `length()` says: digits without leading zeros.
    pub(super) fn digit_count(&self) -> usize {
        let text = self.digits.magnitude().to_string();
        if self.is_zero() { self.scale.max(1) } else { text.len().max(self.scale) }
    }

    /// Reads digits in a base; a lone digit may exceed it, others are capped.
    pub(super) fn parse(text: &str, base: u32) -> Self {
        let value = |c: char| c.to_digit(16).unwrap_or(0);
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let lone = whole.len() + fraction.len() == 1;
        let capped = |c: char| BigInt::from(if lone { value(c) } else { value(c).min(base - 1) });
        let join = |digits: &str| {
            // Halves keep the cost of long numbers down when the base is ten.
            if base == 10 && digits.bytes().all(|b| b.is_ascii_digit()) {
                return digits.parse().unwrap_or_default();
            }
            digits.chars().fold(BigInt::default(), |sum, c| sum * base + capped(c))
        };
        let whole = Self { digits: join(whole), scale: 0 };
        if fraction.is_empty() {
            return whole;
        }
        let numerator = join(fraction) * power_of_ten(fraction.len());
        let denominator = BigInt::from(base).pow(fraction.len() as u32);
        whole.plus(&Self { digits: numerator / denominator, scale: fraction.len() })
    }

    /// The number in a base, as `bc` prints it: no zero before the point.
    pub(super) fn show(&self, base: u32) -> String {
        if self.is_zero() {
            return "0".into();
        }
        let sign = if self.is_negative() { "-" } else { "" };
        let unit = power_of_ten(self.scale);
        let magnitude = BigInt::from(self.digits.magnitude().clone());
        let (whole, mut fraction) = (&magnitude / &unit, &magnitude % &unit);
        if base == 10 {
            let whole = if whole.sign() == Sign::NoSign { String::new() } else { whole.to_string() };
            if self.scale == 0 {
                return format!("{sign}{whole}");
            }
            return format!("{sign}{whole}.{fraction:0>width$}", fraction = fraction.to_string(), width = self.scale);
        }
        let mut text = sign.to_string();
        if whole.sign() != Sign::NoSign {
            let (_, digits) = whole.to_radix_be(base.min(256));
            if base <= 256 {
                digits.iter().for_each(|digit| push_digit(&mut text, u32::from(*digit), base));
            } else {
                large_base_digits(&whole, base).into_iter().for_each(|digit| push_digit(&mut text, digit, base));
            }
        }
        if self.scale > 0 {
            text.push('.');
            // As many digits as tell apart what the decimal ones do.
            let mut reached = BigInt::from(1);
            while reached < unit {
                fraction *= base;
                let digit = &fraction / &unit;
                fraction %= &unit;
                push_digit(&mut text, u32::try_from(digit).unwrap_or(0), base);
                reached *= base;
            }
        }
        text
    }
}

/// One digit: a letter up to base sixteen, a decimal group above.
fn push_digit(text: &mut String, digit: u32, base: u32) {
    if base <= 16 {
        text.extend(char::from_digit(digit, 16).map(|c| c.to_ascii_uppercase()));
    } else {
        let width = (base - 1).to_string().len();
        text.push_str(&format!(" {digit:0>width$}"));
    }
}

fn large_base_digits(whole: &BigInt, base: u32) -> Vec<u32> {
    let mut digits = Vec::new();
    let mut rest = whole.clone();
    while rest.sign() != Sign::NoSign {
        digits.push(u32::try_from(&rest % base).unwrap_or(0));
        rest /= base;
    }
    digits.reverse();
    digits
}

pub(super) fn power_of_ten(exponent: usize) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}

fn check_size(digits: usize) -> Result<(), Fault> {
    if digits > MAX_DIGITS { Err(TOO_LARGE) } else { Ok(()) }
}
