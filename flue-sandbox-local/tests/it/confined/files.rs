//! File tools under a policy: what commands may not do to files, they may not either.

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{CreateDir, ErrorKind, OpenRequest, Remove, Result, Sandbox};
use flue_sandbox_local::Local;

use super::{confined, policy};
use crate::temp::{Temp, said, sh};

fn is_denied<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
}

#[tokio::test]
async fn what_is_hidden_in_the_workspace_is_hidden_from_everyone() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("private/key", "needle");
    temp.put("private/deep/er", "needle");
    temp.put("single", "needle");
    temp.put("open/file", "needle");
    std::os::unix::fs::symlink("private", temp.path().join("alias")).unwrap();
    std::os::unix::fs::symlink("../single", temp.path().join("open/link")).unwrap();
    let hidden = policy().hide(temp.path().join("private")).hide(temp.path().join("single"));
    let sandbox = confined(temp.path(), hidden).await;
    let fs = sandbox.fs();
    for path in ["private", "private/key", "private/deep/er", "alias/key", "single", "open/link", "private/new"] {
        let path = temp.at(path);
        is_denied(fs.read(&path).await);
        is_denied(fs.write(&path, "x".into()).await);
    }
    is_denied(fs.list(&temp.at("private")).await);
    is_denied(fs.list(&temp.at("alias")).await);
    is_denied(fs.metadata(&temp.at("private/key")).await);
    is_denied(fs.create_dir(&temp.at("private/new"), CreateDir::recursive()).await);
    is_denied(fs.remove(&temp.at("private"), Remove::recursive()).await);
    is_denied(fs.remove(&temp.at("single"), Remove::default()).await);
    is_denied(sandbox.grep(GrepQuery::new("needle", temp.at("alias"), 9)).await);
    let found = sandbox.grep(GrepQuery::new("needle", temp.at(""), 9)).await.unwrap();
    assert_eq!(found.matches.iter().map(|hit| &hit.path).collect::<Vec<_>>(), [&temp.at("open/file")]);
    let found = sandbox.glob(GlobQuery::new("**/*", temp.at(""), 9)).await.unwrap();
    assert_eq!(found.paths, [temp.at("open/file")]);
    let said =
        said(&sandbox, "cat private/key single alias/key private/deep/er open/link 2>&1; ls -A private 2>&1; true")
            .await;
    assert!(!said.contains("needle") && said.contains("denied"), "{said}");
    assert_eq!(sh(&sandbox, "rm -rf private; mv private x; test -e private").await.unwrap().exit_code(), 0);
    assert_eq!(std::fs::read_to_string(temp.path().join("private/key")).unwrap(), "needle");
}

#[tokio::test]
async fn what_is_hidden_stays_hidden_when_the_way_to_it_is_moved() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("home/config/forge/token", "needle");
    temp.put("home/dotfiles/token", "needle");
    temp.put("home/far/dir/token", "needle");
    temp.put("home/config/other", "plain");
    for (target, link) in [("dotfiles/token", "token"), ("far/dir", "near")] {
        std::os::unix::fs::symlink(target, temp.path().join("home").join(link)).unwrap();
    }
    let home = temp.path().join("home");
    let hidden = ["config/forge", "token", "near"].iter().fold(policy(), |policy, path| policy.hide(home.join(path)));
    let sandbox = confined(temp.path(), hidden).await;
    for command in ["mv home away", "mv home/config away", "mv home/dotfiles/token away", "mv home/far/dir away"] {
        assert_ne!(sh(&sandbox, command).await.unwrap().exit_code(), 0, "{command}");
    }
    // A link can go; what it led to is hidden all the same.
    said(&sandbox, "rm home/token home/near && mv home/config/other home/config/renamed").await;
    let found = said(&sandbox, "grep -rs needle . ; cat home/dotfiles/token 2>&1; true").await;
    assert!(!found.contains("needle"), "{found}");
    is_denied(sandbox.fs().read(&temp.at("home/dotfiles/token")).await);
    is_denied(sandbox.fs().read(&temp.at("home/far/dir/token")).await);
}

