//! Functions that decide how often their arguments run.

use super::super::machine::{Env, Flow, Machine, Out, Stop, error, shown};
use super::super::syntax::expr::{Expr, Outputs, most};
use super::super::value::Val;
use super::expected;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Special {
    Empty,
    Select,
    First,
    Limit,
    IsEmpty,
    Any,
    All,
    Path,
    Range,
    Inputs,
    Sub,
    By(By),
}

/// What is done by what an expression makes of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum By {
    Sort,
    Group,
    Unique,
    Min,
    Max,
}

const NAMES: &[(&str, usize, Special)] = &[
    ("empty", 0, Special::Empty),
    ("select", 1, Special::Select),
    ("first", 1, Special::First),
    ("limit", 2, Special::Limit),
    ("isempty", 1, Special::IsEmpty),
    ("any", 2, Special::Any),
    ("all", 2, Special::All),
    ("path", 1, Special::Path),
    ("range", 1, Special::Range),
    ("range", 2, Special::Range),
    ("range", 3, Special::Range),
    ("inputs", 0, Special::Inputs),
    ("sub", 3, Special::Sub),
    ("sort_by", 1, Special::By(By::Sort)),
    ("group_by", 1, Special::By(By::Group)),
    ("unique_by", 1, Special::By(By::Unique)),
    ("min_by", 1, Special::By(By::Min)),
    ("max_by", 1, Special::By(By::Max)),
];

/// The names, with their arities.
pub(super) fn names() -> impl Iterator<Item = (&'static str, usize)> {
    NAMES.iter().map(|(name, arity, _)| (*name, *arity))
}

impl Special {
    pub(in super::super) fn named(name: &str, arity: usize) -> Option<Self> {
        NAMES.iter().find(|(found, takes, _)| *found == name && *takes == arity).map(|(_, _, special)| *special)
    }

    pub(in super::super) fn outputs(self, args: &[Expr]) -> Outputs {
        match self {
            Self::Empty | Self::First | Self::IsEmpty | Self::Any | Self::All | Self::By(_) => Outputs::One,
            Self::Select => most(args),
            Self::Limit | Self::Path | Self::Range | Self::Inputs | Self::Sub => Outputs::Many,
        }
    }
}

impl<'p> Machine<'p> {
    pub(in super::super) fn special(
        &self,
        special: Special,
        args: &'p [Expr],
        env: &Env<'p>,
        input: Val,
        out: Out<'_>,
    ) -> Flow {
        match (special, args) {
            (Special::Select, [condition]) => self.each(condition, env, input.clone(), &mut |is| {
                if is.is_true() { out(input.clone()) } else { Ok(()) }
            }),
            (Special::First, [of]) => self.first(of, env, input)?.map_or(Ok(()), out),
            (Special::Limit, [count, of]) => {
                self.each(count, env, input.clone(), &mut |count| self.limit(&count, of, env, input.clone(), out))
            }
            (Special::IsEmpty, [of]) => out(Val::Bool(self.first(of, env, input)?.is_none())),
            (Special::Any, [of, condition]) => out(Val::Bool(self.is_any(true, of, condition, env, input)?)),
            (Special::All, [of, condition]) => out(Val::Bool(!self.is_any(false, of, condition, env, input)?)),
            (Special::Path, [of]) => self.each_path(of, env, input, &mut |path| out(self.list(path.keys()))),
            (Special::Range, _) => self.range(args, env, &input, &mut Vec::new(), out),
            (Special::Inputs, _) => loop {
                let next = self.inputs.borrow_mut().next();
                match next {
                    Some(Ok(val)) => out(val)?,
                    Some(Err(message)) => return Err(error(&self.heap, message)),
                    None => return Ok(()),
                }
                self.step()?;
            },
            (Special::Sub, [pattern, replacement, flags]) => self.each(flags, env, input.clone(), &mut |flags| {
                self.each(pattern, env, input.clone(), &mut |pattern| {
                    self.substitute(&input, &pattern, &flags, replacement, env, out)
                })
            }),
            (Special::By(by), [key]) => out(self.by(by, key, env, input)?),
            _ => Ok(()),
        }
    }

