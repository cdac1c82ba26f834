//! Expressions with any number of outputs.

use super::super::syntax::expr::{Call, Expr, Kind, Part};
use super::super::value::{Fields, Val};
use super::{Env, Flow, Machine, Out, Place, Stop, ops};

/// What one step of an expression comes to.
enum Next<'p> {
    /// All is done.
    Done,
    /// The rest is this expression.
    Goes(&'p Expr, Env<'p>, Val),
}

impl<'p> Machine<'p> {
    /// Hands each output of `expr` for `input` to `out`.
    pub(in super::super) fn each(&self, expr: &'p Expr, env: &Env<'p>, input: Val, out: Out<'_>) -> Flow {
        let mut next = Next::Goes(expr, env.clone(), input);
        while let Next::Goes(expr, env, input) = next {
            if self.is_one(expr, &env) {
                return match self.one(expr, &env, input)? {
                    Some(val) => out(val),
                    None => Ok(()),
                };
            }
            self.step()?;
            next = self.advance(expr, env, input, out)?;
        }
        Ok(())
    }

    /// One step, with what is left to do.
    fn advance(&self, expr: &'p Expr, env: Env<'p>, input: Val, out: Out<'_>) -> Result<Next<'p>, Stop> {
        match &expr.kind {
            Kind::Pipe(a, b) => {
                if self.is_one(a, &env) {
                    let val = self.one(a, &env, input)?;
                    return Ok(val.map_or(Next::Done, |val| Next::Goes(b, env, val)));
                }
                self.each(a, &env, input, &mut |val| self.each(b, &env, val, out))?;
            }
            Kind::Comma(a, b) => {
                self.each(a, &env, input.clone(), out)?;
                return Ok(Next::Goes(b, env, input));
            }
            Kind::If { condition, then, otherwise } => {
                let branch = |is: Val| if is.is_true() { &**then } else { &**otherwise };
                if self.is_one(condition, &env) {
                    let is = self.one(condition, &env, input.clone())?;
                    return Ok(is.map_or(Next::Done, |is| Next::Goes(branch(is), env, input)));
                }
                self.each(condition, &env, input.clone(), &mut |is| self.each(branch(is), &env, input.clone(), out))?;
            }
            Kind::Call(call) => return self.call(call, &env, input, out),
            Kind::Argument(back) => match env.place(*back) {
                Some(Place::Closure(expr, env)) => return Ok(Next::Goes(expr, env.clone(), input)),
                _ => return Err(Stop::Fatal("an argument is lost".into())),
            },
            Kind::Define(body) => return Ok(Next::Goes(body, env.with(Place::Function, &self.heap), input)),
            Kind::Bind { source, patterns, body } => {
                if self.is_one(source, &env)
                    && let Some(inner) = self.bound_simply(patterns, source, &env, &input)?
                {
                    return Ok(inner.map_or(Next::Done, |env| Next::Goes(body, env, input)));
                }
                self.each(source, &env, input.clone(), &mut |val| {
                    self.bind(patterns, val, &env, input.clone(), body, out)
                })?;
            }
            Kind::Try { body, handler } => {
                let Some(error) = self.attempt(out, &mut |out| self.each(body, &env, input.clone(), out))? else {
                    return Ok(Next::Done);
                };
                return Ok(handler.as_ref().map_or(Next::Done, |handler| Next::Goes(handler, env, error)));
            }
            Kind::Label(body) => {
                let label = self.label();
                let inner = env.with(Place::Label(label), &self.heap);
                return Self::until(label, self.each(body, &inner, input, out)).map(|()| Next::Done);
            }
            Kind::Break(back) => {
                return Err(match env.place(*back) {
                    Some(Place::Label(label)) => Stop::Break(*label),
                    _ => Stop::Fatal("a label is lost".into()),
                });
            }
            Kind::Else(a, b) => {
                let mut any = false;
                let failed = self.attempt(out, &mut |out| {
                    self.each(a, &env, input.clone(), &mut |val| {
                        if val.is_true() {
                            any = true;
                            return out(val);
                        }
                        Ok(())
                    })
                });
                failed?;
                return Ok(if any { Next::Done } else { Next::Goes(b, env, input) });
            }
            Kind::Recurse => self.descend(input, out)?,
            Kind::Each(of) => self.each(of, &env, input, &mut |val| self.items(val, out))?,
            Kind::Foreach { source, pattern, init, update, extract } => {
                self.foreach(source, pattern, init, update, extract.as_deref(), &env, input, out)?;
            }
            Kind::Special(special, args) => self.special(*special, args, &env, input, out)?,
            _ => self.product(expr, &env, &input, out)?,
        }
        Ok(Next::Done)
    }

    /// Expressions that combine the outputs of others; the outputs of the last vary most slowly.
    fn product(&self, expr: &'p Expr, env: &Env<'p>, input: &Val, out: Out<'_>) -> Flow {
        let each = |expr: &'p Expr, out: Out<'_>| self.each(expr, env, input.clone(), out);
        match &expr.kind {
            Kind::Field { of, key } => {
                each(key, &mut |key| each(of, &mut |val| out(ops::index(&val, &key, &self.heap)?)))
            }
            Kind::Slice { of, from, to } => {
                let end = |expr: Option<&'p Expr>, out: Out<'_>| match expr {
                    Some(expr) => each(expr, out),
                    None => out(Val::Null),
                };
                end(from.as_deref(), &mut |from| {
                    end(to.as_deref(), &mut |to| each(of, &mut |val| out(ops::slice(&val, &from, &to, &self.heap)?)))
                })
            }
            Kind::Negate(of) => each(of, &mut |val| out(self.negated(&val)?)),
            Kind::Math(op, a, b) => {
                each(b, &mut |right| each(a, &mut |left| out(ops::math(*op, left, right.clone(), &self.heap)?)))
            }
            Kind::Compare(op, a, b) => {
                each(b, &mut |right| each(a, &mut |left| out(Val::Bool(ops::compare(*op, &left, &right)))))
            }
            Kind::And(a, b) => each(a, &mut |left| match left.is_true() {
                false => out(Val::Bool(false)),
                true => each(b, &mut |right| out(Val::Bool(right.is_true()))),
            }),
            Kind::Or(a, b) => each(a, &mut |left| match left.is_true() {
                true => out(Val::Bool(true)),
                false => each(b, &mut |right| out(Val::Bool(right.is_true()))),
            }),
            Kind::Native(native, args) => self.arguments(args, env, input, &mut Vec::new(), &mut |vals| {
                out((native.run)(self, input.clone(), vals)?)
            }),
            Kind::Object(entries) => self.object(entries, Fields::new(), env, input, out),
            Kind::Text { format, parts } => {
                let expr = |part: &'p Part| match part {
                    Part::Plain(_) => None,
                    Part::Program(expr) => Some(expr),
                };
                let exprs: Vec<&'p Expr> = parts.iter().filter_map(expr).collect();
                self.combinations(&exprs, env, input, &mut Vec::new(), &mut |vals| {
                    let mut vals = vals.iter();
                    let mut text = String::new();
                    for part in parts {
                        match (part, expr(part).and_then(|_| vals.next())) {
                            (Part::Plain(plain), _) => text.push_str(plain),
                            (_, Some(val)) => text.push_str(&self.formatted(*format, val)?),
                            (_, None) => {}
                        }
                    }
                    out(self.text(text))
                })
            }
            Kind::Set(lhs, value) => each(value, &mut |value| out(self.assign(lhs, env, input.clone(), &value)?)),
            Kind::UpdateWith(op, lhs, value) => {
                each(value, &mut |value| out(self.update_with(*op, lhs, env, input.clone(), &value)?))
            }
            // All others have one output.
            _ => self.one(expr, env, input.clone())?.map_or(Ok(()), out),
        }
    }

