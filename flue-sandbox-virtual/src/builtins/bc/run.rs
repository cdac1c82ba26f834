//! Runs a `bc` program.

use std::collections::HashMap;

use super::math;
use super::number::{Fault, Number};
use super::syntax::{Argument, Expression, Function, Local, Place, Printed, Statement};

/// Characters of a printed line; longer numbers go on behind a backslash.
const LINE_WIDTH: usize = 70;
/// Calls within calls.
const MAX_CALLS: usize = 400;
/// Steps between two looks at the clock.
const STEPS_PER_CHECK: u32 = 512;
/// Largest `scale`.
const MAX_SCALE: i64 = 100_000;
/// Largest index of an array, as in GNU bc.
const MAX_INDEX: i64 = 16_777_215;
/// Bytes of output after which a program is stopped.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

type Array = HashMap<i64, Number>;

/// How a statement ended.
enum Flow {
    Next,
    Break,
    Continue,
    Return(Number),
    Quit,
}

/// Why a statement could not end.
pub(super) enum Stop {
    /// The rest of the line is skipped.
    Fault(Fault),
    /// The whole program is.
    Abort(&'static str),
    Quit,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The state of a program.
pub(super) struct Machine<'a> {
    pub(super) out: String,
    pub(super) err: String,
    variables: HashMap<String, Number>,
    arrays: HashMap<String, Array>,
    functions: HashMap<String, Function>,
    scale: usize,
    ibase: u32,
    obase: u32,
    library: bool,
    input: Vec<String>,
    calls: usize,
    steps: u32,
    /// Whether the shell wants the program to end.
    stopped: &'a dyn Fn() -> bool,
}

impl<'a> Machine<'a> {
    pub(super) fn new(library: bool, stopped: &'a dyn Fn() -> bool) -> Self {
        Self {
            out: String::new(),
            err: String::new(),
            variables: HashMap::new(),
            arrays: HashMap::new(),
            functions: HashMap::new(),
            scale: if library { 20 } else { 0 },
            ibase: 10,
            obase: 10,
            library,
            input: Vec::new(),
            calls: 0,
            steps: 0,
            stopped,
        }
    }

    /// Runs the statements of one line.
    pub(super) fn line(&mut self, statements: &[Statement]) -> Result<(), Stop> {
        self.calls = 0;
        match self.block(statements)? {
            Flow::Quit => Err(Stop::Quit),
            _ => Ok(()),
        }
    }

