//! Ctrl-C and SIGTERM: the first one cancels what runs, so that it ends in order; the second one ends the process.
//!
//! A thread of its own waits for them, so the second one works however busy the rest is. On systems without Unix signals
//! the system's own default stays: the process ends at once.

mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use flue_core::CancellationToken;

pub(crate) use self::turns::TurnInterrupt;
use crate::{exit, output};

/// Says when to stop, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    token: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Interrupt {
    /// Begins to listen. Before this, Ctrl-C ends the process as the system has it.
    pub(crate) fn listen(&self) {
        #[cfg(unix)]
        self.spawn_listener();
    }

    /// Fires at the first signal. Whoever cannot go on otherwise may fire it, too.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The exit code that the first signal stands for, if there was one.
    pub(crate) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }

    #[cfg(unix)]
    fn spawn_listener(&self) {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        // Without a listener Ctrl-C still ends the process, only less orderly: nothing to fail for.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
        let interrupt = self.clone();
        let listen = move || {
            for signal in signals.forever() {
                let code = if signal == SIGTERM { exit::TERMINATED } else { exit::INTERRUPTED };
                if interrupt.token.is_cancelled() {
                    output::erase_line();
                    std::process::exit(i32::from(code));
                }
                interrupt.code.store(code, Ordering::SeqCst);
                interrupt.token.cancel();
            }
        };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
    }
}
