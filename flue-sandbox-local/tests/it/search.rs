//! Searches pass over what `rg --hidden --glob '!.git'` does.

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{Sandbox, SandboxPath};
use flue_sandbox_local::{Local, LocalSandbox};

use crate::temp::{Temp, open};

async fn files(sandbox: &LocalSandbox, dir: &SandboxPath) -> Vec<String> {
    let hits = sandbox.glob(GlobQuery::new("*", dir.clone(), 100)).await.unwrap();
    let globbed: Vec<String> =
        hits.paths.iter().map(|path| path.strip_prefix(dir).unwrap_or("outside").to_owned()).collect();
    let hits = sandbox.grep(GrepQuery::new("", dir.clone(), 100)).await.unwrap();
    let mut grepped: Vec<&str> = hits.matches.iter().filter_map(|hit| hit.path.strip_prefix(dir)).collect();
    grepped.dedup();
    assert_eq!(grepped, globbed, "grep and glob look into the same files");
    globbed
}

fn put_all(temp: &Temp, paths: &[&str]) {
    paths.iter().for_each(|path| temp.put(path, "x"));
}

#[tokio::test]
async fn what_git_ignores_is_passed_over_in_repositories() {
    let temp = Temp::new();
    put_all(&temp, &["a.log", "keep.log", "sub/b.log", "sub/c.tmp", "target/x/y", "sub/target", ".hidden", "src/z"]);
    temp.put(".gitignore", "*.log\n!keep.log\n/target/\n# a comment\n[broken\n");
    temp.put("sub/.gitignore", "c.*\n");
    let sandbox = temp.open().await;
    let all = files(&sandbox, &temp.at("")).await;
    assert!(all.contains(&"a.log".to_owned()) && all.contains(&"target/x/y".to_owned()), "{all:?}");

    temp.put(".git/HEAD", "ref: refs/heads/main\n");
    temp.put(".git/info/exclude", "src\n");
    let expected = [".gitignore", ".hidden", "keep.log", "sub/.gitignore", "sub/target"];
    assert_eq!(files(&sandbox, &temp.at("")).await, expected);
    assert_eq!(files(&sandbox, &temp.at("sub")).await, [".gitignore", "target"], "rules of the directories above hold");
    assert_eq!(files(&sandbox, &temp.at("target")).await, ["x/y"], "what is named itself is searched");
}

#[tokio::test]
async fn other_ignore_files_hold_everywhere_and_go_first() {
    let temp = Temp::new();
    put_all(&temp, &["a", "b", "c", "sub/a", "sub/b", "sub/c"]);
    temp.put(".git/HEAD", "ref: refs/heads/main\n");
    temp.put(".gitignore", "a\nb\nc\n.*ignore\n");
    temp.put(".ignore", "!b\n!c\n");
    temp.put(".rgignore", "c\n");
    temp.put("sub/.ignore", "b\n");
    let sandbox = temp.open().await;
    assert_eq!(files(&sandbox, &temp.at("")).await, ["b"]);
}

#[tokio::test]
async fn a_repository_inside_another_has_its_own_rules() {
    let temp = Temp::new();
    put_all(&temp, &["a", "inner/a", "inner/b"]);
    temp.put(".git/HEAD", "ref: refs/heads/main\n");
    temp.put(".gitignore", "a\n.*\n");
    temp.put("inner/.git", "gitdir: elsewhere\n");
    temp.put("inner/.gitignore", "b\n.*\n");
    let sandbox = temp.open().await;
    assert_eq!(files(&sandbox, &temp.at("")).await, ["inner/a"]);
}

#[tokio::test]
async fn rules_above_the_jail_hold_as_they_were_at_opening() {
    let temp = Temp::new();
    put_all(&temp, &["member/src", "member/target/x"]);
    temp.put(".git/HEAD", "ref: refs/heads/main\n");
    temp.put(".gitignore", "target/\n");
    let sandbox = open(&Local::new(temp.path().join("member"))).await;
    assert_eq!(files(&sandbox, &temp.at("member")).await, ["src"]);
    temp.put(".gitignore", "src\n");
    assert_eq!(files(&sandbox, &temp.at("member")).await, ["src"]);
}

#[tokio::test]
async fn an_ignore_file_that_cannot_be_read_stops_no_search() {
    let temp = Temp::new();
    put_all(&temp, &["a"]);
    std::os::unix::fs::symlink("/dev/zero", temp.path().join(".ignore")).unwrap();
    std::process::Command::new("mkfifo").arg(temp.path().join(".rgignore")).status().unwrap();
    let sandbox = temp.open().await;
    assert_eq!(files(&sandbox, &temp.at("")).await, ["a"]);
}
