//! What a command writes: both streams are drained together, kept up to a bound, and shown to whoever listens. At a terminal
//! there is one.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use flue_core::{OutputSink, OutputStream};
use rustix::io::Errno;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clock;

/// The most that is read in one go: what a pipe of Linux holds.
const READ_BYTES: usize = 64 << 10;
/// The most that a pipe of an ordinary user can hold (`/proc/sys/fs/pipe-max-size`).
const PIPE_BYTES: usize = 1 << 20;
/// How long the pipes of a command that has ended must be quiet before nobody waits for them any more.
const DRAIN_IDLE: Duration = Duration::from_millis(150);
/// The longest that they are waited for, however much what stays in the background has to say.
const DRAIN_MOST: Duration = Duration::from_millis(600);

/// This program's ends of what a command reads and says.
#[derive(Debug)]
pub(super) enum Ends {
    /// Without an input, nothing is read.
    Pipes { input: Option<OwnedFd>, stdout: OwnedFd, stderr: OwnedFd },
    /// Both are one and the same, and do not block.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there are no terminals"))]
    Terminal { input: OwnedFd, output: OwnedFd },
}

/// The pipes of one command, and what came through them.
pub(super) struct Pipes {
    stdin: Option<Input>,
    stdout: Output,
    /// None at a terminal.
    stderr: Output,
    sink: Option<Arc<dyn OutputSink>>,
}

impl Pipes {
    /// Gives the command `stdin` to read. Keeps `limit` bytes of each stream.
    pub(super) fn new(
        ends: Ends,
        stdin: Option<Bytes>,
        limit: usize,
        sink: Option<Arc<dyn OutputSink>>,
    ) -> std::io::Result<Self> {
        let (stdin, stdout, stderr) = match ends {
            Ends::Pipes { input, stdout, stderr } => (
                input.map(pipe::Sender::from_owned_fd).transpose()?.zip(stdin),
                pipe::Receiver::from_owned_fd(stdout)?,
                Some(pipe::Receiver::from_owned_fd(stderr)?),
            ),
            Ends::Terminal { input, output } => (
                Some((pipe::Sender::from_owned_fd_unchecked(input)?, typed(stdin))),
                pipe::Receiver::from_owned_fd_unchecked(output)?,
                None,
            ),
        };
        Ok(Self {
            stdin: stdin.map(|(pipe, bytes)| Input { pipe, bytes }),
            stdout: Output::new(Some(stdout), limit),
            stderr: Output::new(stderr, limit),
            sink,
        })
    }

    /// Serves the pipes until `future` is ready.
    pub(super) async fn serve_until<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                done = &mut future => return done,
                () = self.serve(), if self.is_open() => {}
            }
        }
    }

    /// Reads on after the command's end: to the end of both streams, or until what holds them is quiet.
    pub(super) async fn drain(&mut self) {
        self.stdin = None;
        let end = Instant::now() + DRAIN_MOST;
        while self.is_open() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            tokio::select! {
                biased;
                () = self.serve() => {}
                () = clock::sleep(left.min(DRAIN_IDLE)) => break,
            }
        }
        // On a busy machine the time may be up before the runtime has heard of what was written long ago.
        self.stdout.sweep(OutputStream::Stdout, self.sink.as_deref());
        self.stderr.sweep(OutputStream::Stderr, self.sink.as_deref());
    }

    /// What was written: both streams, and how much is missing of each.
    pub(super) fn take(&mut self) -> [(Vec<u8>, u64); 2] {
        [&mut self.stdout, &mut self.stderr].map(|output| std::mem::take(&mut output.kept).finish())
    }

    /// Goes on reading, for nobody, while there is a permit to be had: what was left in the background must neither block
    /// on a full pipe nor die of a broken one.
    pub(super) fn release(self, permits: &Arc<Semaphore>) {
        for pipe in [self.stdout.pipe, self.stderr.pipe].into_iter().flatten() {
            if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
                tokio::spawn(discard(pipe, permit));
            }
        }
    }

    fn is_open(&self) -> bool {
        self.stdin.is_some() || self.stdout.pipe.is_some() || self.stderr.pipe.is_some()
    }

    /// Moves the next bytes, whichever way they go. May be dropped at any point without losing any.
    async fn serve(&mut self) {
        let Self { stdin, stdout, stderr, sink } = self;
        tokio::select! {
            () = feed(stdin), if stdin.is_some() => {}
            () = stdout.read(OutputStream::Stdout, sink.as_deref()), if stdout.pipe.is_some() => {}
            () = stderr.read(OutputStream::Stderr, sink.as_deref()), if stderr.pipe.is_some() => {}
            // Everything is closed.
            else => {}
        }
    }
}

/// What is still to be given to the command.
struct Input {
    pipe: pipe::Sender,
    bytes: Bytes,
}

/// Writes a piece, and closes the pipe after the last one or when nobody reads it: that is no error.
async fn feed(input: &mut Option<Input>) {
    let Some(open) = input else { return };
    if !open.bytes.is_empty()
        && let Ok(written @ 1..) = open.pipe.write(&open.bytes).await
    {
        open.bytes = open.bytes.split_off(written);
        return;
    }
    *input = None;
}

/// What is typed for a command to read `input`, or nothing, and then its end: control and D, which in the middle of a line only
/// ends that.
fn typed(input: Option<Bytes>) -> Bytes {
    /// `VEOF` of a new terminal.
    const END: u8 = 4;
    let mut typed = BytesMut::from(&*input.unwrap_or_default());
    if typed.last().is_some_and(|last| *last != b'\n') {
        typed.extend([END]);
    }
    typed.extend([END]);
    typed.freeze()
}

