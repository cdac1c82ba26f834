//! Rust sources: module docs, size, white space, attributes that hide things.

use crate::report::Problem;
use crate::tidy::TextFile;

/// Longest file, in lines outside `#[cfg(test)] mod … { … }`.
const MAX_LINES: usize = 600;

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Attributes that hide a finding or a test, and what to write instead.
const HIDING: &[(&str, &str)] =
    &[("allow(", "write #[expect(…, reason = \"…\")]"), ("ignore", "make the test run, or delete it")];

/// Files whose tests may be ignored, with a reason each: what they need is somebody else's (keys, and servers of
/// `cargo xtask peers`), or more time than every run has.
const MAY_WAIT: &[&str] =
    &["flue-models/tests/it/live.rs", "flue-models/tests/it/peers.rs", "flue-sandbox-remote/docker/tests/it/suite.rs"];

pub(super) fn check(files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        check_file(file, &mut problems);
    }
    problems.extend(check_sizes(files, LONG_FILES));
    problems
}

fn check_file(file: &TextFile, problems: &mut Vec<Problem>) {
    if !(file.text.starts_with("//!") || file.text.starts_with("#![doc")) {
        problems.push(Problem::new(&file.path, "does not start with module docs (`//!`)"));
    }
    for (index, line) in file.text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            problems.push(Problem::at_line(&file.path, index, "trailing white space"));
        }
        let line = line.trim_start();
        let Some(attribute) = line.strip_prefix("#[").or_else(|| line.strip_prefix("#![")) else {
            continue;
        };
        for (hiding, instead) in HIDING {
            let may_wait = attribute.starts_with("ignore = ") && MAY_WAIT.contains(&file.path.as_str());
            if attribute.starts_with(hiding) && !may_wait {
                let text = format!("`{}` hides a finding; {instead}", line.trim_end());
                problems.push(Problem::at_line(&file.path, index, text));
            }
        }
    }
}

fn check_sizes(files: &[TextFile], allowed: &[(&str, &str)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !file.is_test()) {
        let lines = non_test_lines(&file.text);
        if lines > MAX_LINES && !allowed.iter().any(|(path, _)| *path == file.path) {
            let text = format!("{lines} lines without tests, at most {MAX_LINES}; split it by subject");
            problems.push(Problem::new(&file.path, text));
        }
    }
    for (path, _) in allowed {
        let long = |file: &TextFile| file.path == *path && non_test_lines(&file.text) > MAX_LINES;
        if !files.iter().any(long) {
            let text = "is no longer a long file; take it off the list in xtask/src/tidy/sources.rs";
            problems.push(Problem::new(*path, text));
        }
    }
    problems
}

/// Counts lines outside inline test modules. Relies on rustfmt: such a module ends at the next
/// line that is a lone `}` in its own column.
fn non_test_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        count += 1;
        if line != "#[cfg(test)]" {
            continue;
        }
        let mut held = 1;
        while lines.next_if(|line| line.starts_with("#[")).is_some() {
            count += 1;
            held += 1;
        }
        let opens = |line: &&str| line.contains("mod ") && line.ends_with('{');
        if lines.next_if(opens).is_some() {
            count -= held;
            lines.by_ref().find(|line| *line == "}");
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::text_file;

    fn texts(path: &str, text: &str) -> Vec<String> {
        check(&[text_file(path, text)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn module_docs_are_demanded() {
        assert_eq!(texts("a.rs", "//! Docs.\n"), [""; 0]);
        assert_eq!(texts("a.rs", "#![doc = include_str!(\"../README.md\")]\n"), [""; 0]);
        assert_eq!(texts("a.rs", "use b;\n"), ["a.rs: does not start with module docs (`//!`)"]);
        assert_eq!(texts("a.txt", "use b;\n"), [""; 0]);
    }

    #[test]
    fn trailing_white_space_is_found_with_its_line() {
        assert_eq!(texts("a.rs", "//! Docs.\nfn a() {} \n"), ["a.rs:2: trailing white space"]);
    }

    #[test]
    fn hiding_attributes_are_found() {
        let source = "//! Docs.\n    #[allow(dead_code)]\n#![allow(unused)]\n#[ignore]\n#[expect(dead_code)]\n";
        let found = texts("a.rs", source);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("a.rs:2: ") && found[1].starts_with("a.rs:3: "), "{found:?}");
        assert!(found[2].starts_with("a.rs:4: "), "{found:?}");
    }

    #[test]
    fn tests_of_these_files_may_wait_with_a_reason() {
        let source = "//! Docs.\n#[ignore = \"needs a key\"]\n#[ignore]\n";
        assert_eq!(texts("a.rs", source).len(), 2);
        assert_eq!(texts(MAY_WAIT[0], source).len(), 1, "without a reason it may not");
    }

    #[test]
    fn test_modules_are_not_counted() {
        let source = "//! Docs.\nfn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(non_test_lines(source), 5);
        let gated = "//! Docs.\n#[cfg(test)]\nuse x;\n#[cfg(test)]\nmod tests;\n";
        assert_eq!(non_test_lines(gated), 5);
        let expected = "//! Docs.\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n    fn b() {}\n}\n";
        assert_eq!(non_test_lines(expected), 1);
    }

    #[test]
    fn long_files_need_a_place_on_the_list() {
        let long = format!("//! Docs.\n{}", "fn a() {}\n".repeat(MAX_LINES));
        let files = [text_file("src/long.rs", &long), text_file("tests/long.rs", &long)];
        assert_eq!(check_sizes(&files, &[("src/long.rs", "why")]), []);
        let found = check_sizes(&files, &[]);
        assert!(found[0].to_string().starts_with("src/long.rs: 601 lines"), "{found:?}");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn the_list_of_long_files_does_not_go_stale() {
        let files = [text_file("src/short.rs", "//! Docs.\n")];
        let found = check_sizes(&files, &[("src/short.rs", "why"), ("src/gone.rs", "why")]);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
