//! What comes from a running call, and the moment when it is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flue_core::{OutputSink, OutputStream};
use tokio::sync::Notify;

use super::lane::{Kept, Lane, Stage};

/// Both streams of a call.
pub(crate) struct Capture {
    lanes: Mutex<Lanes>,
    over: Notify,
    live: Option<Arc<dyn OutputSink>>,
}

struct Lanes {
    stdout: Lane,
    stderr: Lane,
    /// Whether the end of both streams makes the end, or that of standard output alone.
    both: bool,
}

impl Lanes {
    fn is_over(&self) -> bool {
        self.stdout.is_over() && (!self.both || self.stderr.is_over())
    }
}

impl Capture {
    /// Both streams are framed with `marker`, and at most `limit` bytes of each are kept.
    pub(crate) fn both(marker: &str, limit: usize, live: Option<Arc<dyn OutputSink>>) -> Arc<Self> {
        Self::new(Lane::framed(marker, limit), Lane::framed(marker, limit), true, live)
    }

    /// Standard output is framed; standard error is what tools say of their failures.
    pub(crate) fn one(marker: &str, limit: usize) -> Arc<Self> {
        /// Enough for what a tool says of a failure.
        const COMPLAINT_BYTES: usize = 2 << 10;
        Self::new(Lane::framed(marker, limit), Lane::bare(COMPLAINT_BYTES), false, None)
    }

    fn new(stdout: Lane, stderr: Lane, both: bool, live: Option<Arc<dyn OutputSink>>) -> Arc<Self> {
        Arc::new(Self { lanes: Mutex::new(Lanes { stdout, stderr, both }), over: Notify::new(), live })
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the script's end was seen.
    pub(crate) fn is_over(&self) -> bool {
        self.lanes().is_over()
    }

    /// Whether anything of the script was seen.
    pub(crate) fn has_begun(&self) -> bool {
        *self.lanes().stdout.stage() != Stage::Before
    }

    /// Waits for the script's end.
    pub(crate) async fn over(&self) {
        loop {
            let changed = self.over.notified();
            if self.is_over() {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lanes().stdout.stage().clone()
    }

    /// Standard output, then standard error.
    pub(crate) fn take(&self) -> [Kept; 2] {
        let mut lanes = self.lanes();
        [lanes.stdout.take(), lanes.stderr.take()]
    }
}

impl OutputSink for Capture {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        let mut lanes = self.lanes();
        let lane = match stream {
            OutputStream::Stdout => &mut lanes.stdout,
            OutputStream::Stderr => &mut lanes.stderr,
        };
        lane.push(bytes, &mut |bytes| {
            if let Some(live) = &self.live {
                live.output(stream, bytes);
            }
        });
        if lanes.is_over() {
            self.over.notify_one();
        }
    }
}
