//! Cassettes.

use std::time::Duration;

use flue_core::model::{
    AssistantBlock, Finish, Model, ModelEvent, NativeItem, Origin, StopReason, Text, Thinking, ToolCall, Usage,
};
use flue_core::{ErrorKind, Retry};
use flue_core_testkit::ScriptModel;
use flue_models_wrap::{Player, Recorder};

use crate::{ask, ask_for, failure, shared, text};

fn everything() -> Vec<ModelEvent> {
    let origin = Origin { provider: "double".into(), api: "double-script".into(), model: "script".into() };
    let native = Some(NativeItem { origin, kind: "signature".into(), data: "c2ln".into() });
    let mut finish = Finish::new(StopReason::ToolUse, Usage::default());
    finish.response_id = Some("r".into());
    vec![
        ModelEvent::ThinkingDelta("hm".into()),
        ModelEvent::Block(AssistantBlock::Thinking(Thinking { text: "hm".into(), native })),
        ModelEvent::TextDelta("The key is plan".into()),
        ModelEvent::TextDelta("ted-\"key\".".into()),
        ModelEvent::Block(AssistantBlock::Text(Text::new("The key is planted-\"key\"."))),
        ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new("c", "read", r#"{"key":"planted-\"key\""}"#))),
        ModelEvent::Finished(finish),
    ]
}

#[tokio::test]
async fn what_was_recorded_is_played_without_secrets() {
    let late = failure(ErrorKind::RateLimited, Retry::After(Duration::from_secs(3)));
    let script = ScriptModel::new()
        .answers(everything())
        .fails(late)
        .streams([Ok(ModelEvent::TextDelta("Hal".into())), Err(failure(ErrorKind::Protocol, Retry::Backoff))]);
    let recorder = Recorder::new(shared(script)).scrub("planted-\"key\"");
    let recorded = ask(&recorder).await.unwrap();
    ask(&recorder).await.unwrap_err();
    ask(&recorder).await.unwrap_err();
    let cassette = recorder.cassette().unwrap();
    assert!(!cassette.contains("planted") && cassette.contains("The key is ***."), "{cassette}");
    assert_eq!(cassette.lines().count(), 4, "{cassette}");

    let player = Player::new(&cassette).unwrap();
    assert_eq!(player.info(), recorder.info());
    let played = ask(&player).await.unwrap();
    assert_eq!(played.content[0], recorded.content[0]);
    assert_eq!(played.content[2], AssistantBlock::ToolCall(ToolCall::new("c", "read", r#"{"key":"***"}"#)));
    assert_eq!((played.finish.clone(), text(played)), (recorded.finish, "The key is ***.".to_owned()));
    let error = ask(&player).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::After(Duration::from_secs(3))));
    let error = ask(&player).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Protocol, Retry::Backoff));
    let error = ask(&player).await.unwrap_err();
    assert_eq!(error.to_string(), "play a cassette: the cassette is at its end; record it again");
}

#[tokio::test]
async fn another_request_is_told_and_not_answered() {
    let recorder = Recorder::new(shared(ScriptModel::new().says("Hi.")));
    ask(&recorder).await.unwrap();
    let player = Player::new(&recorder.cassette().unwrap()).unwrap();
    let request = flue_core_testkit::model::conversation(&player.info().origin);
    let error = player.stream(request).await.err().unwrap();
    assert!(error.message().contains("assistant[get_weather,get_weather"), "{error}");
    assert!(error.message().contains("not user with no tools; record it again"), "{error}");
    // What a user says may differ: it is who speaks, and of what, that has to agree.
    assert_eq!((player.turns_left(), text(ask_for(&player, "Other words.").await.unwrap())), (1, "Hi.".to_owned()));
}

#[test]
fn what_is_no_cassette_is_refused() {
    let error = |text: &str| Player::new(text).unwrap_err().to_string();
    assert!(error("").contains("its first line does not say who answered"));
    assert!(error("{}\n").contains("its first line"));
    let head = r#"{"cassette":9,"origin":{"provider":"p","api":"a","model":"m"},"images":true,"reasoning":false}"#;
    assert!(error(head).contains("its format is version 9, and this program reads 1"));
    assert!(error(&format!("{}\n\nx\n", head.replace('9', "1"))).contains("line 3 is no turn"));
}
