//! Programs, with all names resolved.
//!
//! A variable, a label, a function and an argument each take one place in the environment when they come into scope, so
//! that what a name means is how many places back it is.

use super::super::library::{Native, Special};
use super::super::value::Val;

/// An expression.
#[derive(Debug)]
pub(in super::super) struct Expr {
    pub(in super::super) kind: Kind,
    pub(in super::super) outputs: Outputs,
}

/// How many outputs an expression has for one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Outputs {
    /// One at most.
    One,
    /// One at most, if that goes for the arguments of the function that it stands in.
    Arguments,
    Many,
}

pub(in super::super) type Boxed = Box<Expr>;

#[derive(Debug)]
pub(in super::super) enum Kind {
    Identity,
    /// `..`
    Recurse,
    Const(Val),
    Field {
        of: Boxed,
        key: Boxed,
    },
    Slice {
        of: Boxed,
        from: Option<Boxed>,
        to: Option<Boxed>,
    },
    Each(Boxed),
    Try {
        body: Boxed,
        handler: Option<Boxed>,
    },
    Negate(Boxed),
    Pipe(Boxed, Boxed),
    Comma(Boxed, Boxed),
    Math(Math, Boxed, Boxed),
    Compare(Compare, Boxed, Boxed),
    And(Boxed, Boxed),
    Or(Boxed, Boxed),
    /// `//`
    Else(Boxed, Boxed),
    /// `=`
    Set(Boxed, Boxed),
    /// `|=`
    Update(Boxed, Boxed),
    /// `+=` and its like; nothing is `//=`.
    UpdateWith(Option<Math>, Boxed, Boxed),
    If {
        condition: Boxed,
        then: Boxed,
        otherwise: Boxed,
    },
    Reduce {
        source: Boxed,
        pattern: Pattern,
        init: Boxed,
        update: Boxed,
    },
    Foreach {
        source: Boxed,
        pattern: Pattern,
        init: Boxed,
        update: Boxed,
        extract: Option<Boxed>,
    },
    Bind {
        source: Boxed,
        patterns: Patterns,
        body: Boxed,
    },
    Var(usize),
    /// A variable of the command line.
    Global(usize),
    Label(Boxed),
    Break(usize),
    /// A definition, which takes a place, and where it holds.
    Define(Boxed),
    /// A call.
    Call(Call),
    /// A call of an argument so many places back.
    Argument(usize),
    Native(&'static Native, Vec<Expr>),
    Special(Special, Vec<Expr>),
    Array(Option<Boxed>),
    Object(Vec<(Expr, Expr)>),
    Text {
        format: Option<Format>,
        parts: Vec<Part>,
    },
    Format(Format),
}

/// A program: its functions, and what it does.
#[derive(Debug)]
pub(in super::super) struct Program {
    pub(in super::super) functions: Vec<Function>,
    pub(in super::super) main: Expr,
}

/// A function, whose body is there once it was read.
#[derive(Debug)]
pub(in super::super) struct Function {
    pub(in super::super) name: String,
    pub(in super::super) params: Vec<Param>,
    pub(in super::super) body: Option<Expr>,
}

/// A call of a function.
#[derive(Debug)]
pub(in super::super) struct Call {
    /// How many places back it was defined; one of the library has no place.
    pub(in super::super) back: Option<usize>,
    /// Its number in the program.
    pub(in super::super) function: usize,
    pub(in super::super) args: Vec<Arg>,
    /// What its body has, whatever the arguments.
    pub(in super::super) outputs: Outputs,
}

/// What a function takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Param {
    /// `name`: called as often as it is named.
    Closure(String),
    /// `$name`: one call for each output.
    Value(String),
}

