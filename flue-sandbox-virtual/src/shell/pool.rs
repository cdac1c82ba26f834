//! Threads on which commands run: few, lazily started, with much stack, and gone when idle.
//!
//! A command never runs on the caller's runtime: the engine does not yield inside a builtin, and it needs more stack than a
//! worker thread has. Should it not come back in time, the caller is answered without it and its thread is written off as
//! *stuck*, until it does come back. A watcher thread does that, by the real clock, whatever clock the caller's runtime has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, Result};
use tokio::runtime::Runtime;

use super::stack::{STACK_BYTES, Stack};

/// Executions that wait for a thread before more are refused.
const MAX_QUEUE: usize = 1024;
/// Threads that do not come back before more executions are refused.
const MAX_STUCK: usize = 8;
/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(5);
/// How long no work may be taken up, though some waits, before there are more threads than processors. Short commands in
/// great number are done soonest, and with the least memory, by few threads; more of them are for commands that wait.
const PATIENCE: Duration = Duration::from_millis(3);

/// Something to run. Says whether it was [abandoned](Watched::abandon) on the way.
pub(super) type Job = Box<dyn FnOnce(&Runtime, &Arc<Stack>) -> Ended + Send>;

/// How a [`Job`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was waited for.
    Awaited,
    /// It ended after it was abandoned.
    Abandoned,
}

/// What the watcher does when the time of an execution is up.
pub(super) trait Watched: Send + Sync {
    /// Answers the caller, unless that happened already. True when a thread still runs it.
    fn abandon(&self) -> bool;
}

/// The threads of one factory. They end when it and its sandboxes are gone.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Signals workers.
    work: Condvar,
    /// Signals the watcher.
    watch: Condvar,
    /// Threads that are started without waiting for [`PATIENCE`].
    eager_threads: usize,
    max_threads: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that take work, idle ones among them, stuck ones not.
    threads: usize,
    idle: usize,
    stuck: usize,
    /// Jobs taken up so far, and how many they were when it was last looked at whether work stands still.
    taken: u64,
    taken_before: u64,
    /// When the watcher looks at that again.
    look_at: Option<Instant>,
    watches: BTreeMap<WatchKey, Weak<dyn Watched>>,
    next_watch: u64,
    watching: bool,
    closing: bool,
}

type WatchKey = (Instant, u64);

impl Pool {
    /// No thread yet, and never more than `max_threads` at work.
    pub(crate) fn new(max_threads: usize) -> Self {
        let max_threads = max_threads.max(1);
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            watch: Condvar::new(),
            eager_threads: processors.min(max_threads),
            max_threads,
        }))
    }

    /// Runs `job` as soon as a thread is free.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when too much waits already or too many threads are stuck; [`ErrorKind::Io`] when the
    /// system gives no thread.
    pub(super) fn submit(&self, job: Job) -> Result<()> {
        let mut state = self.0.lock();
        if state.stuck >= MAX_STUCK {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "exec",
                "too many earlier commands do not stop although their time is up; restart the process to run more",
            )
            .with("commands", state.stuck));
        }
        if state.queue.len() >= MAX_QUEUE {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "exec",
                "too many commands wait for their turn; run fewer at a time, or raise VirtualLimits::concurrent_execs",
            )
            .with("waiting", state.queue.len())
            .with("concurrent_execs", self.0.max_threads));
        }
        state.queue.push_back(job);
        if let Err(error) = self.0.ensure_worker(&mut state)
            && state.threads == 0
        {
            state.queue.pop_back();
            return Err(Error::new(ErrorKind::Io, "exec", "cannot start a thread for the command").with_source(error));
        }
        self.0.work.notify_one();
        Ok(())
    }

    /// Has `watched` abandoned at `due`, unless the watch is dropped before.
    pub(super) fn watch(&self, due: Instant, watched: Weak<dyn Watched>) -> Watch {
        let mut state = self.0.lock();
        let key = (due, state.next_watch);
        state.next_watch += 1;
        state.watches.insert(key, watched);
        // Without a watcher a command that does not stop keeps its caller waiting, which is no reason to refuse it.
        let _ = self.0.ensure_watcher(&mut state);
        if state.watches.keys().next() == Some(&key) {
            self.0.watch.notify_one();
        }
        Watch { pool: Arc::clone(&self.0), key: Some(key) }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("max_threads", &self.0.max_threads).finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.work.notify_all();
        self.0.watch.notify_all();
    }
}

/// An entry of the watcher's list.
pub(super) struct Watch {
    pool: Arc<Shared>,
    key: Option<WatchKey>,
}

