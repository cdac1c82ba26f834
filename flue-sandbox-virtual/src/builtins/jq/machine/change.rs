//! Values with a part changed.

use std::sync::Arc;

use super::super::syntax::expr::{Expr, Math};
use super::super::value::{Heap, Val};
use super::{Env, Machine, Stop, ops};

/// What becomes of a part; nothing when it is to go.
type Change<'c> = &'c mut dyn FnMut(Val) -> Result<Option<Val>, Stop>;

/// Items that a single assignment may add to an array.
const MAX_GAP: usize = 16 << 20;

impl<'p> Machine<'p> {
    /// `lhs = value`
    pub(super) fn assign(&self, lhs: &'p Expr, env: &Env<'p>, input: Val, value: &Val) -> Result<Val, Stop> {
        let mut root = input;
        for path in self.paths(lhs, env, &root)? {
            root = set_path(root, &path, value.clone(), &self.heap)?;
        }
        Ok(root)
    }

    /// `lhs |= update`: what has no output goes.
    pub(super) fn update(&self, lhs: &'p Expr, update: &'p Expr, env: &Env<'p>, input: Val) -> Result<Val, Stop> {
        let mut root = input;
        let mut gone = Vec::new();
        for path in self.paths(lhs, env, &root)? {
            let mut is_gone = false;
            root = change(root, &path, &self.heap, &mut |part| {
                let val = self.first(update, env, part)?;
                is_gone = val.is_none();
                Ok(val)
            })?;
            if is_gone {
                gone.push(self.list(path));
            }
        }
        if gone.is_empty() { Ok(root) } else { delete_paths(root, gone, &self.heap) }
    }

    /// `lhs op= value`
    pub(super) fn update_with(
        &self,
        op: Option<Math>,
        lhs: &'p Expr,
        env: &Env<'p>,
        input: Val,
        value: &Val,
    ) -> Result<Val, Stop> {
        let mut root = input;
        for path in self.paths(lhs, env, &root)? {
            root = change(root, &path, &self.heap, &mut |part| {
                Ok(Some(match op {
                    Some(op) => ops::math(op, part, value.clone(), &self.heap)?,
                    None if part.is_true() => part,
                    None => value.clone(),
                }))
            })?;
        }
        Ok(root)
    }

    /// The first output.
    pub(in super::super) fn first(&self, expr: &'p Expr, env: &Env<'p>, input: Val) -> Result<Option<Val>, Stop> {
        if self.is_one(expr, env) {
            return self.one(expr, env, input);
        }
        let label = self.label();
        let mut first = None;
        let flow = self.each(expr, env, input, &mut |val| {
            first = Some(val);
            Err(Stop::Break(label))
        });
        Self::until(label, flow)?;
        Ok(first)
    }
}

/// The part of a value at a path; null where there is none.
pub(in super::super) fn get_path(val: &Val, path: &[Val], heap: &Arc<Heap>) -> Result<Val, Stop> {
    let mut part = val.clone();
    for key in path {
        if matches!(part, Val::Null) {
            return Ok(Val::Null);
        }
        part = ops::index(&part, key, heap)?;
    }
    Ok(part)
}

pub(in super::super) fn set_path(root: Val, path: &[Val], val: Val, heap: &Arc<Heap>) -> Result<Val, Stop> {
    let mut val = Some(val);
    change(root, path, heap, &mut |_| Ok(val.take()))
}

