//! Tasks: handed over, done at the same time, cancelled, bounded, stored, removed, and held to what they may reach.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::{Event, EventRecord};
use flue_core::model::{
    AssistantBlock, Body, Finish, Model, ModelEvent, ModelInfo, ModelRequest, ModelStream, StopReason, Text,
    ThinkingLevel, ToolCall, Usage,
};
use flue_core::policy::{Decision, Rules};
use flue_core::store::{EntryKind, MemoryStore, SessionKey, SessionStore};
use flue_core::{
    AgentBuilder, AgentSpec, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Limits, MAX_TASK_DEPTH, Narrowing, Result,
    Subagent, Task,
};
use flue_core_testkit::{MemoryFactory, ScriptModel};
use futures_util::{StreamExt, stream};

use crate::support::{Wait, agent, conversation, start, told, watched};

/// What a model is asked, in short: its system prompt's first line and the last thing that was said.
type Ask<'a> = (&'a str, String);

/// A model that answers by what it is asked, so that several sessions can ask it at the same time.
#[derive(Clone)]
struct Answering {
    info: Arc<ModelInfo>,
    answer: fn(Ask<'_>) -> Answer,
    asked: Arc<std::sync::Mutex<Vec<ModelRequest>>>,
}

enum Answer {
    Says(&'static str),
    Calls(Vec<(&'static str, &'static str, String)>),
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}

impl Answering {
    fn new(answer: fn(Ask<'_>) -> Answer) -> Self {
        Self { info: Arc::new(ModelInfo::new("double", "answering", "answering")), answer, asked: Arc::default() }
    }

    fn agent(&self) -> AgentBuilder {
        let model: Arc<dyn Model> = Arc::new(self.clone());
        AgentSpec::builder(model, MemoryFactory::new()).instructions("boss")
    }

    /// The requests of those whose instructions begin so.
    fn asked(&self, who: &str) -> Vec<ModelRequest> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|request| request.system.starts_with(who)).cloned().collect()
    }
}

#[async_trait]
impl Model for Answering {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let last = told(&request.messages).pop().unwrap();
        let mut usage = Usage::default();
        usage.input = 10;
        let mut events: Vec<Result<ModelEvent>> = Vec::new();
        let stop = match (self.answer)((request.system.lines().next().unwrap(), last)) {
            Answer::Says(text) => {
                events.push(Ok(ModelEvent::Block(AssistantBlock::Text(Text::new(text)))));
                StopReason::End
            }
            Answer::Calls(calls) => {
                let call = |(id, name, arguments): (_, _, String)| ToolCall::new(id, name, &arguments);
                events.extend(calls.into_iter().map(|one| Ok(ModelEvent::Block(AssistantBlock::ToolCall(call(one))))));
                StopReason::ToolUse
            }
        };
        events.push(Ok(ModelEvent::Finished(Finish::new(stop, usage))));
        self.asked.lock().unwrap().push(request);
        Ok(stream::iter(events).boxed())
    }
}

fn task(prompt: &str, agent: Option<&str>) -> String {
    serde_json::json!({"prompt": prompt, "agent": agent}).to_string()
}

fn helper() -> Subagent {
    Subagent::new("helper", "Helps.").instructions("helper").tool(Wait)
}

