//! Functions of numbers.

use super::super::machine::{Machine, Stop, error, shown};
use super::super::value::Val;
use super::{Native, native};

pub(super) const NATIVES: &[Native] = &[
    native("abs", 0, |machine, input, _| match &input {
        Val::Num(number) => Ok(Val::Num(number.abs())),
        Val::Long(long) => Ok(long.checked_abs().map_or(Val::Null, Val::Long)),
        other => Err(error(&machine.heap, format!("{} has no absolute value", shown(other)))),
    }),
    native("infinite", 0, |_, _, _| Ok(Val::Num(f64::INFINITY))),
    native("isinfinite", 0, |machine, input, _| Ok(Val::Bool(number(machine, &input)?.is_infinite()))),
    native("isnan", 0, |machine, input, _| Ok(Val::Bool(number(machine, &input)?.is_nan()))),
    native("isnormal", 0, |machine, input, _| Ok(Val::Bool(number(machine, &input)?.is_normal()))),
    native("nan", 0, |_, _, _| Ok(Val::Num(f64::NAN))),
    native("acos", 0, |machine, input, _| unary(machine, &input, f64::acos)),
    native("acosh", 0, |machine, input, _| unary(machine, &input, f64::acosh)),
    native("asin", 0, |machine, input, _| unary(machine, &input, f64::asin)),
    native("asinh", 0, |machine, input, _| unary(machine, &input, f64::asinh)),
    native("atan", 0, |machine, input, _| unary(machine, &input, f64::atan)),
    native("atanh", 0, |machine, input, _| unary(machine, &input, f64::atanh)),
    native("cbrt", 0, |machine, input, _| unary(machine, &input, f64::cbrt)),
    native("ceil", 0, |machine, input, _| unary(machine, &input, f64::ceil)),
    native("cos", 0, |machine, input, _| unary(machine, &input, f64::cos)),
    native("cosh", 0, |machine, input, _| unary(machine, &input, f64::cosh)),
    native("exp", 0, |machine, input, _| unary(machine, &input, f64::exp)),
    native("exp10", 0, |machine, input, _| unary(machine, &input, |x| 10_f64.powf(x))),
    native("exp2", 0, |machine, input, _| unary(machine, &input, f64::exp2)),
    native("expm1", 0, |machine, input, _| unary(machine, &input, f64::exp_m1)),
    native("fabs", 0, |machine, input, _| unary(machine, &input, f64::abs)),
    native("floor", 0, |machine, input, _| unary(machine, &input, f64::floor)),
    native("log", 0, |machine, input, _| unary(machine, &input, f64::ln)),
    native("log10", 0, |machine, input, _| unary(machine, &input, f64::log10)),
    native("log1p", 0, |machine, input, _| unary(machine, &input, f64::ln_1p)),
    native("log2", 0, |machine, input, _| unary(machine, &input, f64::log2)),
    native("logb", 0, |machine, input, _| unary(machine, &input, |x| x.abs().log2().floor())),
    native("nearbyint", 0, |machine, input, _| unary(machine, &input, f64::round_ties_even)),
    native("rint", 0, |machine, input, _| unary(machine, &input, f64::round_ties_even)),
    native("round", 0, |machine, input, _| unary(machine, &input, f64::round)),
    native("significand", 0, |machine, input, _| {
        unary(machine, &input, |x| if x == 0.0 { x } else { x / x.abs().log2().floor().exp2() })
    }),
    native("sin", 0, |machine, input, _| unary(machine, &input, f64::sin)),
    native("sinh", 0, |machine, input, _| unary(machine, &input, f64::sinh)),
    native("sqrt", 0, |machine, input, _| unary(machine, &input, f64::sqrt)),
    native("tan", 0, |machine, input, _| unary(machine, &input, f64::tan)),
    native("tanh", 0, |machine, input, _| unary(machine, &input, f64::tanh)),
    native("trunc", 0, |machine, input, _| unary(machine, &input, f64::trunc)),
    native("frexp", 0, |machine, input, _| {
        let x = number(machine, &input)?;
        let exponent = if x == 0.0 || !x.is_finite() { 0.0 } else { x.abs().log2().floor() + 1.0 };
        Ok(machine.list(vec![Val::Num(x / exponent.exp2()), Val::Num(exponent)]))
    }),
    native("modf", 0, |machine, input, _| {
        let x = number(machine, &input)?;
        let fraction = if x.is_infinite() { 0.0 } else { x.fract() };
        Ok(machine.list(vec![Val::Num(fraction), Val::Num(x.trunc())]))
    }),
    native("atan2", 2, |machine, _, args| binary(machine, args, f64::atan2)),
    native("copysign", 2, |machine, _, args| binary(machine, args, f64::copysign)),
    native("fmax", 2, |machine, _, args| binary(machine, args, f64::max)),
    native("fmin", 2, |machine, _, args| binary(machine, args, f64::min)),
    native("fmod", 2, |machine, _, args| binary(machine, args, |a, b| a % b)),
    native("ldexp", 2, |machine, _, args| binary(machine, args, |a, b| a * b.exp2())),
    native("pow", 2, |machine, _, args| binary(machine, args, f64::powf)),
    native("scalb", 2, |machine, _, args| binary(machine, args, |a, b| a * b.exp2())),
    native("scalbln", 2, |machine, _, args| binary(machine, args, |a, b| a * b.exp2())),
    native("fma", 3, |machine, _, args| match args {
        [a, b, c] => Ok(Val::Num(number(machine, a)?.mul_add(number(machine, b)?, number(machine, c)?))),
        _ => Ok(Val::Null),
    }),
];

fn number(machine: &Machine<'_>, val: &Val) -> Result<f64, Stop> {
    val.number().ok_or_else(|| error(&machine.heap, format!("{} number required", shown(val))))
}

fn unary(machine: &Machine<'_>, input: &Val, compute: fn(f64) -> f64) -> Result<Val, Stop> {
    Ok(Val::Num(compute(number(machine, input)?)))
}

fn binary(machine: &Machine<'_>, args: &[Val], compute: fn(f64, f64) -> f64) -> Result<Val, Stop> {
    match args {
        [a, b] => Ok(Val::Num(compute(number(machine, a)?, number(machine, b)?))),
        _ => Ok(Val::Null),
    }
}
