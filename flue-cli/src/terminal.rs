//! The terminal that this process belongs to, and whoever sits at it.

#[cfg(all(unix, feature = "terminal"))]
pub(crate) use self::unix::Terminal;

#[cfg(all(unix, feature = "terminal"))]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io::{self, BufRead, BufReader, IsTerminal};
    use std::os::unix::fs::OpenOptionsExt;
    use std::time::Duration;

    use flue_core::{CancellationToken, Error, ErrorKind, Result};
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::OFlags;

    use crate::host::io_error;

    /// The terminal of this process, whatever its standard input is.
    const TERMINAL: &str = "/dev/tty";
    /// The longest answer that is read, in bytes.
    const MAX_ANSWER_BYTES: u64 = 1024;
    /// How often a wait for an answer looks whether it is still wanted.
    const PAUSE: Duration = Duration::from_millis(50);

    /// A terminal that can be asked something.
    #[derive(Debug)]
    pub(crate) struct Terminal(File);

    impl Terminal {
        /// The terminal, if standard error is one: what it shows must be seen by whoever answers.
        pub(crate) fn open() -> Option<Self> {
            // So that a line which somebody else took meanwhile is not waited for.
            let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
            let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(TERMINAL).ok()?;
            io::stderr().is_terminal().then_some(Self(file))
        }

        /// The next line; `None` when the terminal is gone. Nothing is taken from the terminal after `cancel` fired or the
        /// call was dropped.
        ///
        /// # Errors
        /// [`ErrorKind::Cancelled`] when `cancel` fires; those of the terminal.
        pub(crate) async fn line(&self, operation: &'static str, cancel: &CancellationToken) -> Result<Option<String>> {
            let file = self.0.try_clone().map_err(|error| io_error(operation, &error))?;
            let unwanted = cancel.child_token();
            let _dropped = unwanted.clone().drop_guard();
            let read = tokio::task::spawn_blocking(move || {
                loop {
                    let ready = is_ready(&file).map_err(|error| io_error(operation, &error))?;
                    // After the wait: what comes from now on is for somebody else.
                    if unwanted.is_cancelled() {
                        return Err(Error::cancelled(operation));
                    }
                    if !ready {
                        continue;
                    }
                    let mut line = String::new();
                    // Nothing is read ahead: a terminal gives a line at a time.
                    match BufReader::new(io::Read::take(&file, MAX_ANSWER_BYTES)).read_line(&mut line) {
                        Ok(0) => return Ok(None),
                        Ok(_) => return Ok(Some(line)),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(io_error(operation, &error)),
                    }
                }
            });
            read.await.map_err(|error| Error::new(ErrorKind::Internal, operation, error.to_string()))?
        }
    }

    /// Waits a little for a whole line.
    fn is_ready(file: &File) -> io::Result<bool> {
        let pause = PAUSE.try_into().ok();
        let mut files = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut files, pause.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// There is nobody to ask where terminals are not known.
#[cfg(not(all(unix, feature = "terminal")))]
#[derive(Debug)]
pub(crate) enum Terminal {}

#[cfg(not(all(unix, feature = "terminal")))]
impl Terminal {
    pub(crate) fn open() -> Option<Self> {
        None
    }

    pub(crate) async fn line(
        &self,
        _: &'static str,
        _: &flue_core::CancellationToken,
    ) -> flue_core::Result<Option<String>> {
        match *self {}
    }
}
