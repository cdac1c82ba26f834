//! One machine: a pod, by itself or behind a claim.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};

use crate::cluster::{Cluster, Kind};
use crate::exec::{self, Place};
use crate::object;

/// How often within its life a machine that is in use is given all of it again.
const RENEWALS: u32 = 6;

/// A pod that takes scripts, and what it belongs to.
#[derive(Debug)]
pub(crate) struct Machine {
    cluster: Cluster,
    /// What this library made: a claim or a pod.
    kind: Kind,
    id: String,
    place: Place,
    facts: Facts,
    life: Option<Duration>,
    renewed: Mutex<Instant>,
    /// Whether the cluster can end the input of a script, as the last one showed.
    ends_input: AtomicBool,
}

impl Machine {
    pub(crate) fn new(
        cluster: Cluster,
        kind: Kind,
        id: &str,
        place: Place,
        facts: Facts,
        life: Option<Duration>,
    ) -> Self {
        let ends_input = AtomicBool::default();
        Self { cluster, kind, id: id.to_owned(), place, facts, life, renewed: Mutex::new(Instant::now()), ends_input }
    }

    /// The same with other facts.
    pub(crate) fn described(&self, facts: Facts) -> Self {
        Self::new(self.cluster.clone(), self.kind, &self.id, self.place.clone(), facts, self.life)
    }

    pub(crate) fn ends_input(&self) -> bool {
        self.ends_input.load(Ordering::SeqCst)
    }

    /// What a failure means, once the machine was looked at.
    async fn judge(&self, refused: Refused) -> Refused {
        match refused.error.kind() {
            ErrorKind::Unavailable | ErrorKind::NotFound | ErrorKind::Protocol | ErrorKind::InvalidInput => {}
            _ => return refused,
        }
        match self.probe().await {
            Ok(Liveness::Dead(death)) => died("exec", death).with_source(refused.error).into(),
            _ => refused,
        }
    }

    /// Gives a machine that is in use all of its life again, now and then: nobody else tells the cluster that it is used.
    async fn renew(&self) {
        let Some(life) = self.life else { return };
        if self.unrenewed() < life / RENEWALS {
            return;
        }
        let renewed = async {
            // One that is gone stays at the time at which it was last there.
            let Some(found) = self.cluster.get("keep alive", self.kind, &self.id).await? else { return Ok(()) };
            let change = object::prolonged(&found, self.kind == Kind::Claim, life);
            self.cluster.change("keep alive", self.kind, &self.id, &change).await?;
            *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            Ok::<(), Error>(())
        };
        if let Err(error) = renewed.await {
            tracing::debug!(%error, "the cluster could not be told that a machine is in use");
        }
    }

    fn unrenewed(&self) -> Duration {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// How a part of this machine is gone, if it is.
    async fn lost(&self, kind: Kind, name: &str) -> Result<Option<Death>> {
        let found = self.cluster.look(kind, name).await.map_err(|error| error.with_retry(Retry::Backoff))?;
        Ok(match found {
            Some(found) => object::death(&found),
            None if self.life.is_some_and(|life| self.unrenewed() >= life) => Some(Death::Expired),
            None => Some(Death::Stopped),
        })
    }
}

#[async_trait]
impl Driver for Machine {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, mut call: Call) -> Result<Ended, Refused> {
        self.renew().await;
        let client = self.cluster.client().await.map_err(Refused::unsent)?;
        match exec::run(client, &self.place, &mut call).await {
            Ok((ended, ends_input)) => {
                self.ends_input.store(ends_input, Ordering::SeqCst);
                Ok(ended)
            }
            Err(refused) => Err(self.judge(refused).await),
        }
    }

    async fn probe(&self) -> Result<Liveness> {
        if self.kind == Kind::Claim
            && let Some(death) = self.lost(Kind::Claim, &self.id).await?
        {
            return Ok(Liveness::Dead(death));
        }
        if let Some(death) = self.lost(Kind::Pod, &self.place.pod).await? {
            return Ok(Liveness::Dead(death));
        }
        self.renew().await;
        Ok(Liveness::Alive)
    }

    fn files(&self) -> Option<&dyn Transfer> {
        None
    }

    async fn disconnect(&self) -> Result<()> {
        // Each request stands by itself.
        Ok(())
    }
}
