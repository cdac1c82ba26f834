//! What `flue run` and `flue chat` have in common: an agent in its sandbox, the files that go in and out, and what is said
//! about it meanwhile.

use std::sync::Arc;

use flue_core::event::Observer;
use flue_core::{
    AgentSpec, CancellationToken, DEFAULT_SESSION, Error, ErrorKind, Harness, Limits, Reply, Result, Session,
};
use tokio::time::MissedTickBehavior;

use crate::agent_file::{self, AgentFile};
use crate::approval::TerminalApprover;
use crate::args::WorkArgs;
use crate::guarded::Guarded;
use crate::host::io_error;
use crate::overlaid::{Ended, Overlaid, Settled};
use crate::policy::policy;
use crate::progress::{self, Detail, Progress};
use crate::store::{HARNESS, Kept};
use crate::transfer::{Collect, Collected, Files, Site, Stage};
use crate::{command, input, secrets, wiring};

/// What an agent is told that goes on in a conversation without its files.
const FILES_ARE_GONE: &str = "This conversation goes on in a new sandbox. Files that you read or made before this run are \
                              there only if they were put there again: look before you rely on them.";

/// An agent that is ready to work.
pub(crate) struct Setup {
    agent: AgentSpec,
    /// What the user is told before anything runs.
    warning: Option<&'static str>,
    /// Whose the sandbox's files are.
    files: Files,
    /// Where changes are kept aside.
    overlaid: Option<Overlaid>,
    /// Where commands may leave what git takes orders from.
    guarded: Option<Guarded>,
    /// `provider/model`.
    pub(crate) model: String,
    stages: Vec<Stage>,
    collects: Vec<Collect>,
    pub(crate) progress: Arc<Progress>,
    /// The stored session, if one was named.
    pub(crate) kept: Option<Kept>,
}

/// Of what tokens and cost are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Of each prompt.
    Prompt,
    /// Of the session, with all that was spent in it before.
    Session,
}

