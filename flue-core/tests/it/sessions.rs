//! Sessions by name, and going on with what was interrupted.

use std::sync::Arc;

use flue_core::event::Event;
use flue_core::store::{Entry, EntryKind, MemoryStore, SessionKey, SessionStore, Version};
use flue_core::{ErrorKind, Harness};
use flue_core_testkit::ScriptModel;

use crate::support::{Wait, agent, conversation, start, told, watched};

async fn names(harness: &Harness) -> Vec<String> {
    harness.sessions().list().await.unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn sessions_are_made_found_and_listed() {
    let harness = start(agent(&ScriptModel::new().says("ok").says("ok"))).await;
    let sessions = harness.sessions();
    assert_eq!(sessions.get("a").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(names(&harness).await, [""; 0]);
    sessions.create("b").await.unwrap();
    sessions.get("b").await.unwrap();
    let error = sessions.create("b").await.unwrap_err();
    assert_eq!((error.kind(), error.fact("session")), (ErrorKind::AlreadyExists, Some("b")));
    harness.session("a").unwrap().prompt("Go.").await.unwrap();
    sessions.get("a").await.unwrap().prompt("Go on.").await.unwrap();
    assert_eq!(names(&harness).await, ["a", "b"]);
    assert_eq!(sessions.create("a").await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    for name in ["", "a\nb", "task:a:1"] {
        assert_eq!(sessions.create(name).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
        assert_eq!(sessions.delete(name).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
        assert_eq!(harness.session(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
}

#[tokio::test]
async fn a_deleted_session_is_gone_for_whoever_holds_it() {
    let harness = start(agent(&ScriptModel::new().says("one").says("new"))).await;
    let held = harness.session("a").unwrap();
    held.prompt("Go.").await.unwrap();
    harness.sessions().delete("a").await.unwrap();
    harness.sessions().delete("a").await.unwrap();
    assert_eq!(held.prompt("Go on.").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(harness.sessions().get("a").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(harness.session("a").unwrap().prompt("Begin.").await.unwrap().text, "new");
    assert_eq!(conversation(&harness.session("a").unwrap()).await, ["user: \"Begin.\"", "says: new"]);
}

#[tokio::test]
async fn a_busy_session_is_found_and_neither_deleted_nor_copied_over() {
    let harness = start(agent(&ScriptModel::new().hangs())).await;
    let mut hanging = harness.session("a").unwrap().prompt("Hang.").stream();
    for _ in ["prompt_started", "turn_started"] {
        hanging.next().await.unwrap();
    }
    let sessions = harness.sessions();
    sessions.get("a").await.unwrap();
    assert_eq!(sessions.delete("a").await.unwrap_err().kind(), ErrorKind::SessionBusy);
    assert_eq!(sessions.create("a").await.unwrap_err().kind(), ErrorKind::SessionBusy);
    assert_eq!(sessions.get("a").await.unwrap().compact().await.unwrap_err().kind(), ErrorKind::SessionBusy);
    assert_eq!(sessions.entries("a").await.unwrap().len(), 1, "what is stored can be read meanwhile");
    let copy = sessions.fork("a", "b", None).await.unwrap();
    assert_eq!(conversation(&copy).await, ["user: \"Hang.\""]);
}

#[tokio::test]
async fn a_copy_goes_its_own_way() {
    let model = ScriptModel::new().says("one").says("two").says("other").says("three");
    let harness = start(agent(&model)).await;
    let sessions = harness.sessions();
    let original = harness.session("a").unwrap();
    original.prompt("1").await.unwrap();
    original.prompt("2").await.unwrap();
    let copy = sessions.fork("a", "b", Some(Version(2))).await.unwrap();
    assert_eq!(conversation(&copy).await, ["user: \"1\"", "says: one"]);
    copy.prompt("else").await.unwrap();
    original.prompt("3").await.unwrap();
    assert_eq!(conversation(&copy).await, ["user: \"1\"", "says: one", "user: \"else\"", "says: other"]);
    assert_eq!(conversation(&original).await.len(), 6);
    let entries = sessions.entries("b").await.unwrap();
    assert_eq!(entries[2].kind, EntryKind::Forked { from: "a".into(), at: 2 });
    for (from, to, at, kind) in [
        ("none", "c", None, ErrorKind::NotFound),
        ("a", "b", None, ErrorKind::AlreadyExists),
        ("a", "c", Some(Version(7)), ErrorKind::InvalidInput),
        ("a", "c", Some(Version(0)), ErrorKind::InvalidInput),
        ("a", "task:x", None, ErrorKind::InvalidInput),
    ] {
        assert_eq!(sessions.fork(from, to, at).await.unwrap_err().kind(), kind, "{from} {to}");
    }
    sessions.delete("a").await.unwrap();
    assert_eq!(conversation(&copy).await.len(), 4, "a copy outlives its original");
}

/// A store in which `entries` of a session are there already.
async fn stored(entries: Vec<Entry>) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    store.append(&SessionKey::new("test", "default"), Version(0), entries).await.unwrap();
    store
}

/// The entries of a prompt that ran through.
async fn entries_of(model: &ScriptModel) -> Vec<Entry> {
    let harness = start(agent(model).tool(Wait)).await;
    harness.prompt("Go.").await.unwrap();
    harness.sessions().entries("default").await.unwrap()
}

#[tokio::test]
async fn an_interrupted_prompt_goes_on_from_every_step() {
    let calls = [("c1", "wait", r#"{"ms":1}"#), ("c2", "wait", r#"{"ms":2}"#)];
    let whole = entries_of(&ScriptModel::new().calls(calls).says("Done.")).await;
    assert_eq!(whole.len(), 5);
    for len in 1..=whole.len() {
        let model = if len == 1 { ScriptModel::new().calls(calls) } else { ScriptModel::new() };
        let model = if len < whole.len() { model.says("Done.") } else { model };
        let store = stored(whole[..len].to_vec()).await;
        let (builder, seen) = watched(agent(&model).tool(Wait).store(store));
        let harness = start(builder).await;
        let session = harness.session("default").unwrap();
        let reply = session.resume().await.unwrap();
        assert_eq!((reply.text.as_str(), model.turns_left()), ("Done.", 0), "{len} entries");
        assert_eq!(reply.turns, [2, 1, 1, 1, 0][len - 1], "a finished answer is given without asking");
        let told = conversation(&session).await;
        assert_eq!(told.len(), 5, "{told:?}");
        for (line, id) in [(2, "c1"), (3, "c2")] {
            let lost = (2..4).contains(&len) && line >= len;
            assert!(
                told[line].starts_with(&format!("{} {id}: ", if lost { "error" } else { "result" })),
                "{len}: {told:?}"
            );
        }
        let began = seen.items().into_iter().find_map(|record| match record.event {
            Event::PromptStarted { text, resumed } => Some((text, resumed)),
            _ => None,
        });
        assert_eq!(began, Some((String::new(), true)));
    }
}

#[tokio::test]
async fn there_must_be_something_to_go_on_with() {
    let harness = start(agent(&ScriptModel::new())).await;
    let session = harness.sessions().create("a").await.unwrap();
    let error = session.resume().await.unwrap_err();
    assert_eq!((error.kind(), error.fact("session")), (ErrorKind::NotFound, Some("a")));
}

#[tokio::test]
async fn a_result_that_was_handed_in_before_the_interruption_counts() {
    let model = ScriptModel::new().calls([("c1", "finish", r#"{"result":"no"}"#)]).says("I am done.").calls([(
        "c2",
        "finish",
        r#"{"result":7}"#,
    )]);
    let harness = start(agent(&model)).await;
    assert_eq!(harness.prompt("How many?").output::<u8>().await.unwrap().data, 7);
    let whole = harness.sessions().entries("default").await.unwrap();
    let asked = ScriptModel::new();
    let harness = start(agent(&asked).store(stored(whole.clone()).await)).await;
    let session = harness.session("default").unwrap();
    let reply = session.resume().output::<u8>().await.unwrap();
    assert_eq!((reply.data, reply.turns), (7, 0));
    // Under another shape it does not, and neither does one whose acceptance was not stored.
    let model = ScriptModel::new().calls([("c3", "finish", r#"{"result":["seven"]}"#)]);
    let harness = start(agent(&model).store(stored(whole.clone()).await)).await;
    assert_eq!(harness.session("default").unwrap().resume().output::<Vec<String>>().await.unwrap().data, ["seven"]);
    let model = ScriptModel::new().calls([("c3", "finish", r#"{"result":8}"#)]);
    let harness = start(agent(&model).store(stored(whole[..whole.len() - 1].to_vec()).await)).await;
    assert_eq!(harness.session("default").unwrap().resume().output::<u8>().await.unwrap().data, 8);
    // A later prompt does not find it.
    let model = ScriptModel::new().calls([("c4", "finish", r#"{"result":9}"#)]);
    let harness = start(agent(&model).store(stored(whole).await)).await;
    assert_eq!(harness.prompt("And now?").output::<u8>().await.unwrap().data, 9);
    assert_eq!(told(&model.requests()[0].messages).len(), 8);
}

#[tokio::test]
async fn what_was_said_under_a_key_is_not_said_again() {
    let call = [("c1", "wait", r#"{"ms":1}"#)];
    let model = ScriptModel::new().calls(call).says("one").says("two").calls(call).says("three");
    let store = Arc::new(MemoryStore::new());
    let started = async || start(agent(&model).tool(Wait).store(store.clone())).await.session("s").unwrap();
    let session = started().await;
    assert_eq!(session.prompt("Go.").key("k1").await.unwrap().text, "one");
    // Again, also after a restart: the answer is there.
    for session in [session.clone(), started().await] {
        let reply = session.prompt("Go.").key("k1").await.unwrap();
        assert_eq!((reply.text.as_str(), reply.turns), ("one", 0));
        assert_eq!(session.answer_to("k1").await.unwrap().as_deref(), Some("one"));
        assert_eq!(session.answer_to("k2").await.unwrap(), None);
    }
    assert_eq!(session.prompt("And?").await.unwrap().text, "two");
    assert_eq!(session.answer_to("k1").await.unwrap(), None, "it is not the last one any more");
    // One that is interrupted is gone on with.
    let error = session.prompt("Last.").key("k3").max_turns(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(session.answer_to("k3").await.unwrap(), None);
    assert_eq!(started().await.prompt("Last.").key("k3").await.unwrap().text, "three");
    let told = conversation(&started().await).await;
    assert_eq!(told.iter().filter(|line| line.starts_with("user: ")).count(), 3, "{told:?}");
}
