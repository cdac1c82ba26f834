//! The words of a line of ssh_config.

/// Splits a line into its keyword, in small letters, and its arguments; nothing for a line that says nothing.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn split(line: &str) -> Result<Option<(String, Vec<String>)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Ok(Some((keyword.to_ascii_lowercase(), arguments(rest)?)))
}

/// Words are parted by space; `"` and `'` hold them together, `\` takes the meaning of those and of itself, and of a space outside
/// of them; a word that begins with `#` ends the line.
fn arguments(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let next = chars
                    .peek()
                    .copied()
                    .filter(|next| matches!(next, '"' | '\'' | '\\') || (quote.is_none() && *next == ' '));
                word.get_or_insert_default().push(next.unwrap_or(c));
                if next.is_some() {
                    chars.next();
                }
            }
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ' ' | '\t' if quote.is_none() => words.extend(word.take()),
            '#' if quote.is_none() && word.is_none() => break,
            c => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_openssh_does() {
        for (line, expected) in [
            ("", None),
            ("  # Host a", None),
            ("HostName b", Some(("hostname", vec!["b"]))),
            ("\tHOSTNAME=b", Some(("hostname", vec!["b"]))),
            ("hostname = \"b c\" d#e #f", Some(("hostname", vec!["b c", "d#e"]))),
            (r#"user a\ b "c\"d" 'e"' """#, Some(("user", vec!["a b", "c\"d", "e\"", ""]))),
            ("compression", Some(("compression", vec![]))),
        ] {
            let said = split(line).unwrap();
            let said = said.as_ref().map(|(key, words)| (&**key, words.iter().map(|word| &**word).collect::<Vec<_>>()));
            assert_eq!(said, expected, "{line}");
        }
        assert!(split("user \"a").is_err());
    }
}
