//! What operators do to values.

use std::sync::Arc;

use super::super::syntax::expr::{Compare, Math};
use super::super::value::{Heap, Layout, Val, Writer};
use super::Stop;

/// Bytes of a value that an error shows, the dots at its end among them.
const SHOWN_BYTES: usize = 14;

/// An error with a message.
pub(in super::super) fn error(heap: &Arc<Heap>, message: impl Into<String>) -> Stop {
    Stop::Error(Val::text(heap, message))
}

/// A value as errors show it: its kind, and how it begins.
pub(in super::super) fn shown(val: &Val) -> String {
    format!("{} ({})", val.kind(), beginning(val))
}

/// How a value begins.
pub(in super::super) fn beginning(val: &Val) -> String {
    let mut text = String::new();
    let writer = Writer { layout: Layout::Compact, sort: false, ascii: false, limit: SHOWN_BYTES };
    // A longer text is cut below.
    let _ = writer.write(val, &mut text);
    if text.len() <= SHOWN_BYTES {
        return text;
    }
    let mut end = SHOWN_BYTES - 3;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text + "..."
}

pub(super) fn math(op: Math, left: Val, right: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match op {
        Math::Add => add(left, right, heap),
        Math::Subtract => subtract(left, right, heap),
        Math::Multiply => multiply(left, right, heap),
        Math::Divide => divide(left, right, heap),
        Math::Remainder => remainder(&left, &right, heap),
    }
}

fn cannot(left: &Val, right: &Val, what: &str, heap: &Arc<Heap>) -> Stop {
    error(heap, format!("{} and {} cannot be {what}", shown(left), shown(right)))
}

pub(in super::super) fn add(left: Val, right: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match (left, right) {
        (Val::Null, other) | (other, Val::Null) => Ok(other),
        (Val::Str(mut left), Val::Str(right)) => {
            heap.admit(right.as_str().len())?;
            left.push(right.as_str());
            Ok(Val::Str(left))
        }
        (Val::Arr(mut left), Val::Arr(right)) => {
            heap.admit(size_of_val(right.items()))?;
            left.extend(right.into_items());
            Ok(Val::Arr(left))
        }
        (Val::Obj(mut left), Val::Obj(right)) => {
            for (key, val) in right.into_fields() {
                left.set(key, val);
            }
            Ok(Val::Obj(left))
        }
        (left, right) => match (left.number(), right.number()) {
            (Some(a), Some(b)) => Ok(Val::Num(a + b)),
            _ => Err(cannot(&left, &right, "added", heap)),
        },
    }
}

fn subtract(left: Val, right: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match (left, right) {
        (Val::Arr(mut left), Val::Arr(right)) => {
            left.retain(|item| !right.items().contains(item));
            Ok(Val::Arr(left))
        }
        (left, right) => match (left.number(), right.number()) {
            (Some(a), Some(b)) => Ok(Val::Num(a - b)),
            _ => Err(cannot(&left, &right, "subtracted", heap)),
        },
    }
}

fn multiply(left: Val, right: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    if let (Some(a), Some(b)) = (left.number(), right.number()) {
        return Ok(Val::Num(a * b));
    }
    match (left, right) {
        (Val::Str(text), number) | (number, Val::Str(text)) if number.number().is_some() => {
            let times = number.number().unwrap_or_default().ceil();
            // Nothing that is no number is more than zero.
            if times.is_nan() || times <= 0.0 {
                return Ok(Val::Null);
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and large is refused"
            )]
            let times = times as usize;
            heap.admit(text.as_str().len().saturating_mul(times))?;
            Ok(Val::text(heap, text.as_str().repeat(times)))
        }
        (Val::Obj(left), Val::Obj(right)) => Ok(merge(Val::Obj(left), Val::Obj(right))),
        (left, right) => Err(cannot(&left, &right, "multiplied", heap)),
    }
}

/// Objects are merged, field by field; of all else the right one counts.
fn merge(left: Val, right: Val) -> Val {
    match (left, right) {
        (Val::Obj(mut left), Val::Obj(right)) => {
            for (key, val) in right.into_fields() {
                let val = match left.take(&key) {
                    Some(before) => merge(before, val),
                    None => val,
                };
                left.set(key, val);
            }
            Val::Obj(left)
        }
        (_, right) => right,
    }
}

fn divide(left: Val, right: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match (left.number(), right.number()) {
        (Some(_), Some(0.0)) => Err(cannot(&left, &right, "divided because the divisor is zero", heap)),
        (Some(a), Some(b)) => Ok(Val::Num(a / b)),
        _ => match (&left, &right) {
            (Val::Str(text), Val::Str(separator)) => split(text.as_str(), separator.as_str(), heap),
            _ => Err(cannot(&left, &right, "divided", heap)),
        },
    }
}

