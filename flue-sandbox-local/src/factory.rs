//! How local sandboxes are described and opened.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::{
    Bounds, CreateDir, Error, ErrorKind, FileSystem as _, OpenRequest, Result, Sandbox, SandboxFactory, SandboxPath,
};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

use crate::LocalSandbox;
use crate::confine::{Confined, Confinement};
use crate::env::Environment;
use crate::files::{Files, Root, blocking, failed, refused};
use crate::ground::Ground;
use crate::overlay::{Layer, Overlay};
use crate::search::Outer;
use crate::shell::Launcher;

/// Describes local sandboxes, and opens them: all over the same directory of the host.
///
/// **Unless [`Local::confined`] says otherwise, nothing is isolated.** Commands run as the user and can do whatever the user
/// can.
///
/// # Example
///
/// ```
/// use flue_core::{ExecRequest, OpenRequest, Sandbox};
/// use flue_sandbox_local::Local;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> flue_core::Result<()> {
/// let sandbox = Local::new(env!("CARGO_MANIFEST_DIR")).env("GREETING", "hello").create(OpenRequest::new("example")).await?;
/// let output = sandbox.exec(ExecRequest::new("echo $GREETING; ls Cargo.toml")).await?;
/// assert_eq!(output.stdout_text(), "hello\nCargo.toml\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Local {
    dir: PathBuf,
    env: Environment,
    jail: Jail,
    output_bytes: usize,
    confinement: Option<Confinement>,
}

/// What the file API is kept beneath.
#[derive(Debug, Clone)]
enum Jail {
    Base,
    Dir(PathBuf),
    None,
}

impl Local {
    /// How many bytes of each output stream are kept by default: 16 MiB.
    pub const OUTPUT_BYTES: usize = 16 << 20;

