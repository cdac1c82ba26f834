//! What this machine cannot show: said by the test's name and counted, neither failing nor passing unseen.
//!
//! Whether the machine has something is asked of other programs than the one that is tested, as far as there are any: or a fault
//! of that would skip its own tests.

use std::io::Write as _;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use flue_sandbox_local::Mechanism;

static SKIPPED: AtomicUsize = AtomicUsize::new(0);
/// Kinds of namespaces that a confined command has.
const NAMESPACES: [&str; 6] = ["--mount", "--pid", "--fork", "--net", "--ipc", "--uts"];
/// Lays an overlay in a directory.
const LAY: &str = "set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; mkdir l u w m; \
    mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr m || \
    mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m; umount m";

/// Says that the test that runs shows nothing here, and why: past what the harness captures of tests that pass.
fn skipped(why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    writeln!(std::io::stderr().lock(), "skipped, number {count} of this process: {name}: {why}").unwrap();
}

/// Says what another process of these tests skipped.
pub(crate) fn pass_on(stderr: &[u8]) {
    let said = String::from_utf8_lossy(stderr);
    said.lines().filter(|line| line.starts_with("skipped, ")).for_each(|line| {
        writeln!(std::io::stderr().lock(), "{line}").unwrap();
    });
}

/// Whether a test can be shown. If not, says that it is skipped.
fn shown(found: &Result<(), String>) -> bool {
    found.as_ref().inspect_err(|why| skipped(why)).is_ok()
}

/// Whether these programs are installed.
pub(crate) fn has_programs(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|program| !is_installed(program)).copied().collect();
    shown(&if missing.is_empty() { Ok(()) } else { Err(format!("not installed: {}", missing.join(", "))) })
}

pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
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
