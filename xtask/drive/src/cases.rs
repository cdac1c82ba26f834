//! The cases.

use std::path::Path;
use std::sync::Arc;

use flue_core::event::Event;
use flue_core::model::{Body, Model};
use flue_core::store::{EntryKind, SessionKey, SessionStore};
use flue_core::{
    AgentBuilder, AgentSpec, Compaction, ErrorKind, Harness, MAX_OUTPUT_ATTEMPTS, MAX_TASK_DEPTH, Result, Subagent,
};
use flue_core_store_jsonl::JsonLines;
use flue_sandbox_local::Local;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::seen::Seen;
use crate::wrong;

/// What they are called, which is what the agent is told to be.
pub(crate) const NAMES: [&str; 7] =
    ["case-correct", "case-give-up", "case-attempts", "case-depth", "case-parallel", "case-overflow", "case-chat"];

/// Tasks that are handed out at a time.
const TASKS: usize = 3;
/// Bytes of each early message of a conversation that becomes too long.
const EARLY_BYTES: usize = 4_000;
/// The harness's id, and its session's name.
const ID: &str = "drive";
const SESSION: &str = "main";

/// A structured result.
#[derive(Debug, Deserialize, JsonSchema)]
struct Counted {
    /// How many there are.
    count: u32,
}

/// One case about to be run.
pub(crate) struct Case<'a> {
    pub(crate) name: &'a str,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) dir: &'a Path,
}

