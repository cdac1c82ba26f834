//! How virtual sandboxes are described and opened.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{
    Capabilities, Error, ErrorKind, NetworkReach, OpenRequest, Result, Sandbox, SandboxFactory, SandboxInfo,
    SandboxLevel, SandboxPath,
};

use crate::builtins;
use crate::command::{CommandCall, CommandOutput, HostCommand};
use crate::files::failed;
use crate::seed::Seed;
use crate::shell::{Pool, Setup, Shell};
use crate::tree::{Access, Parents, TreeFs};
use crate::{Plan, VirtualLimits, VirtualSandbox};

/// The base directory unless [`Virtual::cwd`] says otherwise.
const CWD: &str = "/workspace";
/// The user unless [`Virtual::user`] says otherwise.
const USER: &str = "user";
/// The host name unless [`Virtual::hostname`] says otherwise.
const HOSTNAME: &str = "sandbox";

/// Describes virtual sandboxes, and opens them: each one new, with what is described here, and gone when it is closed.
///
/// # Example
///
/// ```
/// use flue_core::{ExecRequest, OpenRequest, Sandbox};
/// use flue_sandbox_virtual::Virtual;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> flue_core::Result<()> {
/// let orders = Virtual::new()
///     .file("ids.txt", "17\n4\n")
///     .command("lookup_order", |call| async move { Ok(format!("order {}: shipped\n", call.args.join(" "))) });
/// let sandbox = orders.create(OpenRequest::new("example")).await?;
/// let output = sandbox.exec(ExecRequest::new("sort -n ids.txt | xargs -n 1 lookup_order | tail -n 1")).await?;
/// assert_eq!(output.stdout_text(), "order 17: shipped\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Virtual {
    cwd: String,
    user: String,
    hostname: String,
    env: BTreeMap<String, String>,
    seeds: Vec<Seed>,
    commands: BTreeMap<String, HostCommand>,
    limits: VirtualLimits,
    #[cfg(feature = "network")]
    network: Option<crate::NetworkPolicy>,
    pool: PoolOnce,
}

/// The threads that all sandboxes of a factory share, made with the first one, when the limits are known.
type PoolOnce = Arc<std::sync::OnceLock<Arc<Pool>>>;

impl Virtual {
    /// The programs of the shell, sorted; [`Virtual::command`] adds others.
    pub fn programs() -> Vec<String> {
        builtins::names()
    }

    /// Sandboxes that start empty but for their base directory, `/workspace`.
    pub fn new() -> Self {
        Self {
            cwd: CWD.to_owned(),
            user: USER.to_owned(),
            hostname: HOSTNAME.to_owned(),
            env: BTreeMap::new(),
            seeds: Vec::new(),
            commands: BTreeMap::new(),
            limits: VirtualLimits::default(),
            #[cfg(feature = "network")]
            network: None,
            pool: PoolOnce::default(),
        }
    }