/// Reads to the end.
async fn discard(mut pipe: pipe::Receiver, _permit: OwnedSemaphorePermit) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(1..) = pipe.read(&mut buffer).await {}
}

/// One stream.
struct Output {
    pipe: Option<pipe::Receiver>,
    buffer: Vec<u8>,
    kept: Kept,
}

impl Output {
    fn new(pipe: Option<pipe::Receiver>, limit: usize) -> Self {
        Self { pipe, buffer: Vec::new(), kept: Kept::new(limit) }
    }

    async fn read(&mut self, stream: OutputStream, sink: Option<&dyn OutputSink>) {
        let Some(pipe) = &mut self.pipe else { return };
        self.buffer.resize(READ_BYTES, 0);
        match pipe.read(&mut self.buffer).await {
            Ok(read @ 1..) => self.take(read, stream, sink),
            // A pipe that cannot be read has ended; so has a terminal that nobody has open any more.
            Ok(0) | Err(_) => self.pipe = None,
        }
    }

    /// Takes what is in the pipe now. Whoever goes on writing does not hold it up: it is no more than a pipe can hold.
    fn sweep(&mut self, stream: OutputStream, sink: Option<&dyn OutputSink>) {
        let mut left = PIPE_BYTES;
        while let Some(pipe) = self.pipe.as_ref().filter(|_| left > 0) {
            self.buffer.resize(READ_BYTES, 0);
            match rustix::io::read(pipe, &mut self.buffer) {
                Ok(read @ 1..) => {
                    left = left.saturating_sub(read);
                    self.take(read, stream, sink);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
    }

    fn take(&mut self, read: usize, stream: OutputStream, sink: Option<&dyn OutputSink>) {
        let bytes = &self.buffer[..read];
        self.kept.push(bytes);
        if let Some(sink) = sink {
            sink.output(stream, bytes);
        }
    }
}

/// The start and the end of a stream; what lies between is counted and dropped once both are full.
#[derive(Default)]
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
        Self { head_limit, tail_limit: limit - head_limit, ..Self::default() }
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

    /// What is kept, the end right after the start, and how many bytes are missing between them.
    fn finish(mut self) -> (Vec<u8>, u64) {
        let tail = self.tail.make_contiguous();
        let mut begin = 0;
        if self.dropped > 0 {
            // Half a character on either side of the gap would read as a broken one.
            let (whole, severed) = (whole_chars(&self.head), severed_bytes(tail));
            self.dropped += (self.head.len() - whole + severed) as u64;
            self.head.truncate(whole);
            begin = severed;
        }
        self.head.extend_from_slice(&tail[begin..]);
        (self.head, self.dropped)
    }
}

/// How much of `bytes` is left when a UTF-8 character that is cut off at the end goes.
fn whole_chars(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let width = match bytes[at] {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if width > back { at } else { bytes.len() };
    }
    bytes.len()
}

/// How many bytes at the start belong to a UTF-8 character that began before. More than three are no character.
fn severed_bytes(bytes: &[u8]) -> usize {
    let severed = bytes.iter().take_while(|byte| matches!(byte, 0x80..=0xBF)).count();
    if severed > 3 { 0 } else { severed }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Takes longer than anybody waits.
    struct Slow;

    impl OutputSink for Slow {
        fn output(&self, _: OutputStream, _: &[u8]) {
            std::thread::sleep(DRAIN_MOST);
        }
    }

    #[tokio::test]
    async fn what_was_written_is_taken_however_late_it_is_heard_of() {
        let (stdout, mut to_stdout) = std::io::pipe().unwrap();
        let (stderr, mut to_stderr) = std::io::pipe().unwrap();
        let ends = Ends::Pipes { input: None, stdout: stdout.into(), stderr: stderr.into() };
        let mut pipes = Pipes::new(ends, None, 1000, Some(Arc::new(Slow))).unwrap();
        to_stdout.write_all(b"out").unwrap();
        to_stderr.write_all(b"err").unwrap();
        // Somebody in the background holds the pipes, so neither ends.
        pipes.drain().await;
        assert_eq!(pipes.take(), [(b"out".to_vec(), 0), (b"err".to_vec(), 0)]);
    }

    #[test]
    fn typed_input_ends_at_the_beginning_of_a_line() {
        let typed = |input: Option<&'static str>| typed(input.map(Bytes::from));
        assert_eq!(
            [typed(None), typed(Some("")), typed(Some("a\n")), typed(Some("a"))],
            ["\x04", "\x04", "a\n\x04", "a\x04\x04"]
        );
    }

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
    fn cuts_between_characters_and_counts_what_that_costs() {
        for text in ["é".repeat(20), "日".repeat(20), "😀".repeat(20), "aé日😀".repeat(9)] {
            for limit in 0..text.len() {
                let (bytes, dropped) = kept(limit, 7, text.as_bytes());
                assert_eq!(bytes.len() as u64 + dropped, text.len() as u64, "{text} {limit}");
                assert!(std::str::from_utf8(&bytes).is_ok(), "{text} {limit}");
                assert!(bytes.len() + 6 >= limit, "{text} {limit}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_kept() {
        let noise = [0x80_u8; 40];
        assert_eq!(kept(20, 7, &noise), (noise[..20].to_vec(), 20));
        assert_eq!(kept(40, 7, &noise), (noise.to_vec(), 0));
    }
}
