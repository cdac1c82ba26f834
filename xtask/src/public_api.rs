//! `public-api [--since REV] [--list] [CRATE…]`: what changed in each crate's public API since the last tag.
//!
//! Rustdoc says what is public and under which paths; the sources say how it is declared. The API of the tag is read from the
//! tag itself, in a checkout of its own below the build directory, so that no list has to be kept up to date. A change is a
//! line that went and a line that came: what went, or came in another shape, is what callers can trip over.

mod items;
mod signature;
mod types;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::files::BUILD_DIRECTORY;
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// The shape of rustdoc's JSON that `items` was written for. It changes in details with most toolchains; what is used
/// here has been the same since 37.
const FORMAT: std::ops::RangeInclusive<u64> = 37..=60;

/// Where this task keeps its things, below the build directory.
const DIRECTORY: &str = "public-api";

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let usage = || Failure::Usage("`public-api` takes `[--since REV] [--list] [CRATE…]`".into());
    let (mut since, mut list, mut named) = (None, false, Vec::new());
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => list = true,
            "--since" => since = Some(words.next().ok_or_else(usage)?.clone()),
            name if name.starts_with('-') => return Err(usage()),
            name => named.push(name),
        }
    }
    let workspace = Workspace::load()?;
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    if let Some(unknown) = named.iter().find(|name| !workspace.crates.iter().any(|member| member.name == **name)) {
        return Err(Failure::Usage(format!("no crate is called `{unknown}`")));
    }
    let crates: Vec<&str> = workspace
        .crates
        .iter()
        .filter(|member| member.published && member.library)
        .map(|member| member.name.as_str())
        .filter(|name| wanted(name))
        .collect();
    let documented = Documented { target: workspace.root.join(BUILD_DIRECTORY) };
    let now = documented.read(&workspace.root, &crates)?;
    if list {
        now.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    let Some(since) = since.or_else(|| last_tag(&workspace.root)) else {
        println!("no tag yet: all {} lines of the API are new; --list shows them", now.len());
        return Ok(());
    };
    let before = documented.read_at(&workspace.root, &since, &crates)?;
    let change = Change { gone: before.difference(&now).collect(), new: now.difference(&before).collect() };
    change.print(&since);
    Ok(())
}

/// What is not the same in two lists.
struct Change<'a> {
    gone: Vec<&'a String>,
    new: Vec<&'a String>,
}

impl Change<'_> {
    fn print(&self, since: &str) {
        let mut lines: Vec<(&str, char)> = self.gone.iter().map(|line| (line.as_str(), '-')).collect();
        lines.extend(self.new.iter().map(|line| (line.as_str(), '+')));
        lines.sort_unstable();
        for (line, sign) in lines {
            println!("{sign} {line}");
        }
        let (gone, new) = (self.gone.len(), self.new.len());
        println!("since {since}: {gone} lines went or changed, {new} came");
        if gone > 0 {
            println!(
                "what went or changed can break callers: before 1.0 that takes a new minor version, then a major one"
            );
        }
    }
}

fn last_tag(root: &Path) -> Option<String> {
    let mut command = process::program("git", root);
    command.args(["describe", "--tags", "--abbrev=0", "--match", "v*"]);
    Some(process::capture(command).ok()?.trim().to_owned()).filter(|tag| !tag.is_empty())
}

/// Rustdoc's view of crates.
struct Documented {
    /// Where it is built.
    target: PathBuf,
}

impl Documented {
    /// The API of these crates in the workspace at `root`, a line each.
    fn read(&self, root: &Path, crates: &[&str]) -> Outcome<BTreeSet<String>> {
        let mut args = vec!["doc", "--quiet", "--lib", "--no-deps", "--all-features"];
        args.extend(crates.iter().flat_map(|name| ["--package", name]));
        let mut command = process::cargo(root, &args);
        command.env("CARGO_TARGET_DIR", &self.target);
        command.env("RUSTDOC", self.rustdoc()?).env("RUSTDOCFLAGS", "-Zunstable-options --output-format json");
        process::run(command)?;
        let mut lines = BTreeSet::new();
        for name in crates {
            let path = self.target.join("doc").join(format!("{}.json", name.replace('-', "_")));
            let failed = |why: String| Failure::new(format!("public-api: {}: {why}", path.display()));
            let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
            let json: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
            if !json["format_version"].as_u64().is_some_and(|format| FORMAT.contains(&format)) {
                let format = &json["format_version"];
                return Err(failed(format!("format {format} is not one of {FORMAT:?}; see xtask/src/public_api.rs")));
            }
            lines.extend(items::lines(&json, root).ok_or_else(|| failed("an unknown shape".to_owned()))?);
        }
        Ok(lines)
    }

