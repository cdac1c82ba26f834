//! Expressions with one output at most.

use std::sync::Arc;

use super::super::library;
use super::super::syntax::expr::{Call, Expr, Format, Kind, Part};
use super::super::value::{Fields, Val};
use super::{Env, Machine, Place, Stop, ops};

/// The output, if there is one.
pub(super) type One = Result<Option<Val>, Stop>;

/// The value of an expression; when it has none, the one around it has none either.
macro_rules! value {
    ($one:expr) => {
        match $one? {
            Some(val) => val,
            None => return Ok(None),
        }
    };
}

impl<'p> Machine<'p> {
    /// The output of an expression for which [`Machine::is_one`] holds.
    pub(in super::super) fn one(&self, expr: &'p Expr, env: &Env<'p>, input: Val) -> One {
        self.step()?;
        Ok(Some(match &expr.kind {
            Kind::Identity => input,
            Kind::Const(val) => val.clone(),
            Kind::Var(back) => self.var(*back, env),
            Kind::Global(at) => self.globals[*at].clone(),
            Kind::Pipe(a, b) => {
                let val = value!(self.one(a, env, input));
                return self.one(b, env, val);
            }
            Kind::Field { of, key } => {
                let key = value!(self.one(key, env, input.clone()));
                let of = value!(self.one(of, env, input));
                ops::index(&of, &key, &self.heap)?
            }
            Kind::Slice { of, from, to } => {
                let from = value!(self.end(from.as_deref(), env, &input));
                let to = value!(self.end(to.as_deref(), env, &input));
                let of = value!(self.one(of, env, input));
                ops::slice(&of, &from, &to, &self.heap)?
            }
            Kind::Negate(of) => self.negated(&value!(self.one(of, env, input)))?,
            Kind::Math(op, a, b) => {
                let right = value!(self.one(b, env, input.clone()));
                // The input goes where it may be changed in place.
                let left = value!(self.one(a, env, input));
                ops::math(*op, left, right, &self.heap)?
            }
            Kind::Compare(op, a, b) => {
                let right = value!(self.one(b, env, input.clone()));
                let left = value!(self.one(a, env, input));
                Val::Bool(ops::compare(*op, &left, &right))
            }
            Kind::And(a, b) => {
                let left = value!(self.one(a, env, input.clone()));
                Val::Bool(left.is_true() && value!(self.one(b, env, input)).is_true())
            }
            Kind::Or(a, b) => {
                let left = value!(self.one(a, env, input.clone()));
                Val::Bool(left.is_true() || value!(self.one(b, env, input)).is_true())
            }
            Kind::Else(a, b) => match self.one(a, env, input.clone()) {
                Ok(Some(val)) if val.is_true() => val,
                Ok(_) | Err(Stop::Error(_)) => return self.one(b, env, input),
                Err(stop) => return Err(stop),
            },
            Kind::Try { body, handler } => match (self.one(body, env, input), handler) {
                (Err(Stop::Error(error)), Some(handler)) => return self.one(handler, env, error),
                (Err(Stop::Error(_)), None) => return Ok(None),
                (other, _) => return other,
            },
            Kind::If { condition, then, otherwise } => {
                let is_true = value!(self.one(condition, env, input.clone())).is_true();
                return self.one(if is_true { then } else { otherwise }, env, input);
            }
            Kind::Bind { source, patterns, body } => {
                let val = value!(self.one(source, env, input.clone()));
                let mut found = None;
                self.bind(patterns, val, env, input, body, &mut |val| {
                    found = Some(val);
                    Ok(())
                })?;
                return Ok(found);
            }
            Kind::Define(body) => return self.one(body, &env.with(Place::Function, &self.heap), input),
            Kind::Argument(back) => match env.place(*back) {
                Some(Place::Closure(expr, env)) => return self.one(expr, env, input),
                _ => return Err(Stop::Fatal("an argument is lost".into())),
            },
            Kind::Call(call) => return self.call_one(call, env, input),
            Kind::Native(native, args) => {
                let mut vals = Vec::with_capacity(args.len());
                for arg in args {
                    vals.push(value!(self.one(arg, env, input.clone())));
                }
                (native.run)(self, input, &vals)?
            }
            Kind::Special(special, args) => {
                let mut found = None;
                self.special(*special, args, env, input, &mut |val| {
                    found = Some(val);
                    Ok(())
                })?;
                return Ok(found);
            }
            Kind::Array(None) => self.list(Vec::new()),
            Kind::Array(Some(inner)) => self.collect(inner, env, input)?,
            Kind::Object(entries) => {
                let mut fields = Fields::with_capacity(entries.len());
                for (key, val) in entries {
                    let key = value!(self.one(key, env, input.clone()));
                    let val = value!(self.one(val, env, input.clone()));
                    fields.insert(self.object_key(&key)?, val);
                }
                Val::map(&self.heap, fields)
            }
            Kind::Text { format, parts } => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Plain(plain) => text.push_str(plain),
                        Part::Program(expr) => {
                            let val = value!(self.one(expr, env, input.clone()));
                            text.push_str(&self.formatted(*format, &val)?);
                        }
                    }
                }
                self.heap.admit(text.len())?;
                self.text(text)
            }
            Kind::Format(format) => self.text(self.formatted(Some(*format), &input)?),
            Kind::Reduce { source, pattern, init, update } => {
                return self.reduce(source, pattern, init, update, env, input);
            }
            Kind::Set(lhs, value) => {
                let value = value!(self.one(value, env, input.clone()));
                self.assign(lhs, env, input, &value)?
            }
            Kind::Update(lhs, update) => self.update(lhs, update, env, input)?,
            Kind::UpdateWith(op, lhs, value) => {
                let value = value!(self.one(value, env, input.clone()));
                self.update_with(*op, lhs, env, input, &value)?
            }
            Kind::Recurse
            | Kind::Each(_)
            | Kind::Comma(..)
            | Kind::Foreach { .. }
            | Kind::Label(_)
            | Kind::Break(_) => {
                // Not reached: these have many outputs.
                let mut found = None;
                self.each(expr, env, input, &mut |val| {
                    found.get_or_insert(val);
                    Ok(())
                })?;
                return Ok(found);
            }
        }))
    }

    fn call_one(&self, call: &'p Call, env: &Env<'p>, input: Val) -> One {
        let mut inner = self.callee_env(call, env);
        for arg in &call.args {
            let place = if arg.value {
                Place::Var(value!(self.one(&arg.expr, env, input.clone())))
            } else {
                self.closure(&arg.expr, env)
            };
            inner = inner.with(place, &self.heap);
        }
        self.one(self.body(call)?, &inner, input)
    }

    /// All outputs, as an array.
    pub(in super::super) fn collect(&self, expr: &'p Expr, env: &Env<'p>, input: Val) -> Result<Val, Stop> {
        let mut items = Vec::new();
        self.each(expr, env, input, &mut |val| {
            if items.len() == items.capacity() {
                // The list counts once it is whole.
                self.heap.admit(2 * items.len() * size_of::<Val>())?;
            }
            items.push(val);
            Ok(())
        })?;
        Ok(self.list(items))
    }

    /// The end of a slice, which may be left out.
    fn end(&self, expr: Option<&'p Expr>, env: &Env<'p>, input: &Val) -> One {
        expr.map_or(Ok(Some(Val::Null)), |expr| self.one(expr, env, input.clone()))
    }

    pub(super) fn var(&self, back: usize, env: &Env<'p>) -> Val {
        match env.place(back) {
            Some(Place::Var(val)) => val.clone(),
            _ => Val::Null,
        }
    }

    pub(super) fn negated(&self, val: &Val) -> Result<Val, Stop> {
        let number = val.number().map(|number| Val::Num(-number));
        number.ok_or_else(|| ops::error(&self.heap, format!("{} cannot be negated", ops::shown(val))))
    }

    pub(super) fn object_key(&self, key: &Val) -> Result<Arc<str>, Stop> {
        let text = key.str().map(Arc::from);
        text.ok_or_else(|| ops::error(&self.heap, format!("Cannot use {} as object key", ops::shown(key))))
    }

    /// A value within a string: as it is, or as a format has it.
    pub(super) fn formatted(&self, format: Option<Format>, val: &Val) -> Result<String, Stop> {
        match (format, val) {
            (None | Some(Format::Text), Val::Str(text)) => Ok(text.as_str().to_owned()),
            (None | Some(Format::Text | Format::Json), val) => self.json(val),
            (Some(format), val) => library::format(self, format, val),
        }
    }
}