/// Changes the part at a path, in place where nobody else has the value. A part that is to go becomes null.
fn change(root: Val, path: &[Val], heap: &Arc<Heap>, with: Change<'_>) -> Result<Val, Stop> {
    heap.admit(0)?;
    let Some((key, rest)) = path.split_first() else { return Ok(with(root)?.unwrap_or(Val::Null)) };
    match (root, key) {
        (Val::Obj(mut map), Val::Str(name)) => {
            let part = map.take(name.as_str()).unwrap_or(Val::Null);
            let part = change(part, rest, heap, with)?;
            map.set(Arc::from(name.as_str()), part);
            Ok(Val::Obj(map))
        }
        (Val::Null, Val::Str(name)) => {
            let part = change(Val::Null, rest, heap, with)?;
            Ok(Val::map(heap, std::iter::once((Arc::from(name.as_str()), part)).collect()))
        }
        (root @ (Val::Arr(_) | Val::Null), Val::Num(_) | Val::Long(_)) => {
            let mut list = match root {
                Val::Arr(list) => list,
                _ => match Val::list(heap, Vec::new()) {
                    Val::Arr(list) => list,
                    other => return Ok(other),
                },
            };
            let length = list.items().len();
            let Some(at) = ops::place(key, length) else {
                return Err(ops::error(heap, "Out of bounds negative array index"));
            };
            if at >= length {
                let gap = at - length + 1;
                if gap > MAX_GAP {
                    return Err(ops::error(heap, "Array index too large"));
                }
                heap.admit(gap * size_of::<Val>())?;
                list.extend(std::iter::repeat_n(Val::Null, gap));
            }
            let part = list.take(at);
            let part = change(part, rest, heap, with)?;
            list.put(at, part);
            Ok(Val::Arr(list))
        }
        (root @ (Val::Arr(_) | Val::Null), Val::Obj(range)) => {
            let end = |name: &str| range.fields().get(name).cloned().unwrap_or(Val::Null);
            let items = match root {
                Val::Arr(list) => list.into_items(),
                _ => Vec::new(),
            };
            let (from, to) = ops::ends(&end("start"), &end("end"), items.len(), heap)?;
            let part = Val::list(heap, items[from..to].to_vec());
            let Val::Arr(part) = change(part, rest, heap, with)? else {
                return Err(ops::error(heap, "A slice of an array can only be assigned another array"));
            };
            let mut items = items;
            items.splice(from..to, part.into_items());
            Ok(Val::list(heap, items))
        }
        (root, Val::Obj(_)) => Err(ops::error(heap, format!("Cannot update field at object index of {}", root.kind()))),
        (root, Val::Str(name)) => {
            Err(ops::error(heap, format!("Cannot index {} with string \"{}\"", root.kind(), name.as_str())))
        }
        (Val::Arr(_), Val::Arr(_)) => Err(ops::error(heap, "Cannot update field at array index of array")),
        (root, key) => Err(ops::error(heap, format!("Cannot index {} with {}", root.kind(), key.kind()))),
    }
}

/// Removes the parts at some paths, the last first.
pub(in super::super) fn delete_paths(root: Val, mut paths: Vec<Val>, heap: &Arc<Heap>) -> Result<Val, Stop> {
    paths.sort_unstable();
    paths.into_iter().rev().try_fold(root, |root, path| match path {
        Val::Arr(path) => delete(root, path.items(), heap),
        _ => Err(ops::error(heap, "Path must be specified as an array")),
    })
}

fn delete(root: Val, path: &[Val], heap: &Arc<Heap>) -> Result<Val, Stop> {
    let Some((key, rest)) = path.split_first() else { return Ok(Val::Null) };
    if matches!(root, Val::Null) {
        return Ok(Val::Null);
    }
    if !rest.is_empty() {
        // What is not there has no parts.
        if matches!(ops::index(&root, key, heap)?, Val::Null) {
            return Ok(root);
        }
        return change(root, std::slice::from_ref(key), heap, &mut |part| delete(part, rest, heap).map(Some));
    }
    match (root, key) {
        (Val::Obj(mut map), Val::Str(name)) => {
            if map.fields().contains_key(name.as_str()) {
                map.remove(name.as_str());
            }
            Ok(Val::Obj(map))
        }
        (Val::Arr(mut list), Val::Num(_) | Val::Long(_)) => {
            if let Some(at) = ops::place(key, list.items().len()).filter(|at| *at < list.items().len()) {
                list.remove(at..at + 1);
            }
            Ok(Val::Arr(list))
        }
        (Val::Arr(mut list), Val::Obj(range)) => {
            let end = |name: &str| range.fields().get(name).cloned().unwrap_or(Val::Null);
            let (from, to) = ops::ends(&end("start"), &end("end"), list.items().len(), heap)?;
            list.remove(from..to);
            Ok(Val::Arr(list))
        }
        (root @ (Val::Obj(_) | Val::Arr(_)), key) => {
            Err(ops::error(heap, format!("Cannot delete {} element of {}", key.kind(), root.kind())))
        }
        (root, key) => Err(ops::error(heap, format!("Cannot delete field at {} index of {}", key.kind(), root.kind()))),
    }
}
