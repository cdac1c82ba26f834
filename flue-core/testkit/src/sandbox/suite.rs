//! Runs the cases and reports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, OpenRequest, Result, SandboxFactory, SandboxInfo};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::{CASE_LIMIT, Case, cases};
use crate::guard::runtime;
use crate::report::{Line, Outcome, Report};

/// How many cases run at a time.
const CASES_AT_ONCE: usize = 4;

/// The suite, to be held against the sandboxes that `factory` opens.
pub fn suite(factory: impl SandboxFactory) -> Suite {
    Suite { factory: Arc::new(factory), cases: cases(), known: Vec::new(), limit: CASE_LIMIT }
}

/// A suite about to run. All cases, unless told otherwise.
#[derive(Debug, Clone)]
pub struct Suite {
    pub(super) factory: Arc<dyn SandboxFactory>,
    pub(super) cases: Vec<Case>,
    known: Vec<(String, String)>,
    limit: Duration,
}

impl Suite {
    /// Keeps only the cases whose name contains one of `parts`.
    #[must_use]
    pub fn only(mut self, parts: &[&str]) -> Self {
        self.cases.retain(|case| parts.iter().any(|part| case.name.contains(part)));
        self
    }

    /// Says that the case called `name` fails, and why. While it does it is reported as skipped with the reason; once it
    /// passes it is reported as failed, so that the exception goes.
    #[must_use]
    pub fn except(mut self, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.known.push((name.into(), reason.into()));
        self
    }

    /// Sets how long each case may take, instead of [`CASE_LIMIT`]: for machines that are far away.
    #[must_use]
    pub fn with_case_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the cases, a few at a time: most of the slow ones wait.
    ///
    /// Needs a Tokio runtime of several threads (`#[tokio::test(flavor = "multi_thread")]`), or a sandbox that blocks its
    /// thread hangs the suite instead of failing a case. [`Suite::run_blocking`] brings its own.
    pub async fn run(&self) -> Report {
        let subject = match self.info().await {
            Ok(info) => format!("sandbox suite: {} ({})", info.provider, info.level),
            Err(error) => format!("sandbox suite: the factory opens nothing: {error:?}"),
        };
        let run = async |(place, case): (usize, &Case)| {
            let started = Instant::now();
            let outcome = self.run_case(case).await;
            (place, Line::new(case.name, outcome, started.elapsed()))
        };
        let cases_at_once = stream::iter(self.cases.iter().enumerate()).map(run).buffer_unordered(CASES_AT_ONCE);
        let mut lines: Vec<(usize, Line)> = cases_at_once.collect().await;
        lines.sort_by_key(|(place, _)| *place);
        let mut lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
        for (name, _) in &self.known {
            if !cases().iter().any(|case| case.name == name) {
                let outcome = Outcome::Failed("there is no such case; remove the exception".into());
                lines.push(Line::new(name, outcome, Duration::ZERO));
            }
        }
        Report::new(subject, lines)
    }

    /// Runs the cases on a runtime of its own, so that a plain `#[test]` is enough. Does not wait for what a sandbox left
    /// running.
    ///
    /// # Panics
    /// When no runtime can be made.
    pub fn run_blocking(&self) -> Report {
        let runtime = runtime();
        let report = runtime.block_on(self.run());
        runtime.shutdown_background();
        report
    }

    pub(super) async fn run_case(&self, case: &Case) -> Outcome {
        let outcome = case.run(&self.factory, self.limit).await;
        let Some((_, reason)) = self.known.iter().find(|(name, _)| name == case.name) else {
            return outcome;
        };
        match outcome {
            Outcome::Failed(_) => Outcome::Skipped(format!("known to fail: {reason}")),
            Outcome::Passed => {
                Outcome::Failed(format!("passes, though it is known to fail ({reason}); remove the exception"))
            }
            skipped @ Outcome::Skipped(_) => skipped,
        }
    }

    async fn info(&self) -> Result<SandboxInfo> {
        let open = async {
            let sandbox = self.factory.open(OpenRequest::new("suite-info")).await?;
            let info = sandbox.info().clone();
            sandbox.close().await?;
            Ok(info)
        };
        timeout(self.limit, open).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "open", "the sandbox does not open and close in time"))
        })
    }
}