impl Watch {
    /// Leaves the entry to fire even though its owner is gone.
    pub(super) fn detach(mut self) {
        self.key = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.pool.lock().watches.remove(&key);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that work which no idle thread will take gets a thread: now, or once work stands still.
    fn ensure_worker(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        if state.queue.len() <= state.idle || state.threads >= self.max_threads {
            return Ok(());
        }
        if state.threads < self.eager_threads || self.ensure_watcher(state).is_err() {
            return self.start_worker(state);
        }
        if state.look_at.is_none() {
            state.look_at = Some(Instant::now() + PATIENCE);
            state.taken_before = state.taken;
            self.watch.notify_one();
        }
        Ok(())
    }

    fn start_worker(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        let shared = Arc::clone(self);
        let run = move || shared.run_worker();
        thread::Builder::new().name("flue-shell".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
        state.threads += 1;
        Ok(())
    }

    /// Doubles the threads, as far as work waits for them, if none was taken up since the last look.
    fn look_at_the_queue(self: &Arc<Self>, state: &mut State, now: Instant) {
        let waiting = state.queue.len().saturating_sub(state.idle);
        if state.taken == state.taken_before {
            let more = waiting.min(state.threads.max(1)).min(self.max_threads - state.threads);
            // Where the system gives no thread now, the next one that comes free takes the work.
            let _ = (0..more).try_for_each(|_| self.start_worker(state));
        }
        state.taken_before = state.taken;
        state.look_at = (waiting > 0 && state.threads < self.max_threads).then_some(now + PATIENCE);
    }

    /// Accounts for a worker that ends or is stuck, and replaces it if work waits.
    fn lose_worker(self: &Arc<Self>, state: &mut State) {
        state.threads -= 1;
        // Where the system gives no thread now, the next one that comes free takes the work.
        let _ = self.ensure_worker(state);
    }

    fn ensure_watcher(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        if !state.watching {
            let shared = Arc::clone(self);
            thread::Builder::new().name("flue-shell-watch".to_owned()).spawn(move || shared.run_watcher())?;
            state.watching = true;
        }
        Ok(())
    }

    fn run_worker(self: Arc<Self>) {
        let stack = Arc::new(Stack::here());
        let mut runtime = None;
        while let Some(job) = self.next_job() {
            if runtime.is_none() {
                runtime = new_runtime().ok();
            }
            let ended = match &runtime {
                Some(runtime) => job(runtime, &stack),
                // The caller sees its answer dropped.
                None => Ended::Awaited,
            };
            if !self.goes_on(ended, &stack) {
                break;
            }
        }
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// The next job, or `None` when the thread is to end, which is then accounted for.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        let until = Instant::now() + IDLE;
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.taken += 1;
                return Some(job);
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.closing || left.is_zero() {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
    }

    /// Whether this thread takes more work after a job. If not, that is accounted for.
    fn goes_on(self: &Arc<Self>, ended: Ended, stack: &Stack) -> bool {
        if ended == Ended::Awaited && !stack.was_deep() {
            return true;
        }
        let mut state = self.lock();
        if ended == Ended::Abandoned {
            state.stuck -= 1;
            if state.threads >= self.max_threads {
                return false;
            }
            state.threads += 1;
        }
        if stack.was_deep() {
            self.lose_worker(&mut state);
            return false;
        }
        true
    }

    fn run_watcher(self: Arc<Self>) {
        let mut state = self.lock();
        let mut idle_until = Instant::now() + IDLE;
        loop {
            let now = Instant::now();
            while let Some(entry) = state.watches.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                // Under the lock: the job cannot report its end before it counts as stuck.
                if entry.remove().upgrade().is_some_and(|watched| watched.abandon()) {
                    state.stuck += 1;
                    self.lose_worker(&mut state);
                }
            }
            if state.look_at.is_some_and(|due| due <= now) {
                self.look_at_the_queue(&mut state, now);
            }
            let watches = state.watches.keys().next().map(|(due, _)| *due);
            let until = match [watches, state.look_at].into_iter().flatten().min() {
                Some(due) => {
                    idle_until = now + IDLE;
                    due
                }
                None if state.closing || now >= idle_until => {
                    state.watching = false;
                    return;
                }
                None => idle_until,
            };
            let left = until.saturating_duration_since(now);
            state = self.watch.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn new_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(1)
        .thread_keep_alive(IDLE)
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_behind_commands_that_wait_gets_threads_of_its_own() {
        let pool = Pool::new(40);
        let (waits, waiting) = mpsc::channel();
        // Each waits for the next, the last for nobody.
        let mut told: Option<mpsc::Sender<()>> = None;
        for _ in 0..30 {
            let (tell, wait) = mpsc::channel();
            let (told, waits) = (told.replace(tell), waits.clone());
            let job = move || {
                let _ = wait.recv();
                drop(told);
                let _ = waits.send(());
            };
            pool.submit(Box::new(move |_, _| {
                job();
                Ended::Awaited
            }))
            .unwrap();
        }
        drop(told);
        for _ in 0..30 {
            waiting.recv_timeout(Duration::from_secs(60)).unwrap();
        }
    }

    #[test]
    fn threads_are_added_only_while_no_work_is_taken_up() {
        let pool = Pool::new(5);
        let shared = &pool.0;
        let mut state = shared.lock();
        (state.threads, state.taken) = (2, 7);
        state.queue.extend((0..9).map(|_| -> Job { Box::new(|_, _| Ended::Awaited) }));
        shared.look_at_the_queue(&mut state, Instant::now());
        assert_eq!((state.threads, state.look_at.is_some()), (2, true), "work was taken up");
        shared.look_at_the_queue(&mut state, Instant::now());
        assert_eq!((state.threads, state.look_at.is_some()), (4, true), "none was");
        shared.look_at_the_queue(&mut state, Instant::now());
        assert_eq!((state.threads, state.look_at.is_some()), (5, false), "the most there may be");
    }
}
