//! What a running tool can reach.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::event::{Event, Events};
use crate::{Fs, OutputSink, OutputStream, Result, Sandbox, SandboxPath};

/// What a running tool can reach: the session's sandbox, seen from its working directory, and its own cancellation.
#[derive(Clone)]
pub struct ToolContext {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) cwd: SandboxPath,
    pub(crate) cancel: CancellationToken,
    pub(crate) call_id: Arc<str>,
    pub(crate) events: Events,
}

impl ToolContext {
    /// The sandbox that the agent works in.
    pub fn sandbox(&self) -> &dyn Sandbox {
        &*self.sandbox
    }

    /// Its files, with relative paths counted from the working directory.
    pub fn fs(&self) -> Fs {
        Fs::new(self.sandbox.clone(), self.cwd.clone())
    }

    /// The working directory.
    pub fn cwd(&self) -> &SandboxPath {
        &self.cwd
    }

    /// The absolute path that `path` means in the working directory.
    ///
    /// # Errors
    /// As [`SandboxPath::new`].
    pub fn resolve(&self, path: &str) -> Result<SandboxPath> {
        self.cwd.join(path)
    }

    /// `path` as the model should see it: relative to the working directory where it lies there.
    pub fn display<'p>(&self, path: &'p SandboxPath) -> &'p str {
        path.strip_prefix(&self.cwd).filter(|rest| !rest.is_empty()).unwrap_or_else(|| path.as_str())
    }

    /// Ends when the caller of the prompt cancels. A tool that sees it should stop what it started and return soon.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The id of the call that runs.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// A sink that shows output as events of this call; `None` when nobody looks.
    pub fn output_sink(&self) -> Option<Arc<dyn OutputSink>> {
        self.events.is_watched().then(|| {
            Arc::new(EventSink { call_id: self.call_id.clone(), events: self.events.clone() }) as Arc<dyn OutputSink>
        })
    }
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext").field("cwd", &self.cwd).field("call_id", &self.call_id).finish_non_exhaustive()
    }
}

struct EventSink {
    call_id: Arc<str>,
    events: Events,
}

impl OutputSink for EventSink {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        self.events.emit(|| Event::ToolOutput {
            call_id: self.call_id.clone(),
            stream,
            text: String::from_utf8_lossy(bytes).into_owned(),
        });
    }
}
