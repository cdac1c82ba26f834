//! Where access keys come from.

use std::sync::Arc;

use flue_core::Result;
use flue_models_kit::Renewed;

use crate::AccessKey;
use crate::process::CredentialProcess;

/// Keys that stay, or keys that a program hands out and that end. Clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    Fixed(AccessKey),
    Process(Arc<(CredentialProcess, Renewed<AccessKey>)>),
}

impl Keys {
    pub(crate) fn process(process: CredentialProcess) -> Self {
        Self::Process(Arc::new((process, Renewed::new())))
    }

    /// The keys that are good now.
    pub(crate) async fn get(&self) -> Result<AccessKey> {
        match self {
            Self::Fixed(key) => Ok(key.clone()),
            Self::Process(shared) => shared.1.get(shared.0.run()).await,
        }
    }
}
