//! The worker's end of the socket. Both directions block: a host that does not read holds the worker, and harms nobody else.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use crate::wire::frame::{HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::wire::{Frames, Header};

/// Reads frames.
pub(super) struct Reader {
    socket: UnixStream,
    buffer: Vec<u8>,
}

/// A frame that arrived.
pub(super) struct Incoming<'r> {
    pub(super) header: Header,
    pub(super) payload: &'r [u8],
}

impl Reader {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, buffer: vec![0; MAX_PAYLOAD_BYTES] }
    }

    /// The next frame; nothing when the host closed the socket.
    pub(super) fn next(&mut self) -> io::Result<Option<Incoming<'_>>> {
        let mut header = [0; HEADER_BYTES];
        match self.socket.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let header = Header::decode(header).map_err(io::Error::other)?;
        let payload = &mut self.buffer[..header.len];
        self.socket.read_exact(payload)?;
        Ok(Some(Incoming { header, payload }))
    }
}

/// Writes messages, from whatever thread has one.
pub(super) struct Writer(Mutex<UnixStream>);

impl Writer {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self(Mutex::new(socket))
    }

    /// Sends a message, frame by frame, so that long ones do not keep others waiting.
    pub(super) fn send(&self, mut frames: Frames) -> io::Result<()> {
        let mut frame = Vec::new();
        while frames.next_into(&mut frame) {
            // A thread that panicked wrote nothing: `write_all` does not.
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)?;
            frame.clear();
        }
        Ok(())
    }
}
