//! Workspaces on one machine: directories.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::{
    Driver, EXPIRY_LABEL, Labels, Machine, Offers, Provider, Spec, WORKSPACE_LABEL, expiry, run_script,
};
use russh::client::Handle;
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::host_key::HostKeys;
use crate::target::Target;

/// The file in a workspace's directory that holds its labels, one a line.
const LABELS_FILE: &str = ".flue-labels";
/// The most that a listing of workspaces may be.
const LISTING_BYTES: usize = 4 << 20;

/// Says for each directory `$2…` that carries labels: `dir NUL labels NUL`. `$1` is the file's name.
const FIND: &str = r#"
n=$1; shift
[ $# = 2 ] && [ "$2" = all ] && set -- "$1"/*
for d in "$@"; do [ -f "$d/$n" ] && printf '%s\0%s\0' "$d" "$(cat "$d/$n")"; done
printf end"#;
/// Makes the directory `$1` and, where `$2` names a file, writes `$3` to it. Prints the directory without links.
const CREATE: &str = r#"
umask 077
if m=$(mkdir -p -- "$1" 2>&1) && cd -- "$1" && { [ -z "$2" ] || m=$(printf '%s\n' "$3" 2>&1 >"$2"); }; then
    printf 'ok\0%s\0end' "$(pwd -P)"
else printf 'no\0%s\0end' "$m"; fi"#;
/// Removes the workspace `$1`, if `$2` in it says that it is one.
const DELETE: &str = r#"
if [ ! -e "$1" ]; then printf 'ok\0\0end'
elif [ ! -f "$1/$2" ]; then printf 'no\0%s\0end' 'the directory does not carry labels'
elif m=$(rm -rf -- "$1" 2>&1); then printf 'ok\0\0end'
else printf 'no\0%s\0end' "$m"; fi"#;

/// Workspaces on one machine that is reached over SSH.
#[derive(Debug)]
pub struct Ssh {
    target: Target,
    place: Place,
    spare: Mutex<Option<Spare>>,
}

/// Where workspaces are.
#[derive(Debug, Clone)]
enum Place {
    /// Each in a directory of its own beneath this one.
    Beneath(SandboxPath),
    /// This directory is the one workspace.
    At(SandboxPath),
}

/// A connection that nobody uses at the moment.
struct Spare(Handle<HostKeys>);

impl std::fmt::Debug for Spare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spare")
    }
}

impl Ssh {
    /// Workspaces beneath a directory of `target`, which is made when it is missing: one for each key.
    ///
    /// All of them are on one machine and belong to one user, so nothing keeps a command in one from reaching another.
    pub fn beneath(target: Target, dir: SandboxPath) -> Self {
        Self { target, place: Place::Beneath(dir), spare: Mutex::default() }
    }

    /// One directory of `target` as the only workspace, whoever asks. It is made when it is missing, and never deleted.
    pub fn at(target: Target, dir: SandboxPath) -> Self {
        Self { target, place: Place::At(dir), spare: Mutex::default() }
    }

    /// Names the private key's file: no other key is tried.
    #[must_use]
    pub fn identity(mut self, file: impl Into<PathBuf>) -> Self {
        self.target.identities = Some(vec![file.into()]);
        self.target.identities_only = true;
        self
    }

    /// Names the file of host keys: no other is looked at.
    #[must_use]
    pub fn known_hosts(mut self, file: impl Into<PathBuf>) -> Self {
        self.target.known_hosts = Some(vec![file.into()]);
        self
    }

    /// A connection that works in `root`: the spare one, or a new one.
    async fn connect(&self, root: SandboxPath) -> Result<Connection> {
        let spare = self.spare.lock().await.take().filter(|spare| !spare.0.is_closed());
        let handle = match spare {
            Some(Spare(handle)) => handle,
            None => Box::pin(Connection::open(&self.target)).await?,
        };
        Ok(Connection::new(handle, root))
    }

    /// Runs a script besides any workspace, and keeps the connection for who comes next.
    async fn script(&self, operation: &'static str, body: &str, args: &[&str]) -> Result<Vec<u8>> {
        let connection = Arc::new(self.connect(SandboxPath::root()).await?);
        let driver: Arc<dyn Driver> = Arc::clone(&connection) as _;
        let said = run_script(&driver, operation, body, args, LISTING_BYTES).await;
        drop(driver);
        // Nobody else has it any more.
        if let Some(connection) = Arc::into_inner(connection) {
            *self.spare.lock().await = Some(Spare(connection.into_handle()));
        }
        said
    }

