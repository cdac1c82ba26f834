//! Ctrl-C in a chat: it stops the turn and not the program. SIGTERM, and Ctrl-C while no turn runs, end the chat in order; once
//! more, at once.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flue_core::CancellationToken;

use super::{Next, on_signals};
use crate::exit;

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
        let interrupt = self.clone();
        on_signals(move |code| {
            let turn = interrupt.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match turn {
                Some(turn) if code == exit::INTERRUPTED => turn.cancel(),
                _ if interrupt.ended.is_cancelled() => return Next::End,
                _ => {
                    interrupt.code.store(code, Ordering::SeqCst);
                    interrupt.ended.cancel();
                }
            }
            Next::GoOn
        });
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
