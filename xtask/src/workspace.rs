//! The workspace as cargo describes it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::process;
use crate::report::{Failure, Outcome};

/// Inside of the workspace, whatever the current directory is: what cargo built this program from.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The workspace: where it is and what it is made of.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory of the root manifest.
    pub(crate) root: PathBuf,
    /// The crates of this workspace.
    pub(crate) crates: Vec<Crate>,
    /// Every package of the dependency graph, this workspace's included; filled by [`Workspace::with_dependencies`] only.
    pub(crate) packages: Vec<Package>,
}

/// A crate of this workspace.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its directory, relative to the root, with `/` between the parts.
    pub(crate) dir: String,
    pub(crate) version: String,
    /// False for crates that serve this workspace alone.
    pub(crate) published: bool,
    /// True if others can depend on it.
    pub(crate) library: bool,
    /// Its example programs.
    pub(crate) examples: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An edge to another crate of this workspace.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// True for `[dev-dependencies]`.
    pub(crate) dev: bool,
    /// True if the manifest names a version beside the path.
    pub(crate) versioned: bool,
}

/// A package of the dependency graph.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Its directory on this machine.
    pub(crate) dir: PathBuf,
    /// True for what comes from a registry, false for what lies on this machine.
    pub(crate) fetched: bool,
}

impl Workspace {
    /// Reads the crates of this workspace and the edges between them.
    pub(crate) fn load() -> Outcome<Self> {
        Self::load_from(HERE.as_ref())
    }

    /// The same of the workspace around `dir`.
    pub(crate) fn load_from(dir: &Path) -> Outcome<Self> {
        Self::read(dir, &["metadata", "--format-version", "1", "--no-deps"])
    }

    /// Reads the whole dependency graph as well, on all platforms and with all features.
    pub(crate) fn with_dependencies() -> Outcome<Self> {
        Self::read(HERE.as_ref(), &["metadata", "--format-version", "1", "--all-features"])
    }

    fn read(dir: &Path, args: &[&str]) -> Outcome<Self> {
        let json = process::capture(process::cargo(dir, args))?;
        let metadata: Value = serde_json::from_str(&json)
            .map_err(|error| Failure::new(format!("`cargo {}` printed bad JSON: {error}", args.join(" "))))?;
        parse(&metadata).ok_or_else(|| Failure::new(format!("`cargo {}` printed an unknown shape", args.join(" "))))
    }
}

fn parse(metadata: &Value) -> Option<Workspace> {
    let root = metadata["workspace_root"].as_str()?;
    let members = metadata["workspace_members"].as_array()?;
    let packages = metadata["packages"].as_array()?;
    let crates = packages
        .iter()
        .filter(|package| members.contains(&package["id"]))
        .map(|package| parse_crate(package, root))
        .collect::<Option<_>>()?;
    let packages = packages.iter().map(parse_package).collect::<Option<_>>()?;
    Some(Workspace { root: PathBuf::from(root), crates, packages })
}

fn parse_crate(package: &Value, root: &str) -> Option<Crate> {
    let manifest = package["manifest_path"].as_str()?;
    let dir = manifest.strip_prefix(root)?.strip_suffix("Cargo.toml")?;
    Some(Crate {
        name: package["name"].as_str()?.to_owned(),
        dir: dir.replace('\\', "/").trim_matches('/').to_owned(),
        version: package["version"].as_str()?.to_owned(),
        // Null stands for "anywhere"; a list names registries.
        published: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        library: targets(package, "lib").next().is_some(),
        examples: targets(package, "example").collect(),
        description: package["description"].as_str().map(str::to_owned),
        keywords: strings(&package["keywords"]),
        categories: strings(&package["categories"]),
        features: package["features"].as_object()?.keys().cloned().collect(),
        dependencies: package["dependencies"]
            .as_array()?
            .iter()
            .filter(|dependency| dependency["path"].is_string())
            .map(parse_dependency)
            .collect::<Option<_>>()?,
    })
}

/// The names of a package's targets of a kind.
fn targets<'a>(package: &'a Value, kind: &'a str) -> impl Iterator<Item = String> + 'a {
    let targets = package["targets"].as_array().into_iter().flatten();
    let targets = targets.filter(move |target| target["kind"] == json!([kind]));
    targets.filter_map(|target| target["name"].as_str().map(str::to_owned))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn parse_dependency(dependency: &Value) -> Option<Dependency> {
    Some(Dependency {
        name: dependency["name"].as_str()?.to_owned(),
        dev: dependency["kind"].as_str() == Some("dev"),
        versioned: dependency["req"].as_str()? != "*",
    })
}

fn parse_package(package: &Value) -> Option<Package> {
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        version: package["version"].as_str()?.to_owned(),
        license: package["license"].as_str().map(str::to_owned),
        dir: Path::new(package["manifest_path"].as_str()?).parent()?.to_owned(),
        fetched: package["source"].is_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_members_and_their_edges() {
        let metadata = json!({
            "workspace_root": "/repo",
            "workspace_members": ["id-kit"],
            "packages": [
                {
                    "id": "id-kit", "name": "a-kit", "version": "0.1.0", "license": "MIT", "description": "What a shares",
                    "manifest_path": "/repo/a/kit/Cargo.toml", "publish": null, "targets": [{ "kind": ["lib"], "name": "a_kit" }], "keywords": ["kit"], "categories": [],
                    "features": { "default": [], "http": [] },
                    "dependencies": [
                        { "name": "core", "kind": null, "req": "^0.1.0", "path": "/repo/core" },
                        { "name": "testkit", "kind": "dev", "req": "*", "path": "/repo/core/testkit" },
                        { "name": "bytes", "kind": null, "req": "^1" },
                    ],
                },
                {
                    "id": "id-bytes", "name": "bytes", "version": "1.0.0", "license": null, "source": "registry",
                    "manifest_path": "/elsewhere/bytes/Cargo.toml",
                },
            ],
        });
        let workspace = parse(&metadata).expect("a known shape");
        let [kit] = &workspace.crates[..] else { panic!("one member, got {:?}", workspace.crates) };
        assert_eq!((kit.name.as_str(), kit.dir.as_str()), ("a-kit", "a/kit"));
        assert_eq!(kit.features, ["default", "http"]);
        let edges: Vec<_> = kit.dependencies.iter().map(|d| (d.name.as_str(), d.dev, d.versioned)).collect();
        assert_eq!(edges, [("core", false, true), ("testkit", true, false)]);
        assert!(kit.published && kit.library && kit.categories.is_empty());
        assert_eq!((kit.version.as_str(), &kit.keywords[..]), ("0.1.0", &["kit".to_owned()][..]));
        let [own, fetched] = &workspace.packages[..] else { panic!("two packages, got {:?}", workspace.packages) };
        assert_eq!((own.fetched, own.dir.as_path()), (false, Path::new("/repo/a/kit")));
        assert_eq!((fetched.fetched, fetched.license.as_deref()), (true, None));
    }

    #[test]
    fn an_unknown_shape_is_refused() {
        assert!(parse(&json!({ "workspace_root": "/repo" })).is_none());
    }
}
