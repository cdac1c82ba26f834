//! Sandboxes, by kind.

use std::sync::Arc;

use flue_core::{Error, ErrorKind, Result, SandboxFactory};

use crate::args::SandboxArgs;
use crate::guarded::Guarded;
use crate::overlaid::Overlaid;
use crate::sandbox_kind::SandboxKind;
use crate::transfer::Files;

/// The kinds of this build.
pub(crate) const BUILT_IN: &[&str] = &[
    #[cfg(feature = "virtual")]
    "virtual",
    #[cfg(feature = "virtual")]
    "virtual:contained",
    #[cfg(all(feature = "local", unix))]
    "local",
    #[cfg(all(feature = "local", unix))]
    "local:confined",
    #[cfg(all(feature = "local", unix))]
    "local:overlay",
    #[cfg(all(feature = "local", unix))]
    "local:copy",
    #[cfg(feature = "cloudflare")]
    "cloudflare",
    #[cfg(feature = "daytona")]
    "daytona",
    #[cfg(all(feature = "docker", unix))]
    "docker:IMAGE",
    #[cfg(feature = "e2b")]
    "e2b",
    #[cfg(feature = "kubernetes")]
    "k8s:POOL",
    #[cfg(feature = "ssh")]
    "ssh://HOST/DIR",
];

/// The largest directory that is copied for `local:copy`, in bytes.
#[cfg(all(feature = "local", unix))]
const MAX_COPY_BYTES: u64 = 8 << 30;

/// Where the work is going to happen.
pub(crate) struct Place {
    /// Opens it.
    pub(crate) factory: Arc<dyn SandboxFactory>,
    /// The directory to ask for; its own when absent.
    pub(crate) cwd: Option<String>,
    /// What the user is told before anything runs.
    pub(crate) warning: Option<&'static str>,
    /// Whose its files are.
    pub(crate) files: Files,
    /// Where changes are kept aside.
    pub(crate) overlaid: Option<Overlaid>,
    /// Where commands are held to, and what they leave there is looked at.
    pub(crate) guarded: Option<Guarded>,
}

/// What narrower sandboxes have, to judge by whether one of them would have been enough.
pub(crate) fn ladder() -> flue_core::reach::Ladder {
    #[cfg(feature = "virtual")]
    return flue_core::reach::Ladder::new(flue_sandbox_virtual::Virtual::programs());
    #[cfg(not(feature = "virtual"))]
    flue_core::reach::Ladder::default()
}

/// The sandbox that the command line says, or else the agent file; a virtual one when neither names a kind.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a kind that is not built in, and whatever else the user has to put right.
pub(crate) fn sandbox(args: &SandboxArgs, kind: Option<SandboxKind>, cwd: Option<String>) -> Result<Place> {
    let kind = args.sandbox.clone().or(kind).unwrap_or_default();
    let cwd = args.cwd.clone().or(cwd);
    let variables = args.env.iter().map(|variable| variable.resolve()).collect::<Result<Vec<_>>>()?;
    if kind != SandboxKind::LocalConfined && !(args.allow_host.is_empty() && args.allow_write.is_empty()) {
        let why = "--allow-host and --allow-write are for local:confined, where commands reach nothing else";
        return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
    }
    if args.keep.is_some() && !matches!(kind, SandboxKind::Remote(_)) {
        let why = "--keep is for remote sandboxes; the others have nothing to keep, or keep it anyway";
        return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
    }
    match kind {
        #[cfg(feature = "remote")]
        SandboxKind::Remote(kind) => super::remote::remote(args, cwd, variables, &kind),
        #[cfg(not(feature = "remote"))]
        SandboxKind::Remote(_) => Err(not_built_in(&kind)),
        SandboxKind::Virtual => virtual_sandbox(args, cwd, variables, false),
        SandboxKind::VirtualContained => virtual_sandbox(args, cwd, variables, true),
        SandboxKind::Local | SandboxKind::LocalConfined | SandboxKind::LocalOverlay | SandboxKind::LocalCopy => {
            local(args, cwd, variables, kind)
        }
    }
}

pub(super) type Variables = Vec<(String, String)>;

#[cfg(feature = "virtual")]
fn virtual_sandbox(args: &SandboxArgs, cwd: Option<String>, variables: Variables, contained: bool) -> Result<Place> {
    if args.fate.is_given() {
        let why = "--review, --apply, --patch and --discard are for local sandboxes; what is in the virtual one comes out by \
                   --collect";
        return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
    }
    let sandboxes = flue_sandbox_virtual::Virtual::new();
    let sandboxes = variables.into_iter().fold(sandboxes, |sandboxes, (key, value)| sandboxes.env(key, value));
    let place = |factory| Place { factory, cwd, warning: None, files: Files::Own, overlaid: None, guarded: None };
    if contained {
        if !args.network_allow.is_empty() {
            let why = "--network-allow does not go with virtual:contained, which has no way to any network";
            return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
        }
        return Ok(place(Arc::new(flue_sandbox_virtual_worker::Contained::new(sandboxes).warm(0))));
    }
    if args.network_allow.is_empty() {
        return Ok(place(Arc::new(sandboxes)));
    }
    #[cfg(feature = "network")]
    return Ok(place(Arc::new(sandboxes.network(flue_sandbox_virtual::NetworkPolicy::allow(&args.network_allow)))));
    #[cfg(not(feature = "network"))]
    Err(Error::unsupported("open sandbox", "--network-allow is not built in; build with the feature `network`"))
}

