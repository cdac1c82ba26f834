//! Which pairs of files `diff` compares: two operands, or two directories.

use std::collections::BTreeSet;
use std::time::SystemTime;

use bashkit::{BuiltinContext, FileType};

use super::super::clock;
use super::super::files::{read_file, reason, resolve};
use super::super::glob;
use super::config::Config;
use super::{Report, Side, files};

/// Pairs of files one command compares before it gives up.
const MAX_PAIRS: usize = 200_000;

/// What an operand or a directory entry turned out to be.
enum Kind {
    File,
    Directory,
    Missing(String),
}

struct Entry {
    name: String,
    kind: Kind,
}

/// Two entries to compare.
pub(super) struct Pair {
    old: Entry,
    new: Entry,
    /// Found in a directory rather than named on the command line.
    nested: bool,
}

/// One thing to do, in the order of its output.
enum Step {
    Compare(Pair),
    OnlyIn(String),
}

/// Looks at the two operands; of a file and a directory, the file is looked up
/// in the directory.
pub(super) async fn open(ctx: &BuiltinContext<'_>, config: &Config, left: &str, right: &str) -> Pair {
    let mut old = entry(ctx, left).await;
    let mut new = entry(ctx, right).await;
    match (&old.kind, &new.kind) {
        (Kind::Directory, Kind::File) if right != "-" => {
            old = entry(ctx, &join(left, base_name(right))).await;
        }
        (Kind::File, Kind::Directory) if left != "-" => {
            new = entry(ctx, &join(right, base_name(left))).await;
        }
        _ => {}
    }
    if config.new_file {
        // One of the two may be missing, and then counts as empty.
        if matches!(old.kind, Kind::Missing(_)) && matches!(new.kind, Kind::File) {
            old.kind = Kind::File;
        } else if matches!(new.kind, Kind::Missing(_)) && matches!(old.kind, Kind::File) {
            new.kind = Kind::File;
        }
    }
    Pair { old, new, nested: false }
}

/// Compares a pair and, for directories, what is in them.
pub(super) async fn walk(ctx: &BuiltinContext<'_>, config: &Config, first: Pair, report: &mut Report) {
    let mut todo = vec![Step::Compare(first)];
    let mut compared = 0;
    while let Some(step) = todo.pop() {
        let pair = match step {
            Step::Compare(pair) => pair,
            Step::OnlyIn(line) => {
                report.line(&line);
                report.differs();
                continue;
            }
        };
        compared += 1;
        if compared > MAX_PAIRS {
            return report.trouble(&pair.old.name, "too many files to compare");
        }
        let Pair { old, new, nested } = pair;
        match (&old.kind, &new.kind) {
            (Kind::Missing(old_reason), Kind::Missing(new_reason)) => {
                report.trouble(&old.name, old_reason);
                report.trouble(&new.name, new_reason);
            }
            (Kind::Missing(reason), _) if !nested => report.trouble(&old.name, reason),
            (_, Kind::Missing(reason)) if !nested => report.trouble(&new.name, reason),
            (Kind::Directory, Kind::Directory | Kind::Missing(_)) | (Kind::Missing(_), Kind::Directory) => {
                if nested && !config.recursive {
                    report.line(&format!("Common subdirectories: {} and {}", old.name, new.name));
                } else {
                    let steps = children(ctx, config, &old, &new, report).await;
                    todo.extend(steps.into_iter().rev());
                }
            }
            (Kind::Directory, Kind::File) => mismatch(&old, "directory", &new, "regular file", report),
            (Kind::File, Kind::Directory) => mismatch(&old, "regular file", &new, "directory", report),
            _ => {
                let zone = clock::zone(ctx.env);
                let sides = (load(ctx, &old, config).await, load(ctx, &new, config).await);
                match sides {
                    (Ok(old), Ok(new)) => {
                        let heading = nested.then(|| heading(config, &old.name, &new.name));
                        files(&old, &new, heading, zone, config, report);
                    }
                    (old_side, new_side) => {
                        for (entry, side) in [(&old, old_side), (&new, new_side)] {
                            if let Err(reason) = side {
                                report.trouble(&entry.name, &reason);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn mismatch(old: &Entry, old_kind: &str, new: &Entry, new_kind: &str, report: &mut Report) {
    report.line(&format!("File {} is a {old_kind} while file {} is a {new_kind}", old.name, new.name));
    report.differs();
}

/// What is to be done about the entries of two directories, in name order.
async fn children(
    ctx: &BuiltinContext<'_>,
    config: &Config,
    old: &Entry,
    new: &Entry,
    report: &mut Report,
) -> Vec<Step> {
    let mut names = BTreeSet::new();
    let mut listed = [BTreeSet::new(), BTreeSet::new()];
    for (at, directory) in [old, new].into_iter().enumerate() {
        if matches!(directory.kind, Kind::Missing(_)) {
            continue;
        }
        match ctx.fs.read_dir(&resolve(ctx.cwd, &directory.name)).await {
            Ok(entries) => {
                listed[at] = entries
                    .into_iter()
                    .map(|entry| entry.name)
                    .filter(|name| !config.exclude.iter().any(|glob| glob::matches(glob, name)))
                    .collect();
                names.extend(listed[at].iter().cloned());
            }
            Err(error) => report.trouble(&directory.name, &reason(&error)),
        }
    }
    let mut steps = Vec::new();
    for name in names {
        let in_old = listed[0].contains(&name);
        let in_new = listed[1].contains(&name);
        if (in_old && in_new) || config.new_file {
            steps.push(Step::Compare(Pair {
                old: entry(ctx, &join(&old.name, &name)).await,
                new: entry(ctx, &join(&new.name, &name)).await,
                nested: true,
            }));
        } else {
            let directory = if in_old { &old.name } else { &new.name };
            steps.push(Step::OnlyIn(format!("Only in {directory}: {name}")));
        }
    }
    steps
}

async fn load(ctx: &BuiltinContext<'_>, entry: &Entry, config: &Config) -> Result<Side, String> {
    let path = resolve(ctx.cwd, &entry.name);
    let side = |bytes, modified| Side { name: entry.name.clone(), bytes, modified };
    if entry.name == "-" {
        return Ok(side(ctx.stdin_bytes().unwrap_or_default().to_vec(), config.now));
    }
    match ctx.fs.stat(&path).await {
        Ok(meta) => {
            // A device has no time worth showing.
            let modified = if path.starts_with("/dev") { config.now } else { meta.modified };
            Ok(side(read_file(&*ctx.fs, &path).await?, modified))
        }
        Err(_) if config.new_file => Ok(side(Vec::new(), SystemTime::UNIX_EPOCH)),
        Err(error) => Err(reason(&error)),
    }
}

async fn entry(ctx: &BuiltinContext<'_>, name: &str) -> Entry {
    let kind = if name == "-" {
        Kind::File
    } else {
        match ctx.fs.stat(&resolve(ctx.cwd, name)).await {
            Ok(meta) if meta.file_type == FileType::Directory => Kind::Directory,
            Ok(_) => Kind::File,
            Err(error) => Kind::Missing(reason(&error)),
        }
    };
    Entry { name: name.to_string(), kind }
}

fn heading(config: &Config, old: &str, new: &str) -> String {
    let mut words = vec!["diff".to_string()];
    words.extend(config.switches.iter().map(|word| quote(word)));
    words.push(old.to_string());
    words.push(new.to_string());
    words.join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}

fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}
