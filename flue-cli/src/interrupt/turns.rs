//! Ctrl-C in a chat: it stops the turn and not the program. SIGTERM, and Ctrl-C while no turn runs, end the chat in order; once
//! more, at once.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flue_core::CancellationToken;

/// Says when to stop a turn, and when the whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnInterrupt {
    ended: CancellationToken,
    turn: Arc<Mutex<Option<CancellationToken>>>,
    code: Arc<AtomicU8>,
}

/// A turn that runs, until it is dropped.
pub(crate) struct Turn<'a> {
    interrupt: &'a TurnInterrupt,
    token: CancellationToken,
}

impl TurnInterrupt {
    /// Begins to listen.
    pub(crate) fn listen(&self) {
        #[cfg(unix)]
        self.spawn_listener();
    }

    /// Fires when the chat is to end.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// The exit code that the signal stands for that ended the chat, if one did.
    pub(crate) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }

    /// A turn begins.
    pub(crate) fn turn(&self) -> Turn<'_> {
        let token = self.ended.child_token();
        self.set(Some(token.clone()));
        Turn { interrupt: self, token }
    }

    fn set(&self, turn: Option<CancellationToken>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    #[cfg(unix)]
    fn spawn_listener(&self) {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        use crate::{exit, output};

        // Without a listener Ctrl-C still ends the process, only less orderly: nothing to fail for.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
        let interrupt = self.clone();
        let listen = move || {
            for signal in signals.forever() {
                let turn = interrupt.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match turn {
                    Some(turn) if signal == SIGINT => turn.cancel(),
                    _ => {
                        let code = if signal == SIGTERM { exit::TERMINATED } else { exit::INTERRUPTED };
                        if interrupt.ended.is_cancelled() {
                            output::erase_line();
                            std::process::exit(i32::from(code));
                        }
                        interrupt.code.store(code, Ordering::SeqCst);
                        interrupt.ended.cancel();
                    }
                }
            }
        };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
    }
}

impl Turn<'_> {
    /// Fires when the turn is to stop.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.interrupt.set(None);
    }
}
