//! From tokens to expressions.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::value::{Heap, Val};
use super::Mistake;
use super::expr::{Boxed, Compare, Expr, Format, Function, Kind, Math, Part};
use super::lexer::{Piece, Spot, Token};
use super::scope::{Scope, Scopes};

/// How deep expressions nest.
const MAX_NESTING: usize = 1000;

/// The functions that were read so far.
#[derive(Default)]
pub(super) struct Functions {
    pub(super) list: Vec<Function>,
    /// Those of the library, by name and arity.
    pub(super) loaded: HashMap<(String, usize), usize>,
}

pub(super) struct Parser<'p> {
    tokens: &'p [Spot],
    pub(super) at: usize,
    pub(super) scopes: Scopes,
    pub(super) globals: &'p [String],
    heap: &'p Arc<Heap>,
    pub(super) functions: &'p mut Functions,
    pub(super) nesting: usize,
}

/// The loosest operator is first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Level {
    Else,
    Assign,
    Or,
    And,
    Compare,
    Add,
    Multiply,
}

impl<'p> Parser<'p> {
    pub(super) fn new(
        tokens: &'p [Spot],
        globals: &'p [String],
        heap: &'p Arc<Heap>,
        functions: &'p mut Functions,
    ) -> Self {
        Self { tokens, at: 0, scopes: Scopes::default(), globals, heap, functions, nesting: 0 }
    }

    /// A whole program; one of definitions alone is the identity.
    pub(super) fn program(mut self) -> Result<Expr, Mistake> {
        let expr = self.pipe_or_nothing()?;
        if self.at < self.tokens.len() {
            return Err(self.unexpected());
        }
        Ok(expr)
    }

    fn pipe_or_nothing(&mut self) -> Result<Expr, Mistake> {
        if self.at == self.tokens.len() {
            return Ok(Expr::new(Kind::Identity));
        }
        if self.is_name("def") {
            return self.define(Self::pipe_or_nothing);
        }
        self.pipe()
    }

