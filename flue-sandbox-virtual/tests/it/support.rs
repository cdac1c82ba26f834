//! Short names for common steps.

use std::sync::Arc;

use flue_core::{ExecOutput, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualSandbox};

/// Opens a sandbox.
pub(crate) async fn open(factory: &Virtual) -> Arc<VirtualSandbox> {
    factory.create(OpenRequest::new("test")).await.unwrap()
}

/// Opens a sandbox with all defaults.
pub(crate) async fn fresh() -> Arc<VirtualSandbox> {
    open(&Virtual::new()).await
}

/// Runs a script.
pub(crate) async fn run(sandbox: &VirtualSandbox, script: &str) -> ExecOutput {
    sandbox.exec(ExecRequest::new(script)).await.unwrap()
}

/// Runs a script that succeeds, and gives its standard output.
#[track_caller]
pub(crate) fn said(output: &ExecOutput) -> String {
    assert!(output.success(), "{output:?}");
    output.stdout_text().into_owned()
}
