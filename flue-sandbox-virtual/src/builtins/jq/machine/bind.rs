//! Variables, and what goes through values with them.

use super::super::syntax::expr::{Expr, Pattern, Patterns};
use super::super::value::Val;
use super::one::One;
use super::{Env, Flow, Machine, Out, Place, Stop, ops};

/// Who waits for environments.
type Bound<'b, 'p> = &'b mut dyn FnMut(&Env<'p>) -> Flow;

impl<'p> Machine<'p> {
    /// The environment of a body whose pattern is one variable. The outer `None` is for other patterns, the inner for a
    /// source without output.
    pub(super) fn bound_simply(
        &self,
        patterns: &Patterns,
        source: &'p Expr,
        env: &Env<'p>,
        input: &Val,
    ) -> Result<Option<Option<Env<'p>>>, Stop> {
        if !matches!(patterns.all.as_slice(), [Pattern::Var]) {
            return Ok(None);
        }
        let val = self.one(source, env, input.clone())?;
        Ok(Some(val.map(|val| env.with(Place::Var(val), &self.heap))))
    }

    /// Runs `body` with the variables of the first pattern that neither fails nor makes the body fail.
    pub(super) fn bind(
        &self,
        patterns: &'p Patterns,
        val: Val,
        env: &Env<'p>,
        input: Val,
        body: &'p Expr,
        out: Out<'_>,
    ) -> Flow {
        if let [pattern] = patterns.all.as_slice() {
            return self.destructure(pattern, val, env, &mut |env| self.each(body, env, input.clone(), out));
        }
        let last = patterns.all.len() - 1;
        for (at, pattern) in patterns.all.iter().enumerate() {
            let mut run = |out: Out<'_>| {
                self.destructure(pattern, val.clone(), env, &mut |found| {
                    let inner = self.all_places(patterns, at, found, env);
                    self.each(body, &inner, input.clone(), out)
                })
            };
            if at == last {
                return run(out);
            }
            if self.attempt(out, &mut run)?.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The variables of all patterns; those that this one does not bind are null.
    fn all_places(&self, patterns: &Patterns, at: usize, found: &Env<'p>, env: &Env<'p>) -> Env<'p> {
        let bound = count(&patterns.all[at]);
        patterns.places.iter().fold(env.clone(), |inner, places| {
            let val = places[at].map_or(Val::Null, |place| self.var(bound - 1 - place, found));
            inner.with(Place::Var(val), &self.heap)
        })
    }

    /// Binds the variables of a pattern, once for each combination of what its keys come to.
    pub(super) fn destructure(&self, pattern: &'p Pattern, val: Val, env: &Env<'p>, then: Bound<'_, 'p>) -> Flow {
        match pattern {
            Pattern::Var => then(&env.with(Place::Var(val), &self.heap)),
            Pattern::Array(items) => {
                if !matches!(val, Val::Arr(_) | Val::Null) {
                    return Err(ops::error(&self.heap, format!("Cannot index {} with number", val.kind())));
                }
                self.destructure_items(items, 0, &val, env, then)
            }
            Pattern::Object(_) => self.destructure_entries(pattern, 0, &val, env, then),
        }
    }

    fn destructure_items(
        &self,
        items: &'p [Pattern],
        at: usize,
        val: &Val,
        env: &Env<'p>,
        then: Bound<'_, 'p>,
    ) -> Flow {
        let Some(item) = items.get(at) else { return then(env) };
        let part = ops::index(val, &Val::count(at), &self.heap)?;
        self.destructure(item, part, env, &mut |env| self.destructure_items(items, at + 1, val, env, then))
    }

    fn destructure_entries(
        &self,
        pattern: &'p Pattern,
        at: usize,
        val: &Val,
        env: &Env<'p>,
        then: Bound<'_, 'p>,
    ) -> Flow {
        let Pattern::Object(entries) = pattern else { return then(env) };
        let Some(entry) = entries.get(at) else { return then(env) };
        self.each(&entry.key, env, val.clone(), &mut |key| {
            if key.str().is_none() {
                let message = format!("Cannot index {} with {}", val.kind(), key.kind());
                return Err(ops::error(&self.heap, message));
            }
            let part = ops::index(val, &key, &self.heap)?;
            let env = if entry.bind { env.with(Place::Var(part.clone()), &self.heap) } else { env.clone() };
            match &entry.pattern {
                Some(inner) => self.destructure(inner, part, &env, &mut |env| {
                    self.destructure_entries(pattern, at + 1, val, env, then)
                }),
                None => self.destructure_entries(pattern, at + 1, val, &env, then),
            }
        })
    }

    /// `reduce`: the last state.
    pub(super) fn reduce(
        &self,
        source: &'p Expr,
        pattern: &'p Pattern,
        init: &'p Expr,
        update: &'p Expr,
        env: &Env<'p>,
        input: Val,
    ) -> One {
        let mut result = None;
        self.each(init, env, input.clone(), &mut |state| {
            let mut state = state;
            self.each(source, env, input.clone(), &mut |val| {
                self.destructure(pattern, val, env, &mut |env| {
                    // Taken, so that it can be changed in place; an update without output leaves null.
                    let before = std::mem::replace(&mut state, Val::Null);
                    if self.is_one(update, env) {
                        state = self.one(update, env, before)?.unwrap_or(Val::Null);
                        return Ok(());
                    }
                    self.each(update, env, before, &mut |val| {
                        state = val;
                        Ok(())
                    })
                })
            })?;
            result = Some(state);
            Ok(())
        })?;
        Ok(result)
    }

    /// `foreach`: what is made of each state.
    #[expect(clippy::too_many_arguments, reason = "the parts of the expression, and where it runs")]
    pub(super) fn foreach(
        &self,
        source: &'p Expr,
        pattern: &'p Pattern,
        init: &'p Expr,
        update: &'p Expr,
        extract: Option<&'p Expr>,
        env: &Env<'p>,
        input: Val,
        out: Out<'_>,
    ) -> Flow {
        self.each(init, env, input.clone(), &mut |state| {
            let mut state = state;
            self.each(source, env, input.clone(), &mut |val| {
                self.destructure(pattern, val, env, &mut |env| {
                    let before = std::mem::replace(&mut state, Val::Null);
                    self.each(update, env, before, &mut |val| {
                        state = val.clone();
                        match extract {
                            Some(extract) => self.each(extract, env, val, out),
                            None => out(val),
                        }
                    })
                })
            })
        })
    }
}

/// The variables of a pattern.
fn count(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Var => 1,
        Pattern::Array(items) => items.iter().map(count).sum(),
        Pattern::Object(entries) => {
            entries.iter().map(|entry| usize::from(entry.bind) + entry.pattern.as_ref().map_or(0, count)).sum()
        }
    }
}
