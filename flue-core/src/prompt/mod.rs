//! One prompt: what is asked, with what options, and the reply.

mod record;
mod reply;
mod stream;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use self::record::{Deadline, Record, until_stopped};
pub use self::reply::Reply;
pub use self::stream::PromptStream;
use self::stream::ReplyFuture;
use crate::event::{EventQueue, Observer};
use crate::limits::Limits;
use crate::model::{Image, Model, ThinkingLevel, User, UserBlock};
use crate::output::{FOOTER, Output, Verdict};
use crate::session::{RunOptions, Session, run};
use crate::tool::{DynTool, Registry, Tool};
use crate::{Error, ErrorKind, Result};

/// The largest image, in characters of base64. Providers take no more.
pub const MAX_IMAGE_CHARS: usize = 14 << 20;

/// What prompts are called in their errors.
pub(crate) const OPERATION: &str = "prompt";

/// A prompt to be awaited, or streamed. `T` is the structured result that it asks for; `()` when it asks for none.
///
/// Cancelling through a token ends it gracefully: commands are killed, what is done is stored, and the prompt gives
/// [`ErrorKind::Cancelled`]. Dropping it kills commands too. After either, the session goes on with the next prompt.
#[must_use = "a prompt does nothing until it is awaited or streamed"]
pub struct Prompt<T = ()> {
    options: PromptOptions,
    output: Output<T>,
}

/// What a prompt has, whatever its result is.
struct PromptOptions {
    session: Session,
    /// What is said; nothing in a prompt that goes on with an earlier one.
    content: Vec<UserBlock>,
    resumes: bool,
    model: Option<Arc<dyn Model>>,
    thinking: Option<ThinkingLevel>,
    tools: Vec<Arc<dyn DynTool>>,
    cancel: CancellationToken,
    timeout: Option<Duration>,
    limits: Limits,
}

impl Session {
    /// Says something to the agent. Nothing happens until the prompt is awaited or streamed.
    pub fn prompt(&self, text: impl Into<String>) -> Prompt {
        Prompt { options: PromptOptions::new(self, vec![UserBlock::text(text)], false), output: Output::text() }
    }

    /// Goes on with a prompt that was interrupted: by a crash, a limit, a failure or its caller.
    ///
    /// What was stored stands. Tool calls whose results were not are answered with "outcome unknown" and not run again; when
    /// the answer was there already, it is given without asking the model. Ask for the same
    /// [structured result](Prompt::output) again, if there was one. Files are not part of a session: whether those of the
    /// interrupted prompt are still there depends on the sandbox.
    ///
    /// The prompt gives [`ErrorKind::NotFound`] for a session in which nothing was said.
    pub fn resume(&self) -> Prompt {
        Prompt { options: PromptOptions::new(self, Vec::new(), true), output: Output::text() }
    }
}

impl<T> Prompt<T> {
    /// Asks this model instead of the agent's.
    pub fn model(mut self, model: Arc<dyn Model>) -> Self {
        self.options.model = Some(model);
        self
    }

    /// How hard the model thinks, instead of the agent's level.
    pub fn thinking(mut self, level: ThinkingLevel) -> Self {
        self.options.thinking = Some(level);
        self
    }

    /// Shows the model images along with the text.
    pub fn images(mut self, images: impl IntoIterator<Item = Image>) -> Self {
        self.options.content.extend(images.into_iter().map(UserBlock::Image));
        self
    }

    /// Offers a tool for this prompt only.
    pub fn tool(self, tool: impl Tool) -> Self {
        self.dyn_tool(Arc::new(tool))
    }

    /// Offers a tool of any kind for this prompt only.
    pub fn dyn_tool(mut self, tool: Arc<dyn DynTool>) -> Self {
        self.options.tools.push(tool);
        self
    }

