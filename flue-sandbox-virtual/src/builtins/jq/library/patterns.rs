//! Regular expressions.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use fancy_regex::{Captures, Regex};

use super::super::machine::{Env, Flow, Machine, Out, Stop, error, shown};
use super::super::syntax::expr::Expr;
use super::super::value::{Fields, Val};
use super::{Native, native};

pub(super) const NATIVES: &[Native] = &[native("_match", 3, |machine, input, args| match args {
    [pattern, flags, Val::Bool(test)] => {
        let search = Search::new(machine, &input, pattern, flags)?;
        if *test {
            let found = search.regex.is_match(search.text).map_err(|failure| failed(machine, &failure))?;
            return Ok(Val::Bool(found));
        }
        let found = search.all(machine)?;
        Ok(machine.list(found.iter().map(|captures| search.describe(machine, captures)).collect()))
    }
    _ => Ok(Val::Null),
})];

/// Expressions that are held ready.
const MAX_CACHED: usize = 64;
/// The largest compiled expression.
const MAX_COMPILED_BYTES: usize = 4 << 20;

/// The expressions that a run has met.
#[derive(Default)]
pub(in super::super) struct PatternCache(RefCell<HashMap<(String, String), Rc<Regex>>>);

impl PatternCache {
    fn get(&self, machine: &Machine<'_>, pattern: &str, flags: &str) -> Result<Rc<Regex>, Stop> {
        let key = (pattern.to_owned(), flags.to_owned());
        if let Some(regex) = self.0.borrow().get(&key) {
            return Ok(Rc::clone(regex));
        }
        let letters: String = "isx".chars().filter(|flag| has(flags, *flag)).collect();
        let text = if letters.is_empty() { pattern.to_owned() } else { format!("(?{letters}){pattern}") };
        let regex = fancy_regex::RegexBuilder::new(&text).delegate_size_limit(MAX_COMPILED_BYTES).build();
        let regex = Rc::new(regex.map_err(|failure| failed(machine, &failure))?);
        let mut cache = self.0.borrow_mut();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(key, Rc::clone(&regex));
        Ok(regex)
    }
}

/// Whether a flag is set; `p` stands for two.
fn has(flags: &str, flag: char) -> bool {
    flags.contains(flag) || (flag == 's' && flags.contains('p'))
}

fn failed(machine: &Machine<'_>, failure: &fancy_regex::Error) -> Stop {
    error(&machine.heap, format!("Regex failure: {failure}"))
}

struct Search<'t> {
    text: &'t str,
    regex: Rc<Regex>,
    all: bool,
    skip_empty: bool,
    /// A place in bytes and in characters, from which on others are counted.
    counted: Cell<(usize, usize)>,
}

impl<'t> Search<'t> {
    fn new(machine: &Machine<'_>, input: &'t Val, pattern: &Val, flags: &Val) -> Result<Self, Stop> {
        let Some(text) = input.str() else {
            return Err(error(&machine.heap, format!("{} cannot be matched, as it is not a string", shown(input))));
        };
        // An array holds both.
        let (pattern, flags) = match (pattern, flags) {
            (Val::Arr(both), Val::Null) => match both.items() {
                [pattern] => (pattern, &Val::Null),
                [pattern, flags, ..] => (pattern, flags),
                [] => (&Val::Null, &Val::Null),
            },
            other => other,
        };
        let Some(pattern) = pattern.str() else {
            let message = format!("{} cannot be matched, as it is not a string", shown(pattern));
            return Err(error(&machine.heap, message));
        };
        let flags = match flags {
            Val::Null => "",
            Val::Str(flags) => flags.as_str(),
            other => return Err(error(&machine.heap, format!("{} is not a string", shown(other)))),
        };
        if let Some(unknown) = flags.chars().find(|flag| !"gimnpslx".contains(*flag)) {
            return Err(error(&machine.heap, format!("{unknown} is not a valid modifier string")));
        }
        let regex = machine.patterns.get(machine, pattern, flags)?;
        let counted = Cell::new((0, 0));
        Ok(Self { text, regex, all: flags.contains('g'), skip_empty: flags.contains('n'), counted })
    }

