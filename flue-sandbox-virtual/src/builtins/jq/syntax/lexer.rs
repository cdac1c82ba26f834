//! From program text to tokens.

/// A piece of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// Punctuation and operators.
    Op(&'static str),
    /// A name, or a keyword.
    Name(String),
    /// `.name`.
    Field(String),
    /// `$name`.
    Variable(String),
    /// `@name`.
    Format(String),
    Number(f64),
    Text(Vec<Piece>),
}

/// A piece of a string.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Plain(String),
    /// What is between `\(` and `)`.
    Program(Vec<Spot>),
}

/// A token and the line it is on.
pub(super) type Spot = (Token, usize);

/// Longer ones first.
const OPERATORS: [&str; 36] = [
    "?//", "//=", "..", "!=", "==", "//", "<=", ">=", "|=", "+=", "-=", "*=", "/=", "%=", ".", "[", "]", "(", ")", "{",
    "}", "|", ",", ":", ";", "=", "<", ">", "+", "-", "*", "/", "%", "?", "$", "@",
];

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// All tokens, or why the text is no program.
    pub(super) fn all(mut self) -> Result<Vec<Spot>, String> {
        self.until(None)
    }

    /// The tokens up to the parenthesis that ends an interpolation, or up to the end.
    fn until(&mut self, end: Option<&str>) -> Result<Vec<Spot>, String> {
        let mut tokens: Vec<Spot> = Vec::new();
        let mut depth = 0_usize;
        loop {
            self.skip_blank();
            let line = self.line;
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else {
                return match end {
                    None => Ok(tokens),
                    Some(_) => Err("syntax error, unexpected $end".into()),
                };
            };
            let token = if c == '"' {
                self.at += 1;
                Token::Text(self.string()?)
            } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
                self.number()?
            } else if starts_name(c) {
                Token::Name(self.name(true))
            } else if let Some(marked) = self.marked(c) {
                marked
            } else if let Some(op) = OPERATORS.iter().find(|op| rest.starts_with(**op)) {
                self.at += op.len();
                match *op {
                    "(" => depth += 1,
                    ")" if depth == 0 && end.is_some() => return Ok(tokens),
                    ")" => depth = depth.saturating_sub(1),
                    _ => {}
                }
                Token::Op(op)
            } else {
                return Err(format!("syntax error, unexpected INVALID_CHARACTER '{c}'"));
            };
            tokens.push((token, line));
        }
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            match rest.chars().next() {
                Some('\n') => {
                    self.line += 1;
                    self.at += 1;
                }
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('#') => self.at += rest.find('\n').unwrap_or(rest.len()),
                _ => return,
            }
        }
    }

    /// A name behind a dot, a dollar or an at sign.
    fn marked(&mut self, mark: char) -> Option<Token> {
        if !matches!(mark, '.' | '$' | '@') || !self.text[self.at + 1..].starts_with(starts_name) {
            return None;
        }
        self.at += 1;
        Some(match mark {
            '.' => Token::Field(self.name(false)),
            '$' => Token::Variable(self.name(true)),
            _ => Token::Format(self.name(false)),
        })
    }

    /// A name; one of a module has two colons in it.
    fn name(&mut self, colons: bool) -> String {
        let rest = &self.text[self.at..];
        let mut length = rest.find(|c: char| !continues_name(c)).unwrap_or(rest.len());
        while colons && rest[length..].starts_with("::") && rest[length + 2..].starts_with(starts_name) {
            length += 2;
            length += rest[length..].find(|c: char| !continues_name(c)).unwrap_or(rest.len() - length);
        }
        self.at += length;
        rest[..length].to_owned()
    }

    fn number(&mut self) -> Result<Token, String> {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = digits(0);
        if rest.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1);
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        let text = &self.text[self.at..self.at + length];
        self.at += length;
        text.parse().map(Token::Number).map_err(|_| format!("syntax error, invalid number '{text}'"))
    }

    /// The rest of a string, behind its first quote.
    fn string(&mut self) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let unfinished = || "syntax error, unexpected $end, expecting QQSTRING_TEXT or QQSTRING_END".to_owned();
        loop {
            let c = self.text[self.at..].chars().next().ok_or_else(unfinished)?;
            self.at += c.len_utf8();
            match c {
                '"' => {
                    if !plain.is_empty() || pieces.is_empty() {
                        pieces.push(Piece::Plain(plain));
                    }
                    return Ok(pieces);
                }
                '\\' => {
                    let escape = self.text[self.at..].chars().next().ok_or_else(unfinished)?;
                    self.at += escape.len_utf8();
                    match escape {
                        '(' => {
                            if !plain.is_empty() {
                                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                            }
                            pieces.push(Piece::Program(self.until(Some(")"))?));
                        }
                        'u' => plain.push(self.unicode()?),
                        _ => plain.push(simple_escape(escape).ok_or("syntax error, invalid escape in a string")?),
                    }
                }
                '\n' => {
                    self.line += 1;
                    plain.push(c);
                }
                _ => plain.push(c),
            }
        }
    }

    fn unicode(&mut self) -> Result<char, String> {
        let mut unit = || {
            let digits = self.text.get(self.at..self.at + 4)?;
            let unit = u32::from_str_radix(digits, 16).ok()?;
            self.at += 4;
            Some(unit)
        };
        let first = unit().ok_or("syntax error, invalid escape in a string")?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let digits = self.text.get(self.at..self.at + 4).and_then(|text| u32::from_str_radix(text, 16).ok());
            if let Some(second @ 0xdc00..0xe000) = digits {
                self.at += 4;
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at -= 2;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

fn simple_escape(escape: char) -> Option<char> {
    Some(match escape {
        '"' | '\\' | '/' => escape,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => return None,
    })
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
