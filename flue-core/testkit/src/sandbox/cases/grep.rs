//! Lines by content.

use flue_core::ErrorKind;
use flue_core::search::{GrepHits, GrepQuery, MAX_LINE_CHARS};

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::Case;
use crate::sandbox::subject::{Subject, refused};

/// More than any case finds.
const ALL: usize = 1_000;

pub(super) fn cases() -> Vec<Case> {
    group!("grep", [];
        finds_lines_in_the_order_of_paths,
        takes_regular_expressions,
        takes_plain_text,
        ignores_case_on_demand,
        an_include_without_a_slash_is_held_against_names,
        an_include_with_a_slash_is_held_against_paths,
        looks_into_a_single_file,
        holds_patterns_against_single_lines,
        finds_nothing_without_an_error,
        a_missing_path_is_not_found,
        malformed_patterns_are_refused,
        a_limit_bounds_matches_and_not_the_count,
        binary_files_are_passed_over,
        a_long_line_is_cut,
        lines_that_are_not_unicode_are_found,
        hidden_files_and_odd_names_are_searched,
    )
    .to_vec()
}

fn query(t: &Subject, pattern: &str) -> GrepQuery {
    GrepQuery::new(pattern, t.dir.clone(), ALL)
}

async fn grep(t: &Subject, query: GrepQuery) -> CaseResult<GrepHits> {
    Ok(t.sandbox.grep(query).await?)
}

/// The matches as `path:line:text`, the path below the case's directory.
fn lines(t: &Subject, hits: &GrepHits) -> Vec<String> {
    let line = |found: &flue_core::search::GrepMatch| {
        format!("{}:{}:{}", found.path.strip_prefix(&t.dir).unwrap_or("outside"), found.line, found.text)
    };
    hits.matches.iter().map(line).collect()
}

async fn found(t: &Subject, query: GrepQuery) -> CaseResult<Vec<String>> {
    let hits = grep(t, query).await?;
    ensure_eq!(hits.total, hits.matches.len() as u64, "the count, with no limit in the way");
    ensure!(!hits.incomplete, "a small search is complete");
    Ok(lines(t, &hits))
}

async fn finds_lines_in_the_order_of_paths(t: &Subject) -> CaseResult {
    for path in ["b.txt", "a/z.txt", "a/b/c.txt", "a.txt", "a-b.txt", "B.txt"] {
        t.put(path, "first\nneedle one\n\nneedle two").await?;
    }
    let expected: Vec<String> = ["B.txt", "a/b/c.txt", "a/z.txt", "a-b.txt", "a.txt", "b.txt"]
        .iter()
        .flat_map(|path| [format!("{path}:2:needle one"), format!("{path}:4:needle two")])
        .collect();
    ensure_eq!(found(t, query(t, "needle")).await?, expected, "the lines, by path segment and number");
    let mut below = query(t, "two");
    below.path = t.at("a/b")?;
    ensure_eq!(found(t, below).await?, ["a/b/c.txt:4:needle two"], "the lines below a directory");
    Ok(())
}

async fn takes_regular_expressions(t: &Subject) -> CaseResult {
    t.put("f", "alpha 12\nbeta 345\ngamma\nalphabet\ntab\there\nünï\n").await?;
    for (pattern, expected) in [
        (r"\d+", &["f:1:alpha 12", "f:2:beta 345"][..]),
        (r"\d{3}$", &["f:2:beta 345"]),
        (r"^(alpha|gamma)\b", &["f:1:alpha 12", "f:3:gamma"]),
        (r"[^a-z ]\t?here|\there", &["f:5:tab\there"]),
        (r"(?i)GAMMA", &["f:3:gamma"]),
        (r"\p{L}n\p{L}$", &["f:6:ünï"]),
        (r"a.*?e", &["f:4:alphabet", "f:5:tab\there"]),
    ] {
        ensure_eq!(found(t, query(t, pattern)).await?, expected, "the lines that match `{pattern}`");
    }
    Ok(())
}

