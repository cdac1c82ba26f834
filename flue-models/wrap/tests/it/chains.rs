//! Retry and fallback.

use std::time::Duration;

use flue_core::model::{AssistantBlock, Finish, ModelEvent, ModelInfo, StopReason, Text, Thinking, Usage};
use flue_core::{ErrorKind, Retry, RetryPolicy};
use flue_core_testkit::ScriptModel;
use flue_models_wrap::{Fallback, Retrying};
use tokio::time::Instant;

use crate::{ask, failure, shared, text};

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_again_and_the_rest_is_not() {
    let script = ScriptModel::new()
        .fails(failure(ErrorKind::RateLimited, Retry::After(Duration::from_secs(7))))
        .streams([Err(failure(ErrorKind::Unavailable, Retry::Backoff))])
        .says("Here.");
    let model = Retrying::new(shared(script.clone()), RetryPolicy::retries(2));
    let begun = Instant::now();
    assert_eq!(text(ask(&model).await.unwrap()), "Here.");
    // Seven seconds that the provider asks for, then twice two, of which a quarter is random.
    let waited = begun.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(12)).contains(&waited), "{waited:?}");
    assert_eq!(script.requests().len(), 3);

    for (error, retries) in [
        (failure(ErrorKind::InvalidInput, Retry::Never), 5),
        (failure(ErrorKind::RateLimited, Retry::After(Duration::from_secs(61))), 5),
        (failure(ErrorKind::Unavailable, Retry::Backoff), 0),
    ] {
        let kind = error.kind();
        let script = ScriptModel::new().fails(error).says("never");
        let model = Retrying::new(shared(script.clone()), RetryPolicy::retries(retries));
        assert_eq!(ask(&model).await.unwrap_err().kind(), kind);
        assert_eq!(script.turns_left(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_first_event_nothing_is_asked_twice() {
    let begun = || Ok(ModelEvent::TextDelta("Hal".into()));
    let broken = || Err(failure(ErrorKind::Unavailable, Retry::Backoff));
    let script = ScriptModel::new().streams([begun(), broken()]).says("never");
    let second = ScriptModel::new().says("never");
    let retrying = Retrying::new(shared(script.clone()), RetryPolicy::retries(3));
    let model = Fallback::new(shared(retrying)).or(shared(second.clone()));
    assert_eq!(ask(&model).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!((script.turns_left(), second.turns_left()), (1, 1));
}

#[tokio::test]
async fn the_next_model_answers_and_is_named() {
    let first = ScriptModel::new().fails(failure(ErrorKind::QuotaExhausted, Retry::Never)).says("Mine.");
    let second = ScriptModel::new().streams([Err(failure(ErrorKind::Unavailable, Retry::Backoff))]);
    let thought = AssistantBlock::Thinking(Thinking { text: "hm".into(), native: None });
    let third = ScriptModel::new().with_info(ModelInfo::new("other", "api", "stand-in")).answers([
        ModelEvent::Block(thought),
        ModelEvent::Block(AssistantBlock::Text(Text::new("Theirs."))),
        ModelEvent::Finished(Finish::new(StopReason::End, Usage::default())),
    ]);
    let model = Fallback::new(shared(first)).or(shared(second)).or(shared(third));
    let turn = ask(&model).await.unwrap();
    assert_eq!(turn.finish.response_model.as_deref(), Some("other/stand-in"));
    assert_eq!(turn.content, [AssistantBlock::Text(Text::new("Theirs."))]);
    let turn = ask(&model).await.unwrap();
    assert_eq!((turn.finish.response_model.clone(), text(turn)), (None, "Mine.".to_owned()));
}

#[tokio::test]
async fn a_request_that_is_wrong_is_wrong_everywhere() {
    for kind in [ErrorKind::InvalidInput, ErrorKind::ContextOverflow, ErrorKind::Cancelled] {
        let first = ScriptModel::new().fails(failure(kind, Retry::Never));
        let second = ScriptModel::new().says("never");
        let model = Fallback::new(shared(first)).or(shared(second.clone()));
        assert_eq!(ask(&model).await.unwrap_err().kind(), kind);
        assert_eq!(second.turns_left(), 1);
    }
}

#[tokio::test]
async fn when_all_fail_the_last_error_tells_of_the_others() {
    let failing = |kind| shared(ScriptModel::new().fails(failure(kind, Retry::Backoff)));
    let model = Fallback::new(failing(ErrorKind::Unavailable)).or(failing(ErrorKind::RateLimited));
    let error = ask(&model).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Backoff));
    assert_eq!(error.fact("failed_before"), Some("double/script: unavailable"));
}
