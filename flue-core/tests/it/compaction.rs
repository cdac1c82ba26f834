//! Long conversations: trimmed, summarised, refused as too long, and the same after a restart.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::{Event, EventRecord};
use flue_core::model::{
    AssistantBlock, Body, Finish, Model, ModelEvent, ModelInfo, ModelRequest, ModelStream, StopReason, Text, ToolCall,
    Usage,
};
use flue_core::store::{EntryKind, MemoryStore};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{
    AgentBuilder, AgentSpec, Compaction, CompactionReason, Error, ErrorKind, Harness, Result, RetryPolicy,
};
use flue_core_testkit::{MemoryFactory, Recorder};
use futures_util::{StreamExt, stream};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::support::{conversation, start, told, watched};

/// Answers a turn.
type Answer = dyn Fn(&ModelRequest) -> Result<Vec<ModelEvent>> + Send + Sync;

/// A model with a window of 1000 tokens, that answers turns by a function and summarises by counting.
#[derive(Clone)]
struct Small {
    info: Arc<ModelInfo>,
    answer: Arc<Answer>,
    turns: Arc<Mutex<Vec<ModelRequest>>>,
    summaries: Arc<Mutex<Vec<ModelRequest>>>,
}

impl std::fmt::Debug for Small {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Small")
    }
}

fn usage(input: u64) -> Usage {
    let mut usage = Usage::default();
    usage.input = input;
    usage
}

fn says(text: &str, usage: Usage) -> Vec<ModelEvent> {
    let finish = Finish::new(StopReason::End, usage);
    vec![ModelEvent::Block(AssistantBlock::Text(Text::new(text))), ModelEvent::Finished(finish)]
}

fn calls(tool: &str, arguments: &str) -> Vec<ModelEvent> {
    let finish = Finish::new(StopReason::ToolUse, Usage::default());
    vec![ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new("c", tool, arguments))), ModelEvent::Finished(finish)]
}

fn too_long() -> Error {
    Error::new(ErrorKind::ContextOverflow, "request", "prompt is too long")
}

impl Small {
    fn new(answer: impl Fn(&ModelRequest) -> Result<Vec<ModelEvent>> + Send + Sync + 'static) -> Self {
        let mut info = ModelInfo::new("double", "small", "small");
        info.context_window = Some(1000);
        Self { info: Arc::new(info), answer: Arc::new(answer), turns: Arc::default(), summaries: Arc::default() }
    }

    fn with_window(mut self, window: Option<u64>) -> Self {
        Arc::make_mut(&mut self.info).context_window = window;
        self
    }

    /// An agent that keeps 300 tokens free and the newest 100.
    fn agent(&self) -> AgentBuilder {
        let model: Arc<dyn Model> = Arc::new(self.clone());
        AgentSpec::builder(model, MemoryFactory::new())
            .compaction(Compaction::default().with_reserve_tokens(300).with_keep_recent_tokens(100))
            .retry(RetryPolicy::never())
    }

    fn turns(&self) -> Vec<ModelRequest> {
        self.turns.lock().unwrap().clone()
    }

    /// What the summariser was shown.
    fn summaries(&self) -> Vec<String> {
        self.summaries.lock().unwrap().iter().flat_map(|request| told(&request.messages)).collect()
    }
}

#[async_trait]
impl Model for Small {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let events = if request.system.starts_with("You summarise conversations") {
            assert!(request.tools.specs().is_empty() && request.max_output.is_some());
            let mut summaries = self.summaries.lock().unwrap();
            summaries.push(request);
            says(&format!("SUMMARY {}", summaries.len()), usage(7))
        } else {
            let answer = (self.answer)(&request);
            self.turns.lock().unwrap().push(request);
            answer?
        };
        Ok(stream::iter(events.into_iter().map(Ok)).boxed())
    }
}

/// About 100 tokens.
fn long(word: &str) -> String {
    format!("{word:x<400}")
}

async fn kinds(harness: &Harness) -> Vec<EntryKind> {
    let entries = harness.sessions().entries("default").await.unwrap();
    entries.into_iter().map(|entry| entry.kind).collect()
}

/// The compactions, as they are told.
fn compactions(seen: &Recorder<EventRecord>) -> Vec<String> {
    let one = |record: EventRecord| match record.event {
        Event::CompactionStarted { reason, .. } => Some(format!("{reason:?}")),
        Event::CompactionFinished { messages_before, messages_after, error, .. } => {
            Some(format!("{messages_before} -> {messages_after}{}", if error.is_some() { " failed" } else { "" }))
        }
        _ => None,
    };
    seen.items().into_iter().filter_map(one).collect()
}

