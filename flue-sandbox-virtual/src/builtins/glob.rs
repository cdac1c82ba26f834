//! Shell patterns (`*`, `?`, `[…]`, `\`) over a whole name, as `fnmatch` has them.

/// Whether `name` matches `pattern`; `*` also crosses slashes.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to resume after the last `*` when what follows it fails.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            retry = Some((p + 1, n));
            p += 1;
            continue;
        }
        match one(&pattern[p..], name[n]) {
            Some(used) => {
                p += used;
                n += 1;
            }
            None => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    p = after_star;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Pattern characters used to match `c`, if they do.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        [] => None,
        ['?', ..] => Some(1),
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['[', rest @ ..] => match set(rest, c) {
            Some((used, matched)) => matched.then_some(used + 1),
            None => (c == '[').then_some(1),
        },
        [literal, ..] => (*literal == c).then_some(1),
    }
}

/// Reads a bracket expression: its length and whether it holds `c`.
fn set(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let mut at = usize::from(negated);
    let first = at;
    let mut found = false;
    loop {
        match pattern.get(at..)? {
            [] => return None,
            [']', ..] if at > first => return Some((at + 1, found != negated)),
            [low, '-', high, ..] if *high != ']' => {
                found |= (*low..=*high).contains(&c);
                at += 3;
            }
            [literal, ..] => {
                found |= *literal == c;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        assert!(matches("*.o", "a.o"));
        assert!(!matches("*.o", "a.c"));
        assert!(matches("a?c", "abc"));
        assert!(matches("[a-c]*[!0-9]", "bx9z"));
        assert!(!matches("[a-c]*[!0-9]", "bx9"));
        assert!(matches("d/*", "d/s/b"));
        assert!(matches(r"\*", "*"));
        assert!(!matches(r"\*", "a"));
        assert!(matches("a[", "a["));
        assert!(matches("**b**", "abc".replace('c', "b").as_str()));
    }
}