#[tokio::test]
async fn a_task_has_a_session_instructions_and_tools_of_its_own() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => Answer::Calls(vec![("c1", "task", task("Look.", Some("helper")))]),
        ("helper", "user: \"Look.\"") => Answer::Calls(vec![("h1", "write", r#"{"path":"a","content":"x"}"#.into())]),
        ("helper", _) => Answer::Says("I looked."),
        _ => Answer::Says("Done."),
    });
    let (builder, seen) = watched(model.agent().subagent(helper()).tool(Wait));
    let harness = start(builder).await;
    let reply = harness.prompt("Go.").thinking(ThinkingLevel::High).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.input, reply.tasks.input), ("Done.", 20, 20));
    assert_eq!(harness.fs().read_to_string("a").await.unwrap(), "x", "the files are the parent's");
    let session = harness.session("default").unwrap();
    assert_eq!(conversation(&session).await[2], "result c1: I looked.");
    // The parent is told of its subagents; the subagent has no parent's instructions, tasks or memory.
    assert!(model.asked("boss")[0].system.contains("- **helper** — Helps."), "{}", model.asked("boss")[0].system);
    let request = &model.asked("helper")[0];
    assert!(!request.system.contains("Subagents") && request.messages.len() == 1, "{request:?}");
    assert_eq!(request.thinking, ThinkingLevel::High, "as its parent was told");
    let names = |request: &ModelRequest| request.tools.specs().iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(request), ["read", "write", "edit", "grep", "glob", "wait"]);
    assert_eq!(names(&model.asked("boss")[0]), ["read", "write", "edit", "grep", "glob", "task", "wait"]);
    // What is stored.
    let entries = harness.sessions().entries("default").await.unwrap();
    assert!(matches!(&entries[2].kind, EntryKind::TaskStarted { task, call_id } if &**task == "2" && call_id == "c1"));
    assert!(matches!(&entries[3].kind, EntryKind::TaskFinished { task, usage } if &**task == "2" && usage.input == 20));
    assert_eq!(harness.sessions().entries("task:default:2").await.unwrap().len(), 4);
    assert_eq!(harness.sessions().list().await.unwrap().len(), 1, "tasks are not listed among the sessions");
    // What is told.
    let place = |is: fn(&EventRecord) -> bool| seen.items().iter().position(is).unwrap();
    let started = place(|record| matches!(record.event, Event::TaskStarted { .. }));
    let finished = place(|record| matches!(record.event, Event::TaskFinished { is_error: false, .. }));
    for (index, record) in seen.items().iter().enumerate() {
        let is_below = record.session.as_deref() == Some("task:default:2");
        assert_eq!(is_below, record.task.is_some(), "{record:?}");
        assert!(!is_below || (started < index && index < finished && record.parent.as_deref() == Some("default")));
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_turn_run_at_the_same_time() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => {
            Answer::Calls(["c1", "c2", "c3"].map(|id| (id, "task", task("Wait.", Some("helper")))).into())
        }
        ("helper", "user: \"Wait.\"") => Answer::Calls(vec![("h1", "wait", r#"{"ms":1000}"#.into())]),
        _ => Answer::Says("ok"),
    });
    let harness = start(model.agent().subagent(helper())).await;
    let begun = tokio::time::Instant::now();
    harness.prompt("Go.").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 1);
    let sessions = harness.sessions();
    for id in [2, 3, 4] {
        assert_eq!(sessions.entries(&format!("task:default:{id}")).await.unwrap().len(), 4);
    }
    // Removing the session removes them.
    sessions.delete("default").await.unwrap();
    for id in [2, 3, 4] {
        assert_eq!(sessions.entries(&format!("task:default:{id}")).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_copy_of_oneself_has_what_one_has_and_tasks_do_not_nest_for_ever() {
    let model = Answering::new(|(_, last)| match last.strip_prefix("user: ") {
        Some(_) => Answer::Calls(vec![("c1", "task", task("Deeper.", None))]),
        None if last.starts_with("error") => Answer::Says("too deep"),
        None => Answer::Says("back"),
    });
    let harness = start(model.agent().subagent(helper())).await;
    assert_eq!(harness.prompt("Go.").tool(Wait).await.unwrap().text, "back");
    let asked = model.asked("boss");
    assert_eq!(asked.len() as u32, 2 * (MAX_TASK_DEPTH + 1));
    assert!(asked.iter().all(|request| request.tools.specs().iter().any(|spec| spec.name == "wait")), "call tools too");
    let deepest = format!("{}default{}", "task:".repeat(4), ":1".repeat(4));
    let deepest = deepest.replace(":1", ":2");
    let entries = harness.sessions().entries(&deepest).await.unwrap();
    let said = format!("{entries:?}");
    assert!(said.contains("Maximum task depth (4) exceeded"), "{said}");
    harness.sessions().delete("default").await.unwrap();
    assert_eq!(harness.sessions().entries(&deepest).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_caller_can_hand_over_a_task() {
    let model = Answering::new(|(who, last)| match (who, last.contains("How many?")) {
        ("helper", true) => Answer::Calls(vec![("f", "finish", r#"{"result":7}"#.into())]),
        ("helper", false) => Answer::Says("looked"),
        _ => Answer::Says("boss"),
    });
    let harness = start(model.agent().subagent(helper())).await;
    let session = harness.session("s").unwrap();
    let reply = session.task(Task::new("Look.").agent("helper")).await.unwrap();
    assert_eq!((reply.text.as_str(), &*reply.session), ("looked", "task:s:0"));
    assert_eq!(session.task(Task::new("How many?").agent("helper")).output::<u8>().await.unwrap().data, 7);
    assert_eq!(session.task(Task::new("Look.")).await.unwrap().text, "boss");
    assert_eq!(conversation(&session).await, [""; 0], "the parent's conversation goes on without it");
    let error = session.task(Task::new("Look.").agent("nobody")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("subagents")), (ErrorKind::NotFound, Some("helper")));
    assert_eq!(session.task(Task::new(" ")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let error = session.task(Task::new("Look.").cwd("nowhere")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("cwd")), (ErrorKind::NotFound, Some("/workspace/nowhere")));
    let mut watching = session.task(Task::new("Look.").agent("helper")).stream();
    let mut names = Vec::new();
    while let Some(record) = watching.next().await {
        names.push(serde_json::to_value(&record.event).unwrap()["type"].as_str().unwrap().to_owned());
    }
    let expected = [
        "task_started",
        "prompt_started",
        "reached",
        "turn_started",
        "turn_finished",
        "prompt_finished",
        "task_finished",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_stream_shows_tasks_by_request() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => Answer::Calls(vec![("c1", "task", task("Look.", Some("helper")))]),
        _ => Answer::Says("ok"),
    });
    let harness = start(model.agent().subagent(helper())).await;
    for (shown, prompt) in [(0, harness.prompt("Go.")), (5, harness.prompt("Go.").show_tasks())] {
        let mut stream = prompt.stream();
        let mut seen = 0;
        while let Some(record) = stream.next().await {
            seen += usize::from(record.task.is_some());
        }
        stream.reply().await.unwrap();
        assert_eq!(seen, shown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_ends_with_whoever_waits_for_it() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => Answer::Calls(vec![("c1", "task", task("Wait.", Some("helper")))]),
        ("helper", "user: \"Wait.\"") => Answer::Calls(vec![("h1", "wait", r#"{"ms":9000000}"#.into())]),
        _ => Answer::Says("ok"),
    });
    let (builder, seen) = watched(model.agent().subagent(helper()));
    let harness = start(builder).await;
    let error = harness.prompt("Go.").timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let dropped =
        tokio::time::timeout(Duration::from_secs(5), harness.session("b").unwrap().prompt("Go.").into_future());
    assert!(dropped.await.is_err());
    tokio::time::sleep(Duration::from_millis(1)).await;
    let count = |is: fn(&Event) -> bool| seen.items().iter().filter(|record| is(&record.event)).count();
    assert_eq!(count(|event| matches!(event, Event::TaskStarted { .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::TaskFinished { is_error: true, .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::ToolStarted { .. })), 4);
    assert_eq!(count(|event| matches!(event, Event::ToolFinished { .. })), 4);
    assert_eq!(harness.prompt("And now?").await.unwrap().text, "ok");
}

#[tokio::test]
async fn policies_and_limits_hold_for_subagents() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => Answer::Calls(vec![("c1", "task", task("Write.", Some("helper")))]),
        ("helper", "user: \"Write.\"") => Answer::Calls(vec![("h1", "write", r#"{"path":"a","content":"x"}"#.into())]),
        ("helper", _) if last.starts_with("error h1") => Answer::Says("I was not allowed to."),
        ("helper", _) => Answer::Says("written"),
        _ => Answer::Says("ok"),
    });
    let deny = Rules::or(Decision::Allow).with("write", Decision::deny("no writing"));
    let harness = start(model.agent().subagent(helper()).policy(deny.clone())).await;
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[2], "result c1: I was not allowed to.", "the parent's policy holds");
    let harness = start(model.agent().subagent(helper().policy(deny))).await;
    harness.prompt("Go.").await.unwrap();
    assert!(!harness.fs().exists("a").await.unwrap(), "and so does its own");
    // Tokens of tasks count: 10 of the parent and 10 of the task leave no room.
    let store = Arc::new(MemoryStore::new());
    let harness = start(model.agent().subagent(helper()).store(store.clone())).await;
    let error = harness.prompt("Go.").limits(Limits::none().with_tokens(20)).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("limit")), (ErrorKind::LimitExceeded, Some("tokens")));
    assert_eq!(model.asked("boss").len() % 2, 1, "the parent was not asked again");
    // And they count for the session, over a restart.
    let harness =
        start(model.agent().subagent(helper()).store(store).session_limits(Limits::none().with_tokens(20))).await;
    assert_eq!(harness.prompt("More.").await.unwrap_err().fact("scope"), Some("session"));
    // Tool calls of tasks are the parent's too.
    let harness = start(model.agent().subagent(helper())).await;
    harness.prompt("Go.").limits(Limits::none().with_tool_calls(1)).await.unwrap();
    let below = harness.sessions().entries("task:default:2").await.unwrap();
    assert!(format!("{below:?}").contains("not run: the prompt has reached its limit of tool_calls"), "{below:?}");
}

#[tokio::test]
async fn a_subagent_has_its_own_model_or_the_one_its_parent_was_told_to_use() {
    let quiet = |name: &str| ScriptModel::new().says(name).says(name).with_info(ModelInfo::new("p", "a", name));
    let (usual, call, own) = (quiet("usual"), quiet("call"), quiet("own"));
    let harness = start(
        agent(&usual)
            .subagent(Subagent::new("plain", "Plain."))
            .subagent(Subagent::new("special", "Special.").model(Arc::new(own)).thinking(ThinkingLevel::Low)),
    )
    .await;
    let session = harness.session("s").unwrap();
    assert_eq!(session.task(Task::new("x").agent("plain")).await.unwrap().text, "usual");
    assert_eq!(session.task(Task::new("x").agent("special")).await.unwrap().text, "own");
    assert_eq!(session.task(Task::new("x").agent("special")).model(Arc::new(call)).await.unwrap().text, "call");
}

/// Answers commands with their environment and place.
fn with_shell(model: &ScriptModel) -> AgentBuilder {
    let model: Arc<dyn Model> = Arc::new(model.clone());
    let factory = MemoryFactory::new().with_exec(|request: ExecRequest| async move {
        Ok(ExecOutput::new(ExecEnd::Exited(0), format!("ran {}", request.command), ""))
    });
    AgentSpec::builder(model, factory)
}

/// Has a subagent, narrowed so, make these calls, and gives what it read.
async fn narrowed(narrowing: Narrowing, calls: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let ids: Vec<String> = (0..calls.len()).map(|n| format!("c{n}")).collect();
    let calls = ids.iter().zip(calls).map(|(id, (tool, arguments))| (id.as_str(), *tool, *arguments));
    let model = ScriptModel::new().calls(calls).says("ok");
    let subagent = Subagent::new("narrow", "Narrow.").narrowed(narrowing).subagent(Subagent::new("inner", "Inner."));
    let harness = start(with_shell(&model).subagent(subagent)).await;
    harness.fs().write("inside/file", "seen").await.unwrap();
    harness.fs().write("outside/file", "secret").await.unwrap();
    let reply = harness.session("s").unwrap().task(Task::new("Go.").agent("narrow")).await.unwrap();
    let entries = harness.sessions().entries(&reply.session).await.unwrap();
    let messages: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| match entry.kind {
            EntryKind::Message { message } if matches!(message.body, Body::ToolResult(_)) => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(harness.fs().read_to_string("outside/file").await.unwrap(), "secret");
    assert_eq!(harness.fs().read_to_string("inside/file").await.unwrap(), "seen");
    let request = model.requests().remove(0);
    let offered = request.tools.specs().iter().map(|spec| spec.name.clone()).collect();
    (told(&messages), offered)
}

#[tokio::test]
async fn a_root_keeps_a_subagent_beneath_it() {
    let narrowing = Narrowing::none().root("inside").no_exec();
    let calls = [
        ("read", r#"{"path":"file"}"#),
        ("read", r#"{"path":"/workspace/inside/file"}"#),
        ("read", r#"{"path":"../outside/file"}"#),
        ("read", r#"{"path":"/workspace/outside/file"}"#),
        ("write", r#"{"path":"/workspace/outside/file","content":"x"}"#),
        ("edit", r#"{"path":"../outside/file","oldText":"secret","newText":"x"}"#),
        ("grep", r#"{"pattern":"secret","path":"/workspace"}"#),
        ("glob", r#"{"pattern":"/workspace/outside/*"}"#),
        ("glob", r#"{"pattern":"*","path":".."}"#),
        ("bash", r#"{"command":"cat ../outside/file"}"#),
        ("glob", r#"{"pattern":"**"}"#),
    ];
    let (read, offered) = narrowed(narrowing, &calls).await;
    assert_eq!(offered, ["read", "write", "edit", "grep", "glob", "task"]);
    assert_eq!(read[..2], ["result c0: seen", "result c1: seen"]);
    for line in &read[2..10] {
        assert!(line.starts_with("error ") && !line.contains("secret\n"), "{read:?}");
    }
    assert_eq!(read[10], "result c10: file");
    assert!(read[3].contains("outside of what may be reached here"), "{read:?}");
}

#[tokio::test]
async fn a_reader_changes_nothing() {
    let calls = [
        ("read", r#"{"path":"inside/file"}"#),
        ("write", r#"{"path":"inside/file","content":"x"}"#),
        ("edit", r#"{"path":"inside/file","oldText":"seen","newText":"x"}"#),
        ("bash", r#"{"command":"rm inside/file"}"#),
    ];
    let (read, offered) = narrowed(Narrowing::none().read_only().no_exec(), &calls).await;
    assert_eq!(offered, ["read", "grep", "glob", "task"], "what it cannot do is not offered");
    assert_eq!(read[0], "result c0: seen");
    assert!(read[1..].iter().all(|line| line.contains("not found")), "{read:?}");
}

#[tokio::test]
async fn commands_run_only_where_they_are_held_to_the_same() {
    let (read, _) = narrowed(Narrowing::none(), &[("bash", r#"{"command":"date"}"#)]).await;
    assert_eq!(read, ["result c0: ran date"]);
    for narrowing in
        [Narrowing::none().root("inside"), Narrowing::none().read_only(), Narrowing::none().only_env(["PATH"])]
    {
        let model = ScriptModel::new();
        let spec = with_shell(&model).subagent(Subagent::new("narrow", "Narrow.").narrowed(narrowing)).build().unwrap();
        let error = spec.start("test").await.unwrap_err();
        assert_eq!((error.kind(), error.fact("subagent")), (ErrorKind::Unsupported, Some("narrow")));
        assert!(error.message().contains("say no_exec too"), "{error}");
    }
    // The double has no network, so there is none to be kept from.
    let (read, _) = narrowed(Narrowing::none().no_network(), &[("bash", r#"{"command":"date"}"#)]).await;
    assert_eq!(read, ["result c0: ran date"]);
}

#[tokio::test]
async fn what_is_narrow_cannot_hand_out_more_than_it_has() {
    let model = ScriptModel::new()
        .calls([("c1", "task", r#"{"prompt":"x","agent":"inner","cwd":"/workspace"}"#)])
        .calls([("c2", "task", r#"{"prompt":"x","agent":"inner"}"#)])
        .calls([("i1", "read", r#"{"path":"/workspace/secret"}"#), ("i2", "write", r#"{"path":"a","content":"x"}"#)])
        .says("inner done")
        .says("outer done");
    // Whatever the inner one says of itself, it is held to what the outer one has.
    let inner = Subagent::new("inner", "Inner.").narrowed(Narrowing::none().root("/"));
    let inner_plain = Subagent::new("plain", "Plain.");
    let outer = Subagent::new("outer", "Outer.")
        .narrowed(Narrowing::none().root("inside").read_only().no_exec())
        .subagent(inner.narrowed(Narrowing::none()))
        .subagent(inner_plain);
    let harness = start(with_shell(&model).subagent(outer)).await;
    harness.fs().write("secret", "secret").await.unwrap();
    harness.fs().write("inside/file", "seen").await.unwrap();
    let reply = harness.session("s").unwrap().task(Task::new("Go.").agent("outer")).await.unwrap();
    assert_eq!(reply.text, "outer done");
    let outer = format!("{:?}", harness.sessions().entries("task:s:0").await.unwrap());
    assert!(outer.contains("the task cannot work there"), "{outer}");
    let requests = model.requests();
    let read = requests
        .iter()
        .map(|request| told(&request.messages))
        .find(|told| told.iter().any(|line| line.contains(" i1: ")));
    let read = read.unwrap();
    assert!(read[2].contains("outside of what may be reached here") && read[3].contains("not found"), "{read:?}");
    assert!(!harness.fs().exists("inside/a").await.unwrap());
}

#[tokio::test]
async fn definitions_that_make_no_sense_are_refused() {
    let model = ScriptModel::new();
    let build = |subagent: Subagent| agent(&model).subagent(subagent).build();
    for (name, description) in [("", "d"), ("1a", "d"), ("a b", "d"), ("é", "d"), (&*"a".repeat(65), "d"), ("a", " ")]
    {
        let error = build(Subagent::new(name, description)).unwrap_err();
        assert_eq!((error.kind(), error.fact("name")), (ErrorKind::Config, Some(name)));
    }
    let twice = agent(&model).subagent(helper()).subagent(helper()).build().unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Config);
    assert_eq!(build(helper().tool(Wait)).unwrap_err().fact("tool"), Some("wait"));
    assert_eq!(build(helper().builtin_tools(["bush"])).unwrap_err().fact("tool"), Some("bush"));
    assert_eq!(build(helper().subagent(Subagent::new("", "d"))).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(build(helper().narrowed(Narrowing::none().root(""))).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_copied_session_does_not_own_the_tasks_of_its_original() {
    let model = Answering::new(|(who, last)| match (who, last.as_str()) {
        ("boss", "user: \"Go.\"") => Answer::Calls(vec![("c1", "task", task("Look.", Some("helper")))]),
        _ => Answer::Says("ok"),
    });
    let store = Arc::new(MemoryStore::new());
    let harness = start(model.agent().subagent(helper()).store(store.clone())).await;
    harness.prompt("Go.").await.unwrap();
    harness.sessions().fork("default", "copy", None).await.unwrap();
    harness.sessions().delete("copy").await.unwrap();
    let task = store.load(&SessionKey::new("test", "task:default:2")).await.unwrap();
    assert_eq!(task.entries.len(), 2);
}
