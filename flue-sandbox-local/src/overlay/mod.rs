//! A layer over a directory of the host: what is read comes from there, what is written stays in the layer until it is
//! reviewed and applied.
//!
//! [`layer`] is the layer itself, [`mounted`] where the kernel merges it, [`copied`] where it is a copy; [`base`] is what the
//! host had when it was made. To tell what was changed, [`touched`] looks into what the kernel kept (and [`recent`] for what one
//! command did), [`compare`] at both sides of each path, and [`report`] makes a list and a [`patch`] of it. [`apply`] brings it to
//! the host.

mod changes;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is no layer to look at"))]
mod tree;

#[cfg(target_os = "linux")]
mod apply;
#[cfg(target_os = "linux")]
mod base;
#[cfg(target_os = "linux")]
mod compare;
#[cfg(target_os = "linux")]
mod copied;
#[cfg(target_os = "linux")]
mod edit;
#[cfg(target_os = "linux")]
mod entrance;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(target_os = "linux")]
mod layer;
#[cfg(target_os = "linux")]
mod mounted;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod patch;
#[cfg(target_os = "linux")]
mod recent;
#[cfg(target_os = "linux")]
mod renames;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod state;
#[cfg(target_os = "linux")]
mod touched;
#[cfg(not(target_os = "linux"))]
mod unsupported;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::{OpenRequest, Result, Sandbox, SandboxFactory};
use tokio::sync::OnceCell;

pub use self::changes::{Change, ChangeKind, Changes, LineCounts};
#[cfg(target_os = "linux")]
pub(crate) use self::entrance::{Entrance, Shut};
#[cfg(target_os = "linux")]
pub(crate) use self::helper::{HELPER, help};
#[cfg(target_os = "linux")]
use self::layer::How;
#[cfg(target_os = "linux")]
pub(crate) use self::layer::Layer;
#[cfg(target_os = "linux")]
pub(crate) use self::mounted::Mounted;
#[cfg(target_os = "linux")]
pub(crate) use self::recent::Moment;
#[cfg(target_os = "linux")]
pub(crate) use self::state::remove;
#[cfg(not(target_os = "linux"))]
use self::unsupported::How;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::unsupported::{Entrance, Layer, Moment, Shut};
use crate::files::blocking;
use crate::{Local, LocalSandbox, reexec};

/// A directory of the host with a layer over it: sandboxes that it opens read from the directory and write to the layer.
///
/// The directory is untouched until [`Overlay::apply`]. Commands see the merged files under the directory's own path, or work
/// in a copy ([`Overlay::copied`]). All sandboxes of an overlay and of its clones share one layer, which is made with the first one and forgotten when the last of
/// all these is dropped.
///
/// Linux only, by the kernel's overlay file system; opening fails where it cannot be had. **It is no boundary**: a command
/// reaches everything outside of the directory, and one that means to reaches the directory itself, for example through another
/// process's `/proc/PID/root`.
///
/// # Example
///
/// ```no_run
/// use flue_core::{ExecRequest, OpenRequest, Sandbox};
/// use flue_sandbox_local::Local;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn work() -> flue_core::Result<()> {
///     let overlay = Local::new("checkout").overlay();
///     let sandbox = overlay.create(OpenRequest::new("example")).await?;
///     sandbox.exec(ExecRequest::new("echo changed > README")).await?;
///     let changes = overlay.diff().await?;
///     println!("{}", String::from_utf8_lossy(changes.patch()));
///     overlay.apply(&changes).await
/// }
///
/// fn main() -> flue_core::Result<()> {
///     flue_sandbox_local::init();
///     work()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Overlay {
    local: Local,
    helper: Option<PathBuf>,
    keep_in: Option<PathBuf>,
    /// The most that is copied, where it is a copy.
    copied: Option<u64>,
    layer: Arc<OnceCell<Arc<Layer>>>,
}

impl Overlay {
    pub(crate) fn new(local: Local) -> Self {
        Self { local, helper: None, keep_in: None, copied: None, layer: Arc::default() }
    }

    /// Names the program `flue-sandbox-helper`, for programs that cannot call [`init`](crate::init).
    #[must_use]
    pub fn helper(mut self, program: impl Into<PathBuf>) -> Self {
        self.helper = Some(program.into());
        self
    }

    /// Keeps what is written in a new directory in `dir` instead of the system's temporary one: builds write much. It must not
    /// lie in the directory that the overlay is over, nor on an overlay itself, as in most containers the root is.
    #[must_use]
    pub fn keep_in(mut self, dir: impl Into<PathBuf>) -> Self {
        self.keep_in = Some(dir.into());
        self
    }

    /// Works in a copy of the directory instead, with at most `max_bytes` in it: where the kernel lays no overlay, as in most
    /// containers.
    ///
    /// The copy has a path of its own, and nothing else leads to it: **a command that names the directory by its own path changes
    /// it**, unless it is [confined](Local::confined). Everything is copied when the first sandbox opens, but pipes, sockets and
    /// devices; files keep their times and permissions, and become this user's.
    #[must_use]
    pub fn copied(mut self, max_bytes: u64) -> Self {
        self.copied = Some(max_bytes);
        self
    }

    /// Opens a sandbox: what [`SandboxFactory::open`] does, with the concrete type. The first one makes the layer, and looks at
    /// every file in the directory for it.
    ///
    /// # Errors
    /// Those of [`Local::create`]; [`ErrorKind::Unsupported`](flue_core::ErrorKind::Unsupported) where the kernel lets this
    /// user lay no overlay over the directory, or something is mounted in it.
    pub async fn create(&self, request: OpenRequest) -> Result<Arc<LocalSandbox>> {
        let layer = self.layer.get_or_try_init(|| {
            let this = self.clone();
            blocking("open", move || this.lay())
        });
        self.local.create_over(request, Some(layer.await?.clone())).await
    }

    fn lay(&self) -> Result<Arc<Layer>> {
        let keep_in = self.keep_in.clone().unwrap_or_else(std::env::temp_dir);
        let how = match self.copied {
            Some(max_bytes) => How::Copied(max_bytes),
            None => {
                let named = self.helper.as_deref().or_else(|| self.local.helper_of_confinement());
                How::Merged(reexec::helper(named)?)
            }
        };
        Layer::open(&self.local.base_of_overlay()?, how, Path::new(&keep_in)).map(Arc::new)
    }

    /// What was changed so far. Best asked when no command runs.
    ///
    /// Left out, and only counted, is what git ignores by the rules that the directory has on the host, and all of `.git`.
    ///
    /// # Errors
    /// Those of reading the files.
    pub async fn diff(&self) -> Result<Changes> {
        let Some(layer) = self.layer.get().cloned() else { return Ok(Changes::none()) };
        blocking("diff", move || layer.diff()).await
    }

    /// Brings changes to the directory: all of them, or none. Each file is replaced in one step.
    ///
    /// After that they are changes no more. Owners of files that are replaced are kept, and permissions are those of the layer;
    /// other attributes, and other hard links, are not kept. It is not forced to disk.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](flue_core::ErrorKind::Conflict) when somebody else changed one of these files on the host since
    /// the layer was made, or the layer is not any more what it was when it was compared; and those of writing the files.
    pub async fn apply(&self, changes: &Changes) -> Result<()> {
        let (Some(layer), false) = (self.layer.get().cloned(), changes.is_empty()) else { return Ok(()) };
        let changes = changes.clone();
        blocking("apply", move || layer.apply(&changes)).await
    }
}

#[async_trait]
impl SandboxFactory for Overlay {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(self.create(request).await?)
    }
}
