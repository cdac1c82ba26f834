//! The sessions of a harness, by name: found, made, listed, copied and removed.

use std::sync::Arc;

use crate::harness::Harness;
use crate::session::Session;
use crate::store::{Archive, Entry, EntryKind, Version, exists, missing};
use crate::{Error, ErrorKind, Result};

/// What the names of sessions begin with that belong to a task of another session.
pub(crate) const TASK_PREFIX: &str = "task:";
/// The longest id or session name, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// The stored sessions of a harness.
///
/// A session is a conversation, and that is all that is found, copied or removed here: the files of the sandbox are not part
/// of it. A copy works in the same files as its original, and a session that lasts does not make a virtual sandbox last.
///
/// ```
/// # async fn example(harness: flue_core::Harness) -> flue_core::Result<()> {
/// let sessions = harness.sessions();
/// sessions.create("draft").await?.prompt("Plan the release.").await?;
/// // Try something without a trace in the original.
/// let attempt = sessions.fork("draft", "attempt", None).await?;
/// attempt.prompt("Now without the database.").await?;
/// assert_eq!(sessions.list().await?.len(), 2);
/// sessions.delete("attempt").await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sessions(Harness);

impl Harness {
    /// The stored sessions of this harness.
    pub fn sessions(&self) -> Sessions {
        Sessions(self.clone())
    }
}

impl Sessions {
    /// The session called `name`, which must exist: it has been created, or prompted.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it does not; those of the store.
    pub async fn get(&self, name: &str) -> Result<Session> {
        check_session_name("open session", name)?;
        let session = self.0.session_or_new(name);
        // One that is busy is there, or about to be.
        if let Ok(mut transcript) = session.claim("open session") {
            transcript.load().await?;
            if transcript.version() == Version(0) {
                return Err(missing("open session", name));
            }
        }
        Ok(self.0.keep_session(session))
    }

    /// Makes a session called `name`, which must not exist.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] when it does; those of the store.
    pub async fn create(&self, name: &str) -> Result<Session> {
        self.make("create session", name, Vec::new(), EntryKind::Created).await
    }

    /// The names of the sessions, sorted. Those of tasks are not among them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self) -> Result<Vec<Arc<str>>> {
        self.archive().list().await
    }

    /// What is stored of the session called `name`, oldest first, also while a prompt runs and also of a task's session.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none; those of the store.
    pub async fn entries(&self, name: &str) -> Result<Vec<Entry>> {
        self.archive().entries(name).await
    }

    /// Copies the first `at` entries of a session, all when nothing is said, to a new one called `to`.
    ///
    /// Both go on in the same sandbox: files are not copied.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when `from` does not exist, [`ErrorKind::AlreadyExists`] when `to` does,
    /// [`ErrorKind::InvalidInput`] when `from` has fewer entries; those of the store.
    pub async fn fork(&self, from: &str, to: &str, at: Option<Version>) -> Result<Session> {
        let (entries, forked) = self.archive().forked(from, at).await?;
        self.make("fork session", to, entries, forked).await
    }

    fn archive(&self) -> Archive {
        self.0.shared().archive()
    }

    /// Makes a session of `entries` and one that says how it came to be.
    async fn make(&self, operation: &'static str, name: &str, entries: Vec<Entry>, last: EntryKind) -> Result<Session> {
        check_session_name(operation, name)?;
        let session = self.0.session_or_new(name);
        let mut transcript = session.claim(operation)?;
        transcript.load().await?;
        if transcript.version() != Version(0) {
            return Err(exists(operation, name));
        }
        match transcript.begin(entries, last).await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Err(exists(operation, name)),
            begun => begun?,
        }
        drop(transcript);
        Ok(self.0.keep_session(session))
    }

    /// Removes the session called `name` with the sessions of its tasks. One that does not exist is fine.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while something runs on it; those of the store, after which it can be used as before.
    pub async fn delete(&self, name: &str) -> Result<()> {
        check_session_name("delete session", name)?;
        self.0.session_or_new(name).delete().await?;
        self.0.forget_session(name);
        Ok(())
    }
}

/// Checks the name of a session that callers may open.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a name that is empty, too long, not one line, or a task's.
pub fn check_session_name(operation: &'static str, name: &str) -> Result<()> {
    if name.starts_with(TASK_PREFIX) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            operation,
            "names that begin with `task:` are for the sessions of tasks; take another one",
        )
        .with("name", name.escape_debug().take(MAX_NAME_BYTES).collect::<String>()));
    }
    check_name(operation, name)
}

/// Checks an id or a name.
pub(crate) fn check_name(operation: &'static str, name: &str) -> Result<()> {
    let why = if name.trim().is_empty() {
        "a name cannot be empty"
    } else if name.len() > MAX_NAME_BYTES {
        "the name is too long"
    } else if name.contains(char::is_control) {
        "a name cannot contain control characters"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidInput, operation, why)
        .with("name", name.escape_debug().take(MAX_NAME_BYTES).collect::<String>())
        .with("limit", MAX_NAME_BYTES))
}
