//! The language of `bc`: its tokens and its grammar.

/// Deepest nesting of expressions and statements.
const MAX_DEPTH: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(String),
    Text(String),
    Name(String),
    /// An operator or punctuation.
    Mark(&'static str),
    Newline,
}

/// A token and the line it is on.
pub(super) type Placed = (Token, usize);

/// Longest first, so that `<=` is not `<`.
const MARKS: [&str; 35] = [
    "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "^",
    "=", "<", ">", "!", "(", ")", "{", "}", "[", "]", ",", ";", "&", "|", ".",
];

/// Cuts a program into tokens; unknown characters are reported with their line.
pub(super) fn tokens(source: &str) -> (Vec<Placed>, Vec<(char, usize)>) {
    let (mut tokens, mut strange) = (Vec::new(), Vec::new());
    let source = source.replace("\\\n", "");
    let mut rest = source.as_str();
    let mut line = 1;
    while let Some(c) = rest.chars().next() {
        let digits = rest.len()
            - rest.trim_start_matches(|c: char| c.is_ascii_digit() || ('A'..='F').contains(&c) || c == '.').len();
        if c == '\n' {
            tokens.push((Token::Newline, line));
            line += 1;
            rest = &rest[1..];
        } else if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
        } else if c == '#' {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            let end = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
            line += rest[..end].matches('\n').count();
            rest = &rest[end..];
        } else if c == '"' {
            let end = rest[1..].find('"').map_or(rest.len(), |end| end + 1);
            let text = &rest[1..end];
            tokens.push((Token::Text(text.to_string()), line));
            line += text.matches('\n').count();
            rest = rest.get(end + 1..).unwrap_or("");
        } else if digits > 0 && rest[..digits] != *"." {
            // A second point starts another number.
            let first = rest[..digits].find('.').unwrap_or(digits);
            let end =
                rest[..digits].get(first + 1..).and_then(|tail| tail.find('.')).map_or(digits, |at| first + 1 + at);
            tokens.push((Token::Number(rest[..end].to_string()), line));
            rest = &rest[end..];
        } else if c.is_ascii_lowercase() {
            let name = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            let end = rest.find(name).unwrap_or(rest.len());
            tokens.push((Token::Name(rest[..end].to_string()), line));
            rest = &rest[end..];
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            tokens.push((Token::Mark(mark), line));
            rest = &rest[mark.len()..];
        } else {
            strange.push((c, line));
            rest = &rest[c.len_utf8()..];
        }
    }
    (tokens, strange)
}

/// A place a value can be kept in.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Variable(String),
    Element(String, Box<Expression>),
}

#[derive(Clone, Debug)]
pub(super) enum Argument {
    Value(Expression),
    Array(String),
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Number(String),
    Get(Place),
    Set(Place, &'static str, Box<Expression>),
    /// `++x` and `x++`: the step, and whether the new value counts.
    Step(Place, i64, bool),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Call(String, Vec<Argument>),
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Show(Expression),
    Text(String),
    Print(Vec<Printed>),
    If(Expression, Box<Statement>, Option<Box<Statement>>),
    While(Expression, Box<Statement>),
    For(Option<Expression>, Option<Expression>, Option<Expression>, Box<Statement>),
    Block(Vec<Statement>),
    Define(Box<Function>),
    Return(Option<Expression>),
    Break,
    Continue,
    Quit,
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) enum Printed {
    Text(String),
    Value(Expression),
}

/// A parameter or local: its name, and whether it is an array.
pub(super) type Local = (String, bool);

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<Local>,
    pub(super) autos: Vec<Local>,
    pub(super) body: Vec<Statement>,
}

/// The line a mistake is on.
#[derive(Debug)]
pub(super) struct Mistake(pub(super) usize);

pub(super) struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, Mistake>;

impl Parser {
    pub(super) fn new(tokens: Vec<Placed>) -> Self {
        Self { tokens, at: 0, depth: 0 }
    }

    /// The statements of the next line, or a mistake on it; `None` at the end.
    pub(super) fn line(&mut self) -> Option<Parsed<Vec<Statement>>> {
        if self.at >= self.tokens.len() {
            return None;
        }
        let parsed = self.statements_of_line();
        if parsed.is_err() {
            self.depth = 0;
            while self.peek().is_some_and(|token| *token != Token::Newline) {
                self.at += 1;
            }
            self.at += 1;
        }
        Some(parsed)
    }

