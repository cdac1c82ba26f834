//! Where outputs are in the input.

use std::rc::Rc;

use super::super::library::Special;
use super::super::syntax::expr::{Call, Expr, Kind};
use super::super::value::{Fields, Val};
use super::{Env, Flow, Machine, Place, Stop, get_path, ops};

/// The way to a value, the last step first.
#[derive(Clone, Default)]
pub(in super::super) struct Path(Option<Rc<(Path, Val)>>);

impl Path {
    pub(in super::super) fn then(&self, key: Val) -> Self {
        Self(Some(Rc::new((self.clone(), key))))
    }

    pub(in super::super) fn keys(&self) -> Vec<Val> {
        let mut keys = Vec::new();
        let mut path = self;
        while let Some(step) = &path.0 {
            keys.push(step.1.clone());
            path = &step.0;
        }
        keys.reverse();
        keys
    }
}

impl Drop for Path {
    /// Frees long paths without recursion.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(step) = next {
            next = Rc::try_unwrap(step).ok().and_then(|mut step| step.0.0.take());
        }
    }
}

/// A value, and where it is. What was computed is nowhere.
#[derive(Clone)]
pub(in super::super) struct Spot {
    pub(in super::super) val: Val,
    pub(in super::super) path: Option<Path>,
}

/// Who waits for values and where they are.
pub(in super::super) type Found<'f> = &'f mut dyn FnMut(Spot) -> Flow;

impl Spot {
    fn nowhere(val: Val) -> Self {
        Self { val, path: None }
    }
}

impl<'p> Machine<'p> {
    /// The paths of all outputs.
    pub(super) fn paths(&self, expr: &'p Expr, env: &Env<'p>, input: &Val) -> Result<Vec<Vec<Val>>, Stop> {
        let mut paths = Vec::new();
        self.each_path(expr, env, input.clone(), &mut |path| {
            self.heap.admit(paths.len() * size_of::<Vec<Val>>() * 2)?;
            paths.push(path.keys());
            Ok(())
        })?;
        Ok(paths)
    }

    /// Hands the path of each output to `out`.
    pub(in super::super) fn each_path(
        &self,
        expr: &'p Expr,
        env: &Env<'p>,
        input: Val,
        out: &mut dyn FnMut(Path) -> Flow,
    ) -> Flow {
        let start = Spot { val: input, path: Some(Path::default()) };
        self.spots(expr, env, start, &mut |spot| match spot.path {
            Some(path) => out(path),
            None => {
                let message = format!("Invalid path expression with result {}", ops::beginning(&spot.val));
                Err(ops::error(&self.heap, message))
            }
        })
    }

