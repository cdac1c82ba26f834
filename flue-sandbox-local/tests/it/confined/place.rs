//! Processes as which tests are run again: with a secret in their environment, as somebody else, where a machine gives less.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ground::SECRET;
use super::{HELPER, HELPER_AT};
use crate::alone::is_alone;
use crate::machine;

/// Users that have nothing, and groups of the same numbers: another one where processes of a user are counted.
const SOMEBODY: &str = "65534";
const SOMEBODY_ELSE: &str = "65533";
/// Lets no namespace be made within the one that it runs in.
const CLOSE: &str = "for kind in user mnt pid net ipc uts cgroup; do \
                     echo 0 > /proc/sys/user/max_${kind}_namespaces || exit; done; exec \"$0\" \"$@\"";
/// Where such a process has a directory of its own.
const DIR: &str = "FLUE_TEST_DIR";

/// What is different there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    Same,
    /// It is an ordinary user, whoever runs the tests.
    Somebody,
    /// It is an ordinary user who can make no namespaces.
    WithoutNamespaces,
}

/// Whether this is the process of the test called `name` that was started as `place` says, with a secret in its environment.
/// If not, runs it in one.
pub(crate) fn is_at(place: Place, name: &str) -> bool {
    if std::env::var_os(DIR).is_some() {
        return true;
    }
    let can_be = match place {
        Place::Same => machine::confines(),
        Place::Somebody => machine::confines_somebody(SOMEBODY),
        Place::WithoutNamespaces => machine::confines_by_landlock(SOMEBODY_ELSE),
    };
    if !can_be {
        return false;
    }
    let dir = Dir::new();
    is_alone(name, |exe, args| {
        let mut command = start(place, exe, args, &dir.0);
        command.env("API_KEY", SECRET).env(DIR, &dir.0).env("HOME", &dir.0).env("TMPDIR", "/tmp").current_dir("/");
        command
    })
}

/// The directory of a process that was started so. It is not where confined commands get files of their own.
pub(crate) fn dir() -> PathBuf {
    PathBuf::from(std::env::var_os(DIR).unwrap())
}

fn start(place: Place, exe: &Path, args: &[&str], dir: &Path) -> Command {
    let is_root = rustix::process::getuid().is_root();
    let mut words: Vec<String> = Vec::new();
    if place != Place::Same && is_root {
        let user = if place == Place::Somebody { SOMEBODY } else { SOMEBODY_ELSE };
        words.extend(["setpriv", "--reuid", user, "--regid", user, "--clear-groups"].map(str::to_owned));
        std::os::unix::fs::chown(dir, user.parse().ok(), user.parse().ok()).unwrap();
    }
    if place == Place::WithoutNamespaces {
        words.extend(["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", CLOSE].map(str::to_owned));
    }
    // Where they were built, only their owner may come.
    let [exe, helper] = [exe, Path::new(HELPER)].map(|program| {
        let copy = dir.join(program.file_name().unwrap());
        std::fs::copy(program, &copy).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
        copy.to_str().unwrap().to_owned()
    });
    words.push(exe);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(args).env(HELPER_AT, helper);
    command
}

/// Goes when the test ends.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let parent = if rustix::process::getuid().is_root() { "/opt" } else { env!("CARGO_TARGET_TMPDIR") };
        let name = format!("flue-tests-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = Path::new(parent).join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
