//! What names mean, and how many places back they are.

use super::expr::Param;

/// Something that takes a place.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// A variable; one that was given for `$name` can be called as `name`, too.
    Var {
        name: String,
        callable: bool,
    },
    Closure(String),
    /// A function, and its number in the program.
    Function {
        name: String,
        arity: usize,
        number: usize,
    },
    Label(String),
}

/// What a call is to.
pub(super) enum Callee {
    Var(usize),
    Closure(usize),
    /// How many places back, and its number.
    Function(usize, usize),
}

#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<Scope>);

impl Scopes {
    pub(super) fn push(&mut self, scope: Scope) {
        self.0.push(scope);
    }

    pub(super) fn push_param(&mut self, param: &Param) {
        self.push(match param {
            Param::Closure(name) => Scope::Closure(name.clone()),
            Param::Value(name) => Scope::Var { name: name.clone(), callable: true },
        });
    }

    pub(super) fn push_var(&mut self, name: &str) {
        self.push(Scope::Var { name: name.to_owned(), callable: false });
    }

    pub(super) fn mark(&self) -> usize {
        self.0.len()
    }

    pub(super) fn reset(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// The names of the variables since `mark`.
    pub(super) fn vars_since(&self, mark: usize) -> Vec<String> {
        let name = |scope: &Scope| match scope {
            Scope::Var { name, .. } => name.clone(),
            _ => String::new(),
        };
        self.0[mark..].iter().map(name).collect()
    }

    pub(super) fn var(&self, wanted: &str) -> Option<usize> {
        self.back(|scope| matches!(scope, Scope::Var { name, .. } if name == wanted))
    }

    pub(super) fn label(&self, wanted: &str) -> Option<usize> {
        self.back(|scope| matches!(scope, Scope::Label(name) if name == wanted))
    }

    pub(super) fn callee(&self, wanted: &str, arity: usize) -> Option<Callee> {
        let back = self.back(|scope| match scope {
            Scope::Var { name, callable } => *callable && arity == 0 && name == wanted,
            Scope::Closure(name) => arity == 0 && name == wanted,
            Scope::Function { name, arity: takes, .. } => *takes == arity && name == wanted,
            Scope::Label(_) => false,
        })?;
        Some(match &self.0[self.0.len() - 1 - back] {
            Scope::Function { number, .. } => Callee::Function(back, *number),
            Scope::Closure(_) => Callee::Closure(back),
            _ => Callee::Var(back),
        })
    }

    fn back(&self, is: impl Fn(&Scope) -> bool) -> Option<usize> {
        self.0.iter().rev().position(is)
    }
}
