//! Functions between kinds of values, and those that deal with the run itself.

use super::super::machine::{Machine, Stop, error, shown};
use super::super::value::{Unreadable, Val, read_one};
use super::{Native, native, prelude, special};

pub(super) const NATIVES: &[Native] = &[
    native("builtins", 0, |machine, _, _| {
        let natives = super::TABLES.iter().copied().flatten().map(|native| (native.name, native.arity));
        let all = natives.chain(prelude::names()).chain(special::names());
        let public = all.filter(|(name, _)| !name.starts_with('_'));
        Ok(machine.list(public.map(|(name, arity)| machine.text(format!("{name}/{arity}"))).collect()))
    }),
    native("debug", 0, |machine, input, _| {
        machine.say(&format!("[\"DEBUG:\",{}]\n", machine.json(&input)?))?;
        Ok(input)
    }),
    native("error", 0, |_, input, _| Err(Stop::Error(input))),
    native("error", 1, |_, _, args| Err(Stop::Error(args.first().cloned().unwrap_or(Val::Null)))),
    native("fromjson", 0, |machine, input, _| match &input {
        Val::Str(text) => read_one(text.as_str(), &machine.heap).map_err(|Unreadable(message)| {
            error(&machine.heap, format!("{message} (while parsing '{}')", text.as_str()))
        }),
        other => Err(error(&machine.heap, format!("{} cannot be parsed as JSON", shown(other)))),
    }),
    native("get_search_list", 0, |machine, _, _| Ok(machine.list(Vec::new()))),
    native("halt", 0, |_, _, _| Err(Stop::Halt(0))),
    native("halt_error", 0, |machine, input, _| halt(machine, &input, 5)),
    native("halt_error", 1, |machine, input, args| match args.first().and_then(Val::number) {
        #[expect(clippy::cast_possible_truncation, reason = "a status has eight bits anyway")]
        Some(status) => halt(machine, &input, status as i32),
        None => Err(error(&machine.heap, "halt_error/1: number required")),
    }),
    native("have_decnum", 0, |_, _, _| Ok(Val::Bool(false))),
    native("have_literal_numbers", 0, |_, _, _| Ok(Val::Bool(true))),
    native("input", 0, |machine, _, _| {
        let next = machine.inputs.borrow_mut().next();
        match next {
            Some(Ok(val)) => Ok(val),
            Some(Err(message)) => Err(error(&machine.heap, message)),
            None => Err(error(&machine.heap, "No more inputs")),
        }
    }),
    native("input_filename", 0, |machine, _, _| {
        Ok(machine.inputs.borrow().file().map_or(Val::Null, |name| machine.text(name)))
    }),
    native("input_line_number", 0, |machine, _, _| Ok(Val::count(machine.inputs.borrow().lines()))),
    native("not", 0, |_, input, _| Ok(Val::Bool(!input.is_true()))),
    native("stderr", 0, |machine, input, _| {
        machine.say(&machine.json(&input)?)?;
        Ok(input)
    }),
    native("tojson", 0, |machine, input, _| Ok(machine.text(machine.json(&input)?))),
    native("tonumber", 0, |machine, input, _| match &input {
        Val::Num(_) | Val::Long(_) => Ok(input),
        Val::Str(text) => match read_one(text.as_str().trim(), &machine.heap) {
            Ok(val) if val.number().is_some() => Ok(val),
            Ok(_) => Err(error(&machine.heap, format!("{} cannot be parsed as a number", shown(&input)))),
            Err(Unreadable(message)) => {
                Err(error(&machine.heap, format!("{message} (while parsing '{}')", text.as_str())))
            }
        },
        other => Err(error(&machine.heap, format!("{} cannot be parsed as a number", shown(other)))),
    }),
    native("tostring", 0, |machine, input, _| match input {
        Val::Str(_) => Ok(input),
        other => Ok(machine.text(machine.json(&other)?)),
    }),
    native("type", 0, |machine, input, _| Ok(machine.text(input.kind()))),
];

/// Ends the run; text is printed as it is, other values as JSON.
fn halt(machine: &Machine<'_>, input: &Val, status: i32) -> Result<Val, Stop> {
    match input {
        Val::Str(text) => machine.say(text.as_str())?,
        Val::Null => {}
        other => machine.say(&format!("{}\n", machine.json(other)?))?,
    }
    Err(Stop::Halt(status))
}