/// The parts of a text between separators; without one, its characters.
pub(in super::super) fn split(text: &str, separator: &str, heap: &Arc<Heap>) -> Result<Val, Stop> {
    heap.admit(text.len())?;
    let parts = match (text, separator) {
        ("", _) => Vec::new(),
        (_, "") => text.chars().map(|c| Val::text(heap, c)).collect(),
        _ => text.split(separator).map(|part| Val::text(heap, part)).collect(),
    };
    Ok(Val::list(heap, parts))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the remainder is one of integers")]
fn remainder(left: &Val, right: &Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    let (Some(a), Some(b)) = (left.number(), right.number()) else {
        return Err(cannot(left, right, "divided (remainder)", heap));
    };
    if a.is_nan() || b.is_nan() {
        return Ok(Val::Num(f64::NAN));
    }
    match (a as i64).checked_rem((b as i64).saturating_abs()) {
        Some(rest) => Ok(Val::Num(rest as f64)),
        None => Err(cannot(left, right, "divided (remainder) because the divisor is zero", heap)),
    }
}

pub(super) fn compare(op: Compare, left: &Val, right: &Val) -> bool {
    let nan = |val: &Val| val.number().is_some_and(f64::is_nan);
    let order = if nan(left) { std::cmp::Ordering::Less } else { left.cmp(right) };
    match op {
        Compare::Equal => order.is_eq(),
        Compare::Unequal => order.is_ne(),
        Compare::Less => order.is_lt(),
        Compare::LessOrEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterOrEqual => order.is_ge(),
    }
}

/// `val[key]`.
pub(in super::super) fn index(val: &Val, key: &Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match (val, key) {
        (Val::Obj(map), Val::Str(key)) => Ok(map.fields().get(key.as_str()).cloned().unwrap_or(Val::Null)),
        (Val::Arr(list), Val::Num(_) | Val::Long(_)) => {
            Ok(place(key, list.items().len()).and_then(|at| list.items().get(at).cloned()).unwrap_or(Val::Null))
        }
        (Val::Null, Val::Str(_) | Val::Num(_) | Val::Long(_) | Val::Null) => Ok(Val::Null),
        (Val::Arr(_) | Val::Null | Val::Str(_), Val::Obj(ends)) => {
            let end = |name: &str| ends.fields().get(name).cloned().unwrap_or(Val::Null);
            slice(val, &end("start"), &end("end"), heap)
        }
        (Val::Arr(list), Val::Arr(part)) => Ok(indices(list.items(), part.items(), heap)),
        (_, Val::Str(key)) => Err(error(heap, format!("Cannot index {} with string \"{}\"", val.kind(), key.as_str()))),
        _ => Err(error(heap, format!("Cannot index {} with {}", val.kind(), key.kind()))),
    }
}

/// Where a part begins in a list.
pub(in super::super) fn indices(items: &[Val], part: &[Val], heap: &Arc<Heap>) -> Val {
    let found = if part.is_empty() {
        Vec::new()
    } else {
        let starts = items.windows(part.len()).enumerate().filter(|(_, window)| *window == part);
        starts.map(|(at, _)| Val::count(at)).collect()
    };
    Val::list(heap, found)
}

/// The item that a number means; a negative one counts from the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "out of range is none"
)]
pub(super) fn place(key: &Val, length: usize) -> Option<usize> {
    let at = key.number()?.floor();
    let at = if at < 0.0 { at + length as f64 } else { at };
    (at >= 0.0).then_some(at as usize)
}

/// `val[from:to]`.
pub(in super::super) fn slice(val: &Val, from: &Val, to: &Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    match val {
        Val::Null => Ok(Val::Null),
        Val::Arr(list) => {
            let (from, to) = ends(from, to, list.items().len(), heap)?;
            Ok(Val::list(heap, list.items()[from..to].to_vec()))
        }
        Val::Str(text) => {
            let text = text.as_str();
            let (from, to) = ends(from, to, text.chars().count(), heap)?;
            let at = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
            Ok(Val::text(heap, &text[at(from)..at(to)]))
        }
        _ => Err(error(heap, format!("Cannot index {} with object", val.kind()))),
    }
}

/// Where a slice begins and ends.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped before"
)]
pub(super) fn ends(from: &Val, to: &Val, length: usize, heap: &Arc<Heap>) -> Result<(usize, usize), Stop> {
    let end = |val: &Val, default: f64| match val {
        Val::Null => Ok(default),
        val => match val.number() {
            Some(number) if number.is_nan() => Ok(default),
            Some(number) if number < 0.0 => Ok(number + length as f64),
            Some(number) => Ok(number),
            None => Err(error(heap, "Start and end indices of an array slice must be numbers")),
        },
    };
    let from = end(from, 0.0)?.floor().clamp(0.0, length as f64) as usize;
    let to = end(to, length as f64)?.ceil().clamp(0.0, length as f64) as usize;
    Ok((from, to.max(from)))
}