    /// The values of arguments, the last varying most slowly.
    pub(in super::super) fn arguments(
        &self,
        args: &'p [Expr],
        env: &Env<'p>,
        input: &Val,
        vals: &mut Vec<Val>,
        out: &mut dyn FnMut(&[Val]) -> Flow,
    ) -> Flow {
        self.combinations(&args.iter().collect::<Vec<_>>(), env, input, vals, out)
    }

    fn combinations(
        &self,
        exprs: &[&'p Expr],
        env: &Env<'p>,
        input: &Val,
        vals: &mut Vec<Val>,
        out: &mut dyn FnMut(&[Val]) -> Flow,
    ) -> Flow {
        let Some((last, rest)) = exprs.split_last() else {
            let vals: Vec<Val> = vals.iter().rev().cloned().collect();
            return out(&vals);
        };
        self.each(last, env, input.clone(), &mut |val| {
            vals.push(val);
            let flow = self.combinations(rest, env, input, vals, out);
            vals.pop();
            flow
        })
    }

    fn object(&self, entries: &'p [(Expr, Expr)], fields: Fields, env: &Env<'p>, input: &Val, out: Out<'_>) -> Flow {
        let Some(((key, val), rest)) = entries.split_first() else { return out(Val::map(&self.heap, fields)) };
        self.each(key, env, input.clone(), &mut |key| {
            let key = self.object_key(&key)?;
            self.each(val, env, input.clone(), &mut |val| {
                let mut fields = fields.clone();
                fields.insert(key.clone(), val);
                self.object(rest, fields, env, input, out)
            })
        })
    }

    // Calls.

    pub(super) fn body(&self, call: &Call) -> Result<&'p Expr, Stop> {
        let body = self.program.functions.get(call.function).and_then(|function| function.body.as_ref());
        body.ok_or_else(|| Stop::Fatal("a function has no body".into()))
    }

