//! Remote sandboxes, by the scheme of their address. A provider is one line of [`PROVIDERS`] and a function.

use std::sync::Arc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_remote::{AtClose, Provider, Remote, Workspace};

use super::sandbox::{Place, Variables, not_built_in};
use crate::args::SandboxArgs;
use crate::sandbox_kind::{RemoteKind, SandboxKind};
use crate::transfer::Files;

/// Makes a provider of an address without its scheme, which is empty where any of the provider's machines are meant.
type Connect = fn(&str) -> Result<Arc<dyn Provider>>;

/// The providers of this build, by the schemes of [`crate::sandbox_kind::SCHEMES`].
const PROVIDERS: &[(&str, Connect)] = &[
    #[cfg(feature = "cloudflare")]
    ("cloudflare", cloudflare),
    #[cfg(feature = "daytona")]
    ("daytona", daytona),
    #[cfg(all(feature = "docker", unix))]
    ("docker", docker),
    #[cfg(feature = "e2b")]
    ("e2b", e2b),
    #[cfg(feature = "kubernetes")]
    ("k8s", kubernetes),
    #[cfg(feature = "ssh")]
    ("ssh", ssh),
];

/// When what a run made and could not delete may be swept.
const LEFT_OVER: Duration = Duration::from_secs(24 * 3600);

#[cfg(feature = "cloudflare")]
fn cloudflare(rest: &str) -> Result<Arc<dyn Provider>> {
    if rest.is_empty() {
        return Ok(Arc::new(flue_sandbox_remote::cloudflare::Cloudflare::from_env()?));
    }
    let why = "the address of the bridge comes from CLOUDFLARE_SANDBOX_WORKER_URL; say cloudflare alone";
    Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why))
}

#[cfg(feature = "daytona")]
fn daytona(snapshot: &str) -> Result<Arc<dyn Provider>> {
    let machines = flue_sandbox_remote::daytona::Daytona::from_env()?;
    Ok(Arc::new(if snapshot.is_empty() { machines } else { machines.snapshot(snapshot) }))
}

#[cfg(feature = "e2b")]
fn e2b(template: &str) -> Result<Arc<dyn Provider>> {
    let machines = flue_sandbox_remote::e2b::E2b::from_env()?;
    Ok(Arc::new(if template.is_empty() { machines } else { machines.template(template) }))
}

#[cfg(all(feature = "docker", unix))]
fn docker(image: &str) -> Result<Arc<dyn Provider>> {
    Ok(Arc::new(flue_sandbox_remote::docker::Docker::new(image)?))
}

#[cfg(feature = "kubernetes")]
fn kubernetes(pool: &str) -> Result<Arc<dyn Provider>> {
    Ok(Arc::new(flue_sandbox_remote::kubernetes::Kubernetes::pool(pool)))
}

#[cfg(feature = "ssh")]
fn ssh(address: &str) -> Result<Arc<dyn Provider>> {
    use flue_sandbox_remote::ssh::{Ssh, Target};
    let (target, dir) = Target::parse(&format!("ssh:{address}"))?;
    let dir = dir.ok_or_else(|| {
        let why = "the address has no directory; say ssh://[USER@]HOST[:PORT]/DIR";
        Error::new(ErrorKind::InvalidInput, "open sandbox", why)
    })?;
    Ok(Arc::new(Ssh::at(target.configured()?, dir)))
}

/// The provider of an address.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for one that is not built in; those of its address.
pub(crate) fn provider(kind: &RemoteKind) -> Result<Arc<dyn Provider>> {
    let known = PROVIDERS.iter().find(|(scheme, _)| *scheme == kind.scheme);
    known.map_or_else(|| Err(not_built_in(&SandboxKind::Remote(kind.clone()))), |(_, connect)| connect(&kind.rest))
}

/// The providers of this build that can be asked without an address, by how `--sandbox` names them.
pub(crate) fn providers_alone() -> impl Iterator<Item = (&'static str, Result<Arc<dyn Provider>>)> {
    PROVIDERS.iter().filter_map(|(scheme, connect)| Some((RemoteKind::form_alone(scheme)?, connect(""))))
}

/// A sandbox of that provider: deleted in the end, where that can be and it is not to be kept.
pub(super) fn remote(args: &SandboxArgs, cwd: Option<String>, env: Variables, kind: &RemoteKind) -> Result<Place> {
    let refused = |why: &'static str| Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
    if args.fate.is_given() {
        return refused(
            "--review, --apply, --patch and --discard are for local sandboxes; what is in others comes out by --collect",
        );
    }
    if !args.network_allow.is_empty() {
        return refused("--network-allow is for the virtual sandbox; what a remote one reaches is its provider's");
    }
    let provider = provider(kind)?;
    let offers = provider.offers();
    let workspace = match args.keep.as_deref() {
        Some(name) if !name.is_empty() => Workspace::named(name),
        _ => Workspace::per_session(),
    };
    let workspace = env.into_iter().fold(workspace, |workspace, (key, value)| workspace.env(key, value));
    let lasts = args.keep.is_some() || !offers.delete;
    let workspace = if lasts { workspace } else { workspace.at_close(AtClose::Delete) };
    let workspace = if lasts || !offers.time_to_live { workspace } else { workspace.time_to_live(LEFT_OVER) };
    Ok(Place {
        factory: Arc::new(Remote::over(provider).workspace(workspace)),
        cwd,
        warning: (!offers.network_none)
            .then_some("nothing on this side holds commands there: they run as that user, on that machine"),
        files: if lasts { Files::Lasting } else { Files::Own },
        overlaid: None,
        guarded: None,
    })
}
