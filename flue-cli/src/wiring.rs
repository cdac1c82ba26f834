//! The composition root: the one place that knows which sandboxes and providers are built in.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result, SandboxFactory};

use crate::args::{SandboxArgs, SandboxKind};

/// Names the model when neither the command line nor an agent file does.
pub(crate) const MODEL_VARIABLE: &str = "FLUE_MODEL";

/// The sandboxes of this kind; virtual ones when none is named.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a kind that is not built in.
pub(crate) fn sandbox(args: &SandboxArgs, kind: Option<SandboxKind>) -> Result<Arc<dyn SandboxFactory>> {
    match kind.unwrap_or_default() {
        #[cfg(feature = "virtual")]
        SandboxKind::Virtual => virtual_sandbox(args),
        #[cfg(not(feature = "virtual"))]
        SandboxKind::Virtual => Err(not_built_in("virtual", args)),
        SandboxKind::Local => Err(not_built_in("local", args)),
    }
}

fn not_built_in(kind: &str, _args: &SandboxArgs) -> Error {
    let built_in = if cfg!(feature = "virtual") { "virtual" } else { "none" };
    Error::new(ErrorKind::Unsupported, "open sandbox", "this kind of sandbox is not built in")
        .with("sandbox", kind)
        .with("built_in", built_in)
}

#[cfg(feature = "virtual")]
fn virtual_sandbox(_args: &SandboxArgs) -> Result<Arc<dyn SandboxFactory>> {
    Ok(Arc::new(flue_sandbox_virtual::Virtual::new()))
}

/// The model called `spec`, or else by [`MODEL_VARIABLE`].
pub(crate) fn model(spec: Option<String>) -> Result<Arc<dyn Model>> {
    let spec = spec.or_else(|| std::env::var(MODEL_VARIABLE).ok());
    Err(Error::new(ErrorKind::Config, "open model", "not yet").with("m", format!("{spec:?}")))
}
