//! How much stack the shell engine may use.
//!
//! The engine evaluates nested commands by recursion, and not all of it is bounded: one line such as
//! `x='eval "$x"'; eval "$x"` overflows any stack, which aborts the process. So commands run on threads with much stack, and
//! it is checked how much of it is in use at two places that every such recursion passes: before each builtin, and whenever
//! the engine yields, which it does every few dozen commands, by waking itself from where it is ([`Guarded`]). Past
//! [`GUARD_BYTES`] the whole execution ends. What is above is for the recursion inside one builtin and between two checks.
//! The arguments that drive the former are bounded by [`crate::builtins::refuse`].
//!
//! Parsing recurses without any such place, and so does freeing what was parsed. What bounds these is the size of a script:
//! [`STACK_BYTES`] is enough for the worst script of the largest size, on the engine's own threads and on those that it
//! parses long and nested scripts on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

/// Stack of a thread that runs commands or parses them. Virtual memory: what is not touched costs nothing.
///
/// A script of 128 KiB nests up to 26,000 times (`time time …`), and parsing takes 8 KiB a level without optimisation.
pub(crate) const STACK_BYTES: usize = 256 << 20;
/// The stack that may be in use when a builtin starts or the engine yields.
const GUARD_BYTES: usize = 32 << 20;
/// Threads that used more stack than this end after the command, which gives the touched pages back.
const KEEP_BYTES: usize = 1 << 20;

/// The stack of one thread, measured from where it was made.
pub(super) struct Stack {
    thread: ThreadId,
    base: usize,
    deepest: AtomicUsize,
}

impl Stack {
    /// Starts to measure here. To be called near the thread's entry.
    pub(super) fn here() -> Self {
        Self { thread: thread::current().id(), base: position(), deepest: AtomicUsize::new(0) }
    }

    /// Whether a command may start. Other threads always hear so.
    pub(super) fn has_room(&self) -> bool {
        if thread::current().id() != self.thread {
            return true;
        }
        // Stacks grow downwards on every platform that Rust's standard library has threads for.
        let used = self.base.saturating_sub(position());
        self.deepest.fetch_max(used, Ordering::Relaxed);
        used <= GUARD_BYTES
    }

    /// Whether so much was touched that the thread should not be kept.
    pub(super) fn was_deep(&self) -> bool {
        self.deepest.load(Ordering::Relaxed) > KEEP_BYTES
    }
}

/// A future that says when it nests too deeply: `on_deep` is called from inside its `poll`, when it wakes itself there.
pub(super) struct Guarded<F, D> {
    inner: Pin<Box<F>>,
    stack: Arc<Stack>,
    on_deep: Arc<D>,
    waker: Option<(Waker, Waker)>,
}

impl<F, D> Guarded<F, D> {
    pub(super) fn new(inner: F, stack: &Arc<Stack>, on_deep: D) -> Self {
        Self { inner: Box::pin(inner), stack: Arc::clone(stack), on_deep: Arc::new(on_deep), waker: None }
    }
}

impl<F: Future, D: Fn() + Send + Sync + 'static> Future for Guarded<F, D> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let waker = match &this.waker {
            Some((outer, ours)) if outer.will_wake(cx.waker()) => ours.clone(),
            _ => {
                let outer = cx.waker().clone();
                let (stack, on_deep) = (Arc::clone(&this.stack), Arc::clone(&this.on_deep));
                let ours = Waker::from(Arc::new(GuardWaker { outer: outer.clone(), stack, on_deep }));
                this.waker = Some((outer, ours.clone()));
                ours
            }
        };
        this.inner.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

struct GuardWaker<D> {
    outer: Waker,
    stack: Arc<Stack>,
    on_deep: Arc<D>,
}

impl<D: Fn() + Send + Sync> Wake for GuardWaker<D> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.stack.has_room() {
            (self.on_deep)();
        }
        self.outer.wake_by_ref();
    }
}

/// Where the stack is now.
#[inline(never)]
fn position() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn after_frames(stack: &Stack, frames: usize) -> bool {
        let frame = std::hint::black_box([0_u8; 1 << 20]);
        let room = if frames == 0 { stack.has_room() } else { after_frames(stack, frames - 1) };
        std::hint::black_box(&frame);
        room
    }

    #[test]
    fn says_when_the_guard_is_passed() {
        let work = || {
            let stack = Stack::here();
            assert!(stack.has_room() && !stack.was_deep());
            assert!(after_frames(&stack, 4) && stack.was_deep());
            assert!(!after_frames(&stack, 60));
        };
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap();
    }
}
