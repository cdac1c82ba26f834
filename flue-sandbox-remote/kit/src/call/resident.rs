//! A shell that stays, and runs the scripts of file operations one after the other: starting one costs some machines more than
//! the operation itself.
//!
//! Nothing else changes: each script has its own frame, looks at the generation first and is judged by its own last line. What
//! cannot go this way goes as a call of its own. A call that is given up in the middle takes its shell along.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flue_core::{OutputSink, OutputStream, Result};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::capture::Capture;
use super::link::{Call, Link, Over, Running, Why, lost, watch};
use crate::driver::{self, Driver, Feed};

/// Runs scripts: a line with the lengths of script and input, then both. Bytes are taken by `dd`, which takes no more than it is
/// told to; what a script leaves of its input is lost with the pipe. What it says is gathered: over TCP each small piece would wait
/// for word of the one before (Nagle, and acknowledgements that are delayed by 40 ms).
const LOOP: &str = r#"
while read -r n i; do
    s=$(dd bs=$n count=1 iflag=fullblock 2>/dev/null)
    if [ "$i" = 0 ]; then eval "$s" </dev/null
    else dd bs=$i count=1 iflag=fullblock 2>/dev/null | (eval "$s"); fi | dd ibs=32k obs=64k 2>/dev/null
done"#;
/// The longest input that goes this way, in bytes: `dd` holds it in memory.
pub(crate) const MAX_INPUT_BYTES: usize = 1 << 20;
/// How long a call waits for the one before it, until it goes by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a shell has to end when its input does.
const END_LIMIT: Duration = Duration::from_secs(1);
/// How many pieces of input wait for the machine.
const PIECES: usize = 4;

/// A shell that runs.
pub(super) struct Resident {
    feed: mpsc::Sender<Bytes>,
    ears: Arc<Ears>,
    run: Running,
}

/// Hands what the shell says to the call whose turn it is.
#[derive(Default)]
struct Ears(Mutex<Option<Arc<Capture>>>);

impl Ears {
    fn turn_to(&self, capture: Option<Arc<Capture>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = capture;
    }
}

impl OutputSink for Ears {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        let capture = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(capture) = capture {
            capture.output(stream, bytes);
        }
    }
}

impl Resident {
    fn start(driver: &Arc<dyn Driver>) -> Self {
        let (feed, taken) = mpsc::channel(PIECES);
        let ears = Arc::<Ears>::default();
        let call = driver::Call {
            script: LOOP.to_owned(),
            stdin: None,
            feed: Some(Feed(taken)),
            timeout: None,
            output: Arc::clone(&ears) as _,
        };
        let driver = Arc::clone(driver);
        Self { feed, ears, run: Running(tokio::spawn(async move { driver.run(call).await })) }
    }

    fn lives(&self) -> bool {
        !self.run.0.is_finished()
    }

    /// Has it end, and waits for that.
    async fn end(self) {
        let Self { feed, ears, mut run } = self;
        ears.turn_to(None);
        drop(feed);
        if timeout(END_LIMIT, &mut run.0).await.is_err() {
            tracing::debug!("a shell did not end with its input");
        }
    }
}

/// Has the shell run a call's script. One that does not listen any more has ended, which is looked at besides.
async fn say(feed: &mpsc::Sender<Bytes>, call: &Call) {
    let input = call.stdin.clone().unwrap_or_default();
    let head = format!("{} {}\n{}", call.script.len(), input.len(), call.script);
    // In one piece: over TCP a second one would wait for word of the first.
    let _ = feed.send([head.as_bytes(), &input].concat().into()).await;
}

impl Link {
    /// Runs a file operation in the shell that stays; `None` if it must go by itself, and certainly did not begin.
    pub(super) async fn by_resident(&self, call: &Call) -> Result<Option<Over>> {
        let feeds = self.driver().facts().feeds && self.generation().is_some();
        if !feeds || call.stdin.as_ref().is_some_and(|input| input.len() > MAX_INPUT_BYTES) {
            return Ok(None);
        }
        self.check_open(call.operation)?;
        let Ok(mut held) = timeout(PATIENCE, self.resident.lock()).await else { return Ok(None) };
        self.nothing_dropped().await;
        let mut resident = match held.take() {
            Some(resident) if resident.lives() => resident,
            _ => Resident::start(self.driver()),
        };
        resident.ears.turn_to(Some(Arc::clone(&call.capture)));
        let said = async {
            say(&resident.feed, call).await;
            call.capture.over().await;
        };
        let ended = tokio::select! {
            biased;
            () = said => None,
            ended = &mut resident.run.0 => Some(ended),
            () = self.closed.cancelled() => return Ok(Some(Over::Stopped(Why::Closed, None))),
            death = watch(&**self.driver()) => return Err(driver::died(call.operation, death)),
        };
        let Some(ended) = ended else {
            resident.ears.turn_to(None);
            *held = Some(resident);
            return Ok(Some(Over::Ended));
        };
        let ended = ended.unwrap_or_else(|error| Err(lost(call.operation, error)));
        let began = call.capture.has_begun();
        match ended {
            // All that it said was heard, and the script's first line was not.
            Ok(_) if !began => Ok(None),
            Err(refused) if refused.unsent && !began => Ok(None),
            ended => self.judge(call, ended).await.map(Some).map_err(|refused| refused.error),
        }
    }

    /// Ends the shell that stays, if there is one.
    pub(super) async fn end_resident(&self) {
        let Ok(mut held) = timeout(PATIENCE, self.resident.lock()).await else { return };
        if let Some(resident) = held.take() {
            resident.end().await;
        }
    }
}
