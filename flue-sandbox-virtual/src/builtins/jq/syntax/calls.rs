//! Definitions of functions, and calls of them.

use super::super::library;
use super::Mistake;
use super::expr::{Arg, Call, Expr, Function, Kind, Outputs, Param};
use super::lexer::{Lexer, Token};
use super::parser::Parser;
use super::scope::{Callee, Scope};

impl Parser<'_> {
    pub(super) fn call(&mut self, name: &str) -> Result<Expr, Mistake> {
        let start = self.at;
        let mut given = Vec::new();
        if self.eat("(") {
            loop {
                given.push(self.pipe()?);
                if !self.eat(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        match self.scopes.callee(name, given.len()) {
            Some(Callee::Var(back)) => return Ok(Expr::new(Kind::Var(back))),
            Some(Callee::Closure(back)) => return Ok(Expr::new(Kind::Argument(back))),
            Some(Callee::Function(back, number)) => return Ok(self.call_of(Some(back), number, given)),
            None => {}
        }
        if let Some(native) = library::find(name, given.len()) {
            return Ok(Expr::new(Kind::Native(native, given)));
        }
        if let Some(special) = library::Special::named(name, given.len()) {
            return Ok(Expr::new(Kind::Special(special, given)));
        }
        match self.library(name, given.len())? {
            Some(number) => Ok(self.call_of(None, number, given)),
            None => {
                self.at = start;
                Err(self.mistake(format!("{name}/{} is not defined", given.len())))
            }
        }
    }

    fn call_of(&self, back: Option<usize>, number: usize, given: Vec<Expr>) -> Expr {
        let function = &self.functions.list[number];
        let arg = |(expr, param): (Expr, &Param)| Arg { expr, value: matches!(param, Param::Value(_)) };
        let args = given.into_iter().zip(&function.params).map(arg).collect();
        // Not known within its own body.
        let outputs = function.body.as_ref().map_or(Outputs::Many, |body| body.outputs);
        Expr::new(Kind::Call(Call { back, function: number, args, outputs }))
    }

    /// The number of a function that the library has as text, which is read when it is first called.
    fn library(&mut self, name: &str, arity: usize) -> Result<Option<usize>, Mistake> {
        let key = (name.to_owned(), arity);
        if let Some(number) = self.functions.loaded.get(&key) {
            return Ok(Some(*number));
        }
        let Some(text) = library::source(name, arity) else { return Ok(None) };
        let tokens = Lexer::new(text).all().map_err(|message| self.mistake(message))?;
        let mut parser = Parser::new(&tokens, self.globals, self.heap(), self.functions);
        parser.nesting = self.nesting;
        let number = parser.signature()?;
        parser.functions.loaded.insert(key, number);
        parser.function_body(number)?;
        Ok(Some(number))
    }

    pub(super) fn define(&mut self, rest: fn(&mut Self) -> Result<Expr, Mistake>) -> Result<Expr, Mistake> {
        let number = self.signature()?;
        let function = &self.functions.list[number];
        let mark = self.scopes.mark();
        let (name, arity) = (function.name.clone(), function.params.len());
        self.scopes.push(Scope::Function { name, arity, number });
        self.function_body(number)?;
        let body = rest(self);
        self.scopes.reset(mark);
        Ok(Expr::new(Kind::Define(Box::new(body?))))
    }

    /// `def name(params):`, and the number of the new function.
    fn signature(&mut self) -> Result<usize, Mistake> {
        self.expect_name("def")?;
        let Token::Name(name) = self.next()? else {
            self.at -= 1;
            return Err(self.unexpected());
        };
        let mut params = Vec::new();
        if self.eat("(") {
            loop {
                params.push(match self.next()? {
                    Token::Name(name) => Param::Closure(name.clone()),
                    Token::Variable(name) => Param::Value(name.clone()),
                    _ => {
                        self.at -= 1;
                        return Err(self.unexpected());
                    }
                });
                if !self.eat(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.expect(":")?;
        self.functions.list.push(Function { name: name.clone(), params, body: None });
        Ok(self.functions.list.len() - 1)
    }

    fn function_body(&mut self, number: usize) -> Result<(), Mistake> {
        let mark = self.scopes.mark();
        let params = self.functions.list[number].params.clone();
        params.iter().for_each(|param| self.scopes.push_param(param));
        let body = self.pipe();
        self.scopes.reset(mark);
        self.functions.list[number].body = Some(body?);
        self.expect(";")
    }
}