async fn takes_plain_text(t: &Subject) -> CaseResult {
    t.put("f", "a.b(c)*\naxb(c)*\n$HOME [x] \\d\n").await?;
    for (pattern, expected) in
        [("a.b(c)*", "f:1:a.b(c)*"), ("$HOME [x] \\d", "f:3:$HOME [x] \\d"), ("(", "f:1:a.b(c)*")]
    {
        let lines = found(t, query(t, pattern).literal(true)).await?;
        ensure_eq!(lines.first().map(String::as_str), Some(expected), "the first line with `{pattern}`");
    }
    ensure_eq!(found(t, query(t, "a.b(c)*").literal(true)).await?.len(), 1, "a dot is a dot");
    Ok(())
}

async fn ignores_case_on_demand(t: &Subject) -> CaseResult {
    t.put("f", "Needle\nNEEDLE\nneedle\nÄRGER\n").await?;
    ensure_eq!(found(t, query(t, "needle")).await?, ["f:3:needle"], "with case");
    let mut any_case = query(t, "needle");
    any_case.ignore_case = true;
    ensure_eq!(found(t, any_case).await?.len(), 3, "without case");
    let mut any_case = query(t, "ärger").literal(true);
    any_case.ignore_case = true;
    ensure_eq!(found(t, any_case).await?, ["f:4:ÄRGER"], "plain text beyond ASCII without case");
    Ok(())
}

async fn an_include_without_a_slash_is_held_against_names(t: &Subject) -> CaseResult {
    for path in ["a.rs", "src/b.rs", "src/deep/c.rs", "a.rs.bak", "src/d.txt"] {
        t.put(path, "needle").await?;
    }
    let include = |glob: &str| query(t, "needle").with_include(Some(glob.into()));
    let expected = ["a.rs:1:needle", "src/b.rs:1:needle", "src/deep/c.rs:1:needle"];
    ensure_eq!(found(t, include("*.rs")).await?, expected, "files called *.rs at any depth");
    ensure_eq!(found(t, include("*.{txt,bak}")).await?, ["a.rs.bak:1:needle", "src/d.txt:1:needle"], "a choice");
    Ok(())
}

async fn an_include_with_a_slash_is_held_against_paths(t: &Subject) -> CaseResult {
    for path in ["b.rs", "src/b.rs", "src/deep/c.rs", "other/src/d.rs"] {
        t.put(path, "needle").await?;
    }
    let include = |glob: &str| query(t, "needle").with_include(Some(glob.into()));
    ensure_eq!(found(t, include("src/*.rs")).await?, ["src/b.rs:1:needle"], "src/*.rs");
    ensure_eq!(found(t, include("src/**/*.rs")).await?, ["src/b.rs:1:needle", "src/deep/c.rs:1:needle"], "src/**/*.rs");
    Ok(())
}

async fn looks_into_a_single_file(t: &Subject) -> CaseResult {
    t.put("one.txt", "needle\n").await?;
    t.put("two.txt", "needle\n").await?;
    let mut one = query(t, "needle");
    one.path = t.at("one.txt")?;
    ensure_eq!(found(t, one).await?, ["one.txt:1:needle"], "the lines of one file");
    Ok(())
}

async fn holds_patterns_against_single_lines(t: &Subject) -> CaseResult {
    t.put("f", "a\nb\r\n\n  \nlast").await?;
    t.put("empty", "").await?;
    ensure_eq!(found(t, query(t, r"a\nb")).await?, [""; 0], "no match crosses a line end");
    ensure_eq!(found(t, query(t, r"a\s*b")).await?, [""; 0], "white space ends with the line");
    ensure_eq!(found(t, query(t, "b$")).await?, ["f:2:b"], "a carriage return belongs to the line end");
    ensure_eq!(found(t, query(t, r"^\s+$")).await?, ["f:4:  "], "a line of white space");
    ensure_eq!(found(t, query(t, "^$")).await?, ["f:3:"], "an empty line; the last newline begins none");
    ensure_eq!(found(t, query(t, "t$")).await?, ["f:5:last"], "a last line without an end");
    ensure_eq!(found(t, query(t, "")).await?.len(), 5, "every line matches nothing");
    Ok(())
}

async fn finds_nothing_without_an_error(t: &Subject) -> CaseResult {
    t.put("f", "text\n").await?;
    ensure_eq!(found(t, query(t, "absent")).await?, [""; 0], "a pattern that is nowhere");
    let none = query(t, "text").with_include(Some("*.none".into()));
    ensure_eq!(found(t, none).await?, [""; 0], "an include that no file matches");
    Ok(())
}

