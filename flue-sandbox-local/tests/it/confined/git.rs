//! What commands leave for git to run on the host: kept from being made, moved aside, or told.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_local::planted;

use super::{confined, policy};
use crate::alone::eventually;
use crate::temp::{Temp, said, sh};

/// A repository with a submodule and a second checkout, in a directory of its own.
struct Place {
    temp: Temp,
    opened: SystemTime,
}

impl Place {
    fn new() -> Self {
        let temp = Temp::new();
        temp.put("library/file", "x\n");
        let place = Self { temp, opened: SystemTime::now() };
        place.git("library", &["init", "-q"]);
        place.commit("library");
        std::fs::create_dir(place.at("work")).unwrap();
        place.git("work", &["init", "-q"]);
        place
            .git("work", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "library"]);
        place.commit("work");
        place.git("work", &["worktree", "add", "-q", "second"]);
        // What was made until now is older than what is going to be.
        std::thread::sleep(Duration::from_millis(50));
        Self { opened: SystemTime::now(), ..place }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    /// Runs git on the host, and gives what it says.
    fn git(&self, dir: &str, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(args).current_dir(self.at(dir));
        let done = git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn commit(&self, dir: &str) {
        self.git(dir, &["add", "."]);
        self.git(dir, &["commit", "-qm", "x", "--allow-empty"]);
    }

    fn planted(&self) -> Vec<String> {
        let found = planted(self.at("work"), self.opened).unwrap();
        found.iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    /// Fails if git ran what was planted.
    fn git_runs_nothing(&self, bait: &Path) {
        for dir in ["work", "work/second", "work/library"] {
            self.git(dir, &["status"]);
            std::fs::write(self.at(dir).join("more"), "x").unwrap();
            self.commit(dir);
        }
        assert!(!bait.exists(), "git ran what was planted");
    }
}

/// Settings by which git runs something, and a hook.
const EVIL: &str = "mkdir -p evil/hooks evil/objects evil/refs && printf '[core]\\n\\tfsmonitor = touch %s; false\\n' $BAIT > evil/config && \
     printf '#!/bin/sh\\ntouch %s\\n' $BAIT > evil/hooks/pre-commit && chmod +x evil/hooks/pre-commit && \
     cp -r .git/objects .git/refs .git/packed-refs evil/ 2>/dev/null; true";

#[tokio::test]
async fn settings_of_submodules_and_other_checkouts_are_kept_too() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    let bait = place.at("bait");
    let sandbox = confined(&place.at("work"), policy()).await;
    for attack in [
        "echo x >> .git/modules/library/config",
        "echo x > .git/modules/library/hooks/pre-commit",
        "mv .git/modules/library .git/modules/other",
        "mv .git/modules .git/other",
        "rm -f .git/modules/library/config",
        "echo ../../../evil > .git/worktrees/second/commondir",
        "rm -f .git/worktrees/second/commondir",
        "ln -sf x .git/modules/library/config",
        "git -C library config core.fsmonitor x",
    ] {
        assert_ne!(sh(&sandbox, attack).await.unwrap().end, ExecEnd::Exited(0), "{attack}");
    }
    // Ordinary work goes on.
    said(
        &sandbox,
        "git -C library -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git -C second status",
    )
    .await;
    place.git_runs_nothing(&bait);
    assert_eq!(place.planted(), [""; 0]);
}

#[tokio::test]
async fn what_leads_git_elsewhere_is_moved_out_of_its_way_when_the_command_ends() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    let bait = place.at("bait");
    let sandbox = confined(&place.at("work"), policy()).await;
    let plant = format!(
        "export BAIT={}; {EVIL}; echo ../evil > .git/commondir; echo ../../../evil > .git/modules/library/commondir",
        bait.display()
    );
    said(&sandbox, &plant).await;
    assert!(!place.at("work/.git/commondir").exists() && !place.at("work/.git/modules/library/commondir").exists());
    place.git_runs_nothing(&bait);
    // Where it was looked for, and what it is called now.
    let found = place.planted();
    let moved = |at: &str| found.iter().any(|path| path.starts_with(&format!("{at}/commondir.planted-")));
    assert!(moved(".git") && moved(".git/modules/library"), "{found:?}");
    assert!(found.contains(&"evil/config".to_owned()) || !place.at("work/evil/HEAD").exists(), "{found:?}");

