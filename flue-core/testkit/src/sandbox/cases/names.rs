//! Names that shells, URLs and encoders trip over. All of them are ordinary names.

use flue_core::{DirEntry, ErrorKind, FileKind, Remove};

use super::group;
use crate::report::{CaseResult, Stop, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, refused};
use crate::sandbox::{Case, Need};

/// Names that a shell would split, expand, run or take as an option.
const SHELL: &[&str] = &[
    "with space",
    " leading",
    "trailing ",
    "it's",
    "say \"hi\"",
    "$HOME",
    "${x}",
    "$(echo x)",
    "`echo x`",
    "*",
    "?",
    "[a]",
    "{a,b}",
    "a;b",
    "a&b",
    "a|b",
    "a>b",
    "(a)",
    "!x",
    "back\\slash",
    "~",
    "-rf",
    "--",
    "#x",
];
/// Names that a URL or a form would decode, or a path would swallow.
const WIRE: &[&str] = &["#?%", "%20", "%2e%2e", "a+b", "a=b&c", "...", "..a", ".hidden", "a:b", "a,b", "@x"];
/// Names beyond ASCII: composed, combining, wide, right to left.
const UNICODE: &[&str] = &["ünï", "e\u{301}", "日本語", "😀", "مرحبا", "\u{a0}", "Ω≈ç√"];
/// Names with characters that take no room: joiners, spaces of no width, changes of direction.
const INVISIBLE: &[&str] = &["👩\u{200d}👩\u{200d}👧", "zero\u{200b}width", "\u{202e}rtl", "x\u{feff}"];
/// Names with control characters.
const CONTROL: &[&str] = &["new\nline", "tab\tx", "cr\rx", "bell\u{7}", "esc\u{1b}[31m", "del\u{7f}"];

/// The longest name that Linux has, in bytes.
const LONGEST_NAME: usize = 255;

pub(super) fn cases() -> Vec<Case> {
    [
        group!("names", [];
            shell_characters,
            wire_characters,
            unicode,
            invisible_characters,
            control_characters,
            case_tells_names_apart,
            the_longest_name,
            a_name_that_is_too_long_is_refused,
        )
        .to_vec(),
        group!("names", [Need::Exec];
            shell_characters_through_the_shell,
            wire_characters_through_the_shell,
            unicode_through_the_shell,
            invisible_characters_through_the_shell,
            control_characters_through_the_shell,
        )
        .to_vec(),
    ]
    .concat()
}