    /// Sets the base directory, which is made. Relative paths count from it, those given to this builder among them.
    #[must_use]
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = path.into();
        self
    }

    /// Has a file there from the start.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, data: impl Into<Bytes>) -> Self {
        self.seeds.push(Seed::File { path: path.into(), data: data.into() });
        self
    }

    /// Copies what is in a directory of the host into the base directory, as it is when the sandbox opens.
    ///
    /// Links are copied as links; sockets, pipes and devices are left out. Opening fails, and names the file, when one
    /// cannot be read, has a name that is not UTF-8, or does not fit into the [limits](VirtualLimits).
    #[must_use]
    pub fn dir(self, host: impl Into<PathBuf>) -> Self {
        self.dir_at(host, ".")
    }

    /// Like [`Virtual::dir`], into the directory `path`.
    #[must_use]
    pub fn dir_at(mut self, host: impl Into<PathBuf>, path: impl Into<String>) -> Self {
        self.seeds.push(Seed::Dir { host: host.into(), path: path.into() });
        self
    }

    /// Mounts a file system of the `vfs` ecosystem at `path`, readable and writable. All sandboxes share it.
    ///
    /// The directory is made; opening fails when something is in it already. What is behind a mount point does not count
    /// towards [`VirtualLimits::total_bytes`] and [`VirtualLimits::entries`], and is not part of a
    /// [`Snapshot`](crate::Snapshot).
    #[must_use]
    pub fn mount(self, path: impl Into<String>, fs: impl vfs::FileSystem) -> Self {
        self.mounted(path.into(), Arc::new(fs), Access::ReadWrite)
    }

    /// Like [`Virtual::mount`], but nothing can be changed there.
    #[must_use]
    pub fn mount_read_only(self, path: impl Into<String>, fs: impl vfs::FileSystem) -> Self {
        self.mounted(path.into(), Arc::new(fs), Access::ReadOnly)
    }

    fn mounted(mut self, path: String, fs: Arc<dyn vfs::FileSystem>, access: Access) -> Self {
        self.seeds.push(Seed::Mount { path, fs, access });
        self
    }

    /// Adds a command to the shell, which runs in the application when a script calls it.
    ///
    /// The handler gets what the script hands over and nothing else passes the other way than its output, so what it uses
    /// (a credential, a connection) stays outside. An error becomes exit status 1 with its text on standard error. It runs
    /// on the runtime that [`Sandbox::exec`] was called on.
    #[must_use]
    pub fn command<H, F, O>(mut self, name: impl Into<String>, handler: H) -> Self
    where
        H: Fn(CommandCall) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O>> + Send + 'static,
        O: Into<CommandOutput>,
    {
        self.commands.insert(name.into(), HostCommand::new(handler));
        self
    }

    /// Sets an environment variable of every command.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets the user that commands see; `user` by default, with `/home/user` as home directory.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = name.into();
        self
    }

    /// Sets the host name that commands see; `sandbox` by default.
    #[must_use]
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.hostname = name.into();
        self
    }

    /// Sets what a sandbox may use.
    #[must_use]
    pub fn limits(mut self, limits: VirtualLimits) -> Self {
        self.limits = limits;
        // The number of threads may differ now.
        self.pool = PoolOnce::default();
        self
    }

    /// Opens what the policy names to `curl` and `wget`; without this, nothing can be reached.
    #[cfg(feature = "network")]
    #[must_use]
    pub fn network(mut self, policy: crate::NetworkPolicy) -> Self {
        self.network = Some(policy);
        self
    }

    /// Opens a sandbox: what [`SandboxFactory::open`] does, with the concrete type.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for settings that cannot be, and what goes wrong with a seed; it names the path.
    pub async fn create(&self, request: OpenRequest) -> Result<Arc<VirtualSandbox>> {
        let (base, cwd) = self.directories(&request)?;
        let tree = self.tree(&base, &cwd).await?;
        let setup = self.setup()?;
        let info = self.info(cwd);
        let pool = self.pool.get_or_init(|| Arc::new(Pool::new(self.limits.concurrent_execs)));
        let fs: Arc<dyn bashkit::FileSystem> = Arc::clone(&tree) as _;
        let shell = Shell::new(Arc::new(setup), fs, Arc::clone(pool));
        Ok(Arc::new(VirtualSandbox::new(info, tree, shell)))
    }

    /// What [`Virtual::create`] would open, for those who open it in another process. Reads the host's directories.
    ///
    /// # Errors
    /// Those of [`Virtual::create`].
    pub async fn plan(&self, request: &OpenRequest) -> Result<Plan> {
        let (base, cwd) = self.directories(request)?;
        let files = self.tree(&base, &cwd).await?.snapshot();
        let Setup { limits, user, hostname, env, commands, .. } = self.setup()?;
        Ok(Plan { info: self.info(cwd), files, user, hostname, env, commands, limits })
    }

    /// The base directory, and the one that is asked for.
    fn directories(&self, request: &OpenRequest) -> Result<(SandboxPath, SandboxPath)> {
        let base = SandboxPath::root().join(&self.cwd)?;
        let cwd = base.join(request.cwd.as_deref().unwrap_or_default())?;
        Ok((base, cwd))
    }

    /// The files that a sandbox starts with.
    async fn tree(&self, base: &SandboxPath, cwd: &SandboxPath) -> Result<Arc<TreeFs>> {
        let tree = TreeFs::new(self.limits.tree());
        tree.add_devices().map_err(|error| failed("open", "/dev", error))?;
        for dir in [self.home().as_str(), "/tmp", base.as_str(), cwd.as_str()] {
            tree.mkdir(dir, Parents::Make).map_err(|error| failed("open", dir, error))?;
        }
        let (seeds, base) = (self.seeds.clone(), base.clone());
        let reads_host = seeds.iter().any(Seed::reads_host);
        let seed = move || {
            seeds.iter().try_for_each(|seed| seed.apply(&tree, &base))?;
            Ok(Arc::new(tree))
        };
        if !reads_host {
            return seed();
        }
        let seeded = tokio::task::spawn_blocking(seed).await;
        seeded.map_err(|error| {
            Error::new(ErrorKind::Internal, "open", "the seeding failed unexpectedly").with_source(error)
        })?
    }

    fn home(&self) -> String {
        format!("/home/{}", self.user)
    }

    fn setup(&self) -> Result<Setup> {
        check_word("user name", &self.user)?;
        check_word("host name", &self.hostname)?;
        self.commands.keys().try_for_each(|name| check_word("command name", name))?;
        let home = self.home();
        let mut env: BTreeMap<String, String> = [
            ("HOME", &*home),
            ("USER", &*self.user),
            ("LOGNAME", &*self.user),
            ("HOSTNAME", &*self.hostname),
            ("SHELL", "/bin/bash"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("TERM", "dumb"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        env.extend(self.env.clone());
        Ok(Setup {
            limits: self.limits,
            user: self.user.clone(),
            hostname: self.hostname.clone(),
            env,
            commands: self.commands.clone(),
            #[cfg(feature = "network")]
            network: self.network.as_ref().map(crate::network::Network::new).transpose()?,
            shown: None,
        })
    }

    fn info(&self, cwd: SandboxPath) -> SandboxInfo {
        let mut capabilities = Capabilities::full();
        capabilities.network = self.reach();
        capabilities.narrow = true;
        let info = SandboxInfo::new(SandboxLevel::Virtual, "virtual", cwd, capabilities);
        crate::notes::notes(self.commands.keys()).into_iter().fold(info, SandboxInfo::with_note)
    }

    #[cfg(feature = "network")]
    fn reach(&self) -> NetworkReach {
        self.network.as_ref().map_or(NetworkReach::None, |policy| NetworkReach::AllowList(policy.prefixes().to_vec()))
    }

    #[cfg(not(feature = "network"))]
    fn reach(&self) -> NetworkReach {
        NetworkReach::None
    }
}

impl Default for Virtual {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl SandboxFactory for Virtual {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(self.create(request).await?)
    }
}

/// Names that appear in files and scripts of the sandbox have to be single words there.
fn check_word(what: &'static str, name: &str) -> Result<()> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@');
    if name.is_empty() || name.starts_with(['-', '.']) || !name.chars().all(valid) {
        return Err(Error::new(
            ErrorKind::Config,
            "open",
            "not a usable name: take letters, digits, `_`, `-`, `.`, `+` and `@`, the first one no `-` or `.`",
        )
        .with(what, name.escape_debug()));
    }
    Ok(())
}
