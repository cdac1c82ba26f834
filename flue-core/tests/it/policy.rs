//! Which calls run: rules, questions, and what happens when nobody answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::Event;
use flue_core::policy::{Approval, ApprovalRequest, Approver, Decision, Policy, Rules, ToolRequest};
use flue_core::{Error, ErrorKind, Result};
use flue_core_testkit::ScriptModel;

use crate::support::{Wait, agent, conversation, names, start, watched};

const WRITE: [(&str, &str, &str); 2] =
    [("c1", "write", r#"{"path":"a","content":"x"}"#), ("c2", "write", r#"{"path":"secret/b","content":"y"}"#)];

/// Keeps what the policy is shown.
#[derive(Clone, Default)]
struct Watching(Arc<Mutex<Vec<String>>>);

impl Policy for Watching {
    fn decide(&self, call: &ToolRequest<'_>) -> Decision {
        self.0.lock().unwrap().push(format!("{} {} {}", call.session, call.tool, call.argument("path")));
        Decision::Allow
    }
}

#[tokio::test]
async fn a_denied_call_does_not_run_and_the_model_reads_why() {
    let model = ScriptModel::new().calls(WRITE).says("ok");
    let policy = |call: &ToolRequest<'_>| match call.argument("path").as_str() {
        Some(path) if path.starts_with("secret/") => Decision::deny("that directory is the user's"),
        _ => Decision::Allow,
    };
    let watching = Watching::default();
    let (builder, seen) = watched(agent(&model).policy(policy).policy(watching.clone()));
    let harness = start(builder).await;
    harness.prompt("Go.").await.unwrap();
    assert!(harness.fs().exists("a").await.unwrap() && !harness.fs().exists("secret").await.unwrap());
    let told = conversation(&harness.session("default").unwrap()).await;
    assert_eq!(told[3], "error c2: call tool: the call was not run: that directory is the user's (tool: write)");
    assert_eq!(*watching.0.lock().unwrap(), ["default write \"a\"", "default write \"secret/b\""]);
    let denied = seen.items().into_iter().find_map(|record| match record.event {
        Event::ToolDenied { call_id, why } => Some((call_id.to_string(), why)),
        _ => None,
    });
    assert_eq!(denied, Some(("c2".into(), "that directory is the user's".into())));
}

type Answer = fn(&ApprovalRequest) -> Result<Approval>;

/// Answers as it is told to, after a while.
struct Answers(Answer);

#[async_trait]
impl Approver for Answers {
    async fn ask(&self, request: ApprovalRequest) -> Result<Approval> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.0(&request)
    }
}

fn ask_about_writes() -> Rules {
    Rules::or(Decision::Allow).with("write", Decision::ask("it changes files"))
}

#[tokio::test(start_paused = true)]
async fn whoever_is_asked_decides() {
    let model = ScriptModel::new().calls(WRITE).says("ok");
    let approver = Answers(|request| {
        assert_eq!((&*request.tool, &*request.session, request.why.as_str()), ("write", "default", "it changes files"));
        Ok(match &*request.call_id {
            "c1" => Approval::Granted,
            _ => Approval::Refused { why: Some("not there".into()) },
        })
    });
    let (builder, seen) = watched(agent(&model).policy(ask_about_writes()).approver(approver));
    let harness = start(builder).await;
    let begun = tokio::time::Instant::now();
    harness.prompt("Go.").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 60, "both are asked about at the same time");
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("result c1: ") && told[3].contains("not run: not there"), "{told:?}");
    let names = names(&seen);
    let count = |name: &str| names.iter().filter(|event| *event == name).count();
    assert_eq!((count("approval_started"), count("approval_finished"), count("tool_denied")), (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_runs() {
    let refuses = |_: &ApprovalRequest| Ok(Approval::Refused { why: None });
    let fails = |_: &ApprovalRequest| Err(Error::new(ErrorKind::Io, "ask", "the terminal is gone"));
    let panics = |_: &ApprovalRequest| panic!("on purpose");
    let answers: [(Option<Answer>, &str); 4] = [
        (None, "it needs approval, which nobody can give here (it changes files)"),
        (Some(refuses), "the user does not want it"),
        (Some(fails), "the answer could not be had (tool: write): ask: the terminal is gone"),
        (Some(panics), "panicked"),
    ];
    for (answer, expected) in answers {
        let model = ScriptModel::new().calls(WRITE).says("ok");
        let builder = agent(&model).policy(ask_about_writes());
        let harness = start(match answer {
            Some(answer) => builder.approver(Answers(answer)),
            None => builder,
        })
        .await;
        harness.prompt("Go.").await.unwrap();
        let told = conversation(&harness.session("default").unwrap()).await;
        assert!(told[2].starts_with("error c1: ") && told[2].contains(expected), "{told:?}");
        assert!(!harness.fs().exists("a").await.unwrap(), "{expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_ends_with_its_prompt() {
    let model = ScriptModel::new().calls(WRITE).says("ok");
    let (builder, seen) =
        watched(agent(&model).policy(ask_about_writes()).approver(Answers(|_| Ok(Approval::Granted))));
    let harness = start(builder).await;
    let error = harness.prompt("Go.").timeout(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!harness.fs().exists("a").await.unwrap());
    let names = names(&seen);
    let count = |name: &str| names.iter().filter(|event| *event == name).count();
    assert_eq!((count("approval_started"), count("approval_finished")), (2, 2));
    assert_eq!(harness.prompt("Go on.").await.unwrap().text, "ok");
}

#[tokio::test]
async fn a_policy_that_panics_denies_and_results_are_always_handed_in() {
    let model = ScriptModel::new().calls([("c1", "wait", r#"{"ms":1}"#)]).calls([("c2", "finish", r#"{"result":1}"#)]);
    let policy = |_: &ToolRequest<'_>| -> Decision { panic!("on purpose") };
    let harness = start(agent(&model).tool(Wait).policy(policy)).await;
    assert_eq!(harness.prompt("Go.").output::<u8>().await.unwrap().data, 1);
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("error c1: ") && told[2].contains("the policy panicked"), "{told:?}");
}
