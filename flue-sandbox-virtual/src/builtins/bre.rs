//! Basic regular expressions, in which `\(`, `\{`, `\+`, `\?` and `\|` are special and `(`, `{`, `+`, `?` and `|` are not.

/// A basic expression, GNU's additions among them, as the `regex` crate reads it. Back-references do not exist there.
pub(super) fn modern(basic: &str) -> String {
    let mut out = String::with_capacity(basic.len());
    let mut chars = basic.chars().peekable();
    // Whether a `*` here would repeat nothing, and so is a star.
    let mut start = true;
    while let Some(c) = chars.next() {
        let mut starts = false;
        match c {
            '\\' => match chars.next() {
                Some(special @ ('(' | '|')) => {
                    out.push(special);
                    starts = true;
                }
                Some(special @ (')' | '{' | '}' | '+' | '?')) => out.push(special),
                Some('<') => out.push_str(r"\b{start}"),
                Some('>') => out.push_str(r"\b{end}"),
                Some(class @ ('w' | 'W' | 's' | 'S' | 'b' | 'B')) => out.extend(['\\', class]),
                Some('n') => out.push('\n'),
                Some(other) => out.push_str(&regex::escape(&other.to_string())),
                None => out.push_str(r"\\"),
            },
            '(' | ')' | '{' | '}' | '+' | '?' | '|' => out.extend(['\\', c]),
            '*' if start => out.push_str(r"\*"),
            '^' if start => {
                out.push('^');
                starts = true;
            }
            '^' => out.push_str(r"\^"),
            '$' if !at_end(chars.clone()) => out.push_str(r"\$"),
            '[' => bracket(&mut chars, &mut out),
            _ => out.push(c),
        }
        start = starts;
    }
    out
}

/// Whether a `$` is the end of the expression or of a group.
fn at_end(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    match rest.next() {
        None => true,
        Some('\\') => matches!(rest.next(), Some(')' | '|')),
        Some(_) => false,
    }
}

/// Copies a bracket expression, in which a backslash is a character like any other.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if chars.next_if_eq(&']').is_some() {
        out.push_str(r"\]");
    }
    while let Some(c) = chars.next() {
        match c {
            ']' => break,
            '[' if matches!(chars.peek(), Some(':' | '.' | '=')) => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '\\' | '&' | '~' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::modern;

    #[test]
    fn what_is_special_changes_sides() {
        for (basic, expected) in [
            ("a+b", r"a\+b"),
            (r"a\+b\?", "a+b?"),
            (r"\(a\|b\)\{2\}", "(a|b){2}"),
            ("*a*", r"\*a*"),
            (r"\(*\)", r"(\*)"),
            ("^a^$b$", r"^a\^\$b$"),
            (r"\(a$\)", "(a$)"),
            (r"[]\[a-z&]", r"[\]\\\[a-z\&]"),
            ("[^[:alpha:]_]", "[^[:alpha:]_]"),
            (r"\.c\/", r"\.c/"),
            (r"\<x\>", r"\b{start}x\b{end}"),
        ] {
            assert_eq!(modern(basic), expected, "{basic}");
            assert!(regex::Regex::new(expected).is_ok(), "{expected}");
        }
    }
}