    /// Runs a script that answers `ok NUL … NUL end` or `no NUL why NUL end`.
    async fn ask(&self, operation: &'static str, body: &str, args: &[&str]) -> Result<String> {
        let said = self.script(operation, body, args).await?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let mut parts = said.split('\0');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("ok"), Some(text), Some("end")) => Ok(text.to_owned()),
            (Some("no"), Some(why), Some("end")) => {
                let message = "the host could not do it";
                Err(Error::new(ErrorKind::Io, operation, message).with("host", self.target.name()).with("said", why))
            }
            _ => Err(Error::new(ErrorKind::Protocol, operation, "the host's answer broke off")),
        }
    }

    async fn list(&self, labels: &Labels) -> Result<Vec<Machine>> {
        let dir = match &self.place {
            Place::At(dir) => dir.clone(),
            Place::Beneath(root) => match labels.get(WORKSPACE_LABEL) {
                Some(key) => root.join(key)?,
                None => root.clone(),
            },
        };
        let all = matches!(self.place, Place::Beneath(_)) && !labels.contains_key(WORKSPACE_LABEL);
        let mut args = vec![LABELS_FILE, dir.as_str()];
        args.extend(all.then_some("all"));
        let said = self.script("find", FIND, &args).await?;
        let said = String::from_utf8_lossy(&said);
        let Some(said) = said.strip_suffix("end") else {
            return Err(Error::new(ErrorKind::Protocol, "find", "the host's answer broke off"));
        };
        let parts: Vec<&str> = said.split('\0').collect();
        let machine = |pair: &[&str]| match pair {
            [dir, text] => Some(Machine::new(*dir, parse(text))),
            _ => None,
        };
        Ok(parts.chunks(2).filter_map(machine).collect())
    }

    /// Writes a workspace's labels.
    async fn label(&self, dir: &str, labels: &Labels) -> Result<String> {
        self.ask("create", CREATE, &[dir, LABELS_FILE, &render(labels)]).await
    }
}

fn render(labels: &Labels) -> String {
    let lines: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    lines.join("\n")
}

fn parse(text: &str) -> Labels {
    text.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
}

#[async_trait]
impl Provider for Ssh {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        let own = matches!(self.place, Place::Beneath(_));
        offers.delete = own;
        offers.time_to_live = own;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Machine> {
        self.offers().check_network(&spec.network)?;
        if spec.labels.iter().any(|(key, value)| key.contains(['=', '\n', '\0']) || value.contains(['\n', '\0'])) {
            return Err(Error::new(ErrorKind::Config, "create", "a label cannot be kept in a line"));
        }
        let dir = match &self.place {
            Place::At(dir) => dir.clone(),
            Place::Beneath(root) => root.join(&spec.key)?,
        };
        let dir = self.label(dir.as_str(), &spec.labels).await?;
        Ok(Machine::new(dir, spec.labels.clone()))
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(self.connect(SandboxPath::new(id)?).await?))
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Machine>> {
        let mut found = self.list(labels).await?;
        if let (Place::At(_), Some(machine)) = (&self.place, found.first_mut()) {
            // Whoever asks, this is the workspace.
            machine.labels.extend(labels.clone());
        }
        found.retain(|machine| labels.iter().all(|(key, value)| machine.labels.get(key) == Some(value)));
        Ok(found)
    }

    async fn touch(&self, id: &str, time_to_live: Duration) -> Result<()> {
        let name = SandboxPath::new(id)?;
        let key = name.file_name().unwrap_or_default().to_owned();
        let mut found = self.list(&Labels::from([(WORKSPACE_LABEL.to_owned(), key)])).await?;
        let Some(mut machine) = found.pop() else {
            return Err(Error::new(ErrorKind::NotFound, "touch", "there is no such workspace").with("machine", id));
        };
        machine.labels.insert(EXPIRY_LABEL.to_owned(), expiry(SystemTime::now(), time_to_live));
        self.label(id, &machine.labels).await.map(drop)
    }

    async fn stop(&self, _: &str) -> Result<()> {
        Err(Error::unsupported("stop", "a machine that is reached over SSH is not stopped from here"))
    }

    async fn delete(&self, id: &str) -> Result<()> {
        if let Place::At(_) = self.place {
            return Err(Error::unsupported("delete", "the directory is not this program's; delete it on the machine"));
        }
        self.ask("delete", DELETE, &[id, LABELS_FILE]).await.map(drop)
    }
}
