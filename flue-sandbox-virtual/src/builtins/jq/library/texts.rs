//! Functions of strings.

use super::super::machine::{Machine, Stop, error, indices, shown, split};
use super::super::value::{Val, compact};
use super::{Native, expected, native};

pub(super) const NATIVES: &[Native] = &[
    native("ascii_downcase", 0, |machine, input, _| {
        let text = input.str().ok_or_else(|| expected(machine, "ascii_downcase input must be a string"))?;
        Ok(machine.text(text.to_ascii_lowercase()))
    }),
    native("ascii_upcase", 0, |machine, input, _| {
        let text = input.str().ok_or_else(|| expected(machine, "ascii_upcase input must be a string"))?;
        Ok(machine.text(text.to_ascii_uppercase()))
    }),
    native("endswith", 1, |machine, input, args| match (input.str(), args.first().and_then(Val::str)) {
        (Some(text), Some(end)) => Ok(Val::Bool(text.ends_with(end))),
        _ => Err(expected(machine, "endswith() requires string inputs")),
    }),
    native("explode", 0, |machine, input, _| {
        let text = input.str().ok_or_else(|| expected(machine, "explode input must be a string"))?;
        machine.heap.admit(text.len() * size_of::<Val>())?;
        Ok(machine.list(text.chars().map(|c| Val::Num(f64::from(u32::from(c)))).collect()))
    }),
    native("implode", 0, |machine, input, _| {
        let Val::Arr(list) = &input else { return Err(expected(machine, "implode input must be an array")) };
        let mut text = String::new();
        for item in list.items() {
            let code = item.number().ok_or_else(|| expected(machine, "Unicode codepoint must be numeric"))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is none is replaced")]
            let c = char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER);
            text.push(c);
        }
        Ok(machine.text(text))
    }),
    native("index", 1, |machine, input, args| edge(machine, &input, args, <[Val]>::first)),
    native("indices", 1, |machine, input, args| all_indices(machine, &input, args)),
    native("rindex", 1, |machine, input, args| edge(machine, &input, args, <[Val]>::last)),
    native("join", 1, join),
    native("ltrimstr", 1, |machine, input, args| {
        let rest = args.first().and_then(Val::str).and_then(|start| input.str()?.strip_prefix(start));
        Ok(rest.map(|rest| machine.text(rest)).unwrap_or(input))
    }),
    native("rtrimstr", 1, |machine, input, args| {
        let rest = args.first().and_then(Val::str).and_then(|end| input.str()?.strip_suffix(end));
        Ok(rest.map(|rest| machine.text(rest)).unwrap_or(input))
    }),
    native("trimstr", 1, |machine, input, args| {
        let (Some(text), Some(end)) = (input.str(), args.first().and_then(Val::str)) else { return Ok(input) };
        let text = text.strip_prefix(end).unwrap_or(text);
        Ok(machine.text(text.strip_suffix(end).unwrap_or(text)))
    }),
    native("split", 1, |machine, input, args| match (input.str(), args.first().and_then(Val::str)) {
        (Some(text), Some(separator)) => split(text, separator, &machine.heap),
        _ => Err(expected(machine, "split input and separator must be strings")),
    }),
    native("startswith", 1, |machine, input, args| match (input.str(), args.first().and_then(Val::str)) {
        (Some(text), Some(start)) => Ok(Val::Bool(text.starts_with(start))),
        _ => Err(expected(machine, "startswith() requires string inputs")),
    }),
    native("trim", 0, |machine, input, _| trimmed(machine, &input, str::trim)),
    native("ltrim", 0, |machine, input, _| trimmed(machine, &input, str::trim_start)),
    native("rtrim", 0, |machine, input, _| trimmed(machine, &input, str::trim_end)),
    native("utf8bytelength", 0, |machine, input, _| match input.str() {
        Some(text) => Ok(Val::count(text.len())),
        None => Err(expected(machine, format!("{} only strings have UTF-8 byte length", shown(&input)))),
    }),
];

fn trimmed(machine: &Machine<'_>, input: &Val, trim: fn(&str) -> &str) -> Result<Val, Stop> {
    let text = input.str().ok_or_else(|| error(&machine.heap, format!("{} cannot be trimmed", shown(input))))?;
    Ok(machine.text(trim(text)))
}

/// All places of a part, counted in bytes as `jq` does it.
fn all_indices(machine: &Machine<'_>, input: &Val, args: &[Val]) -> Result<Val, Stop> {
    match (input, args) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Str(text), [Val::Str(part)]) => {
            let (text, part) = (text.as_str(), part.as_str());
            let mut found = Vec::new();
            let mut from = 0;
            // Places may overlap.
            while let Some(at) = text.get(from..).filter(|_| !part.is_empty()).and_then(|rest| rest.find(part)) {
                found.push(Val::count(from + at));
                from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
            }
            Ok(machine.list(found))
        }
        (Val::Arr(list), [Val::Arr(part)]) => Ok(indices(list.items(), part.items(), &machine.heap)),
        (Val::Arr(list), [item]) => Ok(indices(list.items(), std::slice::from_ref(item), &machine.heap)),
        (_, [key]) => super::super::machine::index(input, key, &machine.heap),
        _ => Ok(Val::Null),
    }
}

fn edge(
    machine: &Machine<'_>,
    input: &Val,
    args: &[Val],
    pick: for<'v> fn(&'v [Val]) -> Option<&'v Val>,
) -> Result<Val, Stop> {
    Ok(match all_indices(machine, input, args)? {
        Val::Arr(found) => pick(found.items()).cloned().unwrap_or(Val::Null),
        other => other,
    })
}

fn join(machine: &Machine<'_>, input: Val, args: &[Val]) -> Result<Val, Stop> {
    let Val::Arr(list) = &input else {
        return Err(error(&machine.heap, format!("Cannot iterate over {}", shown(&input))));
    };
    let separator = args.first().unwrap_or(&Val::Null);
    let mut text = String::new();
    for (at, item) in list.items().iter().enumerate() {
        if at > 0 {
            match separator {
                Val::Str(separator) => text.push_str(separator.as_str()),
                Val::Null => {}
                other => {
                    let before = machine.text(text);
                    let message = format!("{} and {} cannot be added", shown(&before), shown(other));
                    return Err(error(&machine.heap, message));
                }
            }
        }
        match item {
            Val::Null => {}
            Val::Str(item) => text.push_str(item.as_str()),
            Val::Bool(_) | Val::Num(_) | Val::Long(_) => text.push_str(&compact(item)),
            other => {
                let before = machine.text(text);
                let message = format!("{} and {} cannot be added", shown(&before), shown(other));
                return Err(error(&machine.heap, message));
            }
        }
        machine.heap.admit(text.len())?;
    }
    Ok(machine.text(text))
}
