//! What is in a program: packages, where they come from, who needs whom. Written as CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::{CRATE, PROGRAM};
use crate::process;
use crate::report::{Failure, Outcome, conclude};
use crate::tidy::licences;
use crate::workspace::{Package, Workspace};

/// The version of CycloneDX that is written.
const SPECIFICATION: &str = "1.5";

/// A package by its name and version.
pub(super) type Key = (String, String);

/// The bill of materials of the program, for one target.
pub(super) struct Bill<'a> {
    pub(super) version: String,
    /// Everything that is linked, this workspace's crates included.
    pub(super) packages: BTreeMap<Key, &'a Package>,
    needs: BTreeMap<Key, BTreeSet<Key>>,
    /// What the lock file says of each download.
    checksums: BTreeMap<Key, String>,
    target: String,
}

impl<'a> Bill<'a> {
    /// Asks cargo what the program is made of. Fails where a licence asks for more than notice.
    pub(super) fn of(workspace: &'a Workspace, target: &str) -> Outcome<Self> {
        let edges = "normal,no-proc-macro";
        let args = ["tree", "--locked", "--package", CRATE, "--all-features", "--edges", edges, "--target", target];
        let mut command = process::cargo(&workspace.root, &args);
        command.args(["--prefix", "depth", "--format", " {p}"]);
        let tree = process::capture(command)?;
        let needs = read_tree(&tree).ok_or_else(|| Failure::new("dist: cargo tree printed an unknown shape"))?;
        let mut packages = BTreeMap::new();
        for key in needs.keys() {
            let package = workspace.packages.iter().find(|package| package.name == key.0 && package.version == key.1);
            let unknown = || Failure::new(format!("dist: cargo metadata does not know {} {}", key.0, key.1));
            packages.insert(key.clone(), package.ok_or_else(unknown)?);
        }
        conclude("dist", licences::unpermitted(packages.values().copied()))?;
        let lock = fs::read_to_string(workspace.root.join("Cargo.lock"));
        let lock = lock.map_err(|error| Failure::new(format!("dist: Cargo.lock: {error}")))?;
        let version = packages.values().find(|package| package.name == CRATE).map(|package| package.version.clone());
        Ok(Self {
            version: version.unwrap_or_default(),
            packages,
            needs,
            checksums: read_lock(&lock),
            target: target.to_owned(),
        })
    }

    /// The bill as CycloneDX JSON. `epoch` is its time, in seconds.
    pub(super) fn json(&self, epoch: &str) -> String {
        let components = self.packages.iter().filter(|((name, _), _)| name != CRATE).map(|(key, package)| {
            let mut component = json!({
                "type": "library", "bom-ref": reference(key), "purl": reference(key), "name": key.0, "version": key.1,
            });
            if let Some(license) = &package.license {
                component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
            }
            if let Some(checksum) = self.checksums.get(key) {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            component
        });
        let dependencies = self.needs.iter().map(|(key, needs)| {
            json!({ "ref": reference(key), "dependsOn": needs.iter().map(reference).collect::<Vec<_>>() })
        });
        let root = reference(&(CRATE.to_owned(), self.version.clone()));
        let bill: Value = json!({
            "bomFormat": "CycloneDX",
            "specVersion": SPECIFICATION,
            "version": 1,
            "metadata": {
                "component": {
                    "type": "application", "bom-ref": root, "purl": root, "name": PROGRAM, "version": self.version,
                    "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                },
                "properties": [
                    { "name": "flue:target", "value": self.target },
                    { "name": "flue:source-date-epoch", "value": epoch },
                ],
            },
            "components": components.collect::<Vec<_>>(),
            "dependencies": dependencies.collect::<Vec<_>>(),
        });
        format!("{bill:#}\n")
    }
}

/// How a package is called by all who read such bills.
fn reference((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{version}")
}

/// Reads lines of `DEPTH NAME vVERSION …`, each below the nearest one of a smaller depth.
fn read_tree(tree: &str) -> Option<BTreeMap<Key, BTreeSet<Key>>> {
    let mut needs: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    let mut above: Vec<Key> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let depth: usize = words.next()?.parse().ok()?;
        let key = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned());
        above.truncate(depth);
        if let Some(parent) = above.last() {
            needs.entry(parent.clone()).or_default().insert(key.clone());
        }
        needs.entry(key.clone()).or_default();
        above.push(key);
    }
    Some(needs)
}

/// The checksums of a lock file.
fn read_lock(lock: &str) -> BTreeMap<Key, String> {
    let field = |entry: &str, name: &str| -> Option<String> {
        let line = entry.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(line.strip_suffix('"')?.to_owned())
    };
    let entries = lock
        .split("[[package]]\n")
        .filter_map(|entry| Some(((field(entry, "name")?, field(entry, "version")?), field(entry, "checksum")?)));
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, version: &str) -> Key {
        (name.to_owned(), version.to_owned())
    }

    #[test]
    fn a_tree_is_who_needs_whom() {
        let tree = "0 flue-cli v0.1.0 (/somewhere/flue-cli)\n1 a v1.0.0\n2 b v2.0.0\n1 c v3.0.0\n2 b v2.0.0 (*)\n";
        let needs = read_tree(tree).expect("a tree");
        assert_eq!(needs.len(), 4);
        assert_eq!(needs[&key("flue-cli", "0.1.0")], BTreeSet::from([key("a", "1.0.0"), key("c", "3.0.0")]));
        assert_eq!(needs[&key("c", "3.0.0")], BTreeSet::from([key("b", "2.0.0")]));
        assert!(needs[&key("b", "2.0.0")].is_empty());
        assert!(read_tree("a v1\n").is_none());
    }

    #[test]
    fn the_bill_names_every_package_with_its_licence_and_checksum() {
        let package = Package { license: Some("MIT/Apache-2.0".into()), ..Package::default() };
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"r\"\nchecksum = \"ab\"\n";
        let bill = Bill {
            version: "0.1.0".into(),
            packages: BTreeMap::from([(key("a", "1.0.0"), &package), (key(CRATE, "0.1.0"), &package)]),
            needs: BTreeMap::from([(key(CRATE, "0.1.0"), BTreeSet::from([key("a", "1.0.0")]))]),
            checksums: read_lock(lock),
            target: "x".into(),
        };
        let text = bill.json("7");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let a = json!([{
            "type": "library", "bom-ref": "pkg:cargo/a@1.0.0", "purl": "pkg:cargo/a@1.0.0", "name": "a", "version": "1.0.0",
            "licenses": [{ "expression": "MIT OR Apache-2.0" }], "hashes": [{ "alg": "SHA-256", "content": "ab" }],
        }]);
        assert_eq!(json["components"], a);
        let edge = json!([{ "ref": "pkg:cargo/flue-cli@0.1.0", "dependsOn": ["pkg:cargo/a@1.0.0"] }]);
        assert_eq!(json["dependencies"], edge);
        assert_eq!(json["metadata"]["component"]["name"], "flue");
    }
}
