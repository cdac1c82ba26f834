//! The README's review job, with the agent file and the document of the examples.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Place;

const MESSAGE: &str = "Review document.md and write your findings to review.md.";

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/review").join(name)
}

/// The findings that `scripted/reviewer` writes about this text.
fn findings(text: &str) -> Vec<String> {
    let place = Place::new();
    place.write("document.md", text);
    let agent = example("reviewer.md");
    let args = ["-m", MESSAGE, "--stage", "document.md", "--collect", "review.md"];
    let done = place.flue(["run", agent.to_str().unwrap()].iter().chain(&args)).run().code(0);
    assert!(done.stdout.contains("written to review.md"), "{}", done.stdout);
    let review = place.read("review.md");
    review.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned).collect()
}

/// Lines, counted from 1, that `holds` of.
fn lines(text: &str, holds: impl Fn(&str) -> bool) -> Vec<usize> {
    text.lines().enumerate().filter(|(_, line)| holds(line)).map(|(index, _)| index + 1).collect()
}

#[test]
fn findings_are_true_of_the_document_and_change_with_it() {
    let text = fs::read_to_string(example("document.md")).unwrap();
    let found = findings(&text);

    let named = |part: &str| -> Vec<usize> {
        let line = |finding: &&String| finding.contains(part);
        let number = |finding: &String| finding.split("Line ").nth(1)?.split(':').next()?.parse().ok();
        found.iter().filter(line).filter_map(number).collect()
    };
    let marked = |line: &str| ["TODO", "FIXME", "TBD"].iter().any(|marker| line.contains(marker));
    let doubled =
        |line: &str| line.split_whitespace().zip(line.split_whitespace().skip(1)).any(|(one, other)| one == other);
    assert_eq!(named("open marker"), lines(&text, marked));
    assert_eq!(named("of length"), lines(&text, |line| line.chars().count() > 120));
    assert_eq!(named("is written twice"), lines(&text, |line| !line.contains('|') && doubled(line)));
    assert_eq!(named("is there already"), lines(&text, |line| line == "### Failure")[1..]);
    assert_eq!(found.len(), 10, "{found:?}");

    let better = text.replace("the the", "the").replace("FIXME: ", "").replacen("### Failure", "### Failures", 1);
    assert_eq!(findings(&better).len(), 7);
    assert!(findings("# Short\n\nAll is well.\n").is_empty());
}

#[test]
fn an_agent_is_found_by_name_up_to_the_top_of_its_repository() {
    let place = Place::new();
    let agent = "---\nname: echo\nmodel: scripted/echo\n---\n";
    place.write("repo/.git/HEAD", "").write("repo/.flue/agents/echo.md", agent).write("repo/a/b/file", "");
    let run =
        |directory: &str, agent: &str| place.flue(["run", agent, "-m", "hi"]).current_dir(place.path(directory)).run();
    assert_eq!(run("repo/a/b", "echo").code(0).stdout, "hi\n");
    assert_eq!(run("repo", "echo").code(0).stdout, "hi\n");
    assert_eq!(run("repo", ".flue/agents/echo.md").code(0).stdout, "hi\n");

    let done = run("repo/a", "ehco").code(2);
    assert!(done.stderr.contains("there is no agent of this name; did you mean `echo`?"), "{}", done.stderr);
    assert!(
        done.stderr.contains("repo/a/.flue/agents") && done.stderr.contains("repo/.flue/agents"),
        "{}",
        done.stderr
    );
    let done = run("repo", "Review the plan.").code(2);
    assert!(done.stderr.contains("there is no agent of this name; a message goes behind -m"), "{}", done.stderr);
    // Outside of a repository only the directory itself counts.
    place.write("loose/.flue/agents/echo.md", agent).write("loose/sub/file", "");
    run("loose", "echo").code(0);
    run("loose/sub", "echo").code(2);
    assert!(run("loose", "gone.md").code(2).stderr.contains("there is no such file or directory (path: gone.md)"));
}

#[test]
fn the_command_line_beats_the_agent_file() {
    let place = Place::new();
    place.write("a.md", "---\nmodel: nobody/x\nsandbox: local\ncwd: /from/file\nthinking: high\n---\nBe long.\n");
    let args = ["run", "a.md", "-m", "hi", "--model", "scripted/echo", "--sandbox", "virtual", "--cwd", "/given"];
    let done = place.flue(args).run().code(0);
    assert_eq!(done.stdout, "hi\n");
    assert!(done.stderr.starts_with("sandbox virtual  /given\n"), "{}", done.stderr);
}

#[test]
fn a_malformed_agent_file_is_shown_with_its_line() {
    let place = Place::new();
    place.write("a.md", "---\nname: a\nmodle: x/y\n---\n");
    let done = place.flue(["run", "a.md", "-m", "hi"]).run().code(2);
    assert_eq!(done.stdout, "");
    assert_eq!(
        done.stderr,
        "error: read agent file: a.md:3:1: unknown field `modle`; did you mean `model`? (an agent file has name, description, \
         model, sandbox, cwd, tools, thinking, policy, skills, subagents)\n"
    );
}

#[test]
fn tools_of_the_agent_file_are_all_that_is_offered() {
    let place = Place::new();
    place.write("a.md", "---\nmodel: scripted/reviewer\ntools: [read]\n---\n").write("document.md", "# A\n\nTODO: b\n");
    let done = place.flue(["run", "a.md", "-m", MESSAGE, "--stage", "document.md"]).run().code(0);
    assert!(done.stdout.contains("I was offered no tool to write"), "{}", done.stdout);
    assert!(!done.stderr.contains("tool bash"), "{}", done.stderr);
}
