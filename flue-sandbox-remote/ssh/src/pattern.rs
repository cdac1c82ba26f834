//! Patterns of names (ssh_config(5), PATTERNS).

/// Whether `name` is among the patterns: one fits, and none of those that begin with `!` does.
pub(crate) fn listed<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.as_ref().strip_prefix('!') {
            Some(pattern) if fits(pattern, name) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_ref(), name),
        }
    }
    found
}

/// Whether `name` fits the pattern, in which `*` stands for any characters and `?` for one.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // The last star, and how much of the name it stands for so far.
    let mut star = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((back, upto)) => {
                    star = Some((back, upto + 1));
                    (at, seen) = (back + 1, upto + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*.b.*", "a.b.b.c", true),
            ("a?c", "abc", true),
            ("a?", "a", false),
            ("**b?", "abbc", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_taken_out_is_not_among_them() {
        assert!(listed(["*.b", "!c.b"], "a.b"));
        assert!(!listed(["*.b", "!c.b"], "c.b"));
        assert!(!listed(["!c.b"], "a.b"));
    }
}
