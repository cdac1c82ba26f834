//! Secrets that were planted where commands might look are seen by nobody.

use std::sync::Arc;

use flue_core::event::EventRecord;
use flue_core::model::Model;
use flue_core::{AgentSpec, Sandbox};
use flue_core_testkit::{Recorder, ScriptModel};

use super::ground::{Ground, SECRET};
use super::place::{Place, dir, is_at};
use super::policy;
use crate::temp::{open, said};

/// What a model that wants them would try.
const TRIES: &[(&str, &str)] = &[
    ("bash", "env; set; cat /proc/*/environ 2>/dev/null | tr '\\\\0' '\\\\n'"),
    ("bash", "cat $SECRET; cat $HOST_HOME/.netrc; cat $PLANTED; cat <&$LEAK_READ"),
    ("bash", "tar cf - -C $HOST_HOME . 2>/dev/null | tr -cd '[:print:]'"),
    ("bash", "find $HOST_HOME $OUT $HOME $TMPDIR /run /dev/shm -type f -exec head -c 99 {} + 2>/dev/null"),
    ("read", "../home/.netrc"),
    ("read", "/proc/self/environ"),
    ("grep", "SECRET"),
];

#[test]
fn are_in_no_command_event_transcript_or_debug_output() {
    let name = "confined::secrets::are_in_no_command_event_transcript_or_debug_output";
    if !is_at(Place::Same, name) {
        return;
    }
    assert_eq!(std::env::var("API_KEY").as_deref(), Ok(SECRET), "nothing is planted");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ground = Ground::new(dir().join("ground"));
        let plot = ground.plot();
        // Plainly, the same commands find it.
        let plain = open(&ground.local(&plot)).await;
        let found = said(&plain, "cat $SECRET").await;
        assert!(found.contains(SECRET), "nothing is planted");

        let local = ground.local(&plot).env("TOKEN", "hunter2").confined(policy().home(plot.dir.join("home")));
        let sandbox = open(&local).await;
        let mut shown = format!("{local:?}{local:#?}{sandbox:?}{sandbox:#?}{:?}", sandbox.info());
        assert!(!shown.contains("hunter2"), "{shown}");

        let calls: Vec<(String, &str, String)> = TRIES
            .iter()
            .enumerate()
            .map(|(number, (tool, text))| {
                let field = match *tool {
                    "bash" => "command",
                    "read" => "path",
                    _ => "pattern",
                };
                (format!("c{number}"), *tool, format!("{{\"{field}\":\"{}\"}}", text.replace('"', "\\\"")))
            })
            .collect();
        let script = ScriptModel::new()
            .calls(calls.iter().map(|(id, tool, arguments)| (&**id, *tool, &**arguments)))
            .says("I found nothing.");
        let model: Arc<dyn Model> = Arc::new(script.clone());
        let seen: Recorder<EventRecord> = Recorder::new();
        let agent = AgentSpec::builder(model, local).observer(Arc::new(seen.observer())).build().unwrap();
        let harness = agent.start("secrets").await.unwrap();
        harness.prompt("Find the secret.").await.unwrap();
        let messages = harness.session("default").unwrap().messages().await.unwrap();
        assert!(messages.len() > TRIES.len(), "{messages:?}");
        shown += &serde_json::to_string(&messages).unwrap();
        shown += &format!("{messages:?}{harness:?}{:?}", script.requests());
        shown += &seen
            .items()
            .iter()
            .map(|event| format!("{}{event:?}", serde_json::to_string(event).unwrap()))
            .collect::<String>();
        harness.close().await.unwrap();
        assert!(!shown.contains(SECRET), "{shown}");
    });
}

#[test]
fn that_are_put_in_place_while_a_command_runs_stay_hidden() {
    if !is_at(Place::Same, "confined::secrets::that_are_put_in_place_while_a_command_runs_stay_hidden") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ground = Ground::new(dir().join("ground"));
        let plot = ground.plot();
        let home = plot.dir.join("home");
        let sandbox = open(&ground.local(&plot).confined(policy().home(&home))).await;
        let command = "touch ready; while ! test -e go; do sleep 0.02; done; \
                       cat $HOST_HOME/.netrc $HOST_HOME/.aws/credentials $HOST_HOME/.aws.old/credentials; true";
        let replace = async {
            crate::alone::eventually("the command", || plot.dir.join("work/ready").exists()).await;
            // As editors and tools do it: the mount that covers the old file goes with its name.
            std::fs::write(home.join("new"), SECRET).unwrap();
            std::fs::rename(home.join("new"), home.join(".netrc")).unwrap();
            std::fs::rename(home.join(".aws"), home.join(".aws.old")).unwrap();
            std::fs::create_dir(home.join(".aws")).unwrap();
            std::fs::write(home.join(".aws/credentials"), SECRET).unwrap();
            std::fs::write(plot.dir.join("work/go"), "").unwrap();
        };
        let (output, ()) = futures_util::future::join(said(&sandbox, command), replace).await;
        assert!(!output.contains(SECRET), "{output}");
    });
}