#[tokio::test]
async fn a_conversation_is_summarised_before_it_is_too_long() {
    let model = Small::new(|_| Ok(says("ok", Usage::default())));
    let store = Arc::new(MemoryStore::new());
    let (builder, seen) = watched(model.agent().store(store.clone()));
    let harness = start(builder).await;
    for number in 0..6 {
        assert_eq!(harness.prompt(long(&format!("Prompt {number}."))).await.unwrap().usage.input, 0);
    }
    // Six prompts and answers have 606 tokens; with the next prompt it is more than 700.
    let reply = harness.prompt(long("Prompt 6.")).await.unwrap();
    assert_eq!(reply.usage.input, 7, "what the summary cost");
    let shown = told(&model.turns()[6].messages);
    assert!(shown[0].contains("<summary>\\nSUMMARY 1\\n</summary>"), "{shown:?}");
    assert!(shown.len() == 2 && shown[1].contains("Prompt 6."), "{shown:?}");
    assert_eq!(compactions(&seen), ["Threshold", "13 -> 2"]);
    let asked = model.summaries().remove(0);
    assert!(asked.contains("[User]: Prompt 0.") && asked.contains("[Assistant]: ok") && !asked.contains("Prompt 6."));
    assert!(!asked.contains("previous-summary"), "{asked}");
    // Everything that was said is in the store.
    let said = kinds(&harness).await.iter().filter(|kind| matches!(kind, EntryKind::Message { .. })).count();
    assert_eq!(said, 14);
    // The next summary goes on from this one, and a restart shows the same.
    for number in 7..15 {
        harness.prompt(long(&format!("Prompt {number}."))).await.unwrap();
    }
    let asked = model.summaries().pop().unwrap();
    assert!(
        asked.contains("<previous-summary>\\nSUMMARY 1\\n</previous-summary>") && !asked.contains("Prompt 0."),
        "{asked}"
    );
    let before = conversation(&harness.session("default").unwrap()).await;
    let restarted = start(model.agent().store(store)).await;
    assert_eq!(conversation(&restarted.session("default").unwrap()).await, before);
}

/// Gives a long text.
struct Long;

#[derive(Deserialize, JsonSchema)]
struct NoArgs {}

#[async_trait]
impl Tool for Long {
    type Args = NoArgs;
    const NAME: &'static str = "long";
    const DESCRIPTION: &'static str = "Long.";

    async fn call(&self, _args: NoArgs, _cx: ToolContext) -> Result<ToolOutput> {
        Ok(ToolOutput::text("x".repeat(9000)))
    }
}

#[tokio::test]
async fn results_are_trimmed_first_and_between_the_turns_of_one_prompt() {
    let model = Small::new(|request| match request.messages.len() {
        1..9 => Ok(calls("long", "{}")),
        _ => Ok(says("done", Usage::default())),
    });
    let (builder, seen) = watched(model.clone().with_window(Some(8000)).agent().tool(Long));
    let harness = start(builder).await;
    assert_eq!(harness.prompt("Go.").await.unwrap().text, "done");
    // Each result has 2250 tokens, and a fifth of 7700 has to be free for trimming to be worth it.
    assert_eq!(compactions(&seen), ["Threshold", "9 -> 9"]);
    assert_eq!(model.summaries(), [""; 0]);
    let trimmed = |line: &&String| line.contains("[7000 more characters were left out to save room.]");
    let shown = told(&model.turns()[4].messages);
    assert_eq!(shown.iter().filter(trimmed).count(), 3, "the newest one is whole");
    assert!(kinds(&harness).await.iter().any(|kind| matches!(kind, EntryKind::Trimmed { before: 7 })));
    let whole = |kind: &&EntryKind| match kind {
        EntryKind::Message { message } => {
            matches!(&message.body, Body::ToolResult(result) if result.text().len() == 9000)
        }
        _ => false,
    };
    assert_eq!(kinds(&harness).await.iter().filter(whole).count(), 4, "the store has them as they were");
}

/// Refuses conversations of more messages than this.
fn refusing(most: usize) -> Small {
    let answer = move |request: &ModelRequest| {
        if request.messages.len() > most { Err(too_long()) } else { Ok(says("ok", Usage::default())) }
    };
    Small::new(answer).with_window(None)
}