    /// Ends the prompt when `token` fires. Tools get a few seconds to stop.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.options.cancel = token;
        self
    }

    /// Ends the prompt, with [`ErrorKind::Timeout`], after this long. Tools get a few seconds more to stop.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// The most model turns, instead of the agent's.
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.options.limits.turns = Some(turns);
        self
    }

    /// What the prompt may take. What is not set here is limited as the agent says.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits.or(&self.options.limits);
        self
    }

    /// Asks for a structured result, which the reply has as [`Reply::data`].
    ///
    /// The schema that the model reads is made from `U`, doc comments included. What it hands in is checked by deserialising
    /// it; it is told what does not fit, and to go on when it stops without a result, [`MAX_OUTPUT_ATTEMPTS`] times in all.
    /// When it gives up, or never hands in a result, the prompt gives [`ErrorKind::ResultUnavailable`] with the reason. The
    /// prompt ends with the batch of tool calls in which a result was accepted.
    ///
    /// ```
    /// # use flue_core::{Harness, Result};
    /// # use schemars::JsonSchema;
    /// # use serde::Deserialize;
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Review {
    ///     /// What must change before the document can go out.
    ///     problems: Vec<String>,
    /// }
    ///
    /// # async fn example(harness: Harness) -> Result<()> {
    /// let review = harness.prompt("Review document.md.").output::<Review>().await?.data;
    /// for problem in review.problems {
    ///     println!("{problem}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`MAX_OUTPUT_ATTEMPTS`]: crate::MAX_OUTPUT_ATTEMPTS
    pub fn output<U: DeserializeOwned + JsonSchema + Send + 'static>(self) -> Prompt<U> {
        Prompt { options: self.options, output: Output::typed() }
    }

    /// As [`Prompt::output`], for a JSON Schema that is known only at run time. A schema that is none is an
    /// [`ErrorKind::Config`] error of the prompt.
    #[cfg(feature = "json-schema")]
    pub fn output_schema(self, schema: serde_json::Value) -> Prompt<serde_json::Value> {
        Prompt { options: self.options, output: Output::raw(schema) }
    }
}

impl<T: Send + 'static> Prompt<T> {
    /// Runs the prompt and shows its events as they come.
    pub fn stream(self) -> PromptStream<T> {
        let queue = Arc::new(EventQueue::default());
        PromptStream::new(self.run(Some(queue.clone())), queue)
    }

    async fn run(self, observer: Option<Arc<dyn Observer>>) -> Result<Reply<T>> {
        let Self { options, output } = self;
        options.check()?;
        let verdict = output.shape.transpose()?.map(Verdict::new);
        let tools = options.tools(verdict.as_ref())?;
        let PromptOptions { session, mut content, resumes, model, thinking, cancel: caller, timeout, limits, .. } =
            options;
        let mut transcript = session.claim(OPERATION)?;
        let events = session.shared.events.for_session(session.name_shared()).and(observer);
        let mut record = Record::begin(events.clone(), &content, resumes);
        let cancel = caller.child_token();
        let agent = &session.shared.agent;
        if verdict.is_some() {
            add_footer(&mut content);
        }
        let limits = limits.or(&agent.limits);
        let deadline = Deadline::of(timeout, limits.time);
        let options = RunOptions {
            user: (!resumes).then_some(User { content }),
            model: model.unwrap_or_else(|| agent.model.clone()),
            thinking: thinking.unwrap_or(agent.thinking),
            limits,
            tools,
            verdict,
            events,
            cancel: cancel.clone(),
        };
        let origin = options.model.info().origin.clone();
        let run = run(&session, &mut transcript, options, &mut record.progress);
        let result = until_stopped(run, deadline, &caller, &cancel).await;
        record.end(result.as_ref().err());
        let answer = result?;
        Ok(Reply {
            text: answer.text,
            data: (output.decode)(answer.data)?,
            stop: answer.stop,
            usage: record.progress.usage,
            turns: record.progress.turns,
            model: origin,
        })
    }
}

impl PromptOptions {
    fn new(session: &Session, content: Vec<UserBlock>, resumes: bool) -> Self {
        Self {
            session: session.clone(),
            content,
            resumes,
            model: None,
            thinking: None,
            tools: Vec::new(),
            cancel: CancellationToken::new(),
            timeout: None,
            limits: Limits::none(),
        }
    }

    fn check(&self) -> Result<()> {
        self.limits.check(ErrorKind::InvalidInput, OPERATION)?;
        if self.cancel.is_cancelled() {
            return Err(Error::cancelled(OPERATION));
        }
        if self.resumes && !self.content.is_empty() {
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

    /// The agent's tools, those of this prompt, and those by which a result is handed in.
    fn tools(&self, verdict: Option<&Arc<Verdict>>) -> Result<Arc<Registry>> {
        let agent = &self.session.shared.tools;
        if self.tools.is_empty() && verdict.is_none() {
            return Ok(agent.clone());
        }
        let result = verdict.map(Verdict::tools).into_iter().flatten();
        Ok(Arc::new(agent.with([], self.tools.iter().cloned(), result)?))
    }
}

/// Says how a result is handed in, at the end of the text.
fn add_footer(content: &mut [UserBlock]) {
    if let Some(UserBlock::Text { text }) = content.first_mut() {
        text.push_str(FOOTER);
    }
}

impl<T: Send + 'static> IntoFuture for Prompt<T> {
    type Output = Result<Reply<T>>;
    type IntoFuture = ReplyFuture<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run(None))
    }
}

impl<T> fmt::Debug for Prompt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("session", &self.options.session).finish_non_exhaustive()
    }
}
