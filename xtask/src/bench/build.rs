//! `bench build [SET…]`: what it takes to compile Flue from nothing, by what of it is picked.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::files::BUILD_DIRECTORY;
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// What is built: its name here, the package, its features without the default ones.
const SETS: &[(&str, &str, &str)] = &[
    ("core", "flue-core", ""),
    ("virtual", "flue-sandbox-virtual", ""),
    ("local", "flue-sandbox-local", ""),
    ("scripted", "flue-models", "scripted"),
    ("anthropic", "flue-models", "anthropic"),
    ("openai", "flue-models", "openai"),
    ("azure", "flue-models", "azure"),
    ("google", "flue-models", "google"),
    ("vertex", "flue-models", "vertex"),
    ("bedrock", "flue-models", "bedrock"),
    ("bedrock-sigv4", "flue-models", "bedrock-sigv4"),
    ("every-model", "flue-models", "anthropic,azure,bedrock-sigv4,google,openai,scripted,vertex,wrap"),
    ("cli", "flue-cli", "default"),
];
/// Each set is built in here, from nothing.
const SCRATCH: &str = "build-costs";
/// Ticks of a second in `/proc`: `USER_HZ`, which is 100 on every machine that Rust has a toolchain for.
const TICKS: f64 = 100.0;

/// Builds the named sets, or all, and prints what each took.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Outcome {
    if let Some(name) = names.iter().find(|name| !SETS.iter().any(|(set, ..)| set == name)) {
        let sets: Vec<_> = SETS.iter().map(|(set, ..)| *set).collect();
        return Err(Failure::Usage(format!("`bench build` has no set called `{name}`; there are {}", sets.join(" "))));
    }
    let target = workspace.root.join(BUILD_DIRECTORY).join(SCRATCH);
    let mut lines = vec![format!("{:<14} {:>8} {:>8} {:>8}", "set", "CPU s", "wall s", "crates")];
    for (set, package, features) in SETS.iter().filter(|(set, ..)| names.is_empty() || names.iter().any(|n| n == set)) {
        println!("building: {set}");
        let cost = build(workspace, &target, package, features)?;
        lines.push(format!("{set:<14} {:>8.1} {:>8.1} {:>8}", cost.cpu_s, cost.wall_s, cost.crates));
    }
    println!(
        "\n{}\n\nFrom nothing, unoptimised as `cargo build` does it. CPU: processor time of cargo and all that it starts. \
         Crates: packages compiled, Flue's own included.",
        lines.join("\n")
    );
    Ok(())
}

struct Cost {
    cpu_s: f64,
    wall_s: f64,
    crates: usize,
}

fn build(workspace: &Workspace, target: &Path, package: &str, features: &str) -> Outcome<Cost> {
    clear(target)?;
    let mut command = process::cargo(&workspace.root, &["build", "--quiet", "--package", package]);
    command.args(["--no-default-features", "--features", features, "--message-format", "json", "--target-dir"]);
    // A cache of compiled crates would be measured in place of the compiler.
    command.arg(target).env_remove("RUSTC_WRAPPER");
    let (before, began) = (children_cpu_s()?, Instant::now());
    let messages = process::capture(command)?;
    let cost =
        Cost { cpu_s: children_cpu_s()? - before, wall_s: began.elapsed().as_secs_f64(), crates: compiled(&messages) };
    clear(target)?;
    Ok(cost)
}

fn clear(target: &Path) -> Outcome {
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: cannot be removed: {error}", target.display())))
        }
        _ => Ok(()),
    }
}

/// How many packages cargo compiled, by its messages: a line of JSON each.
fn compiled(messages: &str) -> usize {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let packages = artifacts
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter_map(|message| message["package_id"].as_str().map(str::to_owned));
    packages.collect::<HashSet<_>>().len()
}

/// Processor time of the children that have ended, and of theirs, in seconds.
fn children_cpu_s() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|error| Failure::new(format!("/proc/self/stat: {error}; this is measured on Linux only")))?;
    Ok(children_ticks(&stat) / TICKS)
}

/// The fields `cutime` and `cstime` of proc_pid_stat(5): the 14th and 15th after the program's name, which may hold anything.
fn children_ticks(stat: &str) -> f64 {
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once() {
        let messages = r#"{"reason":"compiler-artifact","package_id":"a 1","target":{"kind":["custom-build"]}}
{"reason":"build-script-executed","package_id":"a 1"}
{"reason":"compiler-artifact","package_id":"a 1","target":{"kind":["lib"]}}
{"reason":"compiler-artifact","package_id":"b 1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(compiled(messages), 2);
    }

    #[test]
    fn processor_time_of_children_is_found_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 130 20 15";
        assert!((children_ticks(stat) - 150.0).abs() < f64::EPSILON, "{}", children_ticks(stat));
    }

    #[test]
    fn sets_are_of_this_workspace() {
        let workspace = Workspace::load().expect("the workspace");
        for (set, package, features) in SETS {
            let member = workspace.crates.iter().find(|member| member.name == *package).expect(set);
            for feature in features.split(',').filter(|feature| !["", "default"].contains(feature)) {
                assert!(member.features.iter().any(|known| known == feature), "{set}: {feature}");
            }
        }
    }
}
