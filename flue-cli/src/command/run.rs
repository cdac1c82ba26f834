//! `flue run`: an agent works on a message until it answers.

mod event_log;
mod plan;
mod report;

use flue_core::{CancellationToken, ErrorKind, Harness, Reply, Result};
use tokio::time::MissedTickBehavior;

use self::plan::{Plan, Print};
use self::report::Report;
use crate::args::RunArgs;
use crate::exit::{self, Failure};
use crate::overlaid::Ended;
use crate::transfer::Site;
use crate::{command, output, progress};

/// Runs the agent, and gives the exit code.
///
/// # Errors
/// Usage errors, and whatever ended the run but success.
pub(crate) fn run(args: RunArgs) -> Result<u8, Failure> {
    let json = args.json;
    let plan = match Plan::make(args) {
        Ok(plan) => plan,
        Err(error) => {
            if json {
                output::print_json(&Report::not_started(&error))?;
            }
            return Err(Failure::usage(error));
        }
    };
    let runtime = command::runtime().map_err(Failure::failed)?;
    let mut report = runtime.block_on(plan.work());
    let answered = plan.answer(&report);
    // Whatever became of the answer: what was changed is not to be lost for it.
    runtime.block_on(plan.settle(&mut report));
    // Threads that still wait for something must not hold up the end.
    runtime.shutdown_background();
    answered?;
    plan.present(&report)
}

impl Plan {
    /// Opens the sandbox, stages, prompts, collects and closes.
    async fn work(&self) -> Report {
        let mut report = Report::begin(self.model.clone());
        if let Some(warning) = self.warning {
            self.progress.note(&format!("note: {warning}"));
        }
        let cancel = self.interrupt.token();
        let started = command::unless_cancelled(cancel, self.agent.start(command::fresh_id())).await;
        match started {
            Err(error) => report.fail(error),
            Ok(harness) => {
                match self.stage(&harness).await {
                    Err(error) => report.fail(error),
                    Ok(()) => match self.prompt(&harness).await {
                        Err(error) => report.fail(error),
                        Ok(reply) => report.text = Some(reply.text),
                    },
                }
                self.collect(&harness, &mut report).await;
                if let Err(error) = harness.close().await {
                    report.fail(error);
                }
            }
        }
        report.count(&self.progress.tally());
        report
    }

    fn site<'a>(&self, harness: &'a Harness) -> Site<'a> {
        Site { fs: harness.fs(), sandbox: harness.sandbox(), files: self.files }
    }

    async fn stage(&self, harness: &Harness) -> Result<()> {
        for stage in &self.stages {
            if let Some(note) = stage.run(&self.site(harness), self.interrupt.token()).await? {
                self.progress.note(&note);
            }
        }
        Ok(())
    }

    async fn prompt(&self, harness: &Harness) -> Result<Reply> {
        let cancel = self.interrupt.token();
        let mut prompt = harness.prompt(&self.message).cancel(cancel.clone());
        if let Some(timeout) = self.timeout {
            prompt = prompt.timeout(timeout);
        }
        let mut reply = prompt.into_future();
        let mut redraw = tokio::time::interval(progress::REDRAW);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping = false;
        loop {
            tokio::select! {
                // In this order, so that an interrupt is answered before the end that it brings about.
                biased;
                () = cancel.cancelled(), if !stopping => {
                    stopping = true;
                    // What else cancels it explains itself in the end.
                    if self.interrupt.code().is_some() {
                        self.progress.note("stopping; once more stops at once");
                    }
                }
                reply = &mut reply => return reply,
                _ = redraw.tick() => self.progress.tick(),
            }
        }
    }

    /// Collects what there is, however the prompt ended: the sandbox is about to go.
    async fn collect(&self, harness: &Harness, report: &mut Report) {
        // Whoever interrupts the prompt still wants its files; the next interrupt ends the process.
        let cancel = CancellationToken::new();
        let cut_short = report.failed();
        for collect in &self.collects {
            let (collected, error) = collect.run(&self.site(harness), &cancel).await;
            match error {
                None => self.progress.note(&collected.to_string()),
                // A run that did not end well may well not have come to write it.
                Some(error) if cut_short && error.kind() == ErrorKind::NotFound => {
                    self.progress.note(&format!("{error}"));
                }
                Some(error) => report.fail(error),
            }
            report.files.push(collected);
        }
    }

    /// Ends the progress, and prints the answer where that is what goes to standard output.
    fn answer(&self, report: &Report) -> Result<(), Failure> {
        let shown = self.progress.end();
        match (&report.text, self.print) {
            (Some(text), Print::Answer) if shown.as_ref() != Some(text) => output::print_text(text),
            _ => Ok(()),
        }
    }

    /// Does with what was changed in an overlay what is to be done.
    async fn settle(&self, report: &mut Report) {
        let say = |text: &str| self.progress.note(text);
        if let Some(guarded) = &self.guarded {
            guarded.tell(&|text| say(&format!("note: {text}")));
        }
        let Some(overlaid) = &self.overlaid else { return };
        let ended = match self.interrupt.token().is_cancelled() {
            true => Ended::Interrupted,
            false if report.failed() => Ended::Badly,
            false => Ended::Well,
        };
        let (settled, error) = overlaid.settle(ended, self.interrupt.token(), &say).await;
        report.changes = settled;
        if let Some(error) = error {
            report.fail(error);
        }
    }

    /// Says how it ended, and gives the exit code.
    fn present(&self, report: &Report) -> Result<u8, Failure> {
        if self.print == Print::Json {
            output::print_json(report)?;
        }
        if let Some(code) = self.interrupt.code() {
            return Err(Failure::silent(code));
        }
        if let Some(failure) = self.events.as_ref().and_then(|events| events.take_failure()) {
            return Err(failure);
        }
        report.errors().for_each(output::complain);
        match report.errors().next() {
            None => Ok(exit::DONE),
            Some(_) if report.timed_out() => Err(Failure::silent(exit::TIME_LIMIT)),
            Some(_) => Err(Failure::silent(exit::FAILED)),
        }
    }
}
