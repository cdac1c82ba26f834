//! What is corrected before a command runs: arguments that the engine reads wrongly.

use super::rounding::round_arguments;

/// What `bash --version` prints.
const BASH_VERSION: &str = "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)";

/// The arguments to run with instead, where the engine reads them wrongly.
pub(crate) fn rewrite(name: &str, args: &[String]) -> Option<Vec<String>> {
    match name.rsplit('/').next()? {
        "printf" => printf(args),
        "bash" | "sh" => bash(args),
        _ => None,
    }
}

/// A script on standard input with arguments, as in `bash -s x`, and the version.
fn bash(args: &[String]) -> Option<Vec<String>> {
    match args {
        [first] if first == "--version" => Some(vec!["-c".into(), format!("echo '{BASH_VERSION}'")]),
        [first, rest @ ..] if first == "-s" => {
            let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest);
            let script = ["-c", r#"eval "$(cat)""#, "bash"].map(str::to_owned);
            Some(script.into_iter().chain(rest.iter().cloned()).collect())
        }
        _ => None,
    }
}

fn printf(args: &[String]) -> Option<Vec<String>> {
    // `printf -v VAR FORMAT` and `printf -- FORMAT`.
    let at = match args {
        [first, ..] if first == "-v" => 2,
        [first, ..] if first == "--" => 1,
        _ => 0,
    };
    let format = args.get(at)?;
    let octal = octal_escapes(format);
    let rounded = round_arguments(format, &args[at + 1..]);
    if octal.is_none() && rounded.is_none() {
        return None;
    }
    let mut fixed = args[..at].to_vec();
    fixed.push(octal.unwrap_or_else(|| format.clone()));
    fixed.extend(rounded.unwrap_or_else(|| args[at + 1..].to_vec()));
    Some(fixed)
}

/// `\x00` as `\000`, which the engine drops, and `\\x` as `\134x`, in which it
/// sees a `\x` that is not there.
fn octal_escapes(format: &str) -> Option<String> {
    let mut fixed = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        fixed.push_str(&rest[..at]);
        let (octal, length) = if escape.starts_with("\\\\x") {
            ("\\134", 2)
        } else if let Some(length) = nul_length(escape) {
            ("\\000", length)
        } else {
            // The character behind a backslash never starts another escape.
            let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            (&escape[..length], length)
        };
        fixed.push_str(octal);
        rest = &escape[length..];
    }
    fixed.push_str(rest);
    (fixed != format).then_some(fixed)
}

/// Length of the `\x0` or `\x00` that `escape` starts with.
fn nul_length(escape: &str) -> Option<usize> {
    let digits = escape.strip_prefix("\\x")?;
    let count = digits.chars().take(2).take_while(char::is_ascii_hexdigit).count();
    (count > 0 && digits[..count].bytes().all(|digit| digit == b'0')).then_some(2 + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nul_escapes_become_octal() {
        let fixed = |format: &str| rewrite("printf", &args(&[format])).map(|args| args[0].clone());
        assert_eq!(fixed(r"a\x00b").as_deref(), Some(r"a\000b"));
        assert_eq!(fixed(r"\x0g\x0").as_deref(), Some(r"\000g\000"));
        assert_eq!(fixed(r"\x0b\x41"), None);
        assert_eq!(fixed(r"\\x00").as_deref(), Some(r"\134x00"));
        assert_eq!(fixed(r"\\n\\\\").as_deref(), None);
        assert_eq!(rewrite("printf", &args(&["-v", "x", r"\x00"])), Some(args(&["-v", "x", r"\000"])));
        assert_eq!(rewrite("echo", &args(&[r"\x00"])), None);
    }
    #[test]
    fn numbers_are_rounded_before_they_are_printed() {
        let words = args(&["-v", "x", r"%.2f\x00", "2.675"]);
        assert_eq!(rewrite("printf", &words), Some(args(&["-v", "x", r"%.2f\000", "2.67"])));
    }

    #[test]
    fn a_script_on_standard_input_takes_arguments() {
        let expected = args(&["-c", r#"eval "$(cat)""#, "bash", "x", "y"]);
        assert_eq!(rewrite("bash", &args(&["-s", "--", "x", "y"])), Some(expected));
        assert_eq!(rewrite("bash", &args(&["-c", "true"])), None);
        assert_eq!(rewrite("bash", &[]), None);
    }
}