/// What is given for a parameter.
#[derive(Debug)]
pub(in super::super) struct Arg {
    pub(in super::super) expr: Expr,
    /// Whether its outputs are given one by one.
    pub(in super::super) value: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Math {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Compare {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How a string is made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Format {
    Text,
    Json,
    Csv,
    Tsv,
    Html,
    Uri,
    UnUri,
    Sh,
    Base64,
    UnBase64,
    Base32,
    UnBase32,
}

#[derive(Debug)]
pub(in super::super) enum Part {
    Plain(String),
    Program(Expr),
}

/// One pattern of many, each tried when the one before fails.
#[derive(Debug)]
pub(in super::super) struct Patterns {
    pub(in super::super) all: Vec<Pattern>,
    /// For each variable of the body, the last place in each pattern that binds it; only with more than one pattern.
    pub(in super::super) places: Vec<Vec<Option<usize>>>,
}

#[derive(Debug)]
pub(in super::super) enum Pattern {
    Var,
    Array(Vec<Pattern>),
    Object(Vec<Entry>),
}

/// One field of a pattern for objects.
#[derive(Debug)]
pub(in super::super) struct Entry {
    pub(in super::super) key: Expr,
    /// Whether the value itself is bound, as `$key` is.
    pub(in super::super) bind: bool,
    pub(in super::super) pattern: Option<Pattern>,
}

impl Expr {
    pub(in super::super) fn new(kind: Kind) -> Self {
        let outputs = match &kind {
            Kind::Identity
            | Kind::Const(_)
            | Kind::Var(_)
            | Kind::Global(_)
            | Kind::Reduce { .. }
            | Kind::Array(_)
            | Kind::Update(..)
            | Kind::Format(_) => Outputs::One,
            Kind::Argument(_) => Outputs::Arguments,
            Kind::Recurse
            | Kind::Each(_)
            | Kind::Comma(..)
            | Kind::Foreach { .. }
            | Kind::Label(_)
            | Kind::Break(_) => Outputs::Many,
            Kind::Negate(of) | Kind::Define(of) | Kind::Set(_, of) | Kind::UpdateWith(_, _, of) => of.outputs,
            Kind::Field { of, key } => most([&**of, &**key]),
            Kind::Slice { of, from, to } => {
                most([Some(of), from.as_ref(), to.as_ref()].into_iter().flatten().map(|end| &**end))
            }
            Kind::Try { body, handler } => {
                most([Some(body), handler.as_ref()].into_iter().flatten().map(|part| &**part))
            }
            Kind::Pipe(a, b)
            | Kind::Math(_, a, b)
            | Kind::Compare(_, a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Else(a, b) => most([&**a, &**b]),
            Kind::If { condition, then, otherwise } => most([&**condition, &**then, &**otherwise]),
            Kind::Bind { source, patterns, body } => patterns.outputs().max(most([&**source, &**body])),
            Kind::Call(call) => match call.outputs {
                Outputs::One => most(call.args.iter().map(|arg| &arg.expr)),
                _ => Outputs::Many,
            },
            Kind::Native(_, given) => most(given),
            Kind::Special(special, given) => special.outputs(given),
            Kind::Object(entries) => most(entries.iter().flat_map(|(key, val)| [key, val])),
            Kind::Text { parts, .. } => most(parts.iter().filter_map(|part| match part {
                Part::Plain(_) => None,
                Part::Program(expr) => Some(expr),
            })),
        };
        Self { kind, outputs }
    }

    pub(in super::super) fn boxed(kind: Kind) -> Boxed {
        Box::new(Self::new(kind))
    }
}

/// What an expression has that runs others one within the other.
pub(in super::super) fn most<'e>(parts: impl IntoIterator<Item = &'e Expr>) -> Outputs {
    parts.into_iter().map(|part| part.outputs).max().unwrap_or(Outputs::One)
}

impl Patterns {
    fn outputs(&self) -> Outputs {
        match self.all.as_slice() {
            [only] => only.outputs(),
            _ => Outputs::Many,
        }
    }
}

impl Pattern {
    pub(in super::super) fn outputs(&self) -> Outputs {
        match self {
            Self::Var => Outputs::One,
            Self::Array(items) => items.iter().map(Self::outputs).max().unwrap_or(Outputs::One),
            Self::Object(entries) => {
                let entry =
                    |entry: &Entry| entry.key.outputs.max(entry.pattern.as_ref().map_or(Outputs::One, Self::outputs));
                entries.iter().map(entry).max().unwrap_or(Outputs::One)
            }
        }
    }
}

impl Format {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "html" => Self::Html,
            "uri" => Self::Uri,
            "urid" => Self::UnUri,
            "sh" => Self::Sh,
            "base64" => Self::Base64,
            "base64d" => Self::UnBase64,
            "base32" => Self::Base32,
            "base32d" => Self::UnBase32,
            _ => return None,
        })
    }
}
