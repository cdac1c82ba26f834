//! What this machine has, for tests that are about it.
//!
//! It is asked of other programs than the one that is tested, as far as there are any: or a fault of that would skip its own
//! tests.

use std::io::Write as _;
use std::process::Command;
use std::sync::OnceLock;

use flue_sandbox_local::Mechanism;

use crate::skip::shown;

/// Kinds of namespaces that a confined command has.
const NAMESPACES: [&str; 6] = ["--mount", "--pid", "--fork", "--net", "--ipc", "--uts"];
/// Lays an overlay in a directory.
const LAY: &str = "set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; mkdir l u w m; \
    mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr m || \
    mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m; umount m";
/// Has strace watch a process that is not its own child, and looks whether it does.
const WATCH: &str = "sleep 9 & p=$!; strace -qq -o /dev/null -p $p & for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; \
    grep -q 'TracerPid:.*[1-9]' /proc/$p/status && { kill $p; exit 0; }; done; kill $p; exit 1";

/// Says what another process of these tests skipped.
pub(crate) fn pass_on(stderr: &[u8]) {
    let said = String::from_utf8_lossy(stderr);
    said.lines().filter(|line| line.starts_with("skipped, ")).for_each(|line| {
        writeln!(std::io::stderr().lock(), "{line}").unwrap();
    });
}

/// Whether this machine gives what confined commands are held by.
pub(crate) fn confines() -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    shown(FOUND.get_or_init(|| {
        let as_user = (!is_root()).then_some(["--user", "--map-current-user"]);
        succeeds(Command::new("unshare").args(NAMESPACES).args(as_user.iter().flatten()).arg("true"))?;
        has_mechanisms()
    }))
}

/// Whether it gives them to an ordinary user, too.
pub(crate) fn confines_somebody(user: &str) -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    shown(FOUND.get_or_init(|| {
        let words = ["unshare", "--user", "--map-current-user"].iter().chain(&NAMESPACES).chain(&["true"]);
        succeeds(as_somebody(user).args(words))?;
        has_mechanisms()
    }))
}

/// Whether it has Landlock that holds commands by itself, and namespaces in which there are no others to be had.
pub(crate) fn confines_by_landlock(user: &str) -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    shown(FOUND.get_or_init(|| {
        succeeds(as_somebody(user).args(["unshare", "--user", "--map-current-user", "--keep-caps", "true"]))?;
        has_mechanisms()
    }))
}

/// Whether it lays overlays for this user.
pub(crate) fn overlays() -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    shown(FOUND.get_or_init(|| {
        let as_user = (!is_root()).then_some(["--user", "--map-root-user"]);
        succeeds(Command::new("unshare").arg("--mount").args(as_user.iter().flatten()).args(["sh", "-c", LAY]))
    }))
}

/// Whether strace may watch another process of this user.
pub(crate) fn traces() -> bool {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    shown(FOUND.get_or_init(|| succeeds(Command::new("sh").args(["-c", WATCH]))))
}

/// Of these only the kernel itself can be asked, by what is tested.
fn has_mechanisms() -> Result<(), String> {
    let findings = crate::confined::policy().probe();
    let missing = findings.iter().filter(|found| !found.holds && found.mechanism != Mechanism::Namespaces);
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
}

fn as_somebody(user: &str) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        command
    } else {
        Command::new("env")
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = command.current_dir("/").output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}: {}", output.status, said.trim())) }
}
