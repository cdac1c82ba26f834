//! One stream of a call: the part of it that is the command's, between the lines by which the script frames it.
//!
//! A login shell may print before the script begins, and what stays in the background may after it ended. So a script says
//! `flue:NONCE:ok` first and `flue:NONCE:end CODE` last; only what is between them counts, and without the last line there is
//! no exit code.

/// The longest line of the frame, after its marker.
const MAX_WORD_BYTES: usize = 64;

/// What was kept of a stream, and how many bytes were not.
pub(crate) type Kept = (Vec<u8>, u64);

/// What a frame said instead of running the command.
pub(crate) type Reason = String;

/// How far a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing of the script was seen.
    Before,
    /// The script runs.
    Inside,
    /// It ended with this status.
    Ended(i32),
    /// It refused to run.
    Refused(Reason),
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Lane {
    marker: Vec<u8>,
    stage: Stage,
    held: Vec<u8>,
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    limit: usize,
    dropped: u64,
}

impl Lane {
    /// A stream that is framed with `marker`, of which at most `limit` bytes are kept: half from its start, half from its end.
    pub(crate) fn framed(marker: &str, limit: usize) -> Self {
        let marker = marker.as_bytes().to_vec();
        Self { marker, stage: Stage::Before, held: Vec::new(), head: Vec::new(), tail: [].into(), limit, dropped: 0 }
    }

    /// A stream of which everything counts.
    pub(crate) fn bare(limit: usize) -> Self {
        Self { stage: Stage::Inside, ..Self::framed("", limit) }
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ended(_) | Stage::Refused(_))
    }

    pub(crate) fn take(&mut self) -> Kept {
        let mut kept = std::mem::take(&mut self.head);
        kept.extend(std::mem::take(&mut self.tail));
        (kept, self.dropped)
    }

    /// Takes the next bytes, and hands the command's among them to `emit`.
    pub(crate) fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(&[u8])) {
        if self.marker.is_empty() {
            emit(bytes);
            self.keep(bytes);
            return;
        }
        if self.held.is_empty() && self.stage == Stage::Inside && !may_hold(bytes, &self.marker) {
            emit(bytes);
            self.keep(bytes);
            return;
        }
        self.held.extend_from_slice(bytes);
        while !self.is_over() && self.step(emit) {}
        if self.is_over() {
            self.held.clear();
        }
    }

    /// Looks for the next line of the frame; false when more bytes are needed.
    fn step(&mut self, emit: &mut dyn FnMut(&[u8])) -> bool {
        let Some(at) = find(&self.held, &self.marker) else {
            let end = self.held.len() - overlap(&self.held, &self.marker);
            self.pass(end, emit);
            return false;
        };
        self.pass(at, emit);
        let word = &self.held[self.marker.len()..];
        let Some(end) = word.iter().position(|byte| *byte == b'\n') else {
            if word.len() > MAX_WORD_BYTES {
                self.pass(self.marker.len(), emit);
                return true;
            }
            return false;
        };
        let word = String::from_utf8_lossy(&word[..end]).into_owned();
        let line = self.marker.len() + end + 1;
        match (&self.stage, word.split_once(' ')) {
            (Stage::Before, None) if word == "ok" => self.stage = Stage::Inside,
            (Stage::Before, Some(("no", reason))) => self.stage = Stage::Refused(reason.to_owned()),
            (Stage::Inside, Some(("end", code))) if code.parse::<i32>().is_ok() => {
                self.stage = Stage::Ended(code.parse().unwrap_or(-1));
            }
            _ => {
                self.pass(line, emit);
                return true;
            }
        }
        self.held.drain(..line);
        true
    }

    /// Lets the first `end` held bytes go: to the command's output once that has begun.
    fn pass(&mut self, end: usize, emit: &mut dyn FnMut(&[u8])) {
        let passed: Vec<u8> = self.held.drain(..end).collect();
        if self.stage == Stage::Inside && !passed.is_empty() {
            emit(&passed);
            self.keep(&passed);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let half = self.limit / 2;
        let room = half.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        let most = self.limit - half;
        // What cannot stay is not copied first.
        let skipped = rest.len().saturating_sub(most);
        self.dropped += skipped as u64;
        self.tail.extend(&rest[skipped..]);
        let over = self.tail.len().saturating_sub(most);
        self.tail.drain(..over);
        self.dropped += over as u64;
    }
}

/// Whether `bytes` has the marker in it, or what may become one at its end.
fn may_hold(bytes: &[u8], marker: &[u8]) -> bool {
    overlap(bytes, marker) > 0 || find(bytes, marker).is_some()
}

fn find(bytes: &[u8], marker: &[u8]) -> Option<usize> {
    let first = *marker.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(marker) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// How many bytes at the end of `bytes` begin the marker.
fn overlap(bytes: &[u8], marker: &[u8]) -> usize {
    let most = bytes.len().min(marker.len().saturating_sub(1));
    (1..=most).rev().find(|len| marker.starts_with(&bytes[bytes.len() - len..])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"motd flue:x:\nflue:n:ok\nout flue:n\xff flue:n:what\n flue:n:end 7\nlate";

    fn run(pieces: &[&[u8]], limit: usize) -> (Stage, Vec<u8>, Vec<u8>, u64) {
        let mut lane = Lane::framed("flue:n:", limit);
        let mut seen = Vec::new();
        for piece in pieces {
            lane.push(piece, &mut |bytes| seen.extend_from_slice(bytes));
        }
        let (kept, dropped) = lane.take();
        (lane.stage, seen, kept, dropped)
    }

    #[test]
    fn the_frame_is_found_wherever_it_is_cut() {
        let expected = b"out flue:n\xff flue:n:what\n ".to_vec();
        for cut in 0..=TEXT.len() {
            let (a, b) = TEXT.split_at(cut);
            assert_eq!(run(&[a, b], 1000), (Stage::Ended(7), expected.clone(), expected.clone(), 0), "{cut}");
        }
        let bytes: Vec<&[u8]> = TEXT.chunks(1).collect();
        assert_eq!(run(&bytes, 1000).1, expected);
    }

    #[test]
    fn a_stream_without_an_end_has_no_code() {
        for text in
            [&b""[..], b"noise", b"flue:n:ok\nout", b"flue:n:ok\nout flue:n:end 0", b"flue:n:ok\nflue:n:end x\n"]
        {
            assert!(!matches!(run(&[text], 1000).0, Stage::Ended(_)), "{text:?}");
        }
        assert_eq!(run(&[b"flue:n:no cwd\n"], 1000).0, Stage::Refused("cwd".into()));
    }

    #[test]
    fn both_ends_of_a_long_stream_are_kept() {
        let (_, seen, kept, dropped) = run(&[b"flue:n:ok\n0123456789", b"abcdefghij"], 8);
        assert_eq!((seen.len(), &*kept, dropped), (20, &b"0123ghij"[..], 12));
    }
}
