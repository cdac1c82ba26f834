//! JSON as providers need it: written piece by piece so that pieces can be kept, read with tolerance.

mod lenient;
mod tolerant;
mod write;

pub use self::lenient::{Count, Str, repair};
pub use self::tolerant::{List, Number, Record, is_error, text_of};
pub use self::write::{Array, Object, escape};
