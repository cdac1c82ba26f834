//! Keys that must not show.

use std::io;
use std::sync::{Mutex, PoisonError};

/// A key to plant: as a variable, a credential, a token.
pub const PLANTED: &str = "planted-key-91c4e7";

/// None of these texts shows [`PLANTED`], or most of it.
pub fn absent<'t>(texts: impl IntoIterator<Item = &'t str>) {
    let part = &PLANTED[..PLANTED.len() - 4];
    let mut bytes = 0;
    for text in texts {
        assert!(!text.contains(part), "a planted key shows: {text}");
        bytes += text.len();
    }
    assert!(bytes > 0, "there is nothing to look at");
}

/// What this process logs: threads and their tests share one subscriber.
static LOGGED: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Keeps all that this process logs, at every level, until it is asked for. Once in a process.
pub fn log() -> Log {
    *LOGGED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(|| Writer).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    Log(())
}

/// A log that is kept.
#[derive(Debug)]
pub struct Log(());

impl Log {
    /// What was logged, if it is that of this library: `known` is in it.
    pub fn with(self, known: &str) -> String {
        let bytes = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).take();
        let log = String::from_utf8(bytes.unwrap()).unwrap();
        assert!(log.contains(known), "the log has nothing of {known:?}: {log}");
        log
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(log) = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            log.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