#[tokio::test]
async fn a_refused_conversation_is_summarised_and_taken_again() {
    let model = refusing(4);
    let (builder, seen) = watched(model.agent());
    let harness = start(builder).await;
    for number in 0..3 {
        assert_eq!(harness.prompt(long(&format!("{number}"))).await.unwrap().text, "ok");
    }
    assert_eq!(compactions(&seen), ["Overflow", "5 -> 2"]);
    // Once in a prompt: then the refusal stands.
    let model = refusing(0);
    let harness = start(model.agent()).await;
    assert_eq!(harness.prompt(long("0")).await.unwrap_err().kind(), ErrorKind::ContextOverflow);
    assert_eq!(harness.prompt(long("1")).await.unwrap_err().kind(), ErrorKind::ContextOverflow);
    assert_eq!((model.turns().len(), model.summaries().len()), (3, 1), "the first has nothing to summarise");
}

#[tokio::test]
async fn an_overflow_that_a_provider_does_not_tell_is_found() {
    let silent = |request: &ModelRequest| match request.messages.len() {
        5 => Ok(says("cut", usage(1001))),
        _ => Ok(says("ok", usage(10))),
    };
    let model = Small::new(silent);
    let (builder, seen) = watched(model.agent());
    let harness = start(builder).await;
    for _ in 0..3 {
        assert_eq!(harness.prompt(long("x")).await.unwrap().text, "ok");
    }
    assert_eq!(compactions(&seen), ["Overflow", "5 -> 2"]);
    assert!(kinds(&harness).await.iter().any(|kind| matches!(kind, EntryKind::TurnFailed { .. })));
}

