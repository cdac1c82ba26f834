//! `flue chat`: a conversation, message by message.

mod lines;
mod slash;

use flue_core::model::Usage;
use flue_core::{Harness, Session};

use self::lines::{Lines, Typed};
use self::slash::Slash;
use crate::args::ChatArgs;
use crate::exit::{self, Failure};
use crate::interrupt::TurnInterrupt;
use crate::limits::LimitArgs;
use crate::setup::{Budget, Setup};
use crate::{command, output};

/// A chat that is held.
struct Chat {
    setup: Setup,
    limits: LimitArgs,
    interrupt: TurnInterrupt,
    spent: Spent,
}

/// What all prompts of the chat took.
#[derive(Debug, Default)]
struct Spent {
    prompts: u32,
    /// Those that were not answered.
    failed: u32,
    usage: Usage,
}

/// Holds the chat, and gives the exit code.
///
/// # Errors
/// Usage errors; whatever keeps the chat from being begun or ended in order.
pub(crate) fn run(args: ChatArgs) -> Result<u8, Failure> {
    #[cfg(feature = "otel")]
    let _telemetry = crate::telemetry::Telemetry::begin().map_err(Failure::usage)?;
    let runtime = command::runtime().map_err(Failure::failed)?;
    let setup = runtime.block_on(Setup::make(&args.work, Budget::Session, true, None)).map_err(Failure::usage)?;
    let interrupt = TurnInterrupt::default();
    interrupt.listen();
    let mut chat = Chat { setup, limits: args.work.limits, interrupt, spent: Spent::default() };
    let lines = Lines::open();
    let ended = runtime.block_on(chat.hold(lines));
    runtime.shutdown_background();
    ended
}

impl Chat {
    /// Opens the sandbox, stages, talks, collects and closes.
    async fn hold(&mut self, mut lines: Lines) -> Result<u8, Failure> {
        let ended = self.interrupt.ended().clone();
        let harness = self.setup.start(&ended).await.map_err(|error| self.not_begun(error))?;
        let mut failure = None;
        match self.setup.stage(&harness, &ended).await {
            Err(error) => failure = Some(self.not_begun(error)),
            Ok(()) => {
                if lines.is_edited() {
                    self.setup.progress.note(&format!("{}; /help lists the commands", self.setup.model));
                }
                if let Err(why) = self.talk(&harness, &mut lines).await {
                    failure = Some(why);
                }
            }
        }
        if ended.is_cancelled() && lines.is_edited() {
            // The message that was being typed is left on its line.
            self.setup.progress.note("");
        }
        drop(lines);
        let mut errors = Vec::new();
        for (_, error) in self.setup.collect(&harness, failure.is_some() || self.spent.failed > 0).await {
            errors.extend(error);
        }
        errors.extend(harness.close().await.err());
        let (_, error) = self.setup.settle(failure.is_some(), &ended).await;
        errors.extend(error);
        errors.iter().for_each(output::complain);
        match (self.interrupt.code(), failure) {
            (Some(code), _) => Err(Failure::silent(code)),
            (None, Some(failure)) => Err(failure),
            (None, None) if !errors.is_empty() => Err(Failure::silent(exit::FAILED)),
            (None, None) => Ok(exit::DONE),
        }
    }

    /// What a chat ends with that was interrupted or failed before anything was said.
    fn not_begun(&self, error: flue_core::Error) -> Failure {
        self.interrupt.code().map_or_else(|| Failure::failed(error), Failure::silent)
    }

    /// Takes messages until there are no more.
    async fn talk(&mut self, harness: &Harness, lines: &mut Lines) -> Result<(), Failure> {
        let session = self.setup.session(harness).map_err(Failure::failed)?;
        loop {
            let typed = tokio::select! {
                biased;
                () = self.interrupt.ended().clone().cancelled_owned() => return Ok(()),
                typed = lines.next() => typed,
            };
            match typed {
                Typed::Line(line) if line.trim().is_empty() => {}
                Typed::Line(line) => match Slash::parse(&line) {
                    None => self.say(&session, &line).await?,
                    Some(Ok(Slash::Quit)) => return Ok(()),
                    Some(Ok(Slash::Help)) => self.setup.progress.note(slash::HELP),
                    Some(Ok(Slash::Cost)) => self.setup.progress.note(&self.spent.words()),
                    Some(Ok(Slash::Compact)) => self.compact(&session).await,
                    Some(Err(why)) => self.setup.progress.note(&why),
                },
                #[cfg(feature = "editor")]
                Typed::Interrupted => self.setup.progress.note("Ctrl-D or /quit ends the chat"),
                Typed::End if self.spent.failed > 0 && !lines.is_edited() => return Err(Failure::silent(exit::FAILED)),
                Typed::End => return Ok(()),
                Typed::Failed(error) => return Err(Failure::failed(error)),
            }
        }
    }

    /// Says something, and shows what comes of it. A prompt that fails is told, and the chat goes on.
    async fn say(&mut self, session: &Session, text: &str) -> Result<(), Failure> {
        let progress = &self.setup.progress;
        progress.begin();
        let turn = self.interrupt.turn();
        let mut prompt = session.prompt(text).cancel(turn.token().clone());
        if let Some(timeout) = self.limits.timeout {
            prompt = prompt.timeout(timeout);
        }
        let reply = self.setup.follow(turn.token(), || Some("stopping"), prompt.into_future()).await;
        let was_stopped = turn.token().is_cancelled();
        drop(turn);
        let shown = progress.end();
        self.spent.prompts += 1;
        self.spent.usage += progress.tally().usage;
        match reply {
            Ok(reply) if shown.as_ref().map(|shown| shown.trim_end()) == Some(reply.text.trim_end()) => Ok(()),
            Ok(reply) => output::print_text(&reply.text),
            Err(_) if was_stopped => {
                self.spent.failed += 1;
                Ok(())
            }
            Err(error) => {
                self.spent.failed += 1;
                output::complain(&error);
                Ok(())
            }
        }
    }

    /// Makes room in the conversation.
    async fn compact(&mut self, session: &Session) {
        self.setup.progress.begin();
        let turn = self.interrupt.turn();
        let done = command::unless_cancelled(turn.token(), session.compact()).await;
        drop(turn);
        self.setup.progress.rest();
        match done {
            Ok(true) => {}
            Ok(false) => self.setup.progress.note("there is nothing to summarise yet"),
            Err(error) => output::complain(&error),
        }
    }
}

impl Spent {
    fn words(&self) -> String {
        let messages = if self.prompts == 1 { "message" } else { "messages" };
        format!("{} {messages} · {}", self.prompts, crate::progress::words::spent(&self.usage))
    }
}
