//! What binds variables: `as`, `reduce` and `foreach`.

use super::super::value::Val;
use super::Mistake;
use super::expr::{Entry, Expr, Kind, Pattern, Patterns};
use super::lexer::Token;
use super::parser::Parser;

impl<'p> Parser<'p> {
    /// The rest behind `term as`.
    pub(super) fn bind(&mut self, source: Expr) -> Result<Expr, Mistake> {
        let mark = self.scopes.mark();
        let mut all = vec![self.pattern()?];
        let mut vars = vec![self.scopes.vars_since(mark)];
        while self.eat("?//") {
            self.scopes.reset(mark);
            all.push(self.pattern()?);
            vars.push(self.scopes.vars_since(mark));
        }
        let mut places = Vec::new();
        if all.len() > 1 {
            let mut names: Vec<&String> = Vec::new();
            for name in vars.iter().flatten() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            self.scopes.reset(mark);
            for name in names {
                self.scopes.push_var(name);
                places.push(vars.iter().map(|vars| vars.iter().rposition(|var| var == name)).collect());
            }
        }
        self.expect("|")?;
        let body = self.pipe();
        self.scopes.reset(mark);
        let patterns = Patterns { all, places };
        Ok(Expr::new(Kind::Bind { source: Box::new(source), patterns, body: Box::new(body?) }))
    }

    /// The rest behind `reduce` or `foreach`.
    pub(super) fn fold(&mut self, name: &str) -> Result<Expr, Mistake> {
        let source = Box::new(self.postfix()?);
        self.expect_as()?;
        let mark = self.scopes.mark();
        let pattern = self.pattern()?;
        let vars = self.scopes.vars_since(mark);
        self.scopes.reset(mark);
        self.expect("(")?;
        let init = Box::new(self.pipe()?);
        self.expect(";")?;
        vars.iter().for_each(|var| self.scopes.push_var(var));
        let update = Box::new(self.pipe()?);
        let extract = if name == "foreach" && self.eat(";") { Some(Box::new(self.pipe()?)) } else { None };
        self.scopes.reset(mark);
        self.expect(")")?;
        Ok(Expr::new(match name {
            "reduce" => Kind::Reduce { source, pattern, init, update },
            _ => Kind::Foreach { source, pattern, init, update, extract },
        }))
    }

    fn expect_as(&mut self) -> Result<(), Mistake> {
        match self.next()? {
            Token::Name(name) if name == "as" => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    /// A pattern. Each of its variables takes its place when it is read.
    fn pattern(&mut self) -> Result<Pattern, Mistake> {
        match self.next()? {
            Token::Variable(name) => {
                self.scopes.push_var(name);
                Ok(Pattern::Var)
            }
            Token::Op("[") => {
                let mut items = Vec::new();
                loop {
                    items.push(self.pattern()?);
                    if !self.eat(",") {
                        break;
                    }
                }
                self.expect("]")?;
                Ok(Pattern::Array(items))
            }
            Token::Op("{") => {
                let mut entries = Vec::new();
                loop {
                    entries.push(self.pattern_entry()?);
                    if !self.eat(",") {
                        break;
                    }
                }
                self.expect("}")?;
                Ok(Pattern::Object(entries))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn pattern_entry(&mut self) -> Result<Entry, Mistake> {
        let constant = |parser: &Self, name: &str| Expr::new(Kind::Const(Val::text(parser.heap(), name)));
        let (key, bind) = match self.next()? {
            Token::Variable(name) => {
                let key = constant(self, name);
                self.scopes.push_var(name);
                (key, true)
            }
            Token::Name(name) => (constant(self, name), false),
            Token::Text(pieces) => (self.text(None, pieces)?, false),
            Token::Op("(") => {
                let key = self.pipe()?;
                self.expect(")")?;
                (key, false)
            }
            _ => return Err(self.unexpected()),
        };
        let pattern = if bind && !self.is_op(":") {
            None
        } else {
            self.expect(":")?;
            Some(self.pattern()?)
        };
        Ok(Entry { key, bind, pattern })
    }
}