impl Setup {
    /// Reads and checks everything that the work depends on, and takes the session. What the command line says beats the agent
    /// file. `answers` says whether the model's text belongs on standard output.
    ///
    /// # Errors
    /// Whatever the caller has to put right; [`ErrorKind::SessionBusy`].
    pub(crate) async fn make(
        args: &WorkArgs,
        budget: Budget,
        answers: bool,
        observers: impl IntoIterator<Item = Arc<dyn Observer>>,
    ) -> Result<Self> {
        let file = match &args.who.agent {
            None => AgentFile::default(),
            Some(agent) => {
                let cwd = std::env::current_dir().map_err(|error| io_error("find the current directory", &error))?;
                AgentFile::load(&agent_file::find(agent, &cwd)?)?
            }
        };
        let AgentFile { fields, instructions } = file;
        let stages = args.sandbox.stages()?;
        let collects = args.sandbox.collects()?;
        let place = wiring::sandbox(&args.sandbox, fields.sandbox, fields.cwd)?;
        let model = wiring::model(args.who.model.clone().or(fields.model))?;
        let spending = args.limits.spending(model.info())?;
        let model_name = model.info().spec();
        let mut instructions = match &args.who.instructions {
            Some(text) => input::text("instructions", text)?,
            None => instructions,
        };
        if args.session.place.store.is_some() && args.session.session.is_none() {
            let why = "--store is where a session is kept; name the session, too: --session NAME";
            return Err(Error::new(ErrorKind::InvalidInput, "open session store", why));
        }
        let redactor = secrets::redactor(&args.sandbox.env)?;
        let kept = Kept::open(&args.session, redactor.clone()).await?;
        if kept.as_ref().is_some_and(Kept::has_worked) && place.files == Files::Own {
            instructions = format!("{instructions}\n\n{FILES_ARE_GONE}").trim_start().to_owned();
        }

        let detail = match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        };
        let progress = Arc::new(Progress::new(detail, answers));
        let mut agent = AgentSpec::builder(model, place.factory)
            .instructions(instructions)
            .redact(redactor)
            .observer(progress.clone());
        #[cfg(feature = "otel")]
        if crate::telemetry::wants_content() {
            agent = agent.content_in_spans();
        }
        agent = observers.into_iter().fold(agent, |agent, observer| agent.observer(observer));
        agent = match budget {
            Budget::Prompt => agent.limits(spending),
            Budget::Session => agent.session_limits(spending),
        };
        if let Some(turns) = args.limits.max_turns {
            agent = agent.limits(Limits::none().with_turns(turns));
        }
        if let Some(cwd) = place.cwd {
            agent = agent.cwd(cwd);
        }
        if let Some(tools) = fields.tools {
            agent = agent.builtin_tools(tools);
        }
        if let Some(level) = args.who.thinking.or(fields.thinking) {
            agent = agent.thinking(level);
        }
        if let Some(kept) = &kept {
            agent = agent.store(kept.store.clone());
        }
        if let Some(policy) = policy(args.policy.rules(), fields.policy) {
            agent = agent.policy(policy);
            if let Some(approver) = TerminalApprover::open(progress.clone()) {
                agent = agent.approver(approver);
            }
        }
        agent = fields.skills.into_iter().fold(agent, |agent, skill| agent.skill(skill));
        agent = fields.subagents.into_iter().fold(agent, |agent, subagent| agent.subagent(subagent));
        Ok(Self {
            agent: agent.build()?,
            warning: place.warning,
            files: place.files,
            overlaid: place.overlaid,
            guarded: place.guarded,
            model: model_name,
            stages,
            collects,
            progress,
            kept,
        })
    }

    /// Says what there is to say, and opens the sandbox.
    ///
    /// # Errors
    /// Those of the sandbox; [`ErrorKind::Cancelled`] when `cancel` fires first.
    pub(crate) async fn start(&self, cancel: &CancellationToken) -> Result<Harness> {
        if let Some(warning) = self.warning {
            self.progress.note(&format!("note: {warning}"));
        }
        let greeting = self.kept.as_ref().map(|kept| kept.greeting(self.files != Files::Own));
        greeting.iter().flatten().for_each(|line| self.progress.note(&format!("note: {line}")));
        let id = if self.kept.is_some() { HARNESS.to_owned() } else { command::fresh_id() };
        command::unless_cancelled(cancel, self.agent.start(id)).await
    }

    /// The session that is spoken in.
    ///
    /// # Errors
    /// None; the name was checked.
    pub(crate) fn session(&self, harness: &Harness) -> Result<Session> {
        harness.session(self.kept.as_ref().map_or(DEFAULT_SESSION, |kept| &kept.name))
    }

    fn site<'a>(&self, harness: &'a Harness) -> Site<'a> {
        Site { fs: harness.fs(), sandbox: harness.sandbox(), files: self.files }
    }

    /// Copies in what is to be staged.
    ///
    /// # Errors
    /// The first thing that could not be.
    pub(crate) async fn stage(&self, harness: &Harness, cancel: &CancellationToken) -> Result<()> {
        for stage in &self.stages {
            if let Some(note) = stage.run(&self.site(harness), cancel).await? {
                self.progress.note(&note);
            }
        }
        Ok(())
    }

    /// Waits for a reply, and shows how it comes about. `stopping` is said when `cancel` fires.
    ///
    /// # Errors
    /// Those of the prompt.
    pub(crate) async fn follow<T>(
        &self,
        cancel: &CancellationToken,
        stopping: impl Fn() -> Option<&'static str>,
        reply: impl Future<Output = Result<Reply<T>>>,
    ) -> Result<Reply<T>> {
        let mut reply = Box::pin(reply);
        let mut redraw = tokio::time::interval(progress::REDRAW);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                // In this order, so that an interrupt is answered before the end that it brings about.
                biased;
                () = cancel.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    if let Some(note) = stopping() {
                        self.progress.note(note);
                    }
                }
                reply = &mut reply => return reply,
                _ = redraw.tick() => self.progress.tick(),
            }
        }
    }

    /// Collects what there is, however the work ended: the sandbox is about to go. What is not there after work that was
    /// `cut_short` is no error: it may well not have come to it.
    pub(crate) async fn collect(&self, harness: &Harness, cut_short: bool) -> Vec<(Collected, Option<Error>)> {
        // Whoever interrupts the work still wants its files; the next interrupt ends the process.
        let cancel = CancellationToken::new();
        let mut all = Vec::new();
        for collect in &self.collects {
            let (collected, error) = collect.run(&self.site(harness), &cancel).await;
            let error = match error {
                None => {
                    self.progress.note(&collected.to_string());
                    None
                }
                Some(error) if cut_short && error.kind() == ErrorKind::NotFound => {
                    self.progress.note(&format!("{error}"));
                    None
                }
                error => error,
            };
            all.push((collected, error));
        }
        all
    }

    /// Tells what was left for git to run, and does with what was changed in an overlay what is to be done.
    pub(crate) async fn settle(&self, is_bad: bool, cancel: &CancellationToken) -> (Option<Settled>, Option<Error>) {
        if let Some(guarded) = &self.guarded {
            guarded.tell(&|text| self.progress.note(&format!("note: {text}")));
        }
        let Some(overlaid) = &self.overlaid else { return (None, None) };
        let ended = match cancel.is_cancelled() {
            true => Ended::Interrupted,
            false if is_bad => Ended::Badly,
            false => Ended::Well,
        };
        overlaid.settle(ended, cancel, &|text| self.progress.note(text)).await
    }
}