#[tokio::test]
async fn a_caller_can_have_a_conversation_summarised() {
    let model = Small::new(|request| match request.messages.len() {
        1 => Ok(calls("write", r#"{"path":"a.txt","content":"x"}"#)),
        _ => Ok(says("ok", Usage::default())),
    });
    let (builder, seen) = watched(model.agent());
    let harness = start(builder).await;
    let session = harness.session("default").unwrap();
    assert!(!session.compact().await.unwrap(), "there is nothing yet");
    session.prompt("Write.").await.unwrap();
    session.prompt(long("More.")).await.unwrap();
    assert!(session.compact().await.unwrap());
    assert!(!session.compact().await.unwrap(), "nothing has come since");
    assert_eq!(compactions(&seen), ["Manual", "6 -> 3"]);
    let shown = conversation(&session).await;
    assert!(shown[0].contains("<modified-files>\\na.txt\\n</modified-files>"), "{shown:?}");
    let compacted = kinds(&harness).await.into_iter().find(|kind| matches!(kind, EntryKind::Compacted { .. }));
    assert!(matches!(compacted, Some(EntryKind::Compacted { reason: CompactionReason::Manual, first_kept: 4, .. })));
}

/// Summarises badly.
#[derive(Debug)]
struct Bad(ModelInfo, bool);

#[async_trait]
impl Model for Bad {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    async fn stream(&self, _request: ModelRequest) -> Result<ModelStream> {
        if self.1 {
            std::future::pending::<()>().await;
        }
        Err(Error::new(ErrorKind::Unavailable, "request", "overloaded"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_fails_or_is_given_up_changes_nothing() {
    let model = Small::new(|_| Ok(says("ok", Usage::default())));
    let bad = |hangs| Arc::new(Bad(ModelInfo::new("bad", "bad", "bad"), hangs));
    let with = |summariser: Arc<dyn Model>| {
        let compaction = Compaction::default().with_reserve_tokens(300).with_keep_recent_tokens(100);
        watched(model.agent().compaction(compaction.with_model(summariser)))
    };
    let (builder, seen) = with(bad(false));
    let harness = start(builder).await;
    for number in 0..8 {
        assert_eq!(harness.prompt(long(&number.to_string())).await.unwrap().text, "ok", "the session goes on");
    }
    assert_eq!(compactions(&seen), ["Threshold", "13 -> 13 failed", "Threshold", "15 -> 15 failed"]);
    let session = harness.session("default").unwrap();
    let error = session.compact().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:#}").contains("could not be summarised: request: overloaded"), "{error:#}");
    assert_eq!(kinds(&harness).await.len(), 16);
    let (builder, seen) = with(bad(true));
    let harness = start(builder).await;
    for number in 0..6 {
        harness.prompt(long(&number.to_string())).await.unwrap();
    }
    let error = harness.prompt(long("6")).timeout(Duration::from_secs(9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let session = harness.session("default").unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(9), session.compact()).await.is_err());
    assert_eq!(compactions(&seen), ["Threshold", "13 -> 13 failed", "Manual", "13 -> 13 failed"]);
    assert_eq!(kinds(&harness).await.len(), 13);
}

#[tokio::test]
async fn room_is_made_only_where_that_is_wanted_and_a_window_is_known() {
    for (model, compaction) in [
        (Small::new(|_| Ok(says("ok", Usage::default()))).with_window(None), Compaction::default()),
        (Small::new(|_| Ok(says("ok", Usage::default()))), Compaction::when_refused()),
    ] {
        let (builder, seen) = watched(model.agent().compaction(compaction));
        let harness = start(builder).await;
        for _ in 0..20 {
            harness.prompt(long("x")).await.unwrap();
        }
        assert_eq!((compactions(&seen).len(), model.turns()[19].messages.len()), (0, 39));
    }
}

#[tokio::test]
async fn a_conversation_larger_than_the_summarisers_window_is_summarised_in_parts() {
    let model = refusing(40);
    let small = Small::new(|_| Err(too_long()));
    let compaction = Compaction::default().with_keep_recent_tokens(100).with_model(Arc::new(small.clone()));
    let harness = start(model.agent().compaction(compaction)).await;
    for number in 0..21 {
        harness.prompt(long(&number.to_string())).await.unwrap();
    }
    // 20 prompts of 100 tokens, and a window of which nothing is left beside what is kept free.
    let parts = small.summaries();
    assert!(parts.len() >= 2, "{}", parts.len());
    assert!(parts.iter().all(|part| part.len() < 4 * 1300), "{:?}", parts.iter().map(String::len).collect::<Vec<_>>());
    for (number, part) in parts.iter().enumerate().skip(1) {
        assert!(part.contains(&format!("<previous-summary>\\nSUMMARY {number}\\n")), "{part}");
    }
    let shown = conversation(&harness.session("default").unwrap()).await;
    assert!(shown[0].contains(&format!("SUMMARY {}", parts.len())), "{shown:?}");
}

/// Summarises little at a time, and does not say so before.
#[derive(Debug)]
struct Picky(ModelInfo);

#[async_trait]
impl Model for Picky {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        if told(&request.messages)[0].len() > 3000 {
            return Err(too_long());
        }
        Ok(stream::iter(says("picked", Usage::default()).into_iter().map(Ok)).boxed())
    }
}

#[tokio::test]
async fn a_summariser_that_finds_it_too_much_is_shown_less() {
    let model = refusing(40);
    let picky = Arc::new(Picky(ModelInfo::new("p", "a", "picky")));
    let harness =
        start(model.agent().compaction(Compaction::default().with_keep_recent_tokens(100).with_model(picky))).await;
    for number in 0..21 {
        assert_eq!(harness.prompt(long(&number.to_string())).await.unwrap().text, "ok");
    }
    assert!(conversation(&harness.session("default").unwrap()).await[0].contains("picked"));
}

#[tokio::test]
async fn a_session_of_a_thousand_turns_stays_small() {
    let model = Small::new(|request| match request.messages.last().map(|message| &message.body) {
        Some(Body::User(_)) => Ok(calls("read", r#"{"path":"a"}"#)),
        _ => Ok(says("ok", Usage::default())),
    });
    let harness = start(model.agent()).await;
    harness.fs().write("a", "x".repeat(300)).await.unwrap();
    for number in 0..500 {
        harness.prompt(number.to_string()).await.unwrap();
    }
    let turns = model.turns();
    assert_eq!(turns.len(), 1000);
    let most = |turns: &[ModelRequest]| turns.iter().map(|request| request.messages.len()).max().unwrap();
    assert!(most(&turns[900..]) <= most(&turns[..100]), "{} and {}", most(&turns[..100]), most(&turns[900..]));
    let seen = conversation(&harness.session("default").unwrap()).await;
    assert!(seen.len() < 50, "{}", seen.len());
    let said = kinds(&harness).await.iter().filter(|kind| matches!(kind, EntryKind::Message { .. })).count();
    assert_eq!(said, 2000, "all of it is stored");
}
