//! What a running tool can reach.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::event::{Event, EventBus, Events};
use crate::redact::{Pieces, Redactor};
use crate::session::RunContext;
use crate::{Fs, OutputSink, OutputStream, Result, Sandbox, SandboxPath, SystemClock};

/// What a running tool can reach: the session's sandbox, seen from its working directory, and its own cancellation.
#[derive(Clone)]
pub struct ToolContext {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) cwd: SandboxPath,
    pub(crate) cancel: CancellationToken,
    pub(crate) call_id: Arc<str>,
    pub(crate) events: Events,
    /// The run that the call belongs to; absent outside any agent.
    pub(crate) run: Option<Arc<RunContext>>,
    /// The task that the call begins, if it begins one.
    pub(crate) task_id: Option<Arc<str>>,
}

impl ToolContext {
    /// What a call with the id `call_id` can reach in `sandbox` outside any agent, to test a tool alone: the sandbox's own
    /// working directory, a token that [`ToolContext::cancel`] gives out, and nobody who looks at output.
    pub fn new(sandbox: Arc<dyn Sandbox>, call_id: impl Into<Arc<str>>) -> Self {
        Self {
            cwd: sandbox.info().cwd.clone(),
            sandbox,
            cancel: CancellationToken::new(),
            call_id: call_id.into(),
            events: Events::new(Arc::new(EventBus::new(Vec::new(), Arc::new(SystemClock), Redactor::default()))),
            run: None,
            task_id: None,
        }
    }

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
            Arc::new(EventSink {
                call_id: self.call_id.clone(),
                events: self.events.clone(),
                stdout: Mutex::default(),
                stderr: Mutex::default(),
            }) as Arc<dyn OutputSink>
        })
    }
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext").field("cwd", &self.cwd).field("call_id", &self.call_id).finish_non_exhaustive()
    }
}

/// Shows output as text events.
struct EventSink {
    call_id: Arc<str>,
    events: Events,
    stdout: Mutex<Held>,
    stderr: Mutex<Held>,
}

/// What of a stream cannot be shown yet.
#[derive(Default)]
struct Held {
    /// The start of a character that was cut, at most three bytes.
    bytes: Vec<u8>,
    /// What may be the start of a secret.
    text: Pieces,
}

impl EventSink {
    /// Shows what is held back and `bytes`, holding back what may go on unless this is the end.
    fn show(&self, stream: OutputStream, bytes: &[u8], at_end: bool) {
        let held = match stream {
            OutputStream::Stdout => &self.stdout,
            OutputStream::Stderr => &self.stderr,
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut held.bytes);
        all.extend_from_slice(bytes);
        if !at_end {
            held.bytes = all.split_off(all.len() - cut_character(&all));
        }
        let redactor = self.events.redactor();
        let shown = held.text.push(redactor, &String::from_utf8_lossy(&all));
        let rest = if at_end { held.text.finish(redactor) } else { None };
        drop(held);
        for text in shown.into_iter().chain(rest).filter(|text| !text.is_empty()) {
            self.events.emit(|| Event::ToolOutput { call_id: self.call_id.clone(), stream, text });
        }
    }
}

impl OutputSink for EventSink {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        self.show(stream, bytes, false);
    }
}

impl Drop for EventSink {
    fn drop(&mut self) {
        self.show(OutputStream::Stdout, &[], true);
        self.show(OutputStream::Stderr, &[], true);
    }
}

/// How many last bytes of `bytes` are the start of a character that has not come whole.
fn cut_character(bytes: &[u8]) -> usize {
    let is_start = |tail: &[u8]| {
        std::str::from_utf8(tail).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=3.min(bytes.len())).find(|len| is_start(&bytes[bytes.len() - len..])).unwrap_or(0)
}