/// Tries every name, so that one report tells of all that fail.
macro_rules! for_each_name {
    ($names:expr, $check:expr) => {{
        let mut failed = Vec::new();
        for name in $names {
            match $check(name).await {
                Err(Stop::Failed(message)) => failed.push(message),
                other => other?,
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(Stop::Failed(failed.join("\n"))) }
    }};
}

async fn through_files(t: &Subject, names: &[&str]) -> CaseResult {
    for_each_name!(names, async |name: &str| {
        t.put(name, name.to_owned()).await?;
        ensure_eq!(t.get(name).await?, name, "the content of {name:?}");
        ensure_eq!(t.fs().metadata(&t.at(name)?).await?.kind, FileKind::File, "the kind of {name:?}");
        ensure_eq!(t.fs().list(&t.dir).await?, [DirEntry::new(name, FileKind::File)], "the list with {name:?}");
        t.remove(name, Remove::default()).await??;
        let inside = format!("{name}/{name}");
        t.put(&inside, "inside").await?;
        ensure_eq!(t.names(name).await?, [name], "the list of the directory {name:?}");
        t.remove(&inside, Remove::default()).await??;
        t.remove(name, Remove::default()).await??;
        CaseResult::Ok(())
    })
}

async fn through_the_shell(t: &Subject, names: &[&str]) -> CaseResult {
    for_each_name!(names, async |name: &str| {
        let said = |output: flue_core::ExecOutput| format!("{:?} {}", output.end, output.stderr_text());
        t.put(&format!("api/{name}"), name.to_owned()).await?;
        let read = t.exec(t.command("cat -- \"api/$NAME\"").with_env("NAME", name)).await?;
        ensure!(read.stdout == name, "cat finds no {name:?} that the file API wrote: {}", said(read));
        let made =
            t.exec(t.command("mkdir -p shell && printf %s \"$NAME\" > \"shell/$NAME\"").with_env("NAME", name)).await?;
        ensure!(made.success(), "the shell cannot write {name:?}: {}", said(made));
        ensure_eq!(t.get(&format!("shell/{name}")).await?, name, "the content of {name:?}, which the shell wrote");
        let globbed = t
            .exec(
                t.command(
                    "cd shell && for f in * .[!.]* ..?*; do [ -e \"$f\" ] && printf %s \"$f\"; done; rm -- \"$NAME\"",
                )
                .with_env("NAME", name),
            )
            .await?;
        ensure!(globbed.stdout == name, "the shell expands * to {:?}, not {name:?}", globbed.stdout);
        ensure_eq!(t.names("shell").await?, [""; 0], "the list after rm of {name:?}");
        CaseResult::Ok(())
    })
}

async fn shell_characters(t: &Subject) -> CaseResult {
    through_files(t, SHELL).await
}

async fn wire_characters(t: &Subject) -> CaseResult {
    through_files(t, WIRE).await
}

async fn unicode(t: &Subject) -> CaseResult {
    through_files(t, UNICODE).await
}

async fn invisible_characters(t: &Subject) -> CaseResult {
    through_files(t, INVISIBLE).await
}

async fn control_characters(t: &Subject) -> CaseResult {
    through_files(t, CONTROL).await
}

async fn shell_characters_through_the_shell(t: &Subject) -> CaseResult {
    through_the_shell(t, SHELL).await
}

async fn wire_characters_through_the_shell(t: &Subject) -> CaseResult {
    through_the_shell(t, WIRE).await
}

async fn unicode_through_the_shell(t: &Subject) -> CaseResult {
    through_the_shell(t, UNICODE).await
}

async fn invisible_characters_through_the_shell(t: &Subject) -> CaseResult {
    through_the_shell(t, INVISIBLE).await
}

async fn control_characters_through_the_shell(t: &Subject) -> CaseResult {
    through_the_shell(t, CONTROL).await
}

async fn case_tells_names_apart(t: &Subject) -> CaseResult {
    t.put("readme", "small").await?;
    t.put("README", "large").await?;
    ensure_eq!(t.names("").await?, ["README", "readme"], "names that differ in case");
    ensure_eq!(t.get("readme").await?, "small", "the content of the first");
    // The same to a reader, but not the same bytes.
    t.put("unicode/\u{e9}", "composed").await?;
    t.put("unicode/e\u{301}", "combining").await?;
    ensure_eq!(t.names("unicode").await?, ["e\u{301}", "\u{e9}"], "names that differ in composition");
    Ok(())
}

async fn the_longest_name(t: &Subject) -> CaseResult {
    for name in ["x".repeat(LONGEST_NAME), format!("{}x", "é".repeat(LONGEST_NAME / 2))] {
        t.put(&name, "long").await?;
        ensure_eq!(t.get(&name).await?, "long", "a file with a name of {LONGEST_NAME} bytes");
        ensure_eq!(t.names("").await?, [name.as_str()], "its name");
        t.remove(&name, Remove::default()).await??;
    }
    Ok(())
}

async fn a_name_that_is_too_long_is_refused(t: &Subject) -> CaseResult {
    let name = "x".repeat(LONGEST_NAME + 1);
    let kinds = [ErrorKind::InvalidInput, ErrorKind::LimitExceeded];
    refused("write", t.put(&name, "x").await, &kinds)?;
    refused("write below", t.put(&format!("dir/{name}/file"), "x").await, &kinds)?;
    let kinds = [ErrorKind::InvalidInput, ErrorKind::LimitExceeded, ErrorKind::NotFound];
    refused("read", t.get(&name).await, &kinds)?;
    let listed = t.names("").await?;
    ensure!(listed.iter().all(|name| name == "dir"), "a refused write left {listed:?}");
    Ok(())
}