async fn a_missing_path_is_not_found(t: &Subject) -> CaseResult {
    let mut missing = query(t, "x");
    missing.path = t.at("missing")?;
    refused("grep", t.sandbox.grep(missing).await, &[ErrorKind::NotFound])
}

async fn malformed_patterns_are_refused(t: &Subject) -> CaseResult {
    t.put("f", "(").await?;
    for pattern in ["(", "[a", "a{2,1}", r"(?<name", "*a", r"\"] {
        refused(pattern, t.sandbox.grep(query(t, pattern)).await, &[ErrorKind::InvalidInput])?;
    }
    let include = query(t, "x").with_include(Some("[a".into()));
    refused("a malformed include", t.sandbox.grep(include).await, &[ErrorKind::InvalidInput])
}

async fn a_limit_bounds_matches_and_not_the_count(t: &Subject) -> CaseResult {
    t.put("a", "x\n".repeat(30)).await?;
    t.put("b", "x\n".repeat(20)).await?;
    for limit in [0, 1, 30, 31, 50] {
        let mut query = query(t, "x");
        query.limit = limit;
        let hits = grep(t, query).await?;
        ensure_eq!((hits.matches.len(), hits.total), (limit, 50), "the matches and the count with a limit of {limit}");
        let last = hits.matches.last().map(|found| (found.path.file_name().unwrap_or_default(), found.line));
        let expected = match limit as u64 {
            0 => None,
            limit @ ..=30 => Some(("a", limit)),
            limit => Some(("b", limit - 30)),
        };
        ensure_eq!(last, expected, "the last match with a limit of {limit}");
    }
    Ok(())
}

async fn binary_files_are_passed_over(t: &Subject) -> CaseResult {
    t.put("binary", &b"needle\0needle\n"[..]).await?;
    t.put("text", "needle\n").await?;
    let hits = grep(t, query(t, "needle")).await?;
    ensure_eq!(lines(t, &hits), ["text:1:needle"], "the lines");
    ensure_eq!(hits.skipped, 1, "the files passed over");
    Ok(())
}

async fn a_long_line_is_cut(t: &Subject) -> CaseResult {
    let long = format!("needle {}", "é".repeat(2 * MAX_LINE_CHARS));
    let exact = format!("needle {}", "é".repeat(MAX_LINE_CHARS - 7));
    t.put("f", format!("{long}\n{exact}\n")).await?;
    let hits = grep(t, query(t, "needle")).await?;
    let seen: Vec<(usize, bool)> = hits.matches.iter().map(|found| (found.text.chars().count(), found.cut)).collect();
    ensure_eq!(seen, [(MAX_LINE_CHARS, true), (MAX_LINE_CHARS, false)], "length, and whether it was cut");
    t.put("far", format!("{}needle\n", "x".repeat(1 << 20))).await?;
    let hits = grep(t, query(t, "needle").with_include(Some("far".into()))).await?;
    ensure_eq!((hits.total, hits.matches.first().map(|found| found.cut)), (1, Some(true)), "a match far into a line");
    Ok(())
}

async fn lines_that_are_not_unicode_are_found(t: &Subject) -> CaseResult {
    t.put("f", &b"caf\xe9 needle\n"[..]).await?;
    ensure_eq!(found(t, query(t, "needle")).await?, ["f:1:caf\u{fffd} needle"], "a line in Latin-1");
    Ok(())
}

async fn hidden_files_and_odd_names_are_searched(t: &Subject) -> CaseResult {
    for name in [".hidden", ".git/config", "-rf", "a:1:b", "with space", "日本"] {
        t.put(name, "needle").await?;
    }
    // What others ignore is searched here: the answer must not depend on an ignore file.
    t.put(".gitignore", "*").await?;
    let expected = [
        "-rf:1:needle",
        ".git/config:1:needle",
        ".hidden:1:needle",
        "a:1:b:1:needle",
        "with space:1:needle",
        "日本:1:needle",
    ];
    ensure_eq!(found(t, query(t, "needle")).await?, expected, "the files");
    Ok(())
}
