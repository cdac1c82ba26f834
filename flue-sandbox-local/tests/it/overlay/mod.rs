//! The layer over a directory.

mod apply;
mod commands;
mod copies;
mod killed;
mod patches;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flue_core::OpenRequest;
use flue_core_testkit::sandbox::suite;
use flue_sandbox_local::{ChangeKind, Changes, Local, LocalSandbox, Overlay};

use crate::temp::{Temp, said};

/// A group that the ordinary user of a test is in besides its own.
const GROUP: &str = "100";
/// Names another place of the helper.
const HELPER: &str = "FLUE_TEST_HELPER";

/// The program by which tests are helped, which cannot call `init`.
pub(crate) fn helper() -> PathBuf {
    std::env::var_os(HELPER).map_or_else(|| env!("CARGO_BIN_EXE_flue-sandbox-helper").into(), PathBuf::from)
}

fn overlay(dir: &Path) -> Overlay {
    Local::new(dir).overlay().helper(helper())
}

/// A directory with some files, and a sandbox over it.
struct Place {
    temp: Temp,
    overlay: Overlay,
    sandbox: Arc<LocalSandbox>,
}

impl Place {
    async fn new(files: &[(&str, &str)]) -> Self {
        let temp = Temp::new();
        files.iter().for_each(|(path, text)| temp.put(&format!("dir/{path}"), text));
        std::fs::create_dir_all(temp.path().join("dir")).unwrap();
        Self::over(temp).await
    }

    async fn over(temp: Temp) -> Self {
        let overlay = overlay(&temp.path().join("dir"));
        let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
        Self { temp, overlay, sandbox }
    }

    /// A file of the host.
    fn host(&self, path: &str) -> PathBuf {
        self.temp.path().join("dir").join(path)
    }

    /// The host's text, or `-` where there is no file.
    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.host(path)).unwrap_or_else(|_| "-".to_owned())
    }

    /// Changes the layer by a command.
    async fn sh(&self, command: &str) -> String {
        said(&self.sandbox, command).await
    }

    async fn diff(&self) -> Changes {
        self.overlay.diff().await.unwrap()
    }
}

/// The changes, one word each and a path.
fn told(changes: &Changes) -> Vec<String> {
    let tell = |change: &flue_sandbox_local::Change| {
        let path = change.path.display();
        match &change.kind {
            ChangeKind::Added => format!("added {path}"),
            ChangeKind::Modified => format!("modified {path}"),
            ChangeKind::ModeChanged(from, to) => format!("mode {path} {from:o} {to:o}"),
            ChangeKind::Deleted => format!("deleted {path}"),
            ChangeKind::Renamed(from) => format!("renamed {} {path}", from.display()),
            _ => format!("other {path}"),
        }
    };
    changes.files().iter().map(tell).collect()
}

/// What an administrator mounts is told by other attributes than what anybody else does, in a namespace of other rules.
#[test]
fn all_of_this_holds_for_an_ordinary_user_too() {
    if !crate::machine::overlays() {
        return;
    }
    /// `nobody`, on most systems.
    const USER: &str = "65534";
    if !rustix::process::geteuid().is_root() {
        // The others have shown it.
        return;
    }
    let temp = Temp::new();
    let copy = |from: &Path| {
        let to = temp.path().join(from.file_name().unwrap());
        std::fs::copy(from, &to).unwrap();
        to
    };
    let (tests, helper) = (copy(&std::env::current_exe().unwrap()), copy(&helper()));
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--groups", GROUP, "--bounding-set=-all", "--inh-caps=-all"]);
    command
        .arg(tests)
        .args(["overlay::", "--skip", "all_of_this_holds", "--skip", "killed"])
        .env(HELPER, helper)
        .current_dir("/");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("the_conformance_suite_passes ... ok"), "{said}");
    crate::machine::pass_on(&output.stderr);
}

#[test]
fn the_conformance_suite_passes() {
    if !crate::machine::overlays() {
        return;
    }
    let temp = Temp::new();
    suite(overlay(temp.path())).run_blocking().assert();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "something was written to the host");
}