    fn statements_of_line(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            if self.take_newline() || self.peek().is_none() {
                return Ok(statements);
            }
            if self.take(";") {
                continue;
            }
            let statement = self.statement()?;
            let defines = matches!(statement, Statement::Define(_));
            statements.push(statement);
            let ended = matches!(self.peek(), None | Some(Token::Newline | Token::Mark(";")));
            if !ended && !defines {
                return Err(self.mistake());
            }
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(found)) if *found == mark)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.is(mark);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.take(mark) { Ok(()) } else { Err(self.mistake()) }
    }

    fn take_newline(&mut self) -> bool {
        let found = self.peek() == Some(&Token::Newline);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.mistake()),
        }
    }

    fn mistake(&self) -> Mistake {
        let last = self.tokens.last().map_or(1, |(_, line)| *line);
        Mistake(self.tokens.get(self.at).map_or(last, |(_, line)| *line))
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.mistake());
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.deeper(Self::statement_inside)
    }

    fn statement_inside(&mut self) -> Parsed<Statement> {
        if let Some(Token::Text(text)) = self.peek() {
            let text = text.clone();
            self.at += 1;
            return Ok(Statement::Text(text));
        }
        if self.take("{") {
            return Ok(Statement::Block(self.block()?));
        }
        let Some(Token::Name(word)) = self.peek().cloned() else {
            return Ok(Statement::Show(self.expression()?));
        };
        self.at += 1;
        match word.as_str() {
            "if" => {
                self.expect("(")?;
                let condition = self.expression()?;
                self.expect(")")?;
                while self.take_newline() {}
                let yes = self.statement()?;
                let no = self.else_branch()?;
                Ok(Statement::If(condition, Box::new(yes), no))
            }
            "while" => {
                self.expect("(")?;
                let condition = self.expression()?;
                self.expect(")")?;
                while self.take_newline() {}
                Ok(Statement::While(condition, Box::new(self.statement()?)))
            }
            "for" => self.for_loop(),
            "define" => self.define(),
            "print" => self.print(),
            "return" => {
                let ends = matches!(self.peek(), None | Some(Token::Newline | Token::Mark(";" | "}")));
                let value = if ends { None } else { Some(self.expression()?) };
                Ok(Statement::Return(value))
            }
            "break" => Ok(Statement::Break),
            "continue" => Ok(Statement::Continue),
            "quit" | "halt" => Ok(Statement::Quit),
            "warranty" | "limits" => Ok(Statement::Nothing),
            _ => {
                self.at -= 1;
                Ok(Statement::Show(self.expression()?))
            }
        }
    }

    fn else_branch(&mut self) -> Parsed<Option<Box<Statement>>> {
        let start = self.at;
        // `x; else y` and an `else` on the next line of a block both occur.
        while self.take(";") || self.take_newline() {}
        if self.take_word("else") {
            while self.take_newline() {}
            return Ok(Some(Box::new(self.statement()?)));
        }
        self.at = start;
        Ok(None)
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.take(";") || self.take_newline() {}
            if self.take("}") {
                return Ok(statements);
            }
            if self.peek().is_none() {
                return Err(self.mistake());
            }
            statements.push(self.statement()?);
            if !matches!(self.peek(), Some(Token::Newline | Token::Mark(";" | "}"))) {
                return Err(self.mistake());
            }
        }
    }

    fn for_loop(&mut self) -> Parsed<Statement> {
        self.expect("(")?;
        let start = self.optional_expression(";")?;
        let condition = self.optional_expression(";")?;
        let step = self.optional_expression(")")?;
        while self.take_newline() {}
        Ok(Statement::For(start, condition, step, Box::new(self.statement()?)))
    }

    fn optional_expression(&mut self, end: &str) -> Parsed<Option<Expression>> {
        if self.take(end) {
            return Ok(None);
        }
        let expression = self.expression()?;
        self.expect(end)?;
        Ok(Some(expression))
    }

    fn print(&mut self) -> Parsed<Statement> {
        let mut list = Vec::new();
        loop {
            if let Some(Token::Text(text)) = self.peek() {
                list.push(Printed::Text(text.clone()));
                self.at += 1;
            } else {
                list.push(Printed::Value(self.expression()?));
            }
            if !self.take(",") {
                return Ok(Statement::Print(list));
            }
        }
    }

    fn define(&mut self) -> Parsed<Statement> {
        self.take_word("void");
        let name = self.name()?;
        self.expect("(")?;
        let parameters = if self.take(")") { Vec::new() } else { self.locals(")")? };
        while self.take_newline() {}
        self.expect("{")?;
        while self.take(";") || self.take_newline() {}
        let mut autos = Vec::new();
        if self.take_word("auto") {
            autos = self.locals("")?;
        }
        let body = self.block()?;
        Ok(Statement::Define(Box::new(Function { name, parameters, autos, body })))
    }

    fn locals(&mut self, end: &str) -> Parsed<Vec<Local>> {
        let mut locals = Vec::new();
        loop {
            // `*a[]` hands an array over by reference; here it is a copy.
            self.take("*");
            let name = self.name()?;
            let array = self.take("[");
            if array {
                self.expect("]")?;
            }
            locals.push((name, array));
            if self.take(",") {
                continue;
            }
            if end.is_empty() || self.take(end) {
                return Ok(locals);
            }
            return Err(self.mistake());
        }
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.deeper(|parser| parser.binary(0))
    }

    /// Operators from the loosest level on; `!` sits between two of them.
    fn binary(&mut self, level: usize) -> Parsed<Expression> {
        const LEVELS: [&[&str]; 6] =
            [&["||"], &["&&"], &[], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];
        if level == 2 {
            if self.take("!") {
                let operand = self.deeper(|parser| parser.binary(2))?;
                return Ok(Expression::Not(Box::new(operand)));
            }
            return self.binary(3);
        }
        let Some(operators) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().copied().find(|operator| self.is(operator)) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn power(&mut self) -> Parsed<Expression> {
        let base = self.unary()?;
        if self.take("^") {
            let exponent = self.deeper(Self::power)?;
            return Ok(Expression::Binary("^", Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        if self.take("-") {
            let operand = self.deeper(Self::unary)?;
            return Ok(Expression::Negate(Box::new(operand)));
        }
        for (mark, step) in [("++", 1), ("--", -1)] {
            if self.take(mark) {
                let Expression::Get(place) = self.primary()? else {
                    return Err(self.mistake());
                };
                return Ok(Expression::Step(place, step, true));
            }
        }
        let primary = self.primary()?;
        let Expression::Get(place) = primary else {
            return Ok(primary);
        };
        const ASSIGNMENTS: [&str; 7] = ["=", "+=", "-=", "*=", "/=", "%=", "^="];
        if let Some(operator) = ASSIGNMENTS.into_iter().find(|operator| self.is(operator)) {
            self.at += 1;
            // A value takes in sums and products, but no comparison.
            let value = self.deeper(|parser| parser.binary(4))?;
            return Ok(Expression::Set(place, operator, Box::new(value)));
        }
        for (mark, step) in [("++", 1), ("--", -1)] {
            if self.take(mark) {
                return Ok(Expression::Step(place, step, false));
            }
        }
        Ok(Expression::Get(place))
    }

    fn primary(&mut self) -> Parsed<Expression> {
        if self.take("(") {
            let inside = self.expression()?;
            self.expect(")")?;
            // Parentheses make an assignment show its value.
            return Ok(match inside {
                Expression::Set(..) | Expression::Get(_) => {
                    let zero = Expression::Number("0".into());
                    Expression::Binary("+", Box::new(inside), Box::new(zero))
                }
                other => other,
            });
        }
        if self.take(".") {
            return Ok(Expression::Get(Place::Variable("last".into())));
        }
        if let Some(Token::Number(digits)) = self.peek() {
            let digits = digits.clone();
            self.at += 1;
            return Ok(Expression::Number(digits));
        }
        let name = self.name()?;
        if self.take("(") {
            let mut arguments = Vec::new();
            while !self.take(")") {
                arguments.push(self.argument()?);
                if !self.take(",") && !self.is(")") {
                    return Err(self.mistake());
                }
            }
            return Ok(Expression::Call(name, arguments));
        }
        if self.take("[") {
            let index = self.expression()?;
            self.expect("]")?;
            return Ok(Expression::Get(Place::Element(name, Box::new(index))));
        }
        Ok(Expression::Get(Place::Variable(name)))
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let array = match self.tokens.get(self.at..self.at + 3) {
            Some([(Token::Name(name), _), (Token::Mark("["), _), (Token::Mark("]"), _)]) => Some(name.clone()),
            _ => None,
        };
        match array {
            Some(name) => {
                self.at += 3;
                Ok(Argument::Array(name))
            }
            None => Ok(Argument::Value(self.expression()?)),
        }
    }
}
