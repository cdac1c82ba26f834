//! What a command writes: kept up to a bound, and shown to whoever listens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flue_core::{ExecEnd, ExecOutput, OutputSink, OutputStream};

/// The output of one execution. The engine writes it, the caller takes it, whoever is first to end the execution closes it.
pub(super) struct Output {
    streams: Mutex<Option<Streams>>,
    sink: Option<Arc<dyn OutputSink>>,
}

struct Streams {
    stdout: Kept,
    stderr: Kept,
}

impl Output {
    /// Keeps `limit` bytes of each stream.
    pub(super) fn new(limit: usize, sink: Option<Arc<dyn OutputSink>>) -> Self {
        Self { streams: Mutex::new(Some(Streams { stdout: Kept::new(limit), stderr: Kept::new(limit) })), sink }
    }

    /// Adds to a stream; nothing happens once the output was taken.
    pub(super) fn write(&self, stream: OutputStream, bytes: &[u8]) {
        let mut streams = self.lock();
        let Some(open) = streams.as_mut() else { return };
        match stream {
            OutputStream::Stdout => open.stdout.push(bytes),
            OutputStream::Stderr => open.stderr.push(bytes),
        }
        // Under the lock, so that the sink sees pieces in order and none after the output was taken.
        if let Some(sink) = &self.sink {
            sink.output(stream, bytes);
        }
    }

    /// Adds a line of the shell itself to standard error.
    pub(super) fn complain(&self, message: &str) {
        self.write(OutputStream::Stderr, format!("bash: {message}\n").as_bytes());
    }

    /// Takes what was written, and ends it: later writes go nowhere.
    pub(super) fn take(&self, end: ExecEnd) -> ExecOutput {
        let Some(streams) = self.lock().take() else { return ExecOutput::new(end, Vec::new(), Vec::new()) };
        let (stdout, stdout_dropped) = streams.stdout.finish();
        let (stderr, stderr_dropped) = streams.stderr.finish();
        ExecOutput::new(end, stdout, stderr).with_dropped(stdout_dropped, stderr_dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Streams>> {
        // Neither stream is left half changed by a sink that panics.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The start and the end of a stream; what lies between is counted and dropped once both are full.
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    dropped: u64,
}

impl Kept {
    fn new(limit: usize) -> Self {
        let head_limit = limit.div_ceil(2);
        Self { head: Vec::new(), tail: VecDeque::new(), head_limit, tail_limit: limit - head_limit, dropped: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.head_limit - self.head.len()));
        self.head.extend_from_slice(head);
        let last = &rest[rest.len() - rest.len().min(self.tail_limit)..];
        let excess = (self.tail.len() + last.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..excess);
        self.tail.extend(last);
        self.dropped += (excess + rest.len() - last.len()) as u64;
    }

    fn finish(mut self) -> (Vec<u8>, u64) {
        let (front, back) = self.tail.as_slices();
        self.head.extend_from_slice(front);
        self.head.extend_from_slice(back);
        (self.head, self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of `input`, pushed in pieces of `step` bytes.
    fn kept(limit: usize, step: usize, input: &[u8]) -> (Vec<u8>, u64) {
        let mut kept = Kept::new(limit);
        input.chunks(step).for_each(|piece| kept.push(piece));
        kept.finish()
    }

    #[test]
    fn keeps_everything_up_to_the_limit_and_both_ends_beyond_it() {
        for step in 1..12 {
            assert_eq!(kept(10, step, b"0123456789"), (b"0123456789".to_vec(), 0), "{step}");
            assert_eq!(kept(6, step, b"0123456789"), (b"012789".to_vec(), 4), "{step}");
            assert_eq!(kept(5, step, b"0123456789"), (b"01289".to_vec(), 5), "{step}");
            assert_eq!(kept(1, step, b"0123456789"), (b"0".to_vec(), 9), "{step}");
            assert_eq!(kept(0, step, b"0123456789"), (Vec::new(), 10), "{step}");
        }
    }

    #[test]
    fn nothing_is_added_after_it_was_taken() {
        let output = Output::new(100, None);
        output.write(OutputStream::Stdout, b"a");
        output.complain("b");
        let taken = output.take(ExecEnd::Exited(1));
        assert_eq!((&*taken.stdout, &*taken.stderr), (&b"a"[..], &b"bash: b\n"[..]));
        output.write(OutputStream::Stdout, b"late");
        assert!(output.take(ExecEnd::Exited(0)).stdout.is_empty());
    }
}
