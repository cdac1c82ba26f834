//! `dist [--check] [--target TRIPLE]`: the program as it is handed out.
//!
//! For each target a tarball with the program, its man pages and completions, the licences of everything in it and a bill of
//! materials, and one file of checksums. The same sources and toolchain give the same bytes, wherever they are: paths are
//! mapped, times are those of the last commit, entries are sorted and belong to nobody. `--check` builds a second time in
//! another directory and compares.

mod bill;
mod licences;
mod pack;

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{self, BUILD_DIRECTORY};
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;
use bill::Bill;

/// The crate whose program is handed out, and the program.
const CRATE: &str = "flue-cli";
const PROGRAM: &str = "flue";

/// What stands for the directories of the machine that builds.
const SOURCES: &str = "/flue";
const PACKAGES: &str = "/packages";
const TOOLCHAIN: &str = "/toolchain";

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let usage = || Failure::Usage("`dist` takes `[--check] [--target TRIPLE]`".into());
    let (check, target) = match args {
        [] => (false, None),
        [flag] if flag == "--check" => (true, None),
        [flag, target] if flag == "--target" => (false, Some(target.clone())),
        [check, flag, target] if check == "--check" && flag == "--target" => (true, Some(target.clone())),
        _ => return Err(usage()),
    };
    let workspace = Workspace::with_dependencies()?;
    let toolchain = Toolchain::find(&workspace.root)?;
    let wanted =
        target.map_or_else(|| vec![toolchain.host.clone(), static_for(&toolchain.host)], |target| vec![target]);
    let out = workspace.root.join(BUILD_DIRECTORY).join("dist");
    fs::create_dir_all(&out).map_err(|error| failed("make", &out, &error))?;
    let (mut archives, mut skipped) = (Vec::new(), Vec::new());
    for target in wanted {
        if let Some(why) = toolchain.lacks(&workspace.root, &target) {
            println!("skipped: {target}: {why}");
            skipped.push(target);
            continue;
        }
        let bill = Bill::of(&workspace, &target)?;
        let first = Build { sources: workspace.root.clone(), output: out.join("build"), target: &target };
        let archive = first.archive(&toolchain, &bill, &out)?;
        if check {
            let copy = out.join("elsewhere");
            files::copy(&workspace.root, &copy.join("sources"))?;
            let second = Build { sources: copy.join("sources"), output: copy.join("build"), target: &target };
            compare(&archive, &second.archive(&toolchain, &bill, &copy)?)?;
            println!("{target}: built twice in two places, and the same to the byte");
        }
        archives.push(archive);
    }
    if archives.is_empty() {
        return Err(Failure::new("dist: nothing could be built"));
    }
    pack::checksums(&out, &archives)?;
    for archive in &archives {
        println!("{}", archive.display());
    }
    println!("{} built, {} skipped{}", archives.len(), skipped.len(), list(&skipped));
    Ok(())
}

/// One build: of which sources, where to, for what.
struct Build<'a> {
    sources: PathBuf,
    output: PathBuf,
    target: &'a str,
}

