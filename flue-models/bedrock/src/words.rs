//! A command line as the words of a POSIX shell, without anything else of a shell: no variables, no operators.

/// The words of `line`; `None` where a quote is not closed, or nothing follows a backslash.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(char) = rest.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(rest.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                while let Some(char) = Some(rest.next()?).filter(|char| *char != '\'') {
                    word.push(char);
                }
            }
            '"' => quoted(&mut rest, word.get_or_insert_default())?,
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    Some(words)
}

/// What stands until the next double quote. A backslash stays one unless it is before another or before a quote.
fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => match rest.next()? {
                char @ ('"' | '\\') => word.push(char),
                char => word.extend(['\\', char]),
            },
            char => word.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `shlex.split` of Python makes of the same lines, by which botocore splits them.
    #[test]
    fn lines_are_split_as_pythons_shlex_splits_them() {
        let lines: [(&str, &[&str]); 10] = [
            ("", &[]),
            (" a\tb  c\r\n", &["a", "b", "c"]),
            (r#"'a b' "c d"e'f'"#, &["a b", "c def"]),
            (r#"'' "" x"#, &["", "", "x"]),
            (r"a\ b \' \\", &["a b", "'", r"\"]),
            (r#""a\"b\\c\$d\n""#, &[r#"a"b\c\$d\n"#]),
            (r"'a\b'", &[r"a\b"]),
            ("$HOME `x` | > #y ; é", &["$HOME", "`x`", "|", ">", "#y", ";", "é"]),
            ("\"a\nb\"", &["a\nb"]),
            ("a\\\nb", &["a\nb"]),
        ];
        for (line, expected) in lines {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for open in ["'a", "\"a", "\"a\\", "a\\", "\"a\\\""] {
            assert_eq!(words(open), None, "{open}");
        }
    }
}
