//! What is refused before a command runs.
//!
//! Some of the engine's commands recurse over their own arguments, deeper than
//! any stack is: what they are given is measured here, without running them.

/// Most bytes of arguments for a command that parses them recursively.
const MAX_EXPRESSION_BYTES: usize = 64 * 1024;
/// Deepest nesting of brackets, parentheses or negations in arguments, and of
/// extended globs in a script.
const MAX_NESTING: usize = 200;

/// Commands whose one argument is a program or an expression.
const EXPRESSIONS: [&str; 4] = ["jq", "yq", "find", "expr"];
/// Commands whose arguments are patterns or programs with groups in them.
const PATTERNS: [&str; 11] = ["bc", "egrep", "fgrep", "find", "grep", "jq", "mawk", "nawk", "rg", "sed", "yq"];
/// Commands that take each parenthesis as an argument of its own.
const TESTS: [&str; 4] = ["[", "test", "find", "expr"];

/// Why a command must not run with these arguments, if so.
pub(crate) fn refuse(name: &str, args: &[String]) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let bytes: usize = args.iter().map(String::len).sum();
    if EXPRESSIONS.contains(&name) && bytes > MAX_EXPRESSION_BYTES {
        return Some(format!(
            "{name}: arguments of {bytes} bytes are more than the {MAX_EXPRESSION_BYTES} allowed; \
             pass the data in a file"
        ));
    }
    let opening = |arg: &&String| matches!(arg.as_str(), "(" | "!" | "-not");
    let tests = if TESTS.contains(&name) { args.iter().filter(opening).count() } else { 0 };
    let patterns = if PATTERNS.contains(&name) { args.iter().map(|arg| nesting(arg)).max().unwrap_or(0) } else { 0 };
    (tests.max(patterns) > MAX_NESTING)
        .then(|| format!("{name}: arguments nest deeper than the {MAX_NESTING} levels allowed"))
}

/// Why a script must not run, if so: matching deeply nested extended globs
/// takes time nothing interrupts.
pub(crate) fn refuse_script(script: &str) -> Option<String> {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut before = ' ';
    for c in script.chars() {
        match c {
            '(' if matches!(before, '?' | '*' | '+' | '@' | '!') => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        before = c;
    }
    (deepest > MAX_NESTING).then(|| format!("patterns nest deeper than the {MAX_NESTING} levels allowed"))
}

/// How deep any kind of bracket nests in `text`.
fn nesting(text: &str) -> usize {
    let mut deepest = 0;
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
        let mut depth = 0_usize;
        for c in text.chars() {
            if c == open {
                depth += 1;
                deepest = deepest.max(depth);
            } else if c == close {
                depth = depth.saturating_sub(1);
            }
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ordinary_commands_pass() {
        assert_eq!(refuse("jq", &args(&["-r", ".[] | select(.a == (1 + 2))"])), None);
        assert_eq!(refuse("[", &args(&["(", "a", "=", "a", ")", "]"])), None);
        assert_eq!(refuse("[", &args(&["-z", &"x".repeat(1 << 20), "]"])), None);
        assert_eq!(refuse("echo", &args(&[&"(".repeat(1000)])), None);
        assert_eq!(refuse_script("case $x in @(a|b)) echo 1;; esac; $(echo *)"), None);
    }

    #[test]
    fn deep_and_long_arguments_are_refused() {
        assert!(refuse("jq", &args(&[&"[".repeat(201)])).is_some());
        assert!(refuse("/usr/bin/jq", &args(&["-n", &"1+".repeat(40_000)])).is_some());
        assert!(refuse("[", &vec!["(".to_string(); 500]).is_some());
        assert!(refuse("find", &vec!["!".to_string(); 500]).is_some());
        assert!(refuse("grep", &args(&["-P", &"(".repeat(5000)])).is_some());
        assert!(refuse_script(&"@(a".repeat(300)).is_some());
    }
}