    /// Sandboxes over a directory that exists; a relative one counts from the process's own.
    ///
    /// Takes the snapshot of the environment: commands get `PATH`, `HOME`, `USER`, `LOGNAME`, `HOSTNAME`, `SHELL`, `LANG`,
    /// `LC_ALL`, `LC_CTYPE`, `TZ`, `TERM`, `TMPDIR`, `TMP` and `TEMP` as they are now, where they are set, and nothing else
    /// of the host's. The file API is kept beneath the directory; see [`Local::jail`].
    pub fn new(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref();
        Self {
            // Fails for an empty path, and without a current directory: opening says so.
            dir: std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()),
            env: Environment::snapshot(),
            jail: Jail::Base,
            output_bytes: Self::OUTPUT_BYTES,
            confinement: None,
        }
    }

    /// Sets an environment variable of every command.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.set(key.into(), value.into());
        self
    }

    /// Gives every command a variable of the host's environment, as it is now. Nothing happens when it is not set.
    #[must_use]
    pub fn expose(mut self, key: impl Into<String>) -> Self {
        self.env.expose(key.into().into());
        self
    }

    /// Takes a variable away from every command.
    #[must_use]
    pub fn unset(mut self, key: impl AsRef<str>) -> Self {
        self.env.unset(OsStr::new(key.as_ref()));
        self
    }

    /// Keeps the file API and searches beneath `root` instead of the base directory, which must lie within; a relative one
    /// counts from the base directory.
    ///
    /// Whatever links, `..` or others who swap them meanwhile do, a file call reads and writes nothing that is not beneath
    /// it. That guards against paths that a model makes up or is talked into. It is no boundary: **commands are not kept in
    /// it.**
    #[must_use]
    pub fn jail(mut self, root: impl Into<PathBuf>) -> Self {
        self.jail = Jail::Dir(root.into());
        self
    }

    /// Lets the file API reach every file that the user may.
    #[must_use]
    pub fn unjailed(mut self) -> Self {
        self.jail = Jail::None;
        self
    }

    /// Sets how many bytes of each output stream of a command are kept, half from its start and half from its end;
    /// [`Local::OUTPUT_BYTES`] by default.
    #[must_use]
    pub fn output_bytes(mut self, bytes: usize) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// Lays a layer over the directory: what is written stays in it until it is reviewed and applied.
    ///
    /// The file API is kept beneath the directory; [`Local::jail`] and [`Local::unjailed`] do not go with it.
    pub fn overlay(self) -> Overlay {
        Overlay::new(self)
    }

    /// The directory that an overlay lies over.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the file API is to reach beyond it; those of finding it.
    pub(crate) fn base_of_overlay(&self) -> Result<SandboxPath> {
        if !matches!(self.jail, Jail::Base) {
            let why = "an overlay keeps the file API beneath its directory; leave out `jail` and `unjailed`";
            return Err(Error::new(ErrorKind::Config, "open", why));
        }
        canonical(&self.dir)
    }

    /// Has the kernel hold commands to a policy. Linux only; elsewhere opening gives [`ErrorKind::Unsupported`].
    ///
    /// Commands are started by a helper: see [`init`](crate::init).
    #[must_use]
    pub fn confined(mut self, confinement: Confinement) -> Self {
        self.confinement = Some(confinement);
        self
    }

    /// The program that confined commands are started by, if one is named.
    pub(crate) fn helper_of_confinement(&self) -> Option<&Path> {
        self.confinement.as_ref()?.named_helper()
    }

    /// Opens a sandbox: what [`SandboxFactory::open`] does, with the concrete type.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the directory is missing, [`ErrorKind::PermissionDenied`] when the one that is asked for
    /// lies outside the jail, [`ErrorKind::Config`] for settings that cannot be.
    pub async fn create(&self, request: OpenRequest) -> Result<Arc<LocalSandbox>> {
        self.create_over(request, None).await
    }

    /// Opens a sandbox, whose files beneath the base directory are those of `layer` if there is one.
    pub(crate) async fn create_over(
        &self,
        request: OpenRequest,
        layer: Option<Arc<Layer>>,
    ) -> Result<Arc<LocalSandbox>> {
        self.env.check()?;
        let (this, over) = (self.clone(), layer.clone());
        let Place { base, root, outer, launcher, confined } =
            blocking("open", move || this.look(over.as_ref())).await?;
        let cwd = base.join(request.cwd.as_deref().unwrap_or_default())?;
        let closed = CancellationToken::new();
        let files = Files::new(Arc::clone(&root), closed.clone(), Bounds::none());
        files.create_dir(&cwd, CreateDir::recursive()).await?;
        // A link on the way would make the shell's idea of it another one.
        let seen = Arc::clone(&root);
        let cwd = blocking("open", move || seen.real(&cwd).map_err(|refusal| refused("open", &cwd, refusal))).await?;
        let ground = Ground {
            root,
            outer: Arc::new(outer),
            launcher,
            layer,
            confined: confined.map(Arc::new),
            env: self.env.clone(),
            output_bytes: self.output_bytes,
            bounds: Bounds::none(),
        };
        Ok(Arc::new(ground.sandbox(cwd, closed)))
    }

    /// Looks at the host, and has the policy tried where there is one.
    fn look(&self, layer: Option<&Arc<Layer>>) -> Result<Place> {
        let base = match layer {
            Some(layer) => layer.seen().clone(),
            None => canonical(&self.dir)?,
        };
        let root = match (&self.jail, layer) {
            (_, Some(layer)) => layer.root()?,
            (Jail::Base, None) => Root::beneath(base.clone())?,
            (Jail::Dir(dir), None) => {
                let dir = canonical(&Path::new(base.as_str()).join(dir))?;
                if !base.is_within(&dir) {
                    return Err(outside("the base directory lies outside the jail", &base, &dir));
                }
                Root::beneath(dir)?
            }
            (Jail::None, None) => Root::host()?,
        };
        let outer = Outer::read(root.path())?;
        let launcher = Launcher::find(self.env.host_path())?;
        let confined = self.confinement.as_ref().map(|policy| Confined::open(policy, &base, layer)).transpose()?;
        let root = match &confined {
            Some(_) if !root.path().is_within(&base) => return Err(wide(&base)),
            Some(confined) => {
                let veil = confined.veil(root.path());
                root.veiled(veil)
            }
            None => root,
        };
        Ok(Place { base, root: Arc::new(root), outer, launcher, confined })
    }
}

/// What was found on the host.
struct Place {
    /// The directory that the sandbox is over.
    base: SandboxPath,
    /// What the file API is kept beneath.
    root: Arc<Root>,
    /// The ignore files above that.
    outer: Outer,
    launcher: Launcher,
    confined: Option<Confined>,
}

fn wide(base: &SandboxPath) -> Error {
    let why = "the file tools of a confined sandbox keep to its directory; leave out `jail` and `unjailed`";
    Error::new(ErrorKind::Config, "open", why).with("path", base)
}

/// A directory's path without links.
fn canonical(dir: &Path) -> Result<SandboxPath> {
    let path = dir.canonicalize().map_err(|error| {
        failed("open the directory", dir.display(), Errno::from_io_error(&error).unwrap_or(Errno::IO))
    })?;
    let text = path.to_str().ok_or_else(|| {
        Error::new(ErrorKind::Config, "open the directory", "its path is not UTF-8; work in one whose path is")
            .with("path", path.display())
    })?;
    SandboxPath::new(text)
}

fn outside(why: &'static str, path: &SandboxPath, jail: &SandboxPath) -> Error {
    Error::new(ErrorKind::PermissionDenied, "open", why).with("path", path).with("jail", jail)
}

#[async_trait]
impl SandboxFactory for Local {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(self.create(request).await?)
    }
}