    // Also of a command that nobody waits for: it is over when its processes are.
    let forever = format!("{plant}; echo ../evil > .git/config.worktree; touch ready; sleep 60");
    {
        let mut dropped = Box::pin(sandbox.exec(ExecRequest::new(forever)));
        tokio::select! {
            _ = &mut dropped => panic!("it ended by itself"),
            () = eventually("the plant", || place.at("work/ready").exists()) => {}
        }
    }
    let gone = || ["commondir", "config.worktree"].iter().all(|order| !place.at("work/.git").join(order).exists());
    eventually("its end", gone).await;
    place.git_runs_nothing(&bait);
}

#[tokio::test]
async fn without_the_sweep_git_would_run_it() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    let bait = place.at("bait");
    let sandbox = confined(&place.at("work"), policy().unprotect(".git/commondir")).await;
    said(
        &sandbox,
        &format!("export BAIT={}; {EVIL}; cp .git/HEAD evil/; echo ../evil > .git/commondir", bait.display()),
    )
    .await;
    place.git("work", &["status"]);
    assert!(bait.exists(), "the attack of these tests does not work");
}

#[tokio::test]
async fn where_there_are_no_hooks_none_can_be_made() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    std::fs::remove_dir_all(place.at("work/.git/hooks")).unwrap();
    let sandbox = confined(&place.at("work"), policy()).await;
    let output = sh(&sandbox, "mkdir -p .git/hooks; echo x > .git/hooks/pre-commit").await.unwrap();
    assert_ne!(output.end, ExecEnd::Exited(0));
    let removed = sh(&sandbox, "rmdir .git/hooks; mv .git/hooks .git/x").await.unwrap();
    assert!(removed.end != ExecEnd::Exited(0) && place.at("work/.git/hooks").is_dir());
}

#[tokio::test]
async fn file_tools_plant_nothing_either() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    let sandbox = confined(&place.at("work"), policy()).await;
    for path in
        [".git/commondir", ".git/config.worktree", ".git/modules/library/config", ".git/modules/library/hooks/x"]
    {
        let path = place.temp.at(&format!("work/{path}"));
        let error = sandbox.fs().write(&path, "x".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}: {error}");
    }
}

#[tokio::test]
async fn repositories_that_were_made_are_told_and_ordinary_work_is_not() {
    if !crate::machine::confines() {
        return;
    }
    let place = Place::new();
    let sandbox = confined(&place.at("work"), policy()).await;
    said(&sandbox, "echo 1 > g && git add g && git -c user.name=a -c user.email=a@b commit -qm x && git gc -q && mkdir -p hooks && echo > hooks/x && echo > config").await;
    assert_eq!(place.planted(), [""; 0]);
    said(&sandbox, "git init -q deep/er; git init -q --bare bare; mkdir far; echo 'gitdir: ../evil' > far/.git; ln -s ../bare far/link; \
         ln -s ../evil deep/.git; echo x > bare/hooks/update; mkdir lean; cd lean; echo 'ref: refs/heads/x' > HEAD; echo ../evil > commondir")
        .await;
    let found = place.planted();
    assert_eq!(
        found,
        ["bare/config", "bare/hooks/update", "deep/.git", "deep/er/.git/config", "far/.git", "lean/commondir"]
    );
}

#[test]
fn looking_fails_where_there_is_nothing_to_look_at() {
    let temp = Temp::new();
    assert_eq!(planted(temp.path().join("gone"), SystemTime::now()).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(planted(temp.path(), SystemTime::UNIX_EPOCH).unwrap().is_empty());
}
