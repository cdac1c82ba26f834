//! What is told of a run: in order, each start with one end, and enough to add everything up again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::{Event, EventRecord, Outcome};
use flue_core::model::{AssistantBlock, Cost, Finish, ModelEvent, StopReason, Text, Usage};
use flue_core::policy::{Approval, ApprovalRequest, Approver, Decision, ToolRequest};
use flue_core::reach::{Aspect, ReachLedger};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{
    AgentSpec, CancellationToken, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Result, Retry, RetryPolicy,
    Subagent,
};
use flue_core_testkit::{MemoryFactory, ScriptModel};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::faults::Faulty;
use crate::support::{Wait, start, watched};

/// Numbers that look random, the same for one seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }
}

struct Panics;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

#[async_trait]
impl Tool for Panics {
    type Args = Nothing;
    const NAME: &'static str = "panics";
    const DESCRIPTION: &'static str = "Panics.";

    async fn call(&self, _: Nothing, _: ToolContext) -> Result<ToolOutput> {
        panic!("a defect of the tool");
    }
}

struct Asked(u64);

#[async_trait]
impl Approver for Asked {
    async fn ask(&self, request: ApprovalRequest) -> Result<Approval> {
        match self.0 {
            0 => Ok(Approval::Granted),
            1 => Err(Error::new(ErrorKind::Io, "ask", "nobody is there")),
            2 => std::future::pending().await,
            _ => Ok(Approval::Refused { why: Some(request.why) }),
        }
    }
}

