//! What a local sandbox stands on, whole or narrowed.

use std::sync::Arc;

use flue_core::{
    Bounds, Capabilities, Error, ErrorKind, Narrowing, NetworkReach, Result, SandboxInfo, SandboxLevel, SandboxPath,
};
use tokio_util::sync::CancellationToken;

use crate::LocalSandbox;
use crate::confine::Confined;
use crate::env::Environment;
use crate::files::{Files, Root, blocking, refused};
use crate::notes::notes;
use crate::overlay::Layer;
use crate::search::{Outer, Search};
use crate::shell::{Launcher, Shell};

/// What was found on the host for a sandbox, and how its commands are held.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// What the file API is kept beneath.
    pub(crate) root: Arc<Root>,
    /// The ignore files above that.
    pub(crate) outer: Arc<Outer>,
    pub(crate) launcher: Launcher,
    pub(crate) layer: Option<Arc<Layer>>,
    pub(crate) confined: Option<Arc<Confined>>,
    /// What commands are given beside what their confinement gives them.
    pub(crate) env: Environment,
    pub(crate) output_bytes: usize,
    pub(crate) bounds: Bounds,
}

impl Ground {
    /// The sandbox that works in `cwd`, until `closed` fires.
    pub(crate) fn sandbox(self, cwd: SandboxPath, closed: CancellationToken) -> LocalSandbox {
        let info = self.info(cwd);
        let mut env = self.env.clone();
        env.keep(&self.bounds);
        self.confined.iter().flat_map(|confined| confined.env()).for_each(|(key, value)| env.set_default(key, value));
        let files = Files::new(Arc::clone(&self.root), closed.clone(), self.bounds.clone());
        let search = Search::new(Arc::clone(&self.root), Arc::clone(&self.outer), closed.clone());
        let shell = Shell::new(
            self.launcher.clone(),
            self.layer.clone(),
            self.confined.clone(),
            env,
            self.bounds.clone(),
            self.output_bytes,
            closed.clone(),
        );
        LocalSandbox::new(info, files, search, shell, closed, self)
    }

    fn info(&self, cwd: SandboxPath) -> SandboxInfo {
        let confined = self.confined.as_deref();
        let mut capabilities = Capabilities::full();
        capabilities.persistent = true;
        capabilities.terminal = self.launcher.gives_terminals();
        capabilities.network = confined.map_or(NetworkReach::Open, Confined::network);
        capabilities.narrow = confined.is_some_and(Confined::can_narrow);
        let level = if confined.is_some() { SandboxLevel::Confined } else { SandboxLevel::Local };
        let provider = match &self.layer {
            None => "local",
            Some(layer) if layer.mounted().is_some() => "local:overlay",
            Some(_) => "local:copy",
        };
        let info = SandboxInfo::new(level, provider, cwd, capabilities);
        let jail = self.root.is_jail().then(|| self.root.path());
        let mut notes = notes(self.launcher.shell(), jail, self.layer.is_some(), confined);
        notes.extend(self.layer.as_ref().and_then(|layer| layer.note()));
        self.bounds.describe(notes.into_iter().fold(info, SandboxInfo::with_note))
    }

    /// The same, held to less. Only where commands are confined: around all others nobody can.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where they are not; those of [`Narrowing::apply`].
    pub(crate) async fn narrow(&self, narrowing: &Narrowing, info: &SandboxInfo, files: &Files) -> Result<Self> {
        const OPERATION: &str = "narrow sandbox";
        let Some(confined) = self.confined.clone() else {
            let why = "commands of a local sandbox run as the user and cannot be held to less; confine it, or say no_exec too";
            return Err(Error::new(ErrorKind::Unsupported, OPERATION, why));
        };
        let bounds = self.bounds.and(narrowing, info)?;
        bounds.check_root(files).await?;
        let ground = self.clone();
        blocking(OPERATION, move || {
            // First, so that a link on the way is told as one.
            let narrower = bounds
                .root
                .as_ref()
                .map(|path| ground.root.narrowed(path.clone()).map_err(|refusal| refused(OPERATION, path, refusal)));
            let narrower = narrower.transpose()?;
            let confined = Arc::new(confined.narrow(&bounds)?);
            let root = match narrower {
                None => ground.root,
                Some(root) => {
                    let veil = confined.veil(root.path());
                    Arc::new(root.veiled(veil))
                }
            };
            Ok(Self { root, confined: Some(confined), bounds, ..ground })
        })
        .await
    }
}