    fn all(&self, machine: &Machine<'_>) -> Result<Vec<Captures<'t, str>>, Stop> {
        let mut found = Vec::new();
        for captures in self.regex.captures_iter(self.text) {
            machine.step()?;
            let captures = captures.map_err(|failure| failed(machine, &failure))?;
            if self.skip_empty && captures.get(0).is_some_and(|whole| whole.as_str().is_empty()) {
                continue;
            }
            found.push(captures);
            if !self.all {
                break;
            }
        }
        Ok(found)
    }

    /// A place in characters.
    fn offset(&self, at: usize) -> Val {
        let (bytes, chars) = self.counted.get();
        let (bytes, chars) = if bytes <= at { (bytes, chars) } else { (0, 0) };
        let chars = chars + self.text[bytes..at].chars().count();
        self.counted.set((at, chars));
        Val::count(chars)
    }

    /// What `match` says of a match. Places are counted in characters.
    fn describe(&self, machine: &Machine<'_>, captures: &Captures<'t, str>) -> Val {
        let part = |group: Option<fancy_regex::Match<'t>>| match group {
            Some(group) => [
                ("offset", self.offset(group.start())),
                ("length", Val::count(group.as_str().chars().count())),
                ("string", machine.text(group.as_str())),
            ],
            None => [("offset", Val::Num(-1.0)), ("string", Val::Null), ("length", Val::Num(0.0))],
        };
        let names: Vec<Option<&str>> = self.regex.capture_names().collect();
        let group = |at: usize| {
            let name = names.get(at).copied().flatten().map_or(Val::Null, |name| machine.text(name));
            object(machine, part(captures.get(at)).into_iter().chain([("name", name)]))
        };
        let groups = machine.list((1..captures.len()).map(group).collect());
        object(machine, part(captures.get(0)).into_iter().chain([("captures", groups)]))
    }
}

fn object(machine: &Machine<'_>, fields: impl Iterator<Item = (&'static str, Val)>) -> Val {
    let fields: Fields = fields.map(|(name, val)| (Arc::from(name), val)).collect();
    Val::map(&machine.heap, fields)
}

impl<'p> Machine<'p> {
    /// `sub`: each match replaced by what `replacement` makes of its named groups, once for each combination of outputs.
    pub(super) fn substitute(
        &self,
        input: &Val,
        pattern: &Val,
        flags: &Val,
        replacement: &'p Expr,
        env: &Env<'p>,
        out: Out<'_>,
    ) -> Flow {
        let search = Search::new(self, input, pattern, flags)?;
        let found = search.all(self)?;
        self.replace_from(&search, &found, 0, String::new(), replacement, env, out)
    }

    #[expect(clippy::too_many_arguments, reason = "what is searched, how far, and what to do with it")]
    fn replace_from(
        &self,
        search: &Search<'_>,
        found: &[Captures<'_, str>],
        from: usize,
        mut before: String,
        replacement: &'p Expr,
        env: &Env<'p>,
        out: Out<'_>,
    ) -> Flow {
        let mut from = from;
        for (at, captures) in found.iter().enumerate() {
            let Some(whole) = captures.get(0) else { continue };
            before.push_str(&search.text[from..whole.start()]);
            from = whole.end();
            let named = search.regex.capture_names().enumerate().filter_map(|(at, name)| Some((name?, at)));
            let fields: Fields = named
                .map(|(name, at)| {
                    let group = captures.get(at).map_or(Val::Null, |group| self.text(group.as_str()));
                    (Arc::from(name), group)
                })
                .collect();
            let groups = Val::map(&self.heap, fields);
            let text = |val: &Val| match val {
                Val::Str(text) => Ok(text.as_str().to_owned()),
                other => {
                    let before = self.text(before.as_str());
                    Err(error(&self.heap, format!("{} and {} cannot be added", shown(&before), shown(other))))
                }
            };
            if self.is_one(replacement, env) {
                let Some(val) = self.one(replacement, env, groups)? else { return Ok(()) };
                let text = text(&val)?;
                before.push_str(&text);
                self.heap.admit(before.len())?;
                continue;
            }
            return self.each(replacement, env, groups, &mut |val| {
                let before = format!("{before}{}", text(&val)?);
                self.replace_from(search, &found[at + 1..], from, before, replacement, env, out)
            });
        }
        before.push_str(&search.text[from..]);
        out(self.text(before))
    }
}
