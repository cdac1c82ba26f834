//! The processes of one factory: some wait, the others are sandboxes.
//!
//! They are started on one thread that lasts as long as the factory or any of its sandboxes, because a process ends with the
//! thread that started it. All connections are served there too, by the machine's clock and whatever runtime callers have.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_virtual::{HostCommand, VirtualLimits};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::Connection;
use super::link::Link;
use super::process::Process;
use crate::Containment;
use crate::contained::Settings;

/// Processes that are being started at a time. More than one or two help only where there are many processors.
const MAX_STARTING: usize = 4;

/// How long the one that was taken from the pool has the processor to itself before another one is started for the pool.
const REFILL_AFTER: Duration = Duration::from_millis(20);

/// The pool that all clones of a factory share, made when it is first needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolOnce(Arc<Mutex<Option<Arc<Pool>>>>);

impl PoolOnce {
    /// The pool.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when there is no thread for it, [`ErrorKind::Config`] for settings that cannot be.
    pub(super) fn get(&self, settings: &Settings) -> Result<Arc<Pool>> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = &*pool {
            return Ok(Arc::clone(pool));
        }
        Ok(Arc::clone(pool.insert(Arc::new(Pool::new(settings.clone())?))))
    }
}

/// The thread that the processes belong to. It ends them when this is dropped.
#[derive(Debug)]
pub(crate) struct Pool(mpsc::UnboundedSender<Order>);

/// What callers want.
enum Order {
    /// A process for a sandbox with these commands and limits.
    Open { commands: BTreeMap<String, HostCommand>, limits: VirtualLimits, link: oneshot::Sender<Result<Link>> },
    /// A process that waits.
    Start(oneshot::Sender<Result<Containment>>),
}

impl Pool {
    fn new(settings: Settings) -> Result<Self> {
        if settings.memory_bytes < crate::Contained::LEAST_MEMORY_BYTES {
            return Err(Error::new(ErrorKind::Config, "open", "Contained::memory_bytes is too small for any sandbox")
                .with("bytes", settings.memory_bytes)
                .with("least", crate::Contained::LEAST_MEMORY_BYTES));
        }
        let failed = |error| {
            Error::new(ErrorKind::Io, "open", "cannot start the thread for the sandboxes' processes").with_source(error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (orders, received) = mpsc::unbounded_channel();
        let run = move || runtime.block_on(Keeper::new(settings).run(received));
        thread::Builder::new().name("flue-workers".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self(orders))
    }

    /// Takes a process, or has one started.
    pub(super) async fn open(&self, commands: BTreeMap<String, HostCommand>, limits: VirtualLimits) -> Result<Link> {
        let (link, opened) = oneshot::channel();
        let _ = self.0.send(Order::Open { commands, limits, link });
        opened.await.map_err(|_| gone())?
    }

    /// Has a process wait, and tells what holds it.
    pub(super) async fn start(&self) -> Result<Containment> {
        let (started, waits) = oneshot::channel();
        let _ = self.0.send(Order::Start(started));
        waits.await.map_err(|_| gone())?
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Internal, "open", "the thread of the sandboxes' processes ended")
}

/// Keeps the processes.
struct Keeper {
    settings: Settings,
    /// Those that wait.
    warm: VecDeque<Process>,
    /// Those who wait.
    orders: VecDeque<Order>,
    /// Processes that are being started.
    starting: usize,
    /// Processes that are sandboxes.
    serving: usize,
    tasks: JoinSet<Event>,
}

/// What a task of the keeper ends with.
enum Event {
    Started(Result<Box<Process>>),
    Ended,
    Refill,
}

impl Keeper {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            warm: VecDeque::new(),
            orders: VecDeque::new(),
            starting: 0,
            serving: 0,
            tasks: JoinSet::new(),
        }
    }

    /// Runs until nobody can give orders any more; then ends all processes.
    async fn run(mut self, mut received: mpsc::UnboundedReceiver<Order>) {
        loop {
            tokio::select! {
                order = received.recv() => match order {
                    None => break,
                    Some(order) => {
                        self.orders.push_back(order);
                        self.serve();
                        self.refill();
                    }
                },
                Some(event) = self.tasks.join_next() => self.take(event.unwrap_or(Event::Ended)),
            }
        }
        self.warm.clear();
        // Those that are served see their holders gone; those that were being started are not waited for by anybody.
        while let Some(event) = self.tasks.join_next().await {
            drop(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Started(Ok(process)) => {
                self.starting -= 1;
                self.warm.push_back(*process);
                self.serve();
                self.refill();
            }
            Event::Refill => self.start_some(),
            Event::Started(Err(error)) => {
                self.starting -= 1;
                // One order learns why. What waits for nobody is not tried again until somebody comes.
                match self.orders.pop_front() {
                    Some(Order::Open { link, .. }) => drop(link.send(Err(error))),
                    Some(Order::Start(started)) => drop(started.send(Err(error))),
                    None => return,
                }
                self.start_some();
            }
            Event::Ended => {
                self.serving = self.serving.saturating_sub(1);
                self.start_some();
            }
        }
    }

    /// Gives waiting processes to those who wait.
    fn serve(&mut self) {
        self.warm.retain_mut(Process::lives);
        while let Some(order) = self.orders.pop_front() {
            match order {
                Order::Open { link, .. } if link.is_closed() => {}
                Order::Open { commands, limits, link } => {
                    let Some(process) = self.warm.pop_front() else {
                        self.orders.push_front(Order::Open { commands, limits, link });
                        return;
                    };
                    let (connection, opened) = Connection::new(process, commands, limits);
                    self.serving += 1;
                    self.tasks.spawn(async move {
                        connection.run().await;
                        Event::Ended
                    });
                    // Nobody there to take it: the connection sees that, and ends.
                    let _ = link.send(Ok(opened));
                }
                Order::Start(started) => {
                    let Some(process) = self.warm.front() else {
                        self.orders.push_front(Order::Start(started));
                        return;
                    };
                    let _ = started.send(Ok(process.containment.clone()));
                }
            }
        }
    }

    /// Has started what is missing: at once while somebody waits for it.
    fn refill(&mut self) {
        if !self.orders.is_empty() {
            self.start_some();
        } else if self.warm.len() + self.starting < self.settings.warm {
            self.tasks.spawn(async {
                sleep(REFILL_AFTER).await;
                Event::Refill
            });
        }
    }

    /// Starts what is missing, within the bounds; refuses what is beyond them.
    fn start_some(&mut self) {
        // Those who wait first.
        let wanted = if self.orders.is_empty() { self.settings.warm } else { self.orders.len() };
        while self.warm.len() + self.starting < wanted && self.starting < MAX_STARTING {
            if self.serving + self.warm.len() + self.starting >= self.settings.sandboxes {
                if self.starting == 0 {
                    self.refuse();
                }
                return;
            }
            self.starting += 1;
            let settings = self.settings.clone();
            self.tasks.spawn(async move { Event::Started(Process::start(&settings).await.map(Box::new)) });
        }
    }

    fn refuse(&mut self) {
        let full = || {
            Error::new(
                ErrorKind::LimitExceeded,
                "open",
                "there are as many contained sandboxes as there may be (Contained::sandboxes); close some first",
            )
            .with("limit", self.settings.sandboxes)
        };
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Open { link, .. } => drop(link.send(Err(full()))),
                Order::Start(started) => drop(started.send(Err(full()))),
            }
        }
    }
}