#[cfg(not(feature = "virtual"))]
fn virtual_sandbox(_: &SandboxArgs, _: Option<String>, _: Variables, contained: bool) -> Result<Place> {
    Err(not_built_in(if contained { &SandboxKind::VirtualContained } else { &SandboxKind::Virtual }))
}

#[cfg(all(feature = "local", unix))]
fn local(args: &SandboxArgs, cwd: Option<String>, variables: Variables, kind: SandboxKind) -> Result<Place> {
    if !args.network_allow.is_empty() {
        let why = "--network-allow is for the virtual sandbox; local commands reach whatever this machine does, and confined \
                   ones the hosts of --allow-host";
        return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
    }
    // Not made when it is missing, as in a sandbox of its own: on this machine that is a slip.
    let directory = std::path::PathBuf::from(cwd.unwrap_or_else(|| ".".to_owned()));
    let refused = |error: Error| error.with("cwd", crate::host::shown(&directory));
    match std::fs::metadata(&directory) {
        Err(error) => return Err(refused(crate::host::io_error("open sandbox", &error))),
        Ok(facts) if !facts.is_dir() => {
            return Err(refused(Error::new(ErrorKind::NotADirectory, "open sandbox", "this is no directory")));
        }
        Ok(_) => {}
    }
    let sandboxes = flue_sandbox_local::Local::new(&directory);
    let sandboxes = variables.into_iter().fold(sandboxes, |sandboxes, (key, value)| sandboxes.env(key, value));
    let confined = kind == SandboxKind::LocalConfined;
    let sandboxes = if confined { sandboxes.confined(confinement(args)?) } else { sandboxes };
    let held = "local:confined has the kernel hold commands here: for work you trust not to attack it";
    let guarded = |dirs: Vec<std::path::PathBuf>| confined.then(|| Guarded::new(dirs));
    let is_copy = kind == SandboxKind::LocalCopy;
    if is_copy || kind == SandboxKind::LocalOverlay || args.fate.is_given() {
        let overlay = sandboxes.overlay();
        let overlay = if is_copy { overlay.copied(MAX_COPY_BYTES) } else { overlay };
        let warning = match kind {
            SandboxKind::LocalConfined => held,
            SandboxKind::LocalCopy => "local:copy works in a copy of the directory; it isolates nothing else",
            _ => "local:overlay keeps changes here aside; it isolates nothing else",
        };
        return Ok(Place {
            overlaid: Some(Overlaid::new(overlay.clone(), &args.fate)?),
            guarded: guarded(args.allow_write.clone()),
            factory: Arc::new(overlay),
            cwd: None,
            warning: Some(warning),
            files: if is_copy { Files::Own } else { Files::Layer },
        });
    }
    let warning =
        if confined { held } else { "local isolates nothing: commands run as you, with your files and network" };
    let factory = Arc::new(sandboxes);
    let guarded = guarded([std::slice::from_ref(&directory), &args.allow_write].concat());
    Ok(Place { factory, cwd: None, warning: Some(warning), files: Files::Host, overlaid: None, guarded })
}

#[cfg(all(feature = "local", unix))]
fn confinement(args: &SandboxArgs) -> Result<flue_sandbox_local::Confinement> {
    let policy = flue_sandbox_local::Confinement::new();
    let policy = args.allow_host.iter().fold(policy, |policy, host| policy.allow_host(host));
    args.allow_write.iter().try_fold(policy, |policy, dir| {
        // Counted from here, as everything on a command line is, and not from the directory that is worked in.
        let dir = std::path::absolute(dir).map_err(|error| crate::host::io_error("open sandbox", &error))?;
        Ok(policy.allow_write(dir))
    })
}

#[cfg(not(all(feature = "local", unix)))]
fn local(_: &SandboxArgs, _: Option<String>, _: Variables, kind: SandboxKind) -> Result<Place> {
    Err(not_built_in(&kind))
}

pub(super) fn not_built_in(kind: &SandboxKind) -> Error {
    let why = format!("this kind of sandbox is not built in; build with the feature `{}`", kind.feature());
    let built_in = if BUILT_IN.is_empty() { "none".to_owned() } else { BUILT_IN.join(", ") };
    Error::new(ErrorKind::Unsupported, "open sandbox", why).with("sandbox", kind).with("built_in", built_in)
}
