//! The functions that programs find.

mod collections;
mod conversions;
mod formats;
mod numbers;
mod patterns;
mod prelude;
mod special;
mod texts;
mod times;

pub(super) use self::formats::format;
pub(super) use self::patterns::PatternCache;
pub(super) use self::prelude::source;
pub(super) use self::special::Special;

use super::machine::{Machine, Stop};
use super::value::Val;

/// A function of its input and of the values of its arguments.
#[derive(Debug)]
pub(super) struct Native {
    pub(super) name: &'static str,
    arity: usize,
    pub(super) run: Run,
}

type Run = for<'p> fn(&Machine<'p>, Val, &[Val]) -> Result<Val, Stop>;

const fn native(name: &'static str, arity: usize, run: Run) -> Native {
    Native { name, arity, run }
}

const TABLES: [&[Native]; 6] =
    [collections::NATIVES, conversions::NATIVES, numbers::NATIVES, patterns::NATIVES, texts::NATIVES, times::NATIVES];

/// The function of this name and arity.
pub(super) fn find(name: &str, arity: usize) -> Option<&'static Native> {
    TABLES.iter().copied().flatten().find(|native| native.name == name && native.arity == arity)
}

/// What arguments must be, in the words of an error.
fn expected(machine: &Machine<'_>, message: impl Into<String>) -> Stop {
    super::machine::error(&machine.heap, message)
}
