//! Patches, held against git.

use std::path::Path;
use std::process::Command;

use super::{Place, told};

/// Runs git, and gives what it says.
fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"]).args(args);
    let output = command.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "git {args:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A repository with these files, committed, under a layer.
async fn repository(files: &[(&str, &str)]) -> Place {
    let temp = crate::temp::Temp::new();
    files.iter().for_each(|(path, text)| temp.put(&format!("dir/{path}"), text));
    let dir = temp.path().join("dir");
    git(&dir, &["init", "-q", "-b", "main"]);
    git(&dir, &["add", "-A", "-f"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "first"]);
    Place::over(temp).await
}

/// Applies the patch in a clone of the host's repository, and shows that it then has what the layer has.
async fn applies(place: &Place) -> String {
    let changes = place.diff().await;
    let clone = place.temp.path().join("clone");
    git(place.temp.path(), &["clone", "-q", "dir", "clone"]);
    place.temp.put("patch", changes.patch());
    git(&clone, &["apply", "--binary", "../patch"]);
    let list = "find . -path ./.git -prune -o -type d -empty -prune -o ! -type d -printf '%P %l %m\\n' -type f -exec md5sum {} + | sort";
    let there = place.sh(list).await;
    let applied = Command::new("sh").args(["-c", list]).current_dir(&clone).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&applied.stdout), there);
    String::from_utf8_lossy(changes.patch()).into_owned()
}

fn lines(count: usize) -> String {
    (1..=count).map(|line| format!("line {line}\n")).collect()
}

#[tokio::test]
async fn new_changed_and_deleted_files() {
    if !crate::machine::overlays() {
        return;
    }
    let text = lines(30);
    let place =
        repository(&[("a", &text), ("sub/b", "b\n"), ("empty", ""), ("gone", "gone\n"), ("same", "same\n")]).await;
    place
        .sh("sed -i 's/line 3$/line three/; s/line 28$/line 28!/' a; echo new > sub/new; : > also-empty; rm empty gone; \
             printf end > no-newline; touch same; printf 'same\\n' > same; mkdir -p deep/er; echo d > deep/er/d")
        .await;
    let patch = applies(&place).await;
    assert_eq!(
        told(&place.diff().await),
        [
            "modified a",
            "added also-empty",
            "added deep/er/d",
            "deleted empty",
            "deleted gone",
            "added no-newline",
            "added sub/new"
        ]
    );
    assert!(patch.contains("\\ No newline at end of file"), "{patch}");
    let changes = place.diff().await;
    let lines = changes.files()[0].lines.unwrap();
    assert_eq!((lines.added, lines.removed), (2, 2));
    assert!(changes.files().iter().all(|change| change.in_patch && !change.conflict));
}

#[tokio::test]
async fn renames_modes_links_and_binary_files() {
    if !crate::machine::overlays() {
        return;
    }
    let text = lines(40);
    let place = repository(&[
        ("old name", &text),
        ("moved", "the same\n"),
        ("script", "#!/bin/sh\n"),
        ("data", "x\0y"),
        ("file", "f\n"),
    ])
    .await;
    place
        .sh("mv 'old name' 'new name'; sed -i 's/line 7$/line seven/' 'new name'; mkdir to; mv moved to/moved; chmod +x script; \
             head -c 3000 /dev/urandom > data; head -c 200 /dev/urandom > fresh; ln -s data link; rm file; ln -s data file")
        .await;
    let patch = applies(&place).await;
    assert_eq!(
        told(&place.diff().await),
        [
            "modified data",
            "deleted file",
            "added file",
            "added fresh",
            "added link",
            "renamed old name new name",
            "mode script 644 755",
            "renamed moved to/moved"
        ]
    );
    assert!(patch.contains("similarity index 100%\nrename from moved\nrename to to/moved\n"), "{patch}");
    assert!(patch.contains("rename from old name\nrename to new name\n"), "{patch}");
    assert!(patch.contains("GIT binary patch\nliteral 3000\n"), "{patch}");
    assert!(patch.contains("new file mode 120000\n"), "{patch}");
}

