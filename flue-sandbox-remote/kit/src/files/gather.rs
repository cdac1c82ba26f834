//! Small files that are written at a time go by one script: what a call costs, on the way and on the machine, is paid once for
//! all of them.
//!
//! Nobody waits for others to come. A write that finds none under way begins; those that come meanwhile go together, next. One
//! that is dropped before its script began is not made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use tokio::sync::oneshot;

use super::stage::script_room;
use super::{AROUND_BYTES, broken, failed, script};
use crate::call::Link;
use crate::quote::quote;
use crate::{driver::Facts, id};

/// The most bytes of content that go by one script: with what follows each file's, less than the 64 KiB at which some adapters take
/// another way for input.
const INPUT_BYTES: usize = 60 << 10;
/// The most bytes of quoted paths that go by one script, unless a single path has more.
const PATH_BYTES: usize = 12 << 10;
/// What follows each file's content, so that content that broke off is seen.
const WHOLE: &[u8] = b"whole\n";
/// What the answer about one file has at most: a kind, and a tool's words.
const ANSWER_BYTES: usize = 8 << 10;

const OPERATION: &str = "write";

/// The writes that wait.
#[derive(Debug, Default)]
pub(super) struct Gather(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    files: VecDeque<Small>,
    /// Somebody sees to them.
    is_seen_to: bool,
}

/// A small file to be written, and who waits for that.
#[derive(Debug)]
struct Small {
    path: SandboxPath,
    data: Bytes,
    done: oneshot::Sender<Result<()>>,
}

/// How many bytes of content one script may carry to this machine.
pub(super) fn room(facts: &Facts) -> usize {
    if facts.stdin { INPUT_BYTES } else { script_room(facts).saturating_sub(PATH_BYTES).min(INPUT_BYTES) }
}

impl Gather {
    /// Writes a file of at most [`room`] bytes.
    pub(super) async fn write(self: &Arc<Self>, link: &Arc<Link>, path: &SandboxPath, data: Bytes) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let is_first = {
            let mut waiting = self.waiting();
            waiting.files.push_back(Small { path: path.clone(), data, done });
            !std::mem::replace(&mut waiting.is_seen_to, true)
        };
        if is_first {
            let seen_to = SeenTo { gather: Arc::clone(self), is_over: false };
            // Beside this future: dropping it must not end what others wait for.
            tokio::spawn(seen_to.all(Arc::clone(link)));
        }
        let lost = |_| Err(Error::new(ErrorKind::Internal, OPERATION, "the write was lost").with("path", path));
        answer.await.unwrap_or_else(lost)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files that go by the next script; none when nobody waits, and from then on nobody sees to those that come.
    fn next(&self, room: usize) -> Option<Vec<Small>> {
        let mut waiting = self.waiting();
        let (mut files, mut content, mut paths) = (Vec::new(), 0, 0);
        while let Some(file) = waiting.files.pop_front() {
            if file.done.is_closed() {
                continue;
            }
            (content, paths) = (content + file.data.len(), paths + quote(file.path.as_str()).len());
            if !files.is_empty() && (content > room || paths > PATH_BYTES) {
                waiting.files.push_front(file);
                break;
            }
            files.push(file);
        }
        waiting.is_seen_to = !files.is_empty();
        waiting.is_seen_to.then_some(files)
    }
}

/// Sees to the writes that wait, until there are none. What ends it before loses them, and later ones are seen to again.
struct SeenTo {
    gather: Arc<Gather>,
    is_over: bool,
}

impl SeenTo {
    async fn all(mut self, link: Arc<Link>) {
        while let Some(files) = self.gather.next(room(link.driver().facts())) {
            write_all(&link, files).await;
        }
        self.is_over = true;
    }
}

impl Drop for SeenTo {
    fn drop(&mut self) {
        if !self.is_over {
            *self.gather.waiting() = Waiting::default();
        }
    }
}

/// Writes files by one script, and tells each that waits what became of its own. Once nobody waits any more the script is given
/// up: what one write hangs on must not keep those that come after it.
async fn write_all(link: &Arc<Link>, files: Vec<Small>) {
    let (files, mut waiting): (Vec<_>, Vec<_>) =
        files.into_iter().map(|file| ((file.path, file.data), file.done)).unzip();
    let sent = tokio::select! {
        sent = send(link, &files) => sent,
        () = all_dropped(&mut waiting) => return,
    };
    // Whoever does not wait any more does not ask either.
    match sent {
        Ok(answer) => {
            let mut fields = answer.split(|byte| *byte == 0);
            for ((path, _), done) in files.iter().zip(waiting) {
                let _ = done.send(told(&mut fields, path));
            }
        }
        Err(error) => {
            for ((path, _), done) in files.iter().zip(waiting) {
                let _ = done.send(Err(again(&error).with("path", path)));
            }
        }
    }
}

async fn all_dropped(waiting: &mut [oneshot::Sender<Result<()>>]) {
    for done in waiting {
        done.closed().await;
    }
}

async fn send(link: &Arc<Link>, files: &[(SandboxPath, Bytes)]) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    for (_, data) in files {
        content.extend_from_slice(data);
        content.extend_from_slice(WHOLE);
    }
    let (stdin, text) = match link.driver().facts().stdin {
        true => (Some(content.into()), String::new()),
        false => (None, STANDARD.encode(content)),
    };
    let (nonce, lengths) = (id::fresh()?, files.iter().map(|(_, data)| data.len().to_string()).collect::<Vec<_>>());
    let mut args = vec![nonce.as_str(), text.as_str()];
    args.extend(files.iter().zip(&lengths).flat_map(|((path, _), length)| [path.as_str(), length]));
    let body = format!("{}\n{}", script::WHY, script::write_all());
    let most = files.len().saturating_mul(ANSWER_BYTES).saturating_add(AROUND_BYTES);
    link.operate(OPERATION, &body, &args, stdin, most).await
}

/// What an answer says next: `ok NUL NUL end NUL`, or `no NUL kind NUL words NUL end NUL`.
fn told<'a>(fields: &mut impl Iterator<Item = &'a [u8]>, path: &SandboxPath) -> Result<()> {
    let mut next = || fields.next().ok_or_else(|| broken(OPERATION, path));
    let outcome = match next()? {
        b"ok" if next()?.is_empty() => Ok(()),
        b"no" => {
            let (kind, said) = (String::from_utf8_lossy(next()?), String::from_utf8_lossy(next()?));
            Err(failed(OPERATION, path, &kind, &said))
        }
        _ => return Err(broken(OPERATION, path)),
    };
    if next()? == b"end" { outcome } else { Err(broken(OPERATION, path)) }
}

/// The same error for somebody else.
fn again(error: &Error) -> Error {
    let (kind, operation, message) = (error.kind(), error.operation().to_owned(), error.message().to_owned());
    let copy = Error::new(kind, operation, message).with_retry(error.retry());
    let copy = error.context().fold(copy, |copy, (key, value)| copy.with(key, value));
    match std::error::Error::source(error) {
        Some(source) => copy.with_source(source.to_string()),
        None => copy,
    }
}