    fn limit(&self, count: &Val, of: &'p Expr, env: &Env<'p>, input: Val, out: Out<'_>) -> Flow {
        let Some(mut left) = count.number() else {
            return Err(expected(self, "Invalid arguments to limit: count must be a number"));
        };
        // A negative count is none.
        if left < 0.0 {
            return self.each(of, env, input, out);
        }
        if left == 0.0 {
            return Ok(());
        }
        let label = self.label();
        let flow = self.each(of, env, input, &mut |val| {
            left -= 1.0;
            out(val)?;
            if left > 0.0 { Ok(()) } else { Err(Stop::Break(label)) }
        });
        Self::until(label, flow)
    }

    /// Whether the condition is `wanted` for any output.
    fn is_any(&self, wanted: bool, of: &'p Expr, condition: &'p Expr, env: &Env<'p>, input: Val) -> Result<bool, Stop> {
        let label = self.label();
        let mut found = false;
        let flow = self.each(of, env, input, &mut |val| {
            self.each(condition, env, val, &mut |is| {
                if is.is_true() == wanted {
                    found = true;
                    return Err(Stop::Break(label));
                }
                Ok(())
            })
        });
        Self::until(label, flow)?;
        Ok(found)
    }

    /// Numbers up to a bound; the bounds of the first argument vary most slowly.
    fn range(&self, args: &'p [Expr], env: &Env<'p>, input: &Val, bounds: &mut Vec<f64>, out: Out<'_>) -> Flow {
        if let Some((first, rest)) = args.split_first() {
            return self.each(first, env, input.clone(), &mut |bound| {
                let bound = bound.number().ok_or_else(|| expected(self, "Range bounds must be numeric"))?;
                bounds.push(bound);
                let flow = self.range(rest, env, input, bounds, out);
                bounds.pop();
                flow
            });
        }
        let (mut at, to, by) = match bounds.as_slice() {
            [to] => (0.0, *to, 1.0),
            [from, to] => (*from, *to, 1.0),
            [from, to, by] => (*from, *to, *by),
            _ => return Ok(()),
        };
        while (by > 0.0 && at < to) || (by < 0.0 && at > to) || (by == 0.0 && at < to) {
            self.step()?;
            out(Val::Num(at))?;
            at += by;
        }
        Ok(())
    }

    /// Sorts, groups or picks the items by what `key` makes of each.
    fn by(&self, by: By, key: &'p Expr, env: &Env<'p>, input: Val) -> Result<Val, Stop> {
        let Val::Arr(list) = input else {
            let message = match by {
                By::Min | By::Max => format!("Cannot index {} with number", input.kind()),
                _ => format!("{} cannot be sorted, as it is not an array", shown(&input)),
            };
            return Err(error(&self.heap, message));
        };
        let mut pairs: Vec<(Val, Val)> = Vec::with_capacity(list.items().len());
        for item in list.items() {
            pairs.push((self.collect(key, env, item.clone())?, item.clone()));
        }
        let item = |pair: Option<(Val, Val)>| pair.map_or(Val::Null, |(_, item)| item);
        match by {
            // The first of the least, and the last of the greatest.
            By::Min => return Ok(item(pairs.into_iter().min_by(|a, b| a.0.cmp(&b.0)))),
            By::Max => return Ok(item(pairs.into_iter().max_by(|a, b| a.0.cmp(&b.0)))),
            By::Sort | By::Group | By::Unique => pairs.sort_by(|a, b| a.0.cmp(&b.0)),
        }
        let mut groups: Vec<(Val, Vec<Val>)> = Vec::new();
        for (key, item) in pairs {
            match groups.last_mut() {
                Some((last, group)) if by != By::Sort && *last == key => group.push(item),
                _ => groups.push((key, vec![item])),
            }
        }
        let items = groups.into_iter().filter_map(|(_, group)| match by {
            By::Group => Some(self.list(group)),
            _ => group.into_iter().next(),
        });
        Ok(self.list(items.collect()))
    }
}
