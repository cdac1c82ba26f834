//! `flue run`: an agent works on a message until it answers.

mod event_log;
mod plan;
mod report;

use flue_core::{CancellationToken, Harness, Result};

use self::plan::{Opening, Plan, Print};
use self::report::Report;
use crate::args::RunArgs;
use crate::exit::{self, Failure};
use crate::{command, output};

/// Runs the agent, and gives the exit code.
///
/// # Errors
/// Usage errors, and whatever ended the run but success.
pub(crate) fn run(args: RunArgs) -> Result<u8, Failure> {
    let json = args.json;
    // Sent to the end when the run has one.
    #[cfg(feature = "otel")]
    let _telemetry = crate::telemetry::Telemetry::begin().map_err(Failure::usage)?;
    let runtime = command::runtime().map_err(Failure::failed)?;
    let plan = match runtime.block_on(Plan::make(args)) {
        Ok(plan) => plan,
        Err(error) => {
            if json {
                output::print_json(&Report::not_started(&error))?;
            }
            return Err(Failure::usage(error));
        }
    };
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
        let mut report = Report::begin(self.setup.model.clone(), self.setup.kept.as_ref());
        let cancel = self.interrupt.token();
        match self.setup.start(cancel).await {
            Err(error) => report.fail(error),
            Ok(harness) => {
                match self.setup.stage(&harness, cancel).await {
                    Err(error) => report.fail(error),
                    Ok(()) => {
                        if let Err(error) = self.prompt(&harness, cancel, &mut report).await {
                            report.fail(error);
                        }
                    }
                }
                for (collected, error) in self.setup.collect(&harness, report.failed()).await {
                    error.into_iter().for_each(|error| report.fail(error));
                    report.files.push(collected);
                }
                if let Err(error) = harness.close().await {
                    report.fail(error);
                }
            }
        }
        report.count(&self.setup.progress.tally());
        report
    }

    async fn prompt(&self, harness: &Harness, cancel: &CancellationToken, report: &mut Report) -> Result<()> {
        let session = self.setup.session(harness)?;
        let prompt = match &self.opening {
            Opening::Message(text) => session.prompt(text),
            Opening::Resume => session.resume(),
        };
        let mut prompt = prompt.cancel(cancel.clone());
        if let Some(timeout) = self.timeout {
            prompt = prompt.timeout(timeout);
        }
        // What else cancels it explains itself in the end.
        let stopping = || self.interrupt.code().map(|_| "stopping; once more stops at once");
        #[cfg(feature = "schema")]
        if let Some(schema) = &self.schema {
            let reply = self.setup.follow(cancel, stopping, prompt.output_schema(schema.clone()).into_future()).await?;
            report.text = Some(reply.text);
            report.result = Some(reply.data);
            return Ok(());
        }
        report.text = Some(self.setup.follow(cancel, stopping, prompt.into_future()).await?.text);
        Ok(())
    }

    /// Ends the progress, and prints the answer where that is what goes to standard output.
    fn answer(&self, report: &Report) -> Result<(), Failure> {
        let shown = self.setup.progress.end();
        match (&report.result, &report.text, self.print) {
            (Some(result), _, Print::Answer) => output::print_text(&format!("{result:#}")),
            // Where other lines came after it, the text ends in a line feed of ours.
            (None, Some(text), Print::Answer) if shown.as_deref().map(str::trim_end) != Some(text.trim_end()) => {
                output::print_text(text)
            }
            _ => Ok(()),
        }
    }

    /// Does with what was changed in an overlay what is to be done.
    async fn settle(&self, report: &mut Report) {
        let (settled, error) = self.setup.settle(report.failed(), self.interrupt.token()).await;
        report.changes = settled;
        error.into_iter().for_each(|error| report.fail(error));
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
        match report.code() {
            exit::DONE => Ok(exit::DONE),
            code => Err(Failure::silent(code)),
        }
    }
}
