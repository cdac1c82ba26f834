//! The functions of `bc -l`, by their series, with digits to spare.

use num_bigint::BigInt;

use super::number::{Fault, Number, power_of_ten};

/// Digits computed beyond those asked for, so that truncation is right.
const GUARD: usize = 12;
/// Largest argument of `e`: its result has some four thousand digits.
const MAX_EXPONENT: i64 = 10_000;

/// A fixed-point calculation: all values are multiples of `1/unit`.
struct Fixed {
    unit: BigInt,
}

impl Fixed {
    fn new(scale: usize) -> Self {
        Self { unit: power_of_ten(scale) }
    }

    fn mul(&self, a: &BigInt, b: &BigInt) -> BigInt {
        a * b / &self.unit
    }

    fn div(&self, a: &BigInt, b: &BigInt) -> BigInt {
        a * &self.unit / b
    }

    fn is_zero(value: &BigInt) -> bool {
        value.bits() == 0
    }

    /// `x - x³/3 + x⁵/5 …` for small `x`; with `sign` 1 the area tangent instead.
    fn arc_tangent_series(&self, x: &BigInt, sign: i32) -> BigInt {
        let square = self.mul(x, x) * sign;
        let (mut power, mut sum, mut odd) = (x.clone(), x.clone(), 1_u32);
        while !Self::is_zero(&power) {
            power = self.mul(&power, &square);
            odd += 2;
            sum += &power / odd;
        }
        sum
    }

    fn arc_tangent(&self, x: &BigInt) -> BigInt {
        let mut x = x.clone();
        let mut doublings = 0_u32;
        // Halving the angle until the series is quick.
        while x.magnitude() * 8_u32 > *self.unit.magnitude() {
            let hypotenuse = (&self.unit * &self.unit + &x * &x).sqrt();
            x = self.div(&x, &(&self.unit + hypotenuse));
            doublings += 1;
        }
        self.arc_tangent_series(&x, -1) << doublings
    }

    fn half_pi(&self) -> BigInt {
        self.arc_tangent(&self.unit.clone()) * 2
    }

    /// `2 artanh((x - 1)/(x + 1))`.
    fn log_near_one(&self, x: &BigInt) -> BigInt {
        let t = self.div(&(x - &self.unit), &(x + &self.unit));
        self.arc_tangent_series(&t, 1) * 2
    }

    fn sine(&self, x: &BigInt) -> BigInt {
        let square = self.mul(x, x);
        let (mut term, mut sum, mut n) = (x.clone(), x.clone(), 1_u32);
        while !Self::is_zero(&term) {
            term = -self.mul(&term, &square) / ((n + 1) * (n + 2));
            sum += &term;
            n += 2;
        }
        sum
    }
}

fn finish(value: &BigInt, from: usize, scale: usize) -> Number {
    Number { digits: value.clone(), scale: from }.rescaled(scale)
}

pub(super) fn exponential(x: &Number, scale: usize) -> Result<Number, Fault> {
    let whole = x.to_i64().filter(|whole| whole.abs() <= MAX_EXPONENT).ok_or("Exponent too large in e")?;
    // A large result has digits before the point that its error reaches.
    let working = scale + GUARD + whole.unsigned_abs() as usize / 2;
    let fixed = Fixed::new(working);
    let halvings = 8 + 64 - whole.unsigned_abs().leading_zeros();
    let x = x.rescaled(working).digits >> halvings;
    let (mut term, mut sum, mut n) = (fixed.unit.clone(), fixed.unit.clone(), 1_u32);
    while !Fixed::is_zero(&term) {
        term = fixed.mul(&term, &x) / n;
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        sum = fixed.mul(&sum, &sum);
    }
    Ok(finish(&sum, working, scale))
}

pub(super) fn logarithm(x: &Number, scale: usize) -> Number {
    if x.is_zero() || x.is_negative() {
        // What GNU bc answers: the most negative number of that scale.
        let digits = (BigInt::from(1) - power_of_ten(scale)) * power_of_ten(scale);
        return Number { digits, scale };
    }
    let working = scale.max(x.scale) + GUARD;
    let fixed = Fixed::new(working);
    let mut m = x.rescaled(working).digits;
    let mut twos = 0_i64;
    while &m * 2 > &fixed.unit * 3 {
        m >>= 1;
        twos += 1;
    }
    while &m * 4 < &fixed.unit * 3 {
        m <<= 1;
        twos -= 1;
    }
    let two = fixed.log_near_one(&(&fixed.unit * 2));
    finish(&(fixed.log_near_one(&m) + two * twos), working, scale)
}

/// The sine of `x`, or of `x + π/2`.
fn wave(x: &Number, scale: usize, quarter_turn: bool) -> Number {
    let size = x.rescaled(0).digits.to_string().len();
    let working = scale.max(x.scale) + GUARD + size;
    let fixed = Fixed::new(working);
    let half = fixed.half_pi();
    let mut angle = x.rescaled(working).digits;
    if quarter_turn {
        angle += &half;
    }
    let turn = &half * 4;
    angle %= &turn;
    finish(&fixed.sine(&angle), working, scale)
}

pub(super) fn sine(x: &Number, scale: usize) -> Number {
    wave(x, scale, false)
}

pub(super) fn cosine(x: &Number, scale: usize) -> Number {
    if x.is_zero() {
        return Number::integer(1).rescaled(scale);
    }
    wave(x, scale, true)
}

pub(super) fn arc_tangent(x: &Number, scale: usize) -> Number {
    let working = scale.max(x.scale) + GUARD;
    let fixed = Fixed::new(working);
    finish(&fixed.arc_tangent(&x.rescaled(working).digits), working, scale)
}

/// The Bessel function of integer order.
pub(super) fn bessel(order: &Number, x: &Number, scale: usize) -> Result<Number, Fault> {
    let n = order.to_i64().filter(|n| n.abs() <= MAX_EXPONENT).ok_or("Order too large in j")?;
    let size = x.to_i64().filter(|x| x.abs() <= MAX_EXPONENT).ok_or("Argument too large in j")?;
    let working = scale.max(x.scale) + GUARD + size.unsigned_abs() as usize;
    let fixed = Fixed::new(working);
    let half = x.rescaled(working).digits / 2;
    let square = fixed.mul(&half, &half);
    let order = n.unsigned_abs();
    let mut term = fixed.unit.clone();
    for k in 1..=order {
        term = fixed.mul(&term, &half) / k;
    }
    let (mut sum, mut k) = (term.clone(), 1_u64);
    while !Fixed::is_zero(&term) {
        term = -fixed.mul(&term, &square) / (k * (k + order));
        sum += &term;
        k += 1;
    }
    if n < 0 && n % 2 != 0 {
        sum = -sum;
    }
    Ok(finish(&sum, working, scale))
}
