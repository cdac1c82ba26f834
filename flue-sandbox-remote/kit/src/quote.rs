//! Quoting for POSIX shells.

/// `text` as one word of any POSIX shell.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one() {
        assert_eq!(quote("it's $HOME `x`\n"), "'it'\\''s $HOME `x`\n'");
        assert_eq!(quote(""), "''");
    }
}