    /// The API at a commit. Crates that were not there yet have none.
    fn read_at(&self, root: &Path, revision: &str, crates: &[&str]) -> Outcome<BTreeSet<String>> {
        let checkout = self.target.join(DIRECTORY).join("checkout");
        let git = |args: &[&str]| {
            let mut command = process::program("git", root);
            command.args(args).arg(&checkout);
            command
        };
        // What an interrupted run left behind.
        let _ = process::capture(git(&["worktree", "remove", "--force"]));
        let mut add = git(&["worktree", "add", "--quiet", "--detach"]);
        add.arg(revision);
        process::capture(add)?;
        let read = Workspace::load_from(&checkout).and_then(|then| {
            let there = |name: &&&str| then.crates.iter().any(|member| member.name == **name);
            self.read(&checkout, &crates.iter().filter(there).copied().collect::<Vec<_>>())
        });
        process::capture(git(&["worktree", "remove", "--force"]))?;
        read
    }

    /// A program that is rustdoc with its unstable options. Only rustdoc may have them: the variable by which a stable
    /// toolchain grants them would have every dependency that looks at it built anew.
    fn rustdoc(&self) -> Outcome<PathBuf> {
        let dir = self.target.join(DIRECTORY);
        let path = dir.join("rustdoc");
        let real = std::env::var_os("RUSTDOC").unwrap_or_else(|| OsString::from("rustdoc"));
        let script = format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec '{}' \"$@\"\n", real.to_string_lossy());
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&dir)?;
            // Written only once: cargo looks at the time of the file.
            if fs::read_to_string(&path).ok().as_ref() != Some(&script) {
                fs::write(&path, &script)?;
            }
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            Ok(())
        };
        write().map_err(|error| Failure::new(format!("public-api: {}: {error}", path.display())))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "//! A.\n\
        mod inner { #[derive(Clone)] pub struct Point { pub x: u32, y: u32 }\n\
        impl Point { pub fn sum(&self, by: u32) -> u32 { self.x + self.y + by } fn hidden() {} } pub struct Private; }\n\
        pub use inner::Point;\n\
        /// B.\n#[non_exhaustive] pub enum Kind { /// C.\n One, Two { size: u8 } }\n\
        pub trait Shape: Send { fn area(&self) -> f64; fn name(&self) -> String { String::new() } }\n\
        pub const MOST: usize = 7;\n\
        impl std::fmt::Display for Kind { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(\"\") } }\n\
        macro_rules! more { () => { impl Point { pub fn more(&mut self, with: impl Into<Vec<&'static str>>) -> [u8; 2] { let _ = with; [0, 0] } } } }\n\
        more!();\n";

    /// A crate of its own, that goes with the value.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let target = Workspace::load().expect("this workspace").root.join(BUILD_DIRECTORY);
            Self(target.join(format!("{DIRECTORY}-{name}-{}", std::process::id())))
        }

        fn lines(&self, source: &str) -> Vec<String> {
            fs::create_dir_all(self.0.join("src")).expect("a directory");
            let manifest = "[package]\nname = \"shapes\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
            fs::write(self.0.join("Cargo.toml"), manifest).expect("a manifest");
            fs::write(self.0.join("src/lib.rs"), source).expect("a source");
            let documented = Documented { target: self.0.join("target") };
            documented.read(&self.0, &["shapes"]).expect("an API").into_iter().collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_callers_can_see_is_listed_and_what_changed_is_told() {
        let scratch = Scratch::new("list");
        let before = scratch.lines(BEFORE);
        assert_eq!(
            before,
            [
                "shapes: impl Clone for Point",
                "shapes: impl std::fmt::Display for Kind",
                "shapes::Kind: #[non_exhaustive] pub enum Kind",
                "shapes::Kind::One: One",
                "shapes::Kind::Two: Two { size: u8 }",
                "shapes::MOST: pub const MOST: usize",
                "shapes::Point: pub struct Point { .. }",
                "shapes::Point::more: pub fn more(self: &mut Self, with: impl Into<Vec<&'static str>>) -> [u8; 2]",
                "shapes::Point::sum: pub fn sum(&self, by: u32) -> u32",
                "shapes::Point::x: pub x: u32",
                "shapes::Shape: pub trait Shape: Send",
                "shapes::Shape::area: fn area(&self) -> f64",
                "shapes::Shape::name: fn name(&self) -> String { .. }",
            ]
        );
        let after = scratch.lines(&BEFORE.replace("by: u32", "by: u64").replace("derive(Clone)", "derive(Debug)"));
        let (before, after): (BTreeSet<_>, BTreeSet<_>) = (before.into_iter().collect(), after.into_iter().collect());
        let gone: Vec<&String> = before.difference(&after).collect();
        assert_eq!(gone, ["shapes: impl Clone for Point", "shapes::Point::sum: pub fn sum(&self, by: u32) -> u32"]);
        assert_eq!(after.difference(&before).count(), 2);
    }
}
