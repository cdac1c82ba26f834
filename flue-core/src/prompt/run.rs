//! A prompt from its options to its reply.

use std::sync::Arc;

use tracing::Instrument;

use super::record::{Deadline, Record, until_stopped};
use super::{Kind, MAX_IMAGE_CHARS, OPERATION, Prompt, PromptOptions, Reply};
use crate::event::Observer;
use crate::model::{User, UserBlock};
use crate::output::Verdict;
use crate::session::{Opening, RunContext, RunOptions, Task, run, spans};
use crate::{Error, ErrorKind, Result};

impl<T: Send + 'static> Prompt<T> {
    /// Runs, wherever the prompt is to run.
    pub(super) async fn start(mut self, observer: Option<Arc<dyn Observer>>) -> Result<Reply<T>> {
        match std::mem::replace(&mut self.options.kind, Kind::Says) {
            Kind::Delegates(task) => Box::pin(self.delegate(&task, observer)).await,
            kind => {
                self.options.kind = kind;
                Box::pin(self.run(observer)).await
            }
        }
    }

    /// Has a subagent do it, while this session waits.
    async fn delegate(self, task: &Task, observer: Option<Arc<dyn Observer>>) -> Result<Reply<T>> {
        let Self { mut options, output } = self;
        options.check()?;
        let session = options.session.clone();
        let mut transcript = session.claim("task")?;
        transcript.load().await?;
        let cx = Arc::new(RunContext::idle(&session, &transcript, observer, options.cancel.clone()));
        cx.ledger.check()?;
        let id = transcript.begin_tasks(&[""]).await?.pop().unwrap_or_default();
        let (below, link) = task.open(&cx, id).await?;
        (options.session, options.link) = (below, Some(link));
        let result = Prompt { options, output }.run(None).await;
        let recorded = transcript.end_tasks(cx.tasks.take()).await;
        let reply = result?;
        recorded.map(|()| reply)
    }

    /// Runs in the prompt's own session.
    async fn run(self, observer: Option<Arc<dyn Observer>>) -> Result<Reply<T>> {
        let Self { mut options, output } = self;
        options.check()?;
        if let Some(link) = options.link.as_ref().filter(|link| link.agent.is_none()) {
            // A copy of whoever waits has what they have.
            options.tools.splice(0..0, link.parent.own_tools.iter().cloned());
        }
        let verdict = output.shape.transpose()?.map(Verdict::new);
        let PromptOptions { session, content, kind, link, cancel: caller, .. } = options;
        let mut transcript = session.claim(OPERATION)?;
        let (agent, name) = (&session.shared.agent, session.name_shared());
        let events = match &link {
            Some(link) => link.parent.events.for_task(name, link.id.clone()),
            None => session.shared.events.for_session(name).and(observer, options.shows_tasks),
        };
        let resumes = matches!(kind, Kind::Resumes);
        let mut record = Record::begin(events.clone(), &content, resumes, link.clone());
        let opening = match kind {
            Kind::Resumes => Opening::Resumes,
            Kind::FollowsSkill { name, arguments } => {
                // Its text stands for the skill until that was read.
                Opening::Skill { name, arguments, images: content.into_iter().skip(1).collect() }
            }
            Kind::Says | Kind::Delegates(_) => Opening::Says(User { content }),
        };
        let cancel = caller.child_token();
        let limits = options.limits.or(&agent.persona.limits);
        let deadline = Deadline::of(options.timeout, limits.time);
        let parent = link.map(|link| link.parent);
        // What the parent's prompt was told to use goes before what its agent uses.
        let inherited = parent.as_ref().filter(|_| !agent.has_own_model).map(|parent| parent.model.clone());
        let model = options.model.or(inherited).unwrap_or_else(|| agent.model.clone());
        let inherited = parent.as_ref().filter(|_| !agent.has_own_thinking).map(|parent| parent.thinking);
        let thinking = options.thinking.or(inherited).unwrap_or(agent.thinking);
        let origin = model.info().origin.clone();
        let (own_tools, key) = (options.tools, options.key);
        let run_cancel = cancel.clone();
        let options = RunOptions {
            opening,
            key,
            model,
            thinking,
            limits,
            own_tools,
            parent,
            verdict,
            events,
            cancel: run_cancel,
        };
        let span = spans::invoke_agent(&session, &origin);
        let run = run(&session, &mut transcript, options, &mut record.progress).instrument(span.clone());
        let result = until_stopped(run, deadline, &caller, &cancel).await;
        spans::end_agent(&span, &record.progress, result.as_ref().err());
        record.end(result.as_ref().err());
        let answer = result?;
        Ok(Reply {
            text: answer.text,
            data: (output.decode)(answer.data)?,
            stop: answer.stop,
            usage: record.progress.usage,
            tasks: record.progress.tasks,
            turns: record.progress.turns,
            model: origin,
            session: session.name_shared(),
        })
    }
}

impl PromptOptions {
    fn check(&self) -> Result<()> {
        self.limits.check(ErrorKind::InvalidInput, OPERATION)?;
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled(OPERATION));
        }
        if matches!(self.kind, Kind::Resumes) && !self.content.is_empty() {
            let why = "a prompt that goes on with an earlier one takes no images; give them to a prompt of their own";
            return Err(Error::new(ErrorKind::InvalidInput, OPERATION, why));
        }
        for block in &self.content {
            match block {
                UserBlock::Image(image) if image.data.len() > MAX_IMAGE_CHARS => {
                    return Err(Error::new(ErrorKind::InvalidInput, OPERATION, "an image is too large; scale it down")
                        .with("base64_chars", image.data.len())
                        .with("limit", MAX_IMAGE_CHARS));
                }
                UserBlock::Text { text } if text.trim().is_empty() => {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        OPERATION,
                        "the prompt is empty; say what is to be done",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
