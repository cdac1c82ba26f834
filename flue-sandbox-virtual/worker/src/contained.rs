//! How contained sandboxes are described and opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{OpenRequest, Result, Sandbox, SandboxFactory};
use flue_sandbox_virtual::Virtual;

use crate::{ContainedSandbox, Containment};

/// Describes virtual sandboxes that each live in a process of their own, and opens them.
///
/// What [`Virtual`] describes is what they are, with two exceptions: what is mounted and the network stay in this process, so
/// opening a sandbox that has either is refused. Commands of the application run here, as ever, when a script there calls
/// them; what they use never goes over.
///
/// Whatever a script does to its sandbox, this process and other sandboxes go on. The sandbox then ends with
/// [`ErrorKind::SandboxDied`](flue_core::ErrorKind::SandboxDied) and a [reason](crate::Death).
///
/// # Example
///
/// ```no_run
/// use flue_core::{ExecRequest, OpenRequest, Sandbox};
/// use flue_sandbox_virtual::Virtual;
/// use flue_sandbox_virtual_worker::{Contained, init};
///
/// fn main() -> flue_core::Result<()> {
///     // First of all: this program is started again, to be the sandbox.
///     init();
///     run()
/// }
///
/// #[tokio::main]
/// async fn run() -> flue_core::Result<()> {
///     let contained = Contained::new(Virtual::new().file("notes.txt", "one\ntwo\n"));
///     let sandbox = contained.create(OpenRequest::new("tenant-1")).await?;
///     let output = sandbox.exec(ExecRequest::new("wc -l < notes.txt")).await?;
///     assert_eq!(output.stdout_text(), "2\n");
///     sandbox.close().await
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Contained {
    pub(crate) described: Virtual,
    pub(crate) settings: Settings,
    /// The processes of this factory, once there are some. Other settings want other ones.
    #[cfg(target_os = "linux")]
    pub(crate) pool: crate::host::PoolOnce,
}

/// What the processes are like.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_time: Option<Duration>,
    pub(crate) best_effort: bool,
    pub(crate) program: Option<PathBuf>,
    pub(crate) warm: usize,
    pub(crate) sandboxes: usize,
}

impl Contained {
    /// The default of [`Contained::memory_bytes`]: 1 GiB.
    pub const MEMORY_BYTES: u64 = 1 << 30;
    /// The least that [`Contained::memory_bytes`] may be: 64 MiB.
    pub const LEAST_MEMORY_BYTES: u64 = 64 << 20;
    /// The default of [`Contained::cpu_time`]: one hour.
    pub const CPU_TIME: Duration = Duration::from_secs(3600);
    /// The default of [`Contained::warm`].
    pub const WARM: usize = 1;
    /// The default of [`Contained::sandboxes`].
    pub const SANDBOXES: usize = 256;

    /// Contains what is described.
    pub fn new(described: Virtual) -> Self {
        Self {
            described,
            settings: Settings {
                memory_bytes: Self::MEMORY_BYTES,
                cpu_time: Some(Self::CPU_TIME),
                best_effort: false,
                program: None,
                warm: Self::WARM,
                sandboxes: Self::SANDBOXES,
            },
            #[cfg(target_os = "linux")]
            pool: crate::host::PoolOnce::default(),
        }
    }

    /// Sets how much memory each sandbox may take, its files and its stacks included: [`Contained::MEMORY_BYTES`] by
    /// default, and no less than [`Contained::LEAST_MEMORY_BYTES`].
    ///
    /// A sandbox that has more resident is ended within a few milliseconds. In no case does the kernel let it have more than
    /// this beside the [stacks](flue_sandbox_virtual::VirtualLimits::STACK_BYTES) of the commands that run at a time.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.settings.memory_bytes = bytes;
        self.changed()
    }

    /// Sets how much processor time each sandbox may take as long as it lives, rounded up to whole seconds:
    /// [`Contained::CPU_TIME`] by default, without end when `None`.
    #[must_use]
    pub fn cpu_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.settings.cpu_time = time.into();
        self.changed()
    }

    /// Sets how many processes wait to become sandboxes: [`Contained::WARM`] by default.
    ///
    /// Opening a sandbox takes a waiting one, or starts one when there is none, and has another one started.
    #[must_use]
    pub fn warm(mut self, processes: usize) -> Self {
        self.settings.warm = processes;
        self.changed()
    }

    /// Sets how many processes there may be at a time, waiting ones included: [`Contained::SANDBOXES`] by default. Opening
    /// more is refused.
    #[must_use]
    pub fn sandboxes(mut self, processes: usize) -> Self {
        self.settings.sandboxes = processes;
        self.changed()
    }

    /// Starts this program for a sandbox instead of the running one: `flue-sandbox-virtual-worker` of the same release, by
    /// its absolute path. For programs whose `main` cannot call [`init`](crate::init).
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.program = Some(path.into());
        self.changed()
    }

    /// Opens sandboxes also where the kernel does not filter system calls. The limits hold in any case, and
    /// [`Containment::system_calls_filtered`] says what is missing.
    ///
    /// Without this, opening fails there: the filter is what is left between a script that broke out of the shell engine and
    /// the host's user.
    #[must_use]
    pub fn best_effort(mut self) -> Self {
        self.settings.best_effort = true;
        self.changed()
    }

    fn changed(self) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            pool: crate::host::PoolOnce::default(),
            ..self
        }
    }

    /// Starts a process ahead of the first sandbox, and tells what holds it.
    ///
    /// # Errors
    /// Those of [`Contained::create`] that are about processes.
    pub async fn start(&self) -> Result<Containment> {
        #[cfg(target_os = "linux")]
        return crate::host::start(self).await;
        #[cfg(not(target_os = "linux"))]
        Err(unsupported())
    }

    /// Opens a sandbox: what [`SandboxFactory::open`] does, with the concrete type.
    ///
    /// # Errors
    /// Those of [`Virtual::create`]. [`ErrorKind::Unsupported`](flue_core::ErrorKind::Unsupported) for what is mounted, for
    /// the network, on other systems than Linux, and where the kernel does not hold the process to what it must be held to.
    /// [`ErrorKind::Config`](flue_core::ErrorKind::Config) when [`init`](crate::init) was not called.
    /// [`ErrorKind::LimitExceeded`](flue_core::ErrorKind::LimitExceeded) when there are too many already.
    pub async fn create(&self, request: OpenRequest) -> Result<Arc<ContainedSandbox>> {
        #[cfg(target_os = "linux")]
        return crate::host::create(self, request).await;
        #[cfg(not(target_os = "linux"))]
        {
            let _ = request;
            Err(unsupported())
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn unsupported() -> flue_core::Error {
    flue_core::Error::unsupported(
        "open",
        "contained virtual sandboxes need Linux; take the virtual sandbox in this process, or a remote one",
    )
}

#[async_trait]
impl SandboxFactory for Contained {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(self.create(request).await?)
    }
}
