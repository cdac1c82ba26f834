//! Programs that the text of a command names, for shells that do not say what they run.
//!
//! This is reading, not measuring: a script may run what its text does not name. So it can show that a program is needed, and
//! never that none was.

use std::collections::BTreeSet;

/// Words that begin no command, and after which one follows.
const KEYWORDS: [&str; 13] =
    ["!", "{", "}", "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "time"];
/// Words after which no command follows before the next separator.
const HEADS: [&str; 4] = ["for", "select", "function", "[["];
/// Programs that run the command in their arguments.
const WRAPPERS: [&str; 9] = ["builtin", "command", "env", "exec", "nice", "nohup", "sudo", "timeout", "xargs"];
/// Programs that run what is not in the text.
const OPAQUE: [&str; 12] =
    [".", "bash", "case", "dash", "eval", "make", "node", "perl", "python", "python3", "sh", "source"];
/// The most bytes that are read of one command.
const MAX_BYTES: usize = 64 << 10;

/// What a text names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Programs at the places where commands begin, without directories.
    pub(super) programs: BTreeSet<String>,
    /// Whether it also runs what it does not name.
    pub(super) opaque: bool,
}

/// Reads the text of a command.
pub(super) fn named(command: &str) -> Named {
    let mut named = Named::default();
    if command.len() > MAX_BYTES || command.contains("<<") || command.ends_with('…') {
        // Text that is not commands, or not all of it.
        named.opaque = true;
    }
    let text = &command[..command.floor_char_boundary(MAX_BYTES)];
    for segment in segments(text.split("<<").next().unwrap_or_default(), &mut named.opaque) {
        let mut words = segment.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            if KEYWORDS.contains(&word) || is_assignment(word) {
                continue;
            }
            if HEADS.contains(&word) {
                break;
            }
            if is_redirection(word) {
                if word.ends_with(['>', '<', '&']) {
                    words.next();
                }
                continue;
            }
            let name = word.rsplit('/').next().unwrap_or(word);
            let is_plain = name.chars().all(|c| c.is_alphanumeric() || "._+-[".contains(c)) && !name.is_empty();
            if !is_plain || (word.contains('/') && !word.starts_with('/')) {
                named.opaque = true;
                break;
            }
            named.opaque |= OPAQUE.contains(&name);
            named.programs.insert(name.to_owned());
            if !WRAPPERS.contains(&name) {
                break;
            }
            while words
                .peek()
                .is_some_and(|next| next.starts_with('-') || next.starts_with(|c: char| c.is_ascii_digit()))
            {
                words.next();
            }
        }
    }
    named
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>'])
}

/// The words between separators; quotes are taken off. Substitutions end a word's segment and begin one.
fn segments(text: &str, opaque: &mut bool) -> Vec<Vec<String>> {
    let (mut segments, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut chars = text.chars().peekable();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, '`') | (_, '$') if c == '`' || chars.peek() == Some(&'(') => {
                // What a substitution runs is read as commands of their own; where it ends in a quote is not followed.
                *opaque |= quote.is_some();
                words.extend(word.take());
                segments.push(std::mem::take(&mut words));
                if quote.is_some() {
                    return segments;
                }
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, '&') if word.as_deref().is_some_and(|word| word.ends_with(['>', '<'])) => {
                word.get_or_insert_default().push(c);
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => {
                words.extend(word.take());
                segments.push(std::mem::take(&mut words));
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    segments.push(words);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_stand_where_commands_begin() {
        for (text, programs, opaque) in [
            ("sort data.csv | uniq -c|sort -rn > out && head out", "head sort uniq", false),
            ("A=1 B='x y' cargo test; echo \"a | b\" # rm", "cargo echo", false),
            ("for f in *.rs; do wc -l $f; done", "wc", false),
            ("if grep -q x f; then /usr/bin/stat f; fi", "grep stat", false),
            ("find . | xargs -n 1 -0 rg foo 2>&1 >/dev/null", "find rg xargs", false),
            ("timeout 5 sleep 1 &\nwait", "sleep timeout wait", false),
            ("n=$(wc -l < f); echo $n", "echo wc", false),
            ("./configure && make", "make", true),
            ("$RUN it", "", true),
            ("sh -c 'curl x'", "sh", true),
            ("cat <<EOF > f\nrm -rf x\nEOF", "cat", true),
            ("echo \"$(date) rm\"", "echo", true),
            ("", "", false),
        ] {
            let found = named(text);
            let words: Vec<&str> = found.programs.iter().map(String::as_str).collect();
            assert_eq!((words.join(" "), found.opaque), (programs.to_owned(), opaque), "{text}");
        }
    }
}