impl Build<'_> {
    /// Builds, and packs what goes with the program. Returns the tarball, in `to`.
    fn archive(&self, toolchain: &Toolchain, bill: &Bill, to: &Path) -> Outcome<PathBuf> {
        let program = self.program(toolchain)?;
        let epoch = epoch(&self.sources);
        let name = format!("{PROGRAM}-{}-{}", bill.version, self.target);
        let staged = self.output.join("staged");
        let stage = || -> std::io::Result<()> {
            let _ = fs::remove_dir_all(&staged);
            let dir = staged.join(&name);
            fs::create_dir_all(&dir)?;
            fs::copy(&program, dir.join(PROGRAM))?;
            let root = &self.sources;
            for text in ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
                fs::copy(root.join(text), dir.join(text))?;
            }
            fs::copy(root.join(CRATE).join("README.md"), dir.join("README.md"))?;
            for directory in ["man", "completions"] {
                fs::create_dir(dir.join(directory))?;
                for entry in fs::read_dir(root.join(CRATE).join(directory))? {
                    let entry = entry?;
                    fs::copy(entry.path(), dir.join(directory).join(entry.file_name()))?;
                }
            }
            fs::write(dir.join("THIRD-PARTY.txt"), licences::text(bill, root)?)?;
            fs::write(dir.join("sbom.cdx.json"), bill.json(&epoch))
        };
        stage().map_err(|error| failed("stage", &staged, &error))?;
        pack::tar(&staged, &name, &epoch, to)
    }

    fn program(&self, toolchain: &Toolchain) -> Outcome<PathBuf> {
        let args = ["build", "--release", "--locked", "--package", CRATE, "--all-features", "--target", self.target];
        let mut command = process::cargo(&self.sources, &args);
        let places = [
            (self.sources.as_path(), SOURCES),
            (toolchain.packages.as_path(), PACKAGES),
            (toolchain.sysroot.as_path(), TOOLCHAIN),
            (self.output.as_path(), BUILD_DIRECTORY),
        ];
        let mapped = |flag: &str, separator: &str| {
            let flags = places.iter().map(|(from, to)| format!("{flag}={}={to}", from.display()));
            flags.collect::<Vec<_>>().join(separator)
        };
        // The unit separator keeps paths with spaces whole.
        command.env("CARGO_ENCODED_RUSTFLAGS", mapped("--remap-path-prefix", "\u{1f}"));
        command.env("CFLAGS", mapped("-ffile-prefix-map", " "));
        command.env("CARGO_TARGET_DIR", &self.output).env("CARGO_INCREMENTAL", "0");
        command.env("SOURCE_DATE_EPOCH", epoch(&self.sources));
        process::run(command)?;
        let program = self.output.join(self.target).join("release").join(PROGRAM);
        if self.target.contains("musl") {
            let mut command = process::program("readelf", &self.sources);
            command.arg("--program-headers").arg(&program);
            if process::capture(command)?.contains("INTERP") {
                return Err(Failure::new(format!("dist: {} is not static", program.display())));
            }
        }
        Ok(program)
    }
}

/// What builds, and where it keeps its things.
struct Toolchain {
    host: String,
    sysroot: PathBuf,
    packages: PathBuf,
}

impl Toolchain {
    fn find(root: &Path) -> Outcome<Self> {
        let facts = rustc(root, &["-vV"])?;
        let host = facts.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let packages = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let packages = packages.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        let sysroot = PathBuf::from(rustc(root, &["--print", "sysroot"])?.trim());
        Ok(Self { host, sysroot, packages: packages.unwrap_or_default() })
    }

    /// What is missing to build for a target, if something is.
    fn lacks(&self, root: &Path, target: &str) -> Option<String> {
        let library = rustc(root, &["--print", "target-libdir", "--target", target]);
        if !library.is_ok_and(|path| Path::new(path.trim()).is_dir()) {
            return Some(format!("the toolchain has no standard library for it; rustup target add {target}"));
        }
        let compiler = std::env::var_os(format!("CC_{}", target.replace('-', "_")));
        let mut musl = process::program("musl-gcc", root);
        musl.arg("--version");
        if target.contains("musl") && compiler.is_none() && process::capture(musl).is_err() {
            return Some("there is no musl-gcc; it is in Debian's package musl-tools".to_owned());
        }
        None
    }
}

/// The target on the same processor whose programs need nothing of the system they run on.
fn static_for(host: &str) -> String {
    host.replace("-gnu", "-musl")
}

fn rustc(root: &Path, args: &[&str]) -> Outcome<String> {
    let mut command = process::program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()), root);
    command.args(args);
    process::capture(command)
}

/// The time of the last commit, in seconds; where there is none, that of the caller's choice, or the beginning of time.
fn epoch(sources: &Path) -> String {
    let mut command = process::program("git", sources);
    command.args(["log", "-1", "--format=%ct"]);
    let commit = process::capture(command).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    std::env::var("SOURCE_DATE_EPOCH").ok().or(commit).unwrap_or_else(|| "0".to_owned())
}

fn compare(one: &Path, other: &Path) -> Outcome {
    let read = |path: &Path| fs::read(path).map_err(|error| failed("read", path, &error));
    let (first, second) = (read(one)?, read(other)?);
    if first == second {
        return Ok(());
    }
    let at = first.iter().zip(&second).position(|(a, b)| a != b).unwrap_or(first.len().min(second.len()));
    let text = format!("dist: {} and {} differ from byte {at} on", one.display(), other.display());
    Err(Failure::new(format!("{text}; diffoscope tells where it comes from")))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("dist: {what} {}: {error}", path.display()))
}
