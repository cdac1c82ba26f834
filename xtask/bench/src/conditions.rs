//! What a table of figures is worth nothing without: where, when and on what they were measured.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// What stands for what could not be found out.
const UNKNOWN: &str = "unknown";

/// The lines above a table. Read before anything is measured, so that the load is that of others.
pub(crate) fn describe(rounds: usize) -> String {
    let now: DateTime<Utc> = SystemTime::now().into();
    let cores = std::thread::available_parallelism().map_or_else(|_| UNKNOWN.to_owned(), |cores| cores.to_string());
    let rows = [
        ("date", now.format("%Y-%m-%d %H:%M UTC").to_string()),
        ("commit", commit()),
        ("processor", processor()),
        ("cores", cores),
        ("load before", load()),
        ("system", first_line("/proc/sys/kernel/osrelease")),
        ("rustc", rustc()),
        ("profile", if cfg!(debug_assertions) { "debug: not fit for comparison" } else { "release" }.to_owned()),
        ("rounds", format!("{rounds}, Flue and the floor in turn; median (min..max)")),
    ];
    rows.iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}

fn commit() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |args: &[&str]| output(Command::new("git").current_dir(root).args(args));
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return UNKNOWN.to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if !changes.is_empty() => format!("{commit} and changes that are not committed"),
        _ => commit,
    }
}

fn rustc() -> String {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    output(Command::new(program).arg("--version")).unwrap_or_else(|| UNKNOWN.to_owned())
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// How many processes wanted to run, on average over the last 1, 5 and 15 minutes.
fn load() -> String {
    first_line("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn first_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or(UNKNOWN).to_owned()
}
