//! Ctrl-C and SIGTERM: the first one cancels what runs, so that it ends in order; the second one ends the process.
//!
//! A thread of its own waits for them, so the second one works however busy the rest is. On systems without Unix signals
//! the system's own default stays: the process ends at once.

mod turns;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use flue_core::CancellationToken;

pub(crate) use self::turns::TurnInterrupt;

/// Says when to stop, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    token: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Interrupt {
    /// Begins to listen. Before this, Ctrl-C ends the process as the system has it.
    pub(crate) fn listen(&self) {
        let interrupt = self.clone();
        on_signals(move |code| {
            if interrupt.token.is_cancelled() {
                return Next::End;
            }
            interrupt.code.store(code, Ordering::SeqCst);
            interrupt.token.cancel();
            Next::GoOn
        });
    }

    /// Fires at the first signal. Whoever cannot go on otherwise may fire it, too.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The exit code that the first signal stands for, if there was one.
    pub(crate) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }
}

/// What follows a signal.
enum Next {
    /// Whatever was told of it ends in its time.
    GoOn,
    /// The process ends at once.
    End,
}

/// Calls `answer` with the exit code that each signal stands for, in a thread of its own.
#[cfg(unix)]
fn on_signals(answer: impl Fn(u8) -> Next + Send + 'static) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    use crate::{exit, output};

    // Without a listener Ctrl-C still ends the process, only less orderly: nothing to fail for.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let listen = move || {
        for signal in signals.forever() {
            let code = if signal == SIGTERM { exit::TERMINATED } else { exit::INTERRUPTED };
            if matches!(answer(code), Next::End) {
                output::erase_line();
                std::process::exit(i32::from(code));
            }
        }
    };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
}

/// Other systems end the process by themselves.
#[cfg(not(unix))]
fn on_signals(_: impl Fn(u8) -> Next + Send + 'static) {}