    /// The environment in which the function was defined.
    pub(super) fn callee_env(&self, call: &Call, env: &Env<'p>) -> Env<'p> {
        call.back.map_or_else(Env::default, |back| env.back(back))
    }

    /// An argument that is evaluated where it is called. One that only passes another on is that other.
    pub(super) fn closure(&self, expr: &'p Expr, env: &Env<'p>) -> Place<'p> {
        if let Kind::Argument(back) = &expr.kind
            && let Some(place @ Place::Closure(..)) = env.place(*back)
        {
            return place.clone();
        }
        Place::Closure(expr, env.clone())
    }

    fn call(&self, call: &'p Call, env: &Env<'p>, input: Val, out: Out<'_>) -> Result<Next<'p>, Stop> {
        let body = self.body(call)?;
        let mut inner = self.callee_env(call, env);
        for (at, arg) in call.args.iter().enumerate() {
            if !arg.value {
                inner = inner.with(self.closure(&arg.expr, env), &self.heap);
            } else if self.is_one(&arg.expr, env) {
                let Some(val) = self.one(&arg.expr, env, input.clone())? else { return Ok(Next::Done) };
                inner = inner.with(Place::Var(val), &self.heap);
            } else {
                return self.call_each(call, at, inner, env, &input, out).map(|()| Next::Done);
            }
        }
        Ok(Next::Goes(body, inner, input))
    }

    /// Calls once for each combination of the arguments from `at` on.
    fn call_each(&self, call: &'p Call, at: usize, inner: Env<'p>, env: &Env<'p>, input: &Val, out: Out<'_>) -> Flow {
        let Some(arg) = call.args.get(at) else { return self.each(self.body(call)?, &inner, input.clone(), out) };
        if !arg.value {
            let inner = inner.with(self.closure(&arg.expr, env), &self.heap);
            return self.call_each(call, at + 1, inner, env, input, out);
        }
        self.each(&arg.expr, env, input.clone(), &mut |val| {
            let inner = inner.with(Place::Var(val), &self.heap);
            self.call_each(call, at + 1, inner, env, input, out)
        })
    }

    // Ways out.

    /// Runs `body`, and gives the error that it ends with. Errors of whoever waits for the outputs are not its own.
    pub(in super::super) fn attempt(
        &self,
        out: Out<'_>,
        body: &mut dyn FnMut(Out<'_>) -> Flow,
    ) -> Result<Option<Val>, Stop> {
        let mut later = None;
        let flow = body(&mut |val| {
            out(val).map_err(|stop| {
                later = Some(stop);
                Stop::Later
            })
        });
        match (flow, later) {
            (Ok(()), _) => Ok(None),
            (Err(Stop::Later), Some(stop)) => Err(stop),
            (Err(Stop::Error(error)), _) => Ok(Some(error)),
            (Err(stop), _) => Err(stop),
        }
    }

    /// What a flow comes to when it may end with a break to `label`.
    pub(in super::super) fn until(label: u64, flow: Flow) -> Flow {
        match flow {
            Err(Stop::Break(to)) if to == label => Ok(()),
            other => other,
        }
    }

    // Values in values.

    /// `.[]`
    pub(in super::super) fn items(&self, val: Val, out: Out<'_>) -> Flow {
        match val {
            Val::Arr(list) => list.items().iter().try_for_each(|item| out(item.clone())),
            Val::Obj(map) => map.fields().values().try_for_each(|val| out(val.clone())),
            other => Err(ops::error(&self.heap, format!("Cannot iterate over {}", ops::shown(&other)))),
        }
    }

    /// `..`
    fn descend(&self, val: Val, out: Out<'_>) -> Flow {
        self.step()?;
        out(val.clone())?;
        match &val {
            Val::Arr(list) => list.items().iter().try_for_each(|item| self.descend(item.clone(), out)),
            Val::Obj(map) => map.fields().values().try_for_each(|val| self.descend(val.clone(), out)),
            _ => Ok(()),
        }
    }
}
