//! Functions of arrays and objects.

use std::sync::Arc;

use super::super::machine::{Machine, Stop, add, delete_paths, error, get_path, index, set_path, shown};
use super::super::value::{Fields, Val};
use super::{Native, native};

pub(super) const NATIVES: &[Native] = &[
    native("add", 0, |machine, input, _| {
        let mut sum = Val::Null;
        let items = items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?;
        for item in items {
            machine.step()?;
            sum = add(sum, item, &machine.heap)?;
        }
        Ok(sum)
    }),
    native("all", 0, |machine, input, _| {
        Ok(Val::Bool(
            items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?.iter().all(Val::is_true),
        ))
    }),
    native("any", 0, |machine, input, _| {
        Ok(Val::Bool(
            items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?.iter().any(Val::is_true),
        ))
    }),
    native("bsearch", 1, |machine, input, args| match (&input, args) {
        (Val::Arr(list), [wanted]) => Ok(match list.items().binary_search(wanted) {
            Ok(at) => Val::count(at),
            Err(at) => Val::Num(-1.0 - Val::count(at).number().unwrap_or_default()),
        }),
        _ => Err(error(&machine.heap, format!("{} cannot be searched from", shown(&input)))),
    }),
    native("contains", 1, |machine, input, args| {
        args.first().map_or(Ok(Val::Null), |part| contains(machine, &input, part).map(Val::Bool))
    }),
    native("delpaths", 1, |machine, input, args| match args {
        [Val::Arr(paths)] => delete_paths(input, paths.items().to_vec(), &machine.heap),
        _ => Err(error(&machine.heap, "Paths must be specified as an array")),
    }),
    native("flatten", 0, |machine, input, _| flatten(machine, input, f64::INFINITY)),
    native("flatten", 1, |machine, input, args| match args.first().and_then(Val::number) {
        Some(depth) if depth < 0.0 => Err(error(&machine.heap, "flatten depth must not be negative")),
        Some(depth) => flatten(machine, input, depth),
        None => Err(error(&machine.heap, "flatten depth must be a number")),
    }),
    native("from_entries", 0, from_entries),
    native("getpath", 1, |machine, input, args| match args {
        [Val::Arr(path)] => get_path(&input, path.items(), &machine.heap),
        _ => Err(error(&machine.heap, "Path must be specified as an array")),
    }),
    native("has", 1, |machine, input, args| match (&input, args) {
        (Val::Obj(map), [Val::Str(key)]) => Ok(Val::Bool(map.fields().contains_key(key.as_str()))),
        (Val::Arr(list), [key]) if key.number().is_some() => {
            let at = key.number().unwrap_or(-1.0);
            Ok(Val::Bool(at >= 0.0 && Val::Num(at) < Val::count(list.items().len())))
        }
        (_, [key]) => {
            let message = format!("Cannot check whether {} has a {} key", input.kind(), key.kind());
            Err(error(&machine.heap, message))
        }
        _ => Ok(Val::Null),
    }),
    native("keys", 0, |machine, input, _| keys(machine, &input, true)),
    native("keys_unsorted", 0, |machine, input, _| keys(machine, &input, false)),
    native("length", 0, length),
    native("max", 0, |machine, input, _| {
        let items = items(machine, input, |val| format!("{} and {} cannot be iterated over", shown(val), shown(val)))?;
        Ok(items.into_iter().max().unwrap_or(Val::Null))
    }),
    native("min", 0, |machine, input, _| {
        let items = items(machine, input, |val| format!("{} and {} cannot be iterated over", shown(val), shown(val)))?;
        Ok(items.into_iter().min().unwrap_or(Val::Null))
    }),
    native("reverse", 0, |machine, input, _| match input {
        Val::Str(text) => Ok(machine.text(text.as_str().chars().rev().collect::<String>())),
        Val::Null => Ok(machine.list(Vec::new())),
        Val::Arr(list) => {
            let mut items = list.into_items();
            items.reverse();
            Ok(machine.list(items))
        }
        other => Err(error(&machine.heap, format!("Cannot reverse {}", shown(&other)))),
    }),
    native("setpath", 2, |machine, input, args| match args {
        [Val::Arr(path), val] => set_path(input, path.items(), val.clone(), &machine.heap),
        _ => Err(error(&machine.heap, "Path must be specified as an array")),
    }),
    native("sort", 0, |machine, input, _| {
        let mut items = sortable(machine, input)?;
        items.sort();
        Ok(machine.list(items))
    }),
    native("to_entries", 0, to_entries),
    native("transpose", 0, |machine, input, _| {
        let rows = items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?;
        let mut width = 0;
        for row in &rows {
            match row {
                Val::Arr(list) => width = width.max(list.items().len()),
                other => return Err(error(&machine.heap, format!("Cannot index {} with number", other.kind()))),
            }
        }
        machine.heap.admit(width.saturating_mul(rows.len()).saturating_mul(size_of::<Val>()))?;
        let column = |at: usize| -> Result<Val, Stop> {
            let cells: Result<Vec<Val>, Stop> =
                rows.iter().map(|row| index(row, &Val::count(at), &machine.heap)).collect();
            Ok(machine.list(cells?))
        };
        Ok(machine.list((0..width).map(column).collect::<Result<_, _>>()?))
    }),
    native("unique", 0, |machine, input, _| {
        let mut items = sortable(machine, input)?;
        items.sort();
        items.dedup();
        Ok(machine.list(items))
    }),
];