const CALLS: [(&str, &str); 11] = [
    ("read", r#"{"path":"a.txt"}"#),
    ("read", r#"{"path":"missing"}"#),
    ("write", r#"{"path":"out/b.txt","content":"x"}"#),
    ("edit", r#"{"path":"a.txt","oldText":"one","newText":"two"}"#),
    ("grep", r#"{"pattern":"one"}"#),
    ("glob", r#"{"pattern":"**/*"}"#),
    ("bash", r#"{"command":"sort a.txt"}"#),
    ("wait", r#"{"ms":700}"#),
    ("panics", "{}"),
    ("nothing_like_it", "{"),
    ("task", r#"{"prompt":"Look.","agent":"helper"}"#),
];

fn usage(random: &mut Random) -> Usage {
    let mut usage = Usage::default();
    (usage.input, usage.output, usage.cache_read) = (random.below(9000), random.below(900), random.below(9));
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let cost = random.below(1000) as f64 / 1e6;
    usage.cost = Some(Cost::reported(cost));
    usage
}

fn script(random: &mut Random) -> ScriptModel {
    let mut model = ScriptModel::new();
    for turn in 0..8 + random.below(8) {
        model = match random.below(10) {
            0 => model.fails(Error::new(ErrorKind::Unavailable, "request", "busy").with_retry(Retry::Backoff)),
            1 => model.fails(Error::new(ErrorKind::Authentication, "request", "no key")),
            2 => model.streams([Ok(ModelEvent::TextDelta("half".into())), Err(Error::cancelled("request"))]),
            3 if turn > 3 => model.hangs_after([ModelEvent::ThinkingDelta("hm".into())]),
            4 | 5 => {
                let finish = ModelEvent::Finished(Finish::new(StopReason::End, usage(random)));
                let said = ModelEvent::Block(AssistantBlock::Text(Text::new("said")));
                model.answers([ModelEvent::TextDelta("said".into()), said, finish])
            }
            _ => {
                let calls: Vec<(String, (&str, &str))> = (0..1 + random.below(4))
                    .map(|n| (format!("c{turn}-{n}"), CALLS[usize::try_from(random.below(11)).unwrap()]))
                    .collect();
                model.calls(calls.iter().map(|(id, (tool, arguments))| (id.as_str(), *tool, *arguments)))
            }
        };
    }
    model
}

/// One run with whatever may go wrong; everything that was told, and the ledger that the harness had.
async fn run(seed: u64) -> (Vec<EventRecord>, ReachLedger) {
    let mut random = Random(seed);
    let model = script(&mut random);
    let helper = Subagent::new("helper", "Looks.");
    let (decides, asked) = (random.below(4), random.below(4));
    let policy = move |call: &ToolRequest<'_>| match (decides, call.tool) {
        (0, "bash") => Decision::deny("no commands"),
        (1, "write") => Decision::ask("it writes"),
        _ => Decision::Allow,
    };
    let exec = |request: ExecRequest| async move {
        if let Some(reach) = &request.reach {
            reach.program("sort");
            reach.measured([Aspect::Programs]);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(ExecOutput::new(ExecEnd::Exited(0), "out", ""))
    };
    let sandboxes = MemoryFactory::new().with_exec(exec);
    let retry = RetryPolicy::retries(2).with_base_delay(Duration::from_secs(1));
    let (builder, seen) = watched(AgentSpec::builder(Arc::new(model), sandboxes).retry(retry));
    // As if the process had died there.
    let store = Faulty::default();
    *store.fail_at.lock().unwrap() = (random.below(3) == 0).then(|| usize::try_from(random.below(12)).unwrap());
    let mut builder = builder.tool(Wait).tool(Panics).subagent(helper).approver(Asked(asked)).store(Arc::new(store));
    if decides < 3 {
        builder = builder.policy(policy);
    }
    let harness = start(builder).await;
    harness.fs().write("a.txt", "one\n").await.unwrap();
    for _ in 0..1 + random.below(3) {
        let cancel = CancellationToken::new();
        let prompt = harness.prompt("Go.").cancel(cancel.clone()).max_turns(3);
        let wait = Duration::from_millis(random.below(4000));
        match random.below(5) {
            0 => drop(tokio::time::timeout(wait, prompt.into_future()).await),
            1 => {
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    cancel.cancel();
                });
                let _ = prompt.await;
            }
            2 => drop(prompt.timeout(wait + Duration::from_millis(1)).await),
            _ => drop(tokio::time::timeout(Duration::from_secs(600), prompt.into_future()).await),
        }
        // What was dropped ends where the runtime next looks at it.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if random.below(2) == 0 {
        harness.close().await.unwrap();
    }
    // What was aborted ends where it next waits.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let ledger = harness.reach();
    drop(harness);
    tokio::time::sleep(Duration::from_secs(1)).await;
    (seen.items(), ledger)
}

/// Starts that have no end yet, by kind and session and whatever tells them apart.
#[derive(Default)]
struct Open(HashMap<(&'static str, String, String), u64>);

impl Open {
    fn start(&mut self, kind: &'static str, session: &str, id: &str, at: u64) {
        let before = self.0.insert((kind, session.to_owned(), id.to_owned()), at);
        assert_eq!(before, None, "{kind} {id} of {session} began twice, the second time at {at}");
    }

    fn end(&mut self, kind: &'static str, session: &str, id: &str, at: u64) {
        let begun = self.0.remove(&(kind, session.to_owned(), id.to_owned()));
        assert!(begun.is_some(), "{kind} {id} of {session} ended at {at} without having begun");
    }

    fn has(&self, kind: &str, session: &str) -> bool {
        self.0.keys().any(|(open, of, _)| *open == kind && of == session)
    }
}

/// Order and pairing; and sums of what parts tell against what their wholes tell.
fn check(records: &[EventRecord]) {
    let mut open = Open::default();
    let mut sums: HashMap<String, (Usage, Usage)> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        let (at, session) = (record.index, record.session.as_deref().unwrap_or_default());
        assert_eq!(at, index as u64, "numbers have no gaps");
        match &record.event {
            Event::SandboxOpened { .. } => open.start("sandbox", "", "", at),
            Event::SandboxClosed => open.end("sandbox", "", "", at),
            Event::PromptStarted { .. } => {
                open.start("prompt", session, "", at);
                sums.insert(session.to_owned(), Default::default());
            }
            Event::PromptFinished { usage, tasks, outcome, error, .. } => {
                open.end("prompt", session, "", at);
                for part in ["turn", "tool", "compaction", "approval", "task"] {
                    let elsewhere = *outcome == Outcome::Dropped && matches!(part, "approval" | "task");
                    assert!(elsewhere || !open.has(part, session), "{part} is open at the end of the prompt, {at}");
                }
                let (turns, below) = sums[session];
                assert_eq!(*usage, turns, "of {session} at {at}");
                assert!(*outcome == Outcome::Dropped || *tasks == below, "tasks of {session} at {at}");
                assert_eq!(error.is_some(), !matches!(outcome, Outcome::Completed | Outcome::Dropped));
            }
            Event::TurnStarted { turn, .. } => open.start("turn", session, &turn.to_string(), at),
            Event::TurnFinished { turn, usage, .. } => {
                open.end("turn", session, &turn.to_string(), at);
                sums.get_mut(session).unwrap().0 += *usage;
            }
            Event::CompactionStarted { .. } => open.start("compaction", session, "", at),
            Event::CompactionFinished { usage, .. } => {
                open.end("compaction", session, "", at);
                sums.get_mut(session).unwrap().0 += *usage;
            }
            Event::ToolStarted { call_id, .. } => open.start("tool", session, call_id, at),
            Event::ToolFinished { call_id, .. } => open.end("tool", session, call_id, at),
            Event::ApprovalStarted { call_id, .. } => open.start("approval", session, call_id, at),
            Event::ApprovalFinished { call_id, .. } => open.end("approval", session, call_id, at),
            Event::TaskStarted { task, .. } => open.start("task", session, task, at),
            Event::TaskFinished { task, usage, .. } => {
                open.end("task", session, task, at);
                sums.get_mut(session).unwrap().1 += *usage;
            }
            _ => {}
        }
        if let Some(parent) = record.parent.as_deref() {
            assert!(open.has("task", parent), "an event of a task after its end, {at}");
        }
    }
    assert!(open.0.is_empty(), "without an end: {:?}", open.0);
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_what_is_told_is_in_order_and_adds_up() {
    let mut kinds: HashMap<String, u32> = HashMap::new();
    for seed in 0..400 {
        let (records, ledger) = run(seed).await;
        check(&records);
        let text: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
        let again: Vec<EventRecord> = text.iter().map(|line| EventRecord::decode(line).unwrap()).collect();
        assert_eq!(again, records, "seed {seed}");
        assert_eq!(ReachLedger::of(&again), ledger, "seed {seed}");
        for record in &records {
            let value = serde_json::to_value(&record.event).unwrap();
            let outcome = value["outcome"].as_str().unwrap_or_default();
            *kinds.entry(format!("{} {outcome}", value["type"].as_str().unwrap()).trim().to_owned()).or_default() += 1;
        }
    }
    // The runs were worth looking at.
    for kind in [
        "prompt_finished completed",
        "prompt_finished failed",
        "prompt_finished cancelled",
        "prompt_finished timed_out",
        "prompt_finished limit_reached",
        "prompt_finished dropped",
        "task_finished",
        "tool_denied",
        "tool_allowed",
        "approval_finished",
        "retrying",
        "reached",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 10), "{kind}: {kinds:?}");
    }
}
