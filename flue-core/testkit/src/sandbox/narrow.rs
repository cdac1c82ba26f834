//! Narrowed sandboxes, to be held against the suite.

use std::sync::Arc;

use async_trait::async_trait;
use flue_core::{Narrowing, OpenRequest, Result, Sandbox, SandboxFactory};

/// Opens the sandboxes of another factory, narrowed: beneath its root each is to be a sandbox like any other.
#[derive(Debug)]
pub struct Narrow<F> {
    factory: F,
    narrowing: Narrowing,
}

impl<F: SandboxFactory> Narrow<F> {
    /// Narrows what `factory` opens.
    pub fn new(factory: F, narrowing: Narrowing) -> Self {
        Self { factory, narrowing }
    }
}

#[async_trait]
impl<F: SandboxFactory> SandboxFactory for Narrow<F> {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        self.narrowing.apply(self.factory.open(request).await?).await
    }
}