#[tokio::test]
async fn what_is_kept_is_kept_behind_links() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("real/git/config", "[core]\n");
    temp.put("real/git/hooks/sample", "");
    std::os::unix::fs::symlink("real/git", temp.path().join(".git")).unwrap();
    let sandbox = confined(temp.path(), policy()).await;
    for command in ["echo x > .git/hooks/x", "echo x >> real/git/config", "mv real/git real/other", "mv real other"] {
        assert_ne!(sh(&sandbox, command).await.unwrap().exit_code(), 0, "{command}");
    }
    is_denied(sandbox.fs().write(&temp.at(".git/hooks/pre-commit"), "x".into()).await);
    said(&sandbox, "echo x > .git/HEAD").await;
}

#[tokio::test]
async fn a_file_that_says_where_git_is_goes_on_saying_so() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put(".git", "gitdir: /elsewhere\n");
    let sandbox = confined(temp.path(), policy()).await;
    for command in ["echo gitdir: /other > .git", "mv .git old", "rm .git"] {
        assert_ne!(sh(&sandbox, command).await.unwrap().exit_code(), 0, "{command}");
    }
    is_denied(sandbox.fs().remove(&temp.at(".git"), Remove::default()).await);
    is_denied(sandbox.fs().write(&temp.at(".git"), "x".into()).await);
}

#[tokio::test]
async fn what_is_kept_is_not_changed_by_anyone() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put(".git/config", "[core]\n");
    temp.put(".git/hooks/pre-commit.sample", "");
    temp.put("ci/run", "true\n");
    std::os::unix::fs::symlink(".git/hooks", temp.path().join("alias")).unwrap();
    let sandbox = confined(temp.path(), policy().protect("ci")).await;
    let fs = sandbox.fs();
    for path in [".git/config", ".git/hooks/pre-commit", "alias/pre-commit", "ci/run", "ci/deep/er"] {
        is_denied(fs.write(&temp.at(path), "x".into()).await);
    }
    is_denied(fs.create_dir(&temp.at("ci/new"), CreateDir::default()).await);
    for path in [".git", ".git/hooks", ".git/config", "ci", "ci/run"] {
        is_denied(fs.remove(&temp.at(path), Remove::recursive()).await);
    }
    assert_eq!(fs.read(&temp.at(".git/config")).await.unwrap(), "[core]\n");
    fs.write(&temp.at(".git/description"), "x".into()).await.unwrap();
    for command in [
        "echo x > ci/run",
        "echo x > ci/new",
        "rm ci/run",
        "mv ci old",
        "mv .git old",
        "rm -rf .git/hooks",
        "touch alias/x",
    ] {
        assert_ne!(sh(&sandbox, command).await.unwrap().exit_code(), 0, "{command}");
    }
    assert_eq!(std::fs::read_to_string(temp.path().join("ci/run")).unwrap(), "true\n");
    let free = confined(temp.path(), policy().unprotect(".git/config")).await;
    free.fs().write(&temp.at(".git/config"), "[user]\n".into()).await.unwrap();
    said(&free, "echo x >> .git/config && echo x > ci/run").await;
}

#[tokio::test]
async fn file_tools_keep_to_the_workspace() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("work/file", "");
    let local = Local::new(temp.path().join("work")).confined(policy());
    for wide in [local.clone().unjailed(), local.jail(temp.path())] {
        let error = wide.create(OpenRequest::new("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("unjailed"), "{error}");
    }
}

#[tokio::test]
async fn more_can_be_made_writable() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("work/file", "");
    temp.put("cache/file", "");
    temp.put("other/file", "");
    let sandbox = confined(&temp.path().join("work"), policy().allow_write("../cache")).await;
    said(&sandbox, "echo x > ../cache/new && echo x > file").await;
    assert_ne!(sh(&sandbox, "echo x > ../other/file").await.unwrap().exit_code(), 0);
    assert_eq!(std::fs::read_to_string(temp.path().join("cache/new")).unwrap(), "x\n");
}

#[tokio::test]
async fn home_and_temporary_files_last_as_long_as_the_sandbox() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let home = said(&sandbox, "echo x > $TMPDIR/kept && echo y > ~/kept && touch /tmp/also && printf %s ~").await;
    assert_eq!(said(&sandbox, "cat $TMPDIR/kept ~/kept; ls /tmp/also").await, "x\ny\n/tmp/also\n");
    assert!(!std::path::Path::new("/tmp/also").exists());
    let other = confined(temp.path(), policy()).await;
    assert_eq!(said(&other, "ls -A $TMPDIR ~ | grep kept; true").await, "");
    sandbox.close().await.unwrap();
    drop(sandbox);
    crate::alone::eventually("the directory to go", || !std::path::Path::new(&home).exists()).await;
}
