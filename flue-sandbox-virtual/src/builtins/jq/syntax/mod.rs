//! Programs: their text, and what it means.

mod calls;
pub(super) mod expr;
mod lexer;
mod object;
mod parser;
mod pattern;
mod scope;

use std::sync::Arc;

use self::expr::Program;
use self::lexer::Lexer;
use self::parser::{Functions, Parser};
use super::value::Heap;

/// The longest program. What reading and running it takes of the stack goes by that.
pub(super) const MAX_PROGRAM_BYTES: usize = 64 * 1024;

/// Why a text is no program, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) line: usize,
}

/// Reads a program that may use the variables in `globals`.
pub(super) fn parse(text: &str, globals: &[String], heap: &Arc<Heap>) -> Result<Program, Mistake> {
    if text.len() > MAX_PROGRAM_BYTES {
        let message = format!("the program has {} bytes, the limit is {MAX_PROGRAM_BYTES}", text.len());
        return Err(Mistake { message, line: 1 });
    }
    let lines = text.matches('\n').count() + 1;
    let tokens = Lexer::new(text).all().map_err(|message| Mistake { message, line: lines })?;
    let mut functions = Functions::default();
    let main = Parser::new(&tokens, globals, heap, &mut functions).program()?;
    Ok(Program { functions: functions.list, main })
}
