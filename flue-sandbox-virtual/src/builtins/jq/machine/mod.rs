//! Runs programs.
//!
//! An expression hands each of its outputs to whoever waits for it ([`Out`]), and goes on when that is done with it. What
//! ends it early is a [`Stop`], which passes everyone up to who asked for it. Expressions with one output at most are
//! simply computed ([`Machine::one`]). What is last in a function takes no stack ([`Machine::each`] goes round), so that a
//! recursion that is a loop runs as long as it likes; all other recursion is bounded by the stack that it takes.

mod bind;
mod change;
mod each;
mod env;
mod one;
mod ops;
mod paths;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

pub(super) use self::change::{delete_paths, get_path, set_path};
pub(super) use self::env::Env;
use self::env::Place;
pub(super) use self::ops::{add, error, index, indices, shown, split};
use super::super::clock::Zone;
use super::syntax::expr::{Expr, Kind, Outputs, Program};
use super::value::{Heap, Val, compact};

/// The stack that a program may take. A thread of the shell has at least this much left.
const MAX_STACK_BYTES: usize = 96 << 20;
/// What one round may write to standard error.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// Steps between two looks at whether the run is to end.
const STEPS_PER_LOOK: u32 = 1024;

/// Why something does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error, which `try` catches.
    Error(Val),
    /// The way out to a label.
    Break(u64),
    /// The end of the run, with this status.
    Halt(i32),
    /// A limit was reached; nothing catches that.
    Fatal(String),
    /// The execution is to end.
    Ended,
    /// Whoever waits for outputs does not go on, and keeps the reason.
    Later,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(Val::Str(text)) => f.write_str(text.as_str()),
            Self::Error(val) => write!(f, "an error that is no text but {}", val.kind()),
            Self::Fatal(message) => f.write_str(message),
            Self::Break(_) | Self::Halt(_) | Self::Ended | Self::Later => f.write_str("break"),
        }
    }
}

pub(super) type Flow = Result<(), Stop>;
/// Who waits for outputs.
pub(super) type Out<'o> = &'o mut dyn FnMut(Val) -> Flow;

/// Where the inputs of a program come from.
pub(super) trait Inputs {
    /// The next input; the error is why there is none.
    fn next(&mut self) -> Option<Result<Val, String>>;
    /// The file of the last input, if it came from one.
    fn file(&self) -> Option<String>;
    /// Lines read so far of that file.
    fn lines(&self) -> usize;
}

/// One run of a program.
pub(super) struct Machine<'p> {
    pub(super) program: &'p Program,
    pub(super) heap: Arc<Heap>,
    /// The values of the variables of the command line.
    pub(super) globals: &'p [Val],
    pub(super) inputs: &'p RefCell<dyn Inputs + 'p>,
    /// What goes to standard error.
    messages: &'p RefCell<String>,
    pub(super) patterns: super::library::PatternCache,
    /// The zone of local times.
    pub(super) zone: Zone,
    /// Says whether the execution is to end.
    ended: &'p dyn Fn() -> bool,
    steps: Cell<u32>,
    labels: Cell<u64>,
    stack: usize,
}

impl<'p> Machine<'p> {
    pub(super) fn new(
        program: &'p Program,
        heap: &Arc<Heap>,
        globals: &'p [Val],
        inputs: &'p RefCell<dyn Inputs + 'p>,
        messages: &'p RefCell<String>,
        zone: Zone,
        ended: &'p dyn Fn() -> bool,
    ) -> Self {
        Self {
            program,
            heap: Arc::clone(heap),
            globals,
            inputs,
            messages,
            patterns: super::library::PatternCache::default(),
            zone,
            ended,
            steps: Cell::new(0),
            labels: Cell::new(0),
            stack: position(),
        }
    }

    /// Runs the program for one input.
    pub(super) fn run(&self, input: Val, out: Out<'_>) -> Flow {
        self.each(&self.program.main, &Env::default(), input, out)
    }

    /// Counts a step, and ends the run when it must not go on.
    pub(super) fn step(&self) -> Flow {
        let steps = self.steps.get().wrapping_add(1);
        self.steps.set(steps);
        if steps.is_multiple_of(STEPS_PER_LOOK) && (self.ended)() {
            return Err(Stop::Ended);
        }
        if self.stack.saturating_sub(position()) > MAX_STACK_BYTES {
            return Err(Stop::Fatal("recursion without end, or too deep".into()));
        }
        self.heap.admit(0)
    }

    /// A label that no other has.
    pub(super) fn label(&self) -> u64 {
        let label = self.labels.get();
        self.labels.set(label + 1);
        label
    }

    pub(super) fn text(&self, text: impl Into<String>) -> Val {
        Val::text(&self.heap, text)
    }

    /// A value written out.
    pub(super) fn json(&self, val: &Val) -> Result<String, Stop> {
        self.heap.admit(val.length())?;
        Ok(compact(val))
    }

    /// Adds to standard error.
    pub(super) fn say(&self, message: &str) -> Flow {
        let mut messages = self.messages.borrow_mut();
        if messages.len() + message.len() > MAX_MESSAGE_BYTES {
            return Err(Stop::Fatal(format!("more than {MAX_MESSAGE_BYTES} bytes on standard error")));
        }
        messages.push_str(message);
        Ok(())
    }

    pub(super) fn list(&self, items: Vec<Val>) -> Val {
        Val::list(&self.heap, items)
    }

    /// Whether there is one output at most.
    pub(super) fn is_one(&self, expr: &'p Expr, env: &Env<'p>) -> bool {
        match expr.outputs {
            Outputs::One => true,
            Outputs::Many => false,
            Outputs::Arguments => match &expr.kind {
                Kind::Argument(back) => match env.place(*back) {
                    Some(Place::Closure(expr, env)) => self.is_one(expr, env),
                    _ => false,
                },
                // These run in the same environment; nothing else is worth looking into.
                Kind::Pipe(a, b)
                | Kind::Math(_, a, b)
                | Kind::Compare(_, a, b)
                | Kind::And(a, b)
                | Kind::Or(a, b)
                | Kind::Else(a, b)
                | Kind::Field { of: a, key: b } => self.is_one(a, env) && self.is_one(b, env),
                Kind::If { condition, then, otherwise } => {
                    [condition, then, otherwise].into_iter().all(|part| self.is_one(part, env))
                }
                Kind::Try { body, handler: None } => self.is_one(body, env),
                Kind::Special(_, args) | Kind::Native(_, args) => args.iter().all(|arg| self.is_one(arg, env)),
                _ => false,
            },
        }
    }
}

/// Where the stack is now.
#[inline(never)]
fn position() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}