    pub(super) fn heap(&self) -> &'p Arc<Heap> {
        self.heap
    }

    // Tokens.

    pub(super) fn peek(&self) -> Option<&'p Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(super) fn next(&mut self) -> Result<&'p Token, Mistake> {
        let token = self.peek().ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(token)
    }

    pub(super) fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(found)) if *found == op)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(found)) if found == name)
    }

    pub(super) fn eat(&mut self, op: &str) -> bool {
        let there = self.is_op(op);
        self.at += usize::from(there);
        there
    }

    fn eat_name(&mut self, name: &str) -> bool {
        let there = self.is_name(name);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, op: &str) -> Result<(), Mistake> {
        if self.eat(op) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_name(&mut self, name: &str) -> Result<(), Mistake> {
        if self.eat_name(name) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(_, line)| *line)
    }

    pub(super) fn mistake(&self, message: String) -> Mistake {
        Mistake { message, line: self.line() }
    }

    pub(super) fn unexpected(&self) -> Mistake {
        let found = match self.peek() {
            None => "$end".to_owned(),
            Some(Token::Op(op)) => format!("'{op}'"),
            Some(Token::Name(name)) if is_keyword(name) => name.clone(),
            Some(Token::Name(_) | Token::Variable(_)) => "IDENT".into(),
            Some(Token::Field(_)) => "FIELD".into(),
            Some(Token::Format(_)) => "FORMAT".into(),
            Some(Token::Number(_)) => "LITERAL".into(),
            Some(Token::Text(_)) => "QQSTRING_START".into(),
        };
        self.mistake(format!("syntax error, unexpected {found} (Unix shell quoting issues?)"))
    }

    // Expressions, the loosest first.

    pub(super) fn pipe(&mut self) -> Result<Expr, Mistake> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.mistake(format!("expressions nest deeper than {MAX_NESTING} levels")));
        }
        let mut stages = Vec::new();
        let mut expr = loop {
            if self.is_name("def") {
                break self.define(Self::pipe)?;
            }
            let stage = self.comma()?;
            if !self.eat("|") {
                break stage;
            }
            stages.push(stage);
        };
        while let Some(stage) = stages.pop() {
            expr = Expr::new(Kind::Pipe(Box::new(stage), Box::new(expr)));
        }
        self.nesting -= 1;
        Ok(expr)
    }

    fn comma(&mut self) -> Result<Expr, Mistake> {
        let mut expr = self.level(Level::Else)?;
        while self.eat(",") {
            let next = self.level(Level::Else)?;
            expr = Expr::new(Kind::Comma(Box::new(expr), Box::new(next)));
        }
        Ok(expr)
    }

    /// What stands between commas, and may be piped on within an object.
    pub(super) fn object_value(&mut self) -> Result<Expr, Mistake> {
        let value = self.level(Level::Else)?;
        if self.eat("|") {
            let next = self.object_value()?;
            return Ok(Expr::new(Kind::Pipe(Box::new(value), Box::new(next))));
        }
        Ok(value)
    }

    fn level(&mut self, least: Level) -> Result<Expr, Mistake> {
        let mut left = self.unary()?;
        while let Some((level, op)) = self.operator().filter(|(level, _)| *level >= least) {
            self.at += 1;
            let right = match level {
                // To the right.
                Level::Else => self.level(Level::Else)?,
                Level::Multiply => self.unary()?,
                _ => self.level(next_level(level))?,
            };
            left = Expr::new(combine(op, Box::new(left), Box::new(right)));
            // `a < b < c` and `a = b = c` mean nothing.
            if matches!(level, Level::Assign | Level::Compare)
                && self.operator().is_some_and(|(again, _)| again == level)
            {
                return Err(self.unexpected());
            }
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Level, &'static str)> {
        let op = match self.peek()? {
            Token::Op(op) => *op,
            Token::Name(name) if name == "and" => "and",
            Token::Name(name) if name == "or" => "or",
            _ => return None,
        };
        let level = match op {
            "//" | "?//" => Level::Else,
            "=" | "|=" | "+=" | "-=" | "*=" | "/=" | "%=" | "//=" => Level::Assign,
            "or" => Level::Or,
            "and" => Level::And,
            "==" | "!=" | "<" | "<=" | ">" | ">=" => Level::Compare,
            "+" | "-" => Level::Add,
            "*" | "/" | "%" => Level::Multiply,
            _ => return None,
        };
        Some((level, op))
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        if self.eat("-") {
            let of = self.level(Level::Multiply)?;
            return Ok(match of.kind {
                Kind::Const(Val::Num(number)) => Expr::new(Kind::Const(Val::Num(-number))),
                _ => Expr::new(Kind::Negate(Box::new(of))),
            });
        }
        if self.is_name("def") {
            return self.define(Self::pipe);
        }
        if self.eat_name("label") {
            let Token::Variable(name) = self.next()? else {
                self.at -= 1;
                return Err(self.unexpected());
            };
            self.expect("|")?;
            let mark = self.scopes.mark();
            self.scopes.push(Scope::Label(name.clone()));
            let body = self.pipe();
            self.scopes.reset(mark);
            return Ok(Expr::new(Kind::Label(Box::new(body?))));
        }
        let term = self.postfix()?;
        if self.eat_name("as") { self.bind(term) } else { Ok(term) }
    }

    pub(super) fn postfix(&mut self) -> Result<Expr, Mistake> {
        let mut term = self.term()?;
        loop {
            match self.peek() {
                Some(Token::Field(name)) => {
                    self.at += 1;
                    let key = Expr::boxed(Kind::Const(Val::text(self.heap, name.as_str())));
                    term = Expr::new(Kind::Field { of: Box::new(term), key });
                }
                Some(Token::Op("[")) => {
                    self.at += 1;
                    term = self.index(term)?;
                }
                Some(Token::Op("?")) => {
                    self.at += 1;
                    term = optional(term);
                }
                Some(Token::Op(".")) => match self.tokens.get(self.at + 1) {
                    Some((Token::Text(pieces), _)) => {
                        self.at += 2;
                        let key = Box::new(self.text(None, pieces)?);
                        term = Expr::new(Kind::Field { of: Box::new(term), key });
                    }
                    Some((Token::Op("["), _)) => {
                        self.at += 2;
                        term = self.index(term)?;
                    }
                    _ => return Ok(term),
                },
                _ => return Ok(term),
            }
        }
    }

    /// What follows a `[` behind a term.
    fn index(&mut self, term: Expr) -> Result<Expr, Mistake> {
        let of = Box::new(term);
        if self.eat("]") {
            return Ok(Expr::new(Kind::Each(of)));
        }
        if self.eat(":") {
            let to = Some(Box::new(self.pipe()?));
            self.expect("]")?;
            return Ok(Expr::new(Kind::Slice { of, from: None, to }));
        }
        let key = Box::new(self.pipe()?);
        if !self.eat(":") {
            self.expect("]")?;
            return Ok(Expr::new(Kind::Field { of, key }));
        }
        let to = if self.is_op("]") { None } else { Some(Box::new(self.pipe()?)) };
        self.expect("]")?;
        Ok(Expr::new(Kind::Slice { of, from: Some(key), to }))
    }

    fn term(&mut self) -> Result<Expr, Mistake> {
        let token = self.next()?;
        let kind = match token {
            Token::Op(".") => match self.peek() {
                Some(Token::Text(pieces)) => {
                    self.at += 1;
                    let key = Box::new(self.text(None, pieces)?);
                    Kind::Field { of: Expr::boxed(Kind::Identity), key }
                }
                _ => Kind::Identity,
            },
            Token::Op("..") => Kind::Recurse,
            Token::Field(name) => Kind::Field {
                of: Expr::boxed(Kind::Identity),
                key: Expr::boxed(Kind::Const(Val::text(self.heap, name.as_str()))),
            },
            Token::Number(number) => Kind::Const(Val::Num(*number)),
            Token::Text(pieces) => return self.text(None, pieces),
            Token::Format(name) => {
                let Some(format) = Format::named(name) else {
                    return Err(self.mistake(format!("{name} is not a valid format")));
                };
                match self.peek() {
                    Some(Token::Text(pieces)) => {
                        self.at += 1;
                        return self.text(Some(format), pieces);
                    }
                    _ => Kind::Format(format),
                }
            }
            Token::Op("(") => {
                let inner = self.pipe()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Op("[") => {
                if self.eat("]") {
                    Kind::Array(None)
                } else {
                    let inner = self.pipe()?;
                    self.expect("]")?;
                    Kind::Array(Some(Box::new(inner)))
                }
            }
            Token::Op("{") => return self.object(),
            Token::Variable(name) => return self.variable(name),
            Token::Name(name) => return self.named(name),
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        Ok(Expr::new(kind))
    }

    pub(super) fn variable(&self, name: &str) -> Result<Expr, Mistake> {
        if name == "__loc__" {
            let line = self.tokens.get(self.at - 1).map_or(1, |(_, line)| *line);
            let fields = [("file", Val::text(self.heap, "<top-level>")), ("line", Val::count(line))];
            let fields = fields.into_iter().map(|(key, val)| (Arc::from(key), val)).collect();
            return Ok(Expr::new(Kind::Const(Val::map(self.heap, fields))));
        }
        if let Some(back) = self.scopes.var(name) {
            return Ok(Expr::new(Kind::Var(back)));
        }
        match self.globals.iter().rposition(|global| global == name) {
            Some(at) => Ok(Expr::new(Kind::Global(at))),
            None => Err(self.mistake(format!("${name} is not defined"))),
        }
    }

    /// A keyword, a word that is a value, or a call.
    fn named(&mut self, name: &str) -> Result<Expr, Mistake> {
        let kind = match name {
            "if" => return self.condition(),
            "try" => {
                let body = Box::new(self.postfix_or_negative()?);
                let handler = if self.eat_name("catch") { Some(Box::new(self.postfix_or_negative()?)) } else { None };
                Kind::Try { body, handler }
            }
            "reduce" | "foreach" => return self.fold(name),
            "break" => {
                let Token::Variable(label) = self.next()? else {
                    self.at -= 1;
                    return Err(self.unexpected());
                };
                let Some(back) = self.scopes.label(label) else {
                    return Err(self.mistake(format!("$*label-{label} is not defined")));
                };
                Kind::Break(back)
            }
            "null" => Kind::Const(Val::Null),
            "true" => Kind::Const(Val::Bool(true)),
            "false" => Kind::Const(Val::Bool(false)),
            "import" | "include" | "module" => return Err(self.mistake("modules are not available".into())),
            _ if is_keyword(name) => {
                self.at -= 1;
                return Err(self.unexpected());
            }
            _ => return self.call(name),
        };
        Ok(Expr::new(kind))
    }

    fn postfix_or_negative(&mut self) -> Result<Expr, Mistake> {
        if self.is_op("-") || self.is_name("label") || self.is_name("def") { self.unary() } else { self.postfix() }
    }

    fn condition(&mut self) -> Result<Expr, Mistake> {
        let condition = Box::new(self.pipe()?);
        self.expect_name("then")?;
        let then = Box::new(self.pipe()?);
        let otherwise = if self.eat_name("elif") {
            Box::new(self.condition()?)
        } else {
            let otherwise = if self.eat_name("else") { self.pipe()? } else { Expr::new(Kind::Identity) };
            self.expect_name("end")?;
            Box::new(otherwise)
        };
        Ok(Expr::new(Kind::If { condition, then, otherwise }))
    }

    // Strings.

    pub(super) fn text(&mut self, format: Option<Format>, pieces: &'p [Piece]) -> Result<Expr, Mistake> {
        if let [Piece::Plain(plain)] = pieces {
            return Ok(Expr::new(Kind::Const(Val::text(self.heap, plain.as_str()))));
        }
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            parts.push(match piece {
                Piece::Plain(plain) => Part::Plain(plain.clone()),
                Piece::Program(tokens) => Part::Program(self.inner(tokens)?),
            });
        }
        Ok(Expr::new(Kind::Text { format, parts }))
    }

    /// A program within a string, in the scope around it.
    fn inner(&mut self, tokens: &'p [Spot]) -> Result<Expr, Mistake> {
        let outer = std::mem::replace(&mut self.tokens, tokens);
        let at = std::mem::take(&mut self.at);
        let expr = self.pipe().and_then(|expr| if self.at < tokens.len() { Err(self.unexpected()) } else { Ok(expr) });
        self.tokens = outer;
        self.at = at;
        expr
    }
}

/// `term?`: of an access, only the last step may fail.
fn optional(term: Expr) -> Expr {
    let attempt = |body: Expr| Expr::new(Kind::Try { body: Box::new(body), handler: None });
    let here = || Expr::boxed(Kind::Identity);
    match term.kind {
        Kind::Each(of) => Expr::new(Kind::Pipe(of, Box::new(attempt(Expr::new(Kind::Each(here())))))),
        Kind::Field { of, key } if matches!(key.kind, Kind::Const(_)) => {
            Expr::new(Kind::Pipe(of, Box::new(attempt(Expr::new(Kind::Field { of: here(), key })))))
        }
        kind => attempt(Expr::new(kind)),
    }
}

fn next_level(level: Level) -> Level {
    match level {
        Level::Else => Level::Assign,
        Level::Assign => Level::Or,
        Level::Or => Level::And,
        Level::And => Level::Compare,
        Level::Compare => Level::Add,
        Level::Add | Level::Multiply => Level::Multiply,
    }
}

fn combine(op: &str, left: Boxed, right: Boxed) -> Kind {
    match op {
        "?//" => Kind::Else(Expr::boxed(Kind::Try { body: left, handler: None }), right),
        "//" => Kind::Else(left, right),
        "=" => Kind::Set(left, right),
        "|=" => Kind::Update(left, right),
        "+=" => Kind::UpdateWith(Some(Math::Add), left, right),
        "-=" => Kind::UpdateWith(Some(Math::Subtract), left, right),
        "*=" => Kind::UpdateWith(Some(Math::Multiply), left, right),
        "/=" => Kind::UpdateWith(Some(Math::Divide), left, right),
        "%=" => Kind::UpdateWith(Some(Math::Remainder), left, right),
        "//=" => Kind::UpdateWith(None, left, right),
        "or" => Kind::Or(left, right),
        "and" => Kind::And(left, right),
        "==" => Kind::Compare(Compare::Equal, left, right),
        "!=" => Kind::Compare(Compare::Unequal, left, right),
        "<" => Kind::Compare(Compare::Less, left, right),
        "<=" => Kind::Compare(Compare::LessOrEqual, left, right),
        ">" => Kind::Compare(Compare::Greater, left, right),
        ">=" => Kind::Compare(Compare::GreaterOrEqual, left, right),
        "+" => Kind::Math(Math::Add, left, right),
        "-" => Kind::Math(Math::Subtract, left, right),
        "*" => Kind::Math(Math::Multiply, left, right),
        "/" => Kind::Math(Math::Divide, left, right),
        _ => Kind::Math(Math::Remainder, left, right),
    }
}

pub(super) fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "def"
            | "if"
            | "then"
            | "elif"
            | "else"
            | "end"
            | "as"
            | "reduce"
            | "foreach"
            | "try"
            | "catch"
            | "label"
            | "import"
            | "include"
            | "and"
            | "or"
            | "__loc__"
    )
}