#[tokio::test]
async fn directories_that_become_files_and_files_that_become_directories() {
    if !crate::machine::overlays() {
        return;
    }
    let place =
        repository(&[("dir/a", "a\n"), ("dir/b/c", "c\n"), ("file", "f\n"), ("again/x", "x\n"), ("again/y", "y\n")])
            .await;
    place.sh("rm -r dir; echo now > dir; rm file; mkdir file; echo in > file/in; rm -r again; mkdir again; echo z > again/z").await;
    applies(&place).await;
    assert_eq!(
        told(&place.diff().await),
        [
            "deleted again/x",
            "deleted again/y",
            "added again/z",
            "added dir",
            "deleted dir/a",
            "deleted dir/b/c",
            "deleted file",
            "added file/in"
        ]
    );
}

#[tokio::test]
async fn names_and_bytes_of_every_kind() {
    if !crate::machine::overlays() {
        return;
    }
    let place =
        repository(&[("quo\"te", "1\n"), ("tab\tname", "2\n"), ("ünï", "3\n"), ("latin1", "caf\u{e9}\n")]).await;
    place
        .sh("for f in *; do echo more >> \"$f\"; done; echo n > $'new\\nline'; echo b > $'bytes-\\xff'; echo s > ' spaces '; \
             printf 'caf\\xe9\\r\\n' > latin1; echo x > -dash; echo y > 'back\\slash'; printf '\\x1b[2J\\n' > escape")
        .await;
    applies(&place).await;
}

#[tokio::test]
async fn what_git_ignores_is_counted_and_left_out() {
    if !crate::machine::overlays() {
        return;
    }
    let place = repository(&[
        (".gitignore", "*.log\n/target/\n"),
        ("src/.gitignore", "gen\n"),
        ("src/a", "a\n"),
        ("target/old", "o\n"),
        ("tracked.log", "t\n"),
    ])
    .await;
    place
        .sh("git() { command git -c user.name=t -c user.email=t@example.org \"$@\"; }; echo more >> src/a; mkdir -p target/x; \
             echo o > target/x/o; echo changed > target/old; echo l > a.log; echo g > src/gen; mkdir cache; echo c > cache/c.log; \
             echo '*.txt' >> .gitignore; echo shown > b.txt; git add -A; git commit -qm second")
        .await;
    let changes = place.diff().await;
    assert_eq!(told(&changes), ["modified .gitignore", "added b.txt", "modified src/a"]);
    assert!(changes.ignored() > 5, "{}", changes.ignored());
    place.overlay.apply(&changes).await.unwrap();
    assert_eq!((place.text("src/a").as_str(), place.text("a.log").as_str()), ("a\nmore\n", "-"));
    assert!(!place.host("cache").exists() && !place.host("target/x").exists());
    assert_eq!(git(&place.host(""), &["log", "--format=%s"]), "first\n");
    assert!(git(&place.host(""), &["status", "--short"]).starts_with(" M .gitignore\n M src/a\n"));
}

#[tokio::test]
async fn what_a_patch_cannot_carry_is_told() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a\n"), ("secret", "s\n")]).await;
    place.sh("mkdir empty; mkfifo pipe; chmod 600 secret; head -c 20000000 /dev/zero > large; chmod 700 .").await;
    let changes = place.diff().await;
    assert_eq!(told(&changes), ["added empty", "added large", "added pipe", "mode secret 644 600"]);
    assert!(changes.files().iter().all(|change| !change.in_patch), "{changes:?}");
    assert_eq!(changes.patch(), b"");
}

#[tokio::test]
async fn large_and_repetitive_texts_are_compared_in_bounded_time() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("same", &"x\n".repeat(100_000)), ("long", &"ab".repeat(1_000_000))]).await;
    place.sh("(yes x | head -n 50000; echo y; yes x | head -n 50001) > same; printf 'ba%.0s' {1..1000} >> long").await;
    let begun = std::time::Instant::now();
    let changes = place.diff().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(told(&changes), ["modified long", "modified same"]);
}
