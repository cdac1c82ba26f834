//! One prompt: what is asked, with what options, and the reply.

mod record;
mod reply;
mod run;
mod stream;

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use self::reply::Reply;
pub use self::stream::PromptStream;
use self::stream::ReplyFuture;
use crate::Result;
use crate::event::EventQueue;
use crate::limits::Limits;
use crate::model::{Image, Model, ThinkingLevel, UserBlock};
use crate::output::Output;
use crate::session::{Session, Task, TaskLink};
use crate::tool::{DynTool, Tool};

/// The largest image, in characters of base64. Providers take no more.
pub const MAX_IMAGE_CHARS: usize = 14 << 20;

/// What prompts are called in their errors.
pub(crate) const OPERATION: &str = "prompt";

/// A prompt to be awaited, or streamed. `T` is the structured result that it asks for; `()` when it asks for none.
///
/// Cancelling through a token ends it gracefully: commands are killed, what is done is stored, and the prompt gives
/// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). Dropping it kills commands too. After either, the session goes on with the next prompt.
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
    kind: Kind,
    /// Who waits for it, when it is the prompt of a task.
    link: Option<TaskLink>,
    shows_tasks: bool,
    key: Option<Arc<str>>,
    model: Option<Arc<dyn Model>>,
    thinking: Option<ThinkingLevel>,
    tools: Vec<Arc<dyn DynTool>>,
    cancel: CancellationToken,
    timeout: Option<Duration>,
    limits: Limits,
}

/// What a prompt does.
enum Kind {
    /// Says something.
    Says,
    /// Goes on with what was interrupted.
    Resumes,
    /// Has a subagent do something.
    Delegates(Task),
    /// Follows a skill.
    FollowsSkill { name: String, arguments: Value },
}

impl Session {
    /// Says something to the agent. Nothing happens until the prompt is awaited or streamed.
    pub fn prompt(&self, text: impl Into<String>) -> Prompt {
        Prompt::new(self, vec![UserBlock::text(text)], Kind::Says)
    }

    /// Goes on with a prompt that was interrupted: by a crash, a limit, a failure or its caller.
    ///
    /// What was stored stands. Tool calls whose results were not are answered with "outcome unknown" and not run again; when
    /// the answer was there already, it is given without asking the model. Ask for the same
    /// [structured result](Prompt::output) again, if there was one. Files are not part of a session: whether those of the
    /// interrupted prompt are still there depends on the sandbox.
    ///
    /// The prompt gives [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a session in which nothing was said.
    pub fn resume(&self) -> Prompt {
        Prompt::new(self, Vec::new(), Kind::Resumes)
    }

    /// Has the agent follow the skill called `name`, with `arguments` unless they are `null`.
    ///
    /// The prompt gives [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a skill that neither the application nor the
    /// workspace has.
    pub fn skill(&self, name: impl Into<String>, arguments: Value) -> Prompt {
        let name = name.into();
        let shown = UserBlock::text(format!("Run the skill named \"{name}\"."));
        Prompt::new(self, vec![shown], Kind::FollowsSkill { name, arguments })
    }

    /// Has a subagent do something, in a session of its own below this one. The conversation here goes on without it.
    ///
    /// It is the one operation that runs on this session meanwhile. Models and tools that are given to this prompt are for the
    /// subagent.
    ///
    /// ```
    /// # async fn example(session: flue_core::Session) -> flue_core::Result<()> {
    /// use flue_core::Task;
    ///
    /// let reply = session.task(Task::new("Review src/main.rs.").agent("reviewer")).await?;
    /// println!("{} ({})", reply.text, reply.session);
    /// # Ok(())
    /// # }
    /// ```
    pub fn task(&self, task: Task) -> Prompt {
        Prompt::new(self, vec![UserBlock::text(task.text.clone())], Kind::Delegates(task))
    }
}

impl Prompt {
    fn new(session: &Session, content: Vec<UserBlock>, kind: Kind) -> Self {
        let options = PromptOptions {
            session: session.clone(),
            content,
            kind,
            link: None,
            shows_tasks: false,
            key: None,
            model: None,
            thinking: None,
            tools: Vec::new(),
            cancel: CancellationToken::new(),
            timeout: None,
            limits: Limits::none(),
        };
        Self { options, output: Output::text() }
    }

    /// The prompt of a task, in the session that was made for it.
    pub(crate) fn of_task(session: &Session, link: TaskLink, text: String) -> Self {
        let mut prompt = Self::new(session, vec![UserBlock::text(text)], Kind::Says);
        prompt.options.link = Some(link);
        prompt
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

    /// Ends the prompt, with [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), after this long. Tools get a few seconds more to stop.
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

    /// Says it at most once: when the last prompt of the session was said under the same key, it is gone on with, or its answer
    /// is given, instead. So a program that was interrupted can make the same call again.
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// Shows the events of tasks too where this prompt is [streamed](Prompt::stream). Observers of the agent see them anyway.
    pub fn show_tasks(mut self) -> Self {
        self.options.shows_tasks = true;
        self
    }

    /// Asks for a structured result, which the reply has as [`Reply::data`].
    ///
    /// The schema that the model reads is made from `U`, doc comments included. What it hands in is checked by deserialising
    /// it; it is told what does not fit, and to go on when it stops without a result, [`MAX_OUTPUT_ATTEMPTS`] times in all.
    /// When it gives up, or never hands in a result, the prompt gives
    /// [`ErrorKind::ResultUnavailable`](crate::ErrorKind::ResultUnavailable) with the reason. The
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
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) error of the prompt.
    #[cfg(feature = "json-schema")]
    pub fn output_schema(self, schema: Value) -> Prompt<Value> {
        Prompt { options: self.options, output: Output::raw(schema) }
    }
}

impl<T: Send + 'static> Prompt<T> {
    /// Runs the prompt and shows its events as they come.
    pub fn stream(self) -> PromptStream<T> {
        let queue = Arc::new(EventQueue::default());
        PromptStream::new(self.start(Some(queue.clone())), queue)
    }
}

impl<T: Send + 'static> IntoFuture for Prompt<T> {
    type Output = Result<Reply<T>>;
    type IntoFuture = ReplyFuture<T>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start(None))
    }
}

impl<T> fmt::Debug for Prompt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").field("session", &self.options.session).finish_non_exhaustive()
    }
}