impl Case<'_> {
    /// Runs it, and tells what was seen.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) async fn run(&self) -> Result<String> {
        match self.name {
            "case-correct" => self.correct().await,
            "case-give-up" => self.give_up().await,
            "case-attempts" => self.attempts().await,
            "case-depth" => self.depth().await,
            "case-parallel" => self.parallel().await,
            "case-overflow" => self.overflow().await,
            "case-chat" => self.chat().await,
            _ => Err(wrong(format!("there is no such case; there are: {}", NAMES.join(" ")))),
        }
    }

    fn agent(&self, seen: &Seen) -> AgentBuilder {
        AgentSpec::builder(Arc::clone(&self.model), Local::new(self.dir))
            .instructions(self.name)
            .workspace_notes(false)
            .observer(Arc::new(seen.clone()))
    }

    async fn start(&self, seen: &Seen) -> Result<Harness> {
        self.agent(seen).build()?.start(ID).await
    }

    /// The model's first result does not fit and is corrected.
    async fn correct(&self) -> Result<String> {
        let seen = Seen::default();
        let reply = self.start(&seen).await?.prompt("Count them.").output::<Counted>().await?;
        let refused = seen.count(|event| matches!(event, Event::ToolFinished { is_error: true, .. }));
        hold(reply.data.count == 7 && reply.turns == 2 && refused == 1, &reply)?;
        Ok(format!("{} after {refused} refusal, in {} turns", reply.data.count, reply.turns))
    }

    /// The model gives up, and says why.
    async fn give_up(&self) -> Result<String> {
        let seen = Seen::default();
        let given_up = self.start(&seen).await?.prompt("Count them.").output::<Counted>().await;
        let error = given_up.err().ok_or_else(|| wrong("there is a result"))?;
        hold(error.kind() == ErrorKind::ResultUnavailable && error.to_string().contains("nothing to count"), &error)?;
        Ok(error.to_string())
    }

    /// The model never hands in a result.
    async fn attempts(&self) -> Result<String> {
        let seen = Seen::default();
        let never = self.start(&seen).await?.prompt("Count them.").output::<Counted>().await;
        let error = never.err().ok_or_else(|| wrong("there is a result"))?;
        let reminded = seen.count(|event| matches!(event, Event::Reminded { .. }));
        let attempts = usize::try_from(MAX_OUTPUT_ATTEMPTS).unwrap_or_default();
        let holds =
            error.kind() == ErrorKind::ResultUnavailable && seen.turns() == attempts && reminded + 1 == attempts;
        hold(holds, &(seen.turns(), reminded, &error))?;
        Ok(format!("{} turns, {reminded} reminders: {error}", seen.turns()))
    }

    /// Every agent hands its work to a copy of itself.
    async fn depth(&self) -> Result<String> {
        let seen = Seen::default();
        // With nobody to hand anything to, nothing is handed out, not even to a copy.
        let other = Subagent::new("other", "Is not asked.");
        let reply = self.agent(&seen).subagent(other).build()?.start(ID).await?.prompt("Go deeper.").await?;
        let begun = seen.count(|event| matches!(event, Event::TaskStarted { .. }));
        let refused = seen.events().into_iter().find_map(|event| match event {
            Event::ToolFinished { is_error: true, result, .. } => Some(result),
            _ => None,
        });
        let told = refused.as_ref().is_some_and(|text| text.contains("Maximum task depth"));
        let depth = usize::try_from(MAX_TASK_DEPTH).unwrap_or_default();
        // Each level asks twice: to hand out, and to answer.
        let all = seen.turns() == 2 * (depth + 1);
        hold(begun == depth && told && all && reply.text == "That was all.", &(begun, seen.turns(), &refused, &reply))?;
        Ok(format!("{begun} levels, then: {}", refused.unwrap_or_default()))
    }

    /// Several tasks run at the same time.
    async fn parallel(&self) -> Result<String> {
        let seen = Seen::default();
        let worker = Subagent::new("worker", "Does a part.").instructions("case-worker");
        let harness = self.agent(&seen).subagent(worker).build()?.start(ID).await?;
        let reply = harness.prompt("Have it done.").await?;
        let order: Vec<char> = seen.events().iter().filter_map(step).collect();
        let order: String = order.into_iter().collect();
        let expected = "b".repeat(TASKS) + &"e".repeat(TASKS);
        let done = seen.count(|event| {
            matches!(event, Event::ToolFinished { is_error: false, result, .. } if result.contains("The part is done, all of it."))
        });
        hold(order == expected && done == TASKS && reply.text == "All parts are done.", &(&order, done, &reply))?;
        Ok(format!("{TASKS} tasks were begun before the first had ended"))
    }

    /// The provider refuses the conversation as too long; room is made, and it goes on.
    async fn overflow(&self) -> Result<String> {
        let seen = Seen::default();
        let room = Compaction::when_refused().with_keep_recent_tokens(100);
        let harness = self.agent(&seen).compaction(room).build()?.start(ID).await?;
        let session = harness.session(SESSION)?;
        for number in 0..3 {
            session.prompt(format!("early {number}: {}", "word ".repeat(EARLY_BYTES / 5))).await?;
        }
        let reply = session.prompt("the late question").await?;
        let made = seen.events().into_iter().find_map(|event| match event {
            Event::CompactionFinished { messages_before, messages_after, error: None, .. } => {
                Some((messages_before, messages_after))
            }
            _ => None,
        });
        let (before, after) = made.ok_or_else(|| wrong(format!("no room was made: {reply:?}")))?;
        hold(after < before && reply.text == "After the summary.", &(before, after, &reply))?;
        Ok(format!("refused, {before} messages summarised into {after}, then answered"))
    }

    /// One prompt in a session that is on disk; what earlier processes said is still there.
    async fn chat(&self) -> Result<String> {
        let store = JsonLines::open(self.dir.join("sessions")).await?;
        let key = SessionKey::new(ID, SESSION);
        let before = store.load(&key).await?.entries;
        std::fs::write(self.dir.join("notes.txt"), "Some notes.\n")
            .map_err(|error| wrong("write notes").with_source(error))?;
        let seen = Seen::default();
        let agent = self.agent(&seen).store(Arc::new(store.clone())).max_turns(4);
        let harness = agent.builtin_tools(["read", "glob"]).build()?.start(ID).await?;
        let reply = harness.session(SESSION)?.prompt("Read the file notes.txt with your tool.").await?;
        harness.close().await?;
        let after = store.load(&key).await?.entries;
        let count = |is: fn(&Body) -> bool| {
            after
                .iter()
                .filter(|entry| matches!(&entry.kind, EntryKind::Message { message } if is(&message.body)))
                .count()
        };
        let prompts = count(|body| matches!(body, Body::User(_)));
        let results = count(|body| matches!(body, Body::ToolResult(_)));
        hold(after.len() > before.len() && after.starts_with(&before), &(before.len(), after.len(), &reply))?;
        hold(reply.turns >= 2 && !reply.text.trim().is_empty(), &reply)?;
        Ok(format!(
            "{} entries before, {} after; {prompts} prompts and {results} tool results",
            before.len(),
            after.len()
        ))
    }
}

/// The beginning and the end of a task.
fn step(event: &Event) -> Option<char> {
    match event {
        Event::TaskStarted { .. } => Some('b'),
        Event::TaskFinished { .. } => Some('e'),
        _ => None,
    }
}

fn hold(holds: bool, what: &impl std::fmt::Debug) -> Result<()> {
    if holds { Ok(()) } else { Err(wrong(format!("it went otherwise: {what:?}"))) }
}
