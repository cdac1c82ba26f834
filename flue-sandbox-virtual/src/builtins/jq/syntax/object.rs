//! `{…}`, which makes objects.

use super::super::value::Val;
use super::Mistake;
use super::expr::{Expr, Format, Kind};
use super::lexer::Token;
use super::parser::Parser;

impl<'p> Parser<'p> {
    /// The rest of an object, behind its brace.
    pub(super) fn object(&mut self) -> Result<Expr, Mistake> {
        let mut entries = Vec::new();
        while !self.eat("}") {
            if !entries.is_empty() {
                self.expect(",")?;
                // A comma may follow the last.
                if self.eat("}") {
                    break;
                }
            }
            entries.push(self.entry()?);
        }
        Ok(Expr::new(Kind::Object(entries)))
    }

    fn entry(&mut self) -> Result<(Expr, Expr), Mistake> {
        let token = self.next()?;
        match token {
            Token::Variable(name) => {
                let key = self.key(name);
                let value = self.variable(name)?;
                if name == "__loc__" || !self.is_op(":") {
                    return Ok((key, value));
                }
                self.expect(":")?;
                Ok((value, self.object_value()?))
            }
            Token::Op("(") => {
                let key = self.pipe()?;
                self.expect(")")?;
                self.expect(":")?;
                Ok((key, self.object_value()?))
            }
            Token::Name(name) => {
                let (key, again) = (self.key(name), self.key(name));
                self.value_or_field(key, again)
            }
            Token::Number(number) => {
                let mut text = String::new();
                super::super::value::format_number(*number, &mut text);
                let key = self.key(&text);
                self.expect(":")?;
                Ok((key, self.object_value()?))
            }
            Token::Text(pieces) => {
                let (key, again) = (self.text(None, pieces)?, self.text(None, pieces)?);
                self.value_or_field(key, again)
            }
            Token::Format(name) => {
                let Some(format) = Format::named(name) else {
                    return Err(self.mistake(format!("{name} is not a valid format")));
                };
                let Token::Text(pieces) = self.next()? else { return Err(self.unexpected()) };
                let (key, again) = (self.text(Some(format), pieces)?, self.text(Some(format), pieces)?);
                self.value_or_field(key, again)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `key: value`, or a key alone, which stands for the field of that name.
    fn value_or_field(&mut self, key: Expr, again: Expr) -> Result<(Expr, Expr), Mistake> {
        if self.eat(":") {
            return Ok((key, self.object_value()?));
        }
        let of = Expr::boxed(Kind::Identity);
        Ok((key, Expr::new(Kind::Field { of, key: Box::new(again) })))
    }

    fn key(&self, name: &str) -> Expr {
        Expr::new(Kind::Const(Val::text(self.heap(), name)))
    }
}