    /// Hands each output, and where it is, to `out`.
    pub(in super::super) fn spots(&self, expr: &'p Expr, env: &Env<'p>, input: Spot, out: Found<'_>) -> Flow {
        self.step()?;
        let values = |expr: &'p Expr, out: super::Out<'_>| self.each(expr, env, input.val.clone(), out);
        match &expr.kind {
            Kind::Identity => out(input),
            Kind::Field { of, key } => values(key, &mut |key| {
                self.spots(of, env, input.clone(), &mut |spot| self.index_spot(spot, key.clone(), out))
            }),
            Kind::Slice { of, from, to } => {
                let end = |expr: Option<&'p Expr>, out: super::Out<'_>| match expr {
                    Some(expr) => values(expr, out),
                    None => out(Val::Null),
                };
                end(from.as_deref(), &mut |from| {
                    end(to.as_deref(), &mut |to| {
                        let ends = [("start", from.clone()), ("end", to)];
                        let ends: Fields = ends.into_iter().map(|(name, end)| (name.into(), end)).collect();
                        let key = Val::map(&self.heap, ends);
                        self.spots(of, env, input.clone(), &mut |spot| self.index_spot(spot, key.clone(), out))
                    })
                })
            }
            Kind::Each(of) => self.spots(of, env, input, &mut |spot| self.item_spots(spot, out)),
            Kind::Recurse => self.descend_spots(input, out),
            Kind::Pipe(a, b) => self.spots(a, env, input, &mut |spot| self.spots(b, env, spot, out)),
            Kind::Comma(a, b) => {
                self.spots(a, env, input.clone(), out)?;
                self.spots(b, env, input, out)
            }
            Kind::If { condition, then, otherwise } => values(condition, &mut |is| {
                self.spots(if is.is_true() { then } else { otherwise }, env, input.clone(), out)
            }),
            Kind::Else(a, b) => {
                let mut any = false;
                let _ = self.attempt_spots(out, &mut |out| {
                    self.spots(a, env, input.clone(), &mut |spot| {
                        if spot.val.is_true() {
                            any = true;
                            return out(spot);
                        }
                        Ok(())
                    })
                })?;
                if any { Ok(()) } else { self.spots(b, env, input, out) }
            }
            Kind::Try { body, handler } => {
                let error = self.attempt_spots(out, &mut |out| self.spots(body, env, input.clone(), out))?;
                match (error, handler) {
                    (Some(error), Some(handler)) => self.spots(handler, env, Spot::nowhere(error), out),
                    _ => Ok(()),
                }
            }
            Kind::Define(body) => self.spots(body, &env.with(Place::Function, &self.heap), input, out),
            Kind::Call(call) => self.call_spots(call, 0, self.callee_env(call, env), env, input, out),
            Kind::Argument(back) => match env.place(*back) {
                Some(Place::Closure(expr, env)) => self.spots(expr, env, input, out),
                _ => Err(Stop::Fatal("an argument is lost".into())),
            },
            Kind::Bind { source, patterns, body } if patterns.all.len() == 1 => values(source, &mut |val| {
                self.destructure(&patterns.all[0], val, env, &mut |env| self.spots(body, env, input.clone(), out))
            }),
            Kind::Label(body) => {
                let label = self.label();
                let inner = env.with(Place::Label(label), &self.heap);
                Self::until(label, self.spots(body, &inner, input, out))
            }
            Kind::Reduce { source, pattern, init, update } => self.spots(init, env, input.clone(), &mut |state| {
                let mut state = state;
                values(source, &mut |val| {
                    self.destructure(pattern, val, env, &mut |env| {
                        let before = std::mem::replace(&mut state, Spot::nowhere(Val::Null));
                        self.spots(update, env, before, &mut |spot| {
                            state = spot;
                            Ok(())
                        })
                    })
                })?;
                out(state)
            }),
            Kind::Foreach { source, pattern, init, update, extract } => {
                self.spots(init, env, input.clone(), &mut |state| {
                    let mut state = state;
                    values(source, &mut |val| {
                        self.destructure(pattern, val, env, &mut |env| {
                            let before = std::mem::replace(&mut state, Spot::nowhere(Val::Null));
                            self.spots(update, env, before, &mut |spot| {
                                state = spot.clone();
                                match extract {
                                    Some(extract) => self.spots(extract, env, spot, out),
                                    None => out(spot),
                                }
                            })
                        })
                    })
                })
            }
            Kind::Native(native, args) if native.name == "getpath" => {
                self.arguments(args, env, &input.val, &mut Vec::new(), &mut |vals| {
                    let Some(Val::Arr(keys)) = vals.first() else {
                        return Err(ops::error(&self.heap, "Path must be specified as an array"));
                    };
                    let keys = keys.items();
                    let val = get_path(&input.val, keys, &self.heap)?;
                    let path = input
                        .path
                        .as_ref()
                        .map(|path| keys.iter().fold(path.clone(), |path, key| path.then(key.clone())));
                    out(Spot { val, path })
                })
            }
            Kind::Special(special, args) => self.special_spots(*special, args, env, input, out),
            _ => self.each(expr, env, input.val, &mut |val| out(Spot::nowhere(val))),
        }
    }

