//! What the names of a program stand for while it runs.

use std::rc::Rc;
use std::sync::Arc;

use super::super::syntax::expr::Expr;
use super::super::value::{Charge, Heap, Val};

/// The places in scope, the last first.
#[derive(Clone, Default)]
pub(in super::super) struct Env<'p>(Option<Rc<Node<'p>>>);

struct Node<'p> {
    place: Place<'p>,
    before: Env<'p>,
    _charge: Charge,
}

/// What takes a place.
#[derive(Clone)]
pub(in super::super) enum Place<'p> {
    Var(Val),
    /// An argument: an expression, and what its names stand for.
    Closure(&'p Expr, Env<'p>),
    Function,
    Label(u64),
}

impl<'p> Env<'p> {
    pub(in super::super) fn with(&self, place: Place<'p>, heap: &Arc<Heap>) -> Self {
        let node = Node { place, before: self.clone(), _charge: Charge::new(heap, size_of::<Node<'_>>()) };
        Self(Some(Rc::new(node)))
    }

    /// The environment in which the place so many back is the last.
    pub(super) fn back(&self, places: usize) -> Self {
        let mut env = self;
        for _ in 0..places {
            match &env.0 {
                Some(node) => env = &node.before,
                None => break,
            }
        }
        env.clone()
    }

    /// The place so many back.
    pub(super) fn place(&self, places: usize) -> Option<&Place<'p>> {
        let mut env = self;
        for _ in 0..places {
            env = &env.0.as_ref()?.before;
        }
        env.0.as_ref().map(|node| &node.place)
    }
}

impl Drop for Node<'_> {
    /// Frees long chains without recursion.
    fn drop(&mut self) {
        let mut chains = vec![std::mem::take(&mut self.before)];
        if let Place::Closure(_, env) = &mut self.place {
            chains.push(std::mem::take(env));
        }
        while let Some(env) = chains.pop() {
            if let Some(mut node) = env.0.and_then(|node| Rc::try_unwrap(node).ok()) {
                chains.push(std::mem::take(&mut node.before));
                if let Place::Closure(_, env) = &mut node.place {
                    chains.push(std::mem::take(env));
                }
            }
        }
    }
}
