//! A model that plays a script, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flue_core::model::{
    AssistantBlock, Finish, Model, ModelEvent, ModelInfo, ModelRequest, ModelStream, StopReason, Text, ToolCall, Usage,
};
use flue_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt, future, stream};

use super::lock;

/// The characters that one text delta has: few, so that the shortest answers come in several.
const DELTA_CHARS: usize = 3;

/// A model that answers each request with the next turn of a script. Clones share the script and the record.
///
/// ```
/// # use flue_core::model::{Message, Model, ModelRequest, collect};
/// # async fn f() -> flue_core::Result<()> {
/// let model = flue_core_testkit::ScriptModel::new().calls([("c1", "read", r#"{"path":"a.txt"}"#)]).says("Done.");
/// collect(model.stream(ModelRequest::new(vec![Message::user("Read a.txt.")])).await?, |_| {}).await?;
/// assert_eq!(model.requests()[0].messages.len(), 1);
/// assert_eq!(model.turns_left(), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f()).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct ScriptModel {
    info: Arc<ModelInfo>,
    turns: Arc<Mutex<VecDeque<Turn>>>,
    requests: Arc<Mutex<Vec<ModelRequest>>>,
}

/// One answer.
#[derive(Debug)]
enum Turn {
    Refusal(Error),
    Stream { items: Vec<Result<ModelEvent>>, hangs: bool },
    Silence,
}

impl Default for ScriptModel {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptModel {
    /// A model called `double/script` with nothing to say yet.
    pub fn new() -> Self {
        Self {
            info: Arc::new(ModelInfo::new("double", "double-script", "script")),
            turns: Arc::default(),
            requests: Arc::default(),
        }
    }

    /// Sets what is known of the model.
    #[must_use]
    pub fn with_info(mut self, info: ModelInfo) -> Self {
        self.info = Arc::new(info);
        self
    }

    /// Adds a turn of text that ends the answer.
    #[must_use]
    pub fn says(self, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut events: Vec<ModelEvent> =
            chars.chunks(DELTA_CHARS).map(|delta| ModelEvent::TextDelta(delta.iter().collect())).collect();
        events.push(ModelEvent::Block(AssistantBlock::Text(Text::new(text))));
        events.push(ModelEvent::Finished(Finish::new(StopReason::End, Usage::default())));
        self.answers(events)
    }

    /// Adds a turn that calls tools: id, name and arguments of each.
    #[must_use]
    pub fn calls<'a>(self, calls: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let call =
            |(id, name, arguments)| ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new(id, name, arguments)));
        let mut events: Vec<ModelEvent> = calls.into_iter().map(call).collect();
        events.push(ModelEvent::Finished(Finish::new(StopReason::ToolUse, Usage::default())));
        self.answers(events)
    }

    /// Adds a turn of these events, as they are.
    #[must_use]
    pub fn answers(self, events: impl IntoIterator<Item = ModelEvent>) -> Self {
        self.streams(events.into_iter().map(Ok))
    }

    /// Adds a turn of these events and errors, as they are.
    #[must_use]
    pub fn streams(self, items: impl IntoIterator<Item = Result<ModelEvent>>) -> Self {
        self.with_turn(Turn::Stream { items: items.into_iter().collect(), hangs: false })
    }

    /// Adds a turn that gives these events and then neither goes on nor ends.
    #[must_use]
    pub fn hangs_after(self, events: impl IntoIterator<Item = ModelEvent>) -> Self {
        self.with_turn(Turn::Stream { items: events.into_iter().map(Ok).collect(), hangs: true })
    }

    /// Adds a request that is never answered.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.with_turn(Turn::Silence)
    }

    /// Adds a request that fails before the first event.
    #[must_use]
    pub fn fails(self, error: Error) -> Self {
        self.with_turn(Turn::Refusal(error))
    }

    /// What the model was asked, oldest first.
    pub fn requests(&self) -> Vec<ModelRequest> {
        lock(&self.requests).clone()
    }

    /// How many turns have not been played.
    pub fn turns_left(&self) -> usize {
        lock(&self.turns).len()
    }

    fn with_turn(self, turn: Turn) -> Self {
        lock(&self.turns).push_back(turn);
        self
    }
}

#[async_trait]
impl Model for ScriptModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let turn = lock(&self.turns).pop_front().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "play script", "the script has no turn left; give it one for each request")
                .with("played", lock(&self.requests).len())
        })?;
        lock(&self.requests).push(request);
        match turn {
            Turn::Refusal(error) => Err(error),
            Turn::Silence => future::pending().await,
            Turn::Stream { items, hangs: false } => Ok(stream::iter(items).boxed()),
            Turn::Stream { items, hangs: true } => Ok(stream::iter(items).chain(stream::pending()).boxed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use flue_core::model::{Message, collect};

    use super::*;

    fn request(text: &str) -> ModelRequest {
        ModelRequest::new(vec![Message::user(text)])
    }

    #[tokio::test]
    async fn plays_its_turns_in_order_and_says_when_there_are_none_left() {
        let model = ScriptModel::new()
            .fails(Error::new(ErrorKind::Unavailable, "request", "overloaded"))
            .calls([("c1", "read", "{}"), ("c2", "bash", "{\"command\":")])
            .says("Well done.");

        assert_eq!(model.stream(request("1")).await.err().unwrap().kind(), ErrorKind::Unavailable);

        let turn = collect(model.stream(request("2")).await.unwrap(), |_| {}).await.unwrap();
        assert_eq!(turn.finish.stop, StopReason::ToolUse);
        assert!(matches!(&turn.content[1], AssistantBlock::ToolCall(call) if call.malformed.is_some()));

        let mut text = String::new();
        let watch = |event: &ModelEvent| {
            if let ModelEvent::TextDelta(delta) = event {
                text.push_str(delta);
            }
        };
        let turn = collect(model.stream(request("3")).await.unwrap(), watch).await.unwrap();
        assert_eq!(turn.content, [AssistantBlock::Text(Text::new("Well done."))]);
        assert_eq!(text, "Well done.");

        assert_eq!(model.stream(request("4")).await.err().unwrap().fact("played"), Some("3"));
        assert_eq!(model.requests()[1].messages, request("2").messages);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_hangs_neither_goes_on_nor_ends() {
        let model = ScriptModel::new().hangs_after([ModelEvent::TextDelta("a".into())]).hangs();
        let mut events = model.stream(request("1")).await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap(), ModelEvent::TextDelta("a".into()));
        let an_hour = std::time::Duration::from_secs(3600);
        assert!(tokio::time::timeout(an_hour, events.next()).await.is_err());
        assert!(tokio::time::timeout(an_hour, model.stream(request("2"))).await.is_err());
    }
}
