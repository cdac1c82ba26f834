//! A release of a copy of this repository, committed into a repository of its own.

use std::path::PathBuf;

use super::*;
use crate::workspace::Dependency;

/// A copy that goes with the value.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let root = Workspace::load().expect("this workspace").root;
        let copy = Self(root.join(files::BUILD_DIRECTORY).join(format!("release-{name}-{}", std::process::id())));
        files::copy(&root, &copy.0).expect("a copy");
        for args in [
            &["init", "--quiet", "--initial-branch", BRANCH][..],
            &["config", "user.name", "Somebody"],
            &["config", "user.email", "somebody@example.org"],
            &["config", "commit.gpgSign", "false"],
            &["config", "tag.gpgSign", "false"],
            &["add", "--all", "--force"],
            &["commit", "--quiet", "--message", "All"],
        ] {
            git(&copy.0, args).expect("git");
        }
        copy
    }

    fn workspace(&self) -> Workspace {
        Workspace::load_from(&self.0).expect("the copy")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_release_is_one_commit_and_a_tag_and_nothing_before_it_is_executed() {
    let copy = Copy::new("whole");
    let head = || git(&copy.0, &["rev-parse", "HEAD"]).expect("a commit");
    let (before, version) = (head(), current(&copy.workspace()).expect("a version"));
    let next = version.next("minor").expect("a version");

    prepare(&copy.workspace(), "minor", false).expect("a plan");
    assert_eq!((head(), git(&copy.0, &["status", "--porcelain"]).expect("status").as_str()), (before.clone(), ""));

    prepare(&copy.workspace(), "minor", true).expect("a release");
    assert_eq!(git(&copy.0, &["rev-parse", "HEAD^"]).expect("a commit"), before);
    assert_eq!(git(&copy.0, &["tag", "--points-at", "HEAD"]).expect("tags").trim(), next.tag());
    assert_eq!(git(&copy.0, &["status", "--porcelain"]).expect("status"), "");
    assert_eq!(current(&copy.workspace()).expect("a version"), next);
    // Cargo refuses if the lock file does not go with the manifests.
    process::capture(process::cargo(&copy.0, &["tree", "--locked", "--workspace", "--depth", "0"])).expect("locked");
    let changelog = fs::read_to_string(copy.0.join("CHANGELOG.md")).expect("a changelog");
    assert!(changelog.contains(&format!("\n## {next} - 20")), "{changelog}");

    let again = prepare(&copy.workspace(), &next.to_string(), true);
    assert!(matches!(again, Err(Failure::Usage(_))), "{again:?}");
    let empty = prepare(&copy.workspace(), "patch", true);
    assert!(matches!(&empty, Err(Failure::Failed(why)) if why.contains("Unreleased")), "{empty:?}");
}

#[test]
fn what_is_not_committed_is_not_released() {
    let copy = Copy::new("dirty");
    fs::write(copy.0.join("README.md"), "# Flue\n").expect("a file");
    let refused = prepare(&copy.workspace(), "patch", true);
    assert!(matches!(&refused, Err(Failure::Failed(why)) if why.contains("not committed")), "{refused:?}");
    assert_eq!(git(&copy.0, &["tag"]).expect("tags"), "");
    let refused = publish(&copy.workspace(), None, true);
    assert!(matches!(&refused, Err(Failure::Failed(why)) if why.contains("only what is tagged")), "{refused:?}");
}

fn member(name: &str, dependencies: &[(&str, bool, bool)]) -> Crate {
    let dependencies =
        dependencies.iter().map(|&(name, dev, versioned)| Dependency { name: name.into(), dev, versioned }).collect();
    Crate { name: name.into(), published: true, dependencies, ..Crate::default() }
}

#[test]
fn crates_are_published_after_what_they_need() {
    let names = |crates: &[Crate]| -> Outcome<Vec<String>> {
        Ok(order(crates)?.into_iter().map(|member| member.name.clone()).collect())
    };
    let crates = [
        member("cli", &[("core", false, true), ("models", false, true)]),
        member("models", &[("core", false, true), ("testkit", true, true)]),
        member("core", &[("testkit", true, false)]),
        member("testkit", &[("core", false, true)]),
    ];
    assert_eq!(names(&crates).expect("an order"), ["core", "testkit", "models", "cli"]);
    assert!(names(&[member("a", &[("b", false, true)]), member("b", &[("a", false, true)])]).is_err());
    let private = Crate { published: false, ..member("private", &[]) };
    assert!(names(&[member("a", &[("private", false, true)]), private]).is_err());
}