/// The items of an array, or the values of an object.
fn items(machine: &Machine<'_>, val: Val, message: impl Fn(&Val) -> String) -> Result<Vec<Val>, Stop> {
    match val {
        Val::Arr(list) => Ok(list.into_items()),
        Val::Obj(map) => Ok(map.fields().values().cloned().collect()),
        other => Err(error(&machine.heap, message(&other))),
    }
}

fn sortable(machine: &Machine<'_>, val: Val) -> Result<Vec<Val>, Stop> {
    match val {
        Val::Arr(list) => Ok(list.into_items()),
        other => Err(error(&machine.heap, format!("{} cannot be sorted, as it is not an array", shown(&other)))),
    }
}

fn contains(machine: &Machine<'_>, whole: &Val, part: &Val) -> Result<bool, Stop> {
    machine.step()?;
    match (whole, part) {
        (Val::Obj(whole), Val::Obj(part)) => {
            for (key, part) in part.fields() {
                let found = match whole.fields().get(key) {
                    Some(val) => contains_or_equals(machine, val, part)?,
                    None => false,
                };
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Arr(whole), Val::Arr(part)) => {
            for part in part.items() {
                let mut found = false;
                for item in whole.items() {
                    found = found || contains_or_equals(machine, item, part)?;
                }
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Str(whole), Val::Str(part)) => Ok(whole.as_str().contains(part.as_str())),
        _ if whole.kind() == part.kind() => Ok(whole == part),
        _ => {
            let message = format!("{} and {} cannot have their containment checked", shown(whole), shown(part));
            Err(error(&machine.heap, message))
        }
    }
}

/// Within others, values of different kinds are simply different.
fn contains_or_equals(machine: &Machine<'_>, whole: &Val, part: &Val) -> Result<bool, Stop> {
    if whole.kind() == part.kind() { contains(machine, whole, part) } else { Ok(false) }
}

fn flatten(machine: &Machine<'_>, input: Val, depth: f64) -> Result<Val, Stop> {
    fn into(items: Vec<Val>, depth: f64, out: &mut Vec<Val>) {
        for item in items {
            match item {
                Val::Arr(list) if depth > 0.0 => into(list.into_items(), depth - 1.0, out),
                other => out.push(other),
            }
        }
    }
    let items = items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?;
    let mut out = Vec::new();
    into(items, depth, &mut out);
    Ok(machine.list(out))
}

fn from_entries(machine: &Machine<'_>, input: Val, _: &[Val]) -> Result<Val, Stop> {
    let entries = items(machine, input, |val| format!("Cannot iterate over {}", shown(val)))?;
    let mut fields = Fields::with_capacity(entries.len());
    for entry in entries {
        let field = |name: &str| index(&entry, &machine.text(name), &machine.heap);
        let mut key = Val::Null;
        for name in ["key", "k", "name", "Name", "K", "Key"] {
            key = field(name)?;
            if !matches!(key, Val::Null | Val::Bool(false)) {
                break;
            }
        }
        let mut val = Val::Null;
        if let Val::Obj(map) = &entry {
            let names = ["value", "v", "Value", "V"];
            val = names.iter().find_map(|name| map.fields().get(*name)).cloned().unwrap_or(Val::Null);
        }
        let key: Arc<str> = match &key {
            Val::Str(text) => text.as_str().into(),
            Val::Null => "null".into(),
            Val::Bool(_) | Val::Num(_) | Val::Long(_) => super::super::value::compact(&key).into(),
            other => return Err(error(&machine.heap, format!("Cannot use {} as object key", shown(other)))),
        };
        fields.insert(key, val);
    }
    Ok(Val::map(&machine.heap, fields))
}

fn to_entries(machine: &Machine<'_>, input: Val, _: &[Val]) -> Result<Val, Stop> {
    let entry = |key: Val, val: &Val| {
        let fields = [("key", key), ("value", val.clone())];
        Val::map(&machine.heap, fields.into_iter().map(|(name, val)| (Arc::from(name), val)).collect())
    };
    let entries = match &input {
        Val::Obj(map) => map.fields().iter().map(|(key, val)| entry(machine.text(&**key), val)).collect(),
        Val::Arr(list) => list.items().iter().enumerate().map(|(at, val)| entry(Val::count(at), val)).collect(),
        other => return Err(error(&machine.heap, format!("{} has no keys", shown(other)))),
    };
    Ok(machine.list(entries))
}

fn keys(machine: &Machine<'_>, input: &Val, sorted: bool) -> Result<Val, Stop> {
    match input {
        Val::Obj(map) => {
            let mut keys: Vec<&Arc<str>> = map.fields().keys().collect();
            if sorted {
                keys.sort_unstable();
            }
            Ok(machine.list(keys.into_iter().map(|key| machine.text(&**key)).collect()))
        }
        Val::Arr(list) => Ok(machine.list((0..list.items().len()).map(Val::count).collect())),
        other => Err(error(&machine.heap, format!("{} has no keys", shown(other)))),
    }
}

fn length(machine: &Machine<'_>, input: Val, _: &[Val]) -> Result<Val, Stop> {
    match &input {
        Val::Null => Ok(Val::Num(0.0)),
        Val::Bool(_) => Err(error(&machine.heap, format!("{} has no length", shown(&input)))),
        Val::Num(number) => Ok(Val::Num(number.abs())),
        Val::Long(long) => Ok(long.checked_abs().map_or(Val::Null, Val::Long)),
        Val::Str(text) => Ok(Val::count(text.as_str().chars().count())),
        Val::Arr(list) => Ok(Val::count(list.items().len())),
        Val::Obj(map) => Ok(Val::count(map.fields().len())),
    }
}