    fn block(&mut self, statements: &[Statement]) -> Result<Flow, Stop> {
        for statement in statements {
            let flow = self.statement(statement)?;
            if !matches!(flow, Flow::Next) {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn tick(&mut self) -> Result<(), Stop> {
        self.steps = self.steps.wrapping_add(1);
        if self.out.len() > MAX_OUTPUT {
            return Err(Stop::Abort("too much output"));
        }
        if self.steps.is_multiple_of(STEPS_PER_CHECK) && (self.stopped)() {
            return Err(Stop::Abort("interrupted"));
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement) -> Result<Flow, Stop> {
        self.tick()?;
        match statement {
            Statement::Show(expression) => {
                let value = self.value(expression)?;
                if !matches!(expression, Expression::Set(..)) {
                    self.show(&value);
                    self.variables.insert("last".into(), value);
                }
            }
            Statement::Text(text) => self.out.push_str(text),
            Statement::Print(list) => {
                for item in list {
                    match item {
                        Printed::Text(text) => self.out.push_str(&unescape(text)),
                        Printed::Value(expression) => {
                            let value = self.value(expression)?;
                            self.out.push_str(&value.show(self.obase));
                        }
                    }
                }
            }
            Statement::If(condition, yes, no) => {
                if !self.value(condition)?.is_zero() {
                    return self.statement(yes);
                }
                if let Some(no) = no {
                    return self.statement(no);
                }
            }
            Statement::While(condition, body) => return self.repeat(Some(condition), None, body),
            Statement::For(start, condition, step, body) => {
                if let Some(start) = start {
                    self.value(start)?;
                }
                return self.repeat(condition.as_ref(), step.as_ref(), body);
            }
            Statement::Block(statements) => return self.block(statements),
            Statement::Define(function) => {
                self.functions.insert(function.name.clone(), (**function).clone());
            }
            Statement::Return(value) => {
                let value = match value {
                    Some(value) => self.value(value)?,
                    None => Number::integer(0),
                };
                return Ok(Flow::Return(value));
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Quit => return Ok(Flow::Quit),
            Statement::Nothing => {}
        }
        Ok(Flow::Next)
    }

    fn repeat(
        &mut self,
        condition: Option<&Expression>,
        step: Option<&Expression>,
        body: &Statement,
    ) -> Result<Flow, Stop> {
        loop {
            if let Some(condition) = condition
                && self.value(condition)?.is_zero()
            {
                return Ok(Flow::Next);
            }
            match self.statement(body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Next | Flow::Continue => {}
                flow => return Ok(flow),
            }
            if let Some(step) = step {
                self.value(step)?;
            }
        }
    }

    fn show(&mut self, value: &Number) {
        let text = value.show(self.obase);
        let mut rest = text.as_str();
        while rest.len() >= LINE_WIDTH {
            let (line, more) = rest.split_at(LINE_WIDTH - 2);
            // The last line may be as long as the width allows.
            if more.len() < 2 {
                break;
            }
            self.out.push_str(line);
            self.out.push_str("\\\n");
            rest = more;
        }
        self.out.push_str(rest);
        self.out.push('\n');
    }

    fn value(&mut self, expression: &Expression) -> Result<Number, Stop> {
        self.tick()?;
        match expression {
            Expression::Number(digits) => Ok(Number::parse(digits, self.ibase)),
            Expression::Get(place) => self.get(place),
            Expression::Set(place, operator, value) => {
                let mut value = self.value(value)?;
                if *operator != "=" {
                    let before = self.get(place)?;
                    value = self.calculate(&operator[..1], &before, &value)?;
                }
                self.set(place, value.clone())?;
                Ok(value)
            }
            Expression::Step(place, step, new_counts) => {
                let before = self.get(place)?;
                let after = before.plus(&Number::integer(*step));
                self.set(place, after.clone())?;
                Ok(if *new_counts { after } else { before })
            }
            Expression::Negate(operand) => Ok(self.value(operand)?.negated()),
            Expression::Not(operand) => Ok(Number::truth(self.value(operand)?.is_zero())),
            Expression::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.calculate(operator, &left, &right)
            }
            Expression::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn calculate(&self, operator: &str, left: &Number, right: &Number) -> Result<Number, Stop> {
        let order = || left.compare(right);
        Ok(match operator {
            "+" => left.plus(right),
            "-" => left.minus(right),
            "*" => left.times(right, self.scale)?,
            "/" => left.over(right, self.scale)?,
            "%" => left.modulo(right, self.scale)?,
            "^" => left.power(right, self.scale)?,
            "==" => Number::truth(order().is_eq()),
            "!=" => Number::truth(order().is_ne()),
            "<" => Number::truth(order().is_lt()),
            "<=" => Number::truth(order().is_le()),
            ">" => Number::truth(order().is_gt()),
            ">=" => Number::truth(order().is_ge()),
            "&&" => Number::truth(!left.is_zero() && !right.is_zero()),
            _ => Number::truth(!left.is_zero() || !right.is_zero()),
        })
    }

    fn get(&mut self, place: &Place) -> Result<Number, Stop> {
        match place {
            Place::Variable(name) => Ok(match name.as_str() {
                "scale" => Number::integer(self.scale as i64),
                "ibase" => Number::integer(self.ibase.into()),
                "obase" => Number::integer(self.obase.into()),
                name => self.variables.get(name).cloned().unwrap_or(Number::integer(0)),
            }),
            Place::Element(name, index) => {
                let index = self.index(index)?;
                let element = self.arrays.get(name).and_then(|array| array.get(&index));
                Ok(element.cloned().unwrap_or(Number::integer(0)))
            }
        }
    }

    fn set(&mut self, place: &Place, value: Number) -> Result<(), Stop> {
        match place {
            Place::Variable(name) => match name.as_str() {
                "scale" => {
                    let scale = value.to_i64().filter(|scale| (0..=MAX_SCALE).contains(scale));
                    self.scale = scale.ok_or("scale out of range")? as usize;
                }
                "ibase" => self.ibase = value.to_i64().unwrap_or(16).clamp(2, 16) as u32,
                "obase" => self.obase = value.to_i64().unwrap_or(i64::MAX).clamp(2, 1_000_000) as u32,
                name => {
                    self.variables.insert(name.to_string(), value);
                }
            },
            Place::Element(name, index) => {
                let index = self.index(index)?;
                self.arrays.entry(name.clone()).or_default().insert(index, value);
            }
        }
        Ok(())
    }

    fn index(&mut self, index: &Expression) -> Result<i64, Stop> {
        let index = self.value(index)?.to_i64().filter(|index| (0..=MAX_INDEX).contains(index));
        Ok(index.ok_or("Array subscript out of bounds")?)
    }

    fn call(&mut self, name: &str, arguments: &[Argument]) -> Result<Number, Stop> {
        if let Some(function) = self.functions.get(name).cloned() {
            return self.call_defined(&function, arguments);
        }
        let mut values = Vec::new();
        for argument in arguments {
            match argument {
                Argument::Value(expression) => values.push(self.value(expression)?),
                Argument::Array(_) => return Err(Stop::Fault("Parameter type mismatch")),
            }
        }
        let scale = self.scale;
        match (name, values.as_slice()) {
            ("length", [x]) => Ok(Number::integer(x.digit_count() as i64)),
            ("scale", [x]) => Ok(Number::integer(x.scale as i64)),
            ("sqrt", [x]) => Ok(x.square_root(scale)?),
            ("read", []) => {
                let line = self.input.pop().unwrap_or_default();
                Ok(Number::parse(line.trim(), self.ibase))
            }
            ("s", [x]) if self.library => Ok(math::sine(x, scale)),
            ("c", [x]) if self.library => Ok(math::cosine(x, scale)),
            ("a", [x]) if self.library => Ok(math::arc_tangent(x, scale)),
            ("l", [x]) if self.library => Ok(math::logarithm(x, scale)),
            ("e", [x]) if self.library => Ok(math::exponential(x, scale)?),
            ("j", [n, x]) if self.library => Ok(math::bessel(n, x, scale)?),
            _ => Err(Stop::Fault("Function not defined")),
        }
    }

    fn call_defined(&mut self, function: &Function, arguments: &[Argument]) -> Result<Number, Stop> {
        if function.parameters.len() != arguments.len() {
            return Err(Stop::Fault("Parameter number mismatch"));
        }
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(Stop::Abort("functions call each other too deeply"));
        }
        let mut given = Vec::new();
        for ((_, wants_array), argument) in function.parameters.iter().zip(arguments) {
            given.push(match argument {
                Argument::Value(expression) if !wants_array => Ok(self.value(expression)?),
                Argument::Array(name) if *wants_array => Err(self.arrays.get(name).cloned().unwrap_or_default()),
                _ => return Err(Stop::Fault("Parameter type mismatch")),
            });
        }
        let mut saved = Vec::new();
        for (local, value) in function.parameters.iter().zip(given) {
            saved.push(match value {
                Ok(number) => self.swap(local, Some(number), None),
                Err(array) => self.swap(local, None, Some(array)),
            });
        }
        for local in &function.autos {
            saved.push(self.swap(local, None, None));
        }
        let ended = self.block(&function.body);
        let locals = function.parameters.iter().chain(&function.autos);
        for (local, (number, array)) in locals.zip(saved).rev_stable() {
            self.swap(local, number, array);
        }
        self.calls -= 1;
        match ended? {
            Flow::Return(value) => Ok(value),
            Flow::Quit => Err(Stop::Quit),
            _ => Ok(Number::integer(0)),
        }
    }

    /// Gives a local name a new value and returns the one it had.
    fn swap(
        &mut self,
        (name, is_array): &Local,
        number: Option<Number>,
        array: Option<Array>,
    ) -> (Option<Number>, Option<Array>) {
        if *is_array {
            let before = self.arrays.remove(name);
            if let Some(array) = array {
                self.arrays.insert(name.clone(), array);
            }
            (None, before)
        } else {
            let before = self.variables.remove(name);
            if let Some(number) = number {
                self.variables.insert(name.clone(), number);
            }
            (before, None)
        }
    }

    /// Lines for `read()`, first one first.
    pub(super) fn give_input(&mut self, lines: Vec<String>) {
        self.input = lines;
        self.input.reverse();
    }
}

/// Restoring goes backwards, so that a name used twice ends as it began.
trait Backwards: Iterator + Sized {
    fn rev_stable(self) -> std::iter::Rev<std::vec::IntoIter<Self::Item>> {
        self.collect::<Vec<_>>().into_iter().rev()
    }
}

impl<I: Iterator> Backwards for I {}

/// The escapes of a `print`ed string.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('n') => out.push('\n'),
            Some('q') => out.push('"'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('\\') => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}