    fn special_spots(&self, special: Special, args: &'p [Expr], env: &Env<'p>, input: Spot, out: Found<'_>) -> Flow {
        match (special, args) {
            (Special::Select, [condition]) => self.each(condition, env, input.val.clone(), &mut |is| {
                if is.is_true() { out(input.clone()) } else { Ok(()) }
            }),
            (Special::First, [of]) => {
                let label = self.label();
                let flow = self.spots(of, env, input, &mut |spot| {
                    out(spot)?;
                    Err(Stop::Break(label))
                });
                Self::until(label, flow)
            }
            (Special::Limit, [count, of]) => self.each(count, env, input.val.clone(), &mut |count| {
                let mut left = count.number().unwrap_or(0.0);
                if left < 0.0 {
                    return self.spots(of, env, input.clone(), out);
                }
                if left == 0.0 {
                    return Ok(());
                }
                let label = self.label();
                let flow = self.spots(of, env, input.clone(), &mut |spot| {
                    left -= 1.0;
                    out(spot)?;
                    if left > 0.0 { Ok(()) } else { Err(Stop::Break(label)) }
                });
                Self::until(label, flow)
            }),
            _ => self.special(special, args, env, input.val, &mut |val| out(Spot::nowhere(val))),
        }
    }

    fn call_spots(
        &self,
        call: &'p Call,
        at: usize,
        inner: Env<'p>,
        env: &Env<'p>,
        input: Spot,
        out: Found<'_>,
    ) -> Flow {
        let Some(arg) = call.args.get(at) else { return self.spots(self.body(call)?, &inner, input, out) };
        if !arg.value {
            let inner = inner.with(self.closure(&arg.expr, env), &self.heap);
            return self.call_spots(call, at + 1, inner, env, input, out);
        }
        self.each(&arg.expr, env, input.val.clone(), &mut |val| {
            let inner = inner.with(Place::Var(val), &self.heap);
            self.call_spots(call, at + 1, inner, env, input.clone(), out)
        })
    }

    /// Like [`Machine::attempt`].
    fn attempt_spots(&self, out: Found<'_>, body: &mut dyn FnMut(Found<'_>) -> Flow) -> Result<Option<Val>, Stop> {
        let mut later = None;
        let flow = body(&mut |spot| {
            out(spot).map_err(|stop| {
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

    fn index_spot(&self, spot: Spot, key: Val, out: Found<'_>) -> Flow {
        let Some(path) = spot.path else {
            let element = match &key {
                Val::Str(_) | Val::Num(_) | Val::Long(_) => super::super::value::compact(&key),
                _ => key.kind().to_owned(),
            };
            let message = format!(
                "Invalid path expression near attempt to access element {element} of {}",
                ops::beginning(&spot.val)
            );
            return Err(ops::error(&self.heap, message));
        };
        let val = ops::index(&spot.val, &key, &self.heap)?;
        out(Spot { val, path: Some(path.then(key)) })
    }

    fn item_spots(&self, spot: Spot, out: Found<'_>) -> Flow {
        let Some(path) = &spot.path else {
            let message =
                format!("Invalid path expression near attempt to iterate through {}", ops::beginning(&spot.val));
            return Err(ops::error(&self.heap, message));
        };
        match &spot.val {
            Val::Arr(list) => list
                .items()
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| out(Spot { val: item.clone(), path: Some(path.then(Val::count(at))) })),
            Val::Obj(map) => map
                .fields()
                .iter()
                .try_for_each(|(key, val)| out(Spot { val: val.clone(), path: Some(path.then(self.text(&**key))) })),
            other => Err(ops::error(&self.heap, format!("Cannot iterate over {}", ops::shown(other)))),
        }
    }

    fn descend_spots(&self, spot: Spot, out: Found<'_>) -> Flow {
        self.step()?;
        out(spot.clone())?;
        if !matches!(spot.val, Val::Arr(_) | Val::Obj(_)) {
            return Ok(());
        }
        self.item_spots(spot, &mut |spot| self.descend_spots(spot, out))
    }
}
