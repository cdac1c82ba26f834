//! Variables of confined commands: a home and temporary files of their own, and where the host's tools keep theirs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Tier;
use super::plan::Policy;

/// Where tools look for themselves below the home directory, and the variable that tells them otherwise. Without it they
/// are not found, since the home directory is another one.
const TOOLS: &[(&str, &str)] = &[
    ("RUSTUP_HOME", ".rustup"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("NVM_DIR", ".nvm"),
    ("VOLTA_HOME", ".volta"),
    ("SDKMAN_DIR", ".sdkman"),
];
/// Where tools keep what they have downloaded. It can only be read, so these are of use where nothing can be downloaded.
const CACHES: &[(&str, &str)] = &[("CARGO_HOME", ".cargo"), ("GOMODCACHE", "go/pkg/mod")];
/// Git's own settings of the user, such as a name and an address; the last one that exists counts.
const GIT: &[(&str, &str)] = &[("GIT_CONFIG_GLOBAL", ".config/git/config"), ("GIT_CONFIG_GLOBAL", ".gitconfig")];

/// Variables that commands get unless the caller sets them.
pub(super) fn environment(policy: &Policy, home: Option<&Path>) -> Vec<(OsString, OsString)> {
    let temporary = match policy.tier {
        Tier::Landlock => policy.scratch.join("tmp"),
        Tier::Namespaces => PathBuf::from("/tmp"),
    };
    let mut env: Vec<(OsString, OsString)> = vec![("HOME".into(), policy.scratch.join("home").into())];
    env.extend(["TMPDIR", "TMP", "TEMP"].map(|key| (key.into(), temporary.clone().into())));
    if let Some(port) = policy.proxy_port {
        let proxy = format!("http://127.0.0.1:{port}");
        let keys = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        env.extend(keys.map(|key| (key.into(), proxy.clone().into())));
        env.extend(["NO_PROXY", "no_proxy"].map(|key| (key.into(), "localhost,127.0.0.1,::1".into())));
    }
    let Some(home) = home else { return env };
    let caches = if policy.proxy_port.is_none() { CACHES } else { &[] };
    for (key, path) in TOOLS.iter().chain(caches).chain(GIT) {
        let at = home.join(path);
        let is_hidden = policy.hidden.iter().any(|hidden| at.starts_with(hidden));
        if let Some(at) = host_value(key).or_else(|| at.exists().then(|| at.into())).filter(|_| !is_hidden) {
            env.push((key.into(), at));
        }
    }
    env
}

/// What the host's own tools are told.
fn host_value(key: &str) -> Option<OsString> {
    std::env::var_os(OsStr::new(key)).filter(|value| !value.is_empty())
}
