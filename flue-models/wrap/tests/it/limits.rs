//! Limits that sessions share.

use std::time::Duration;

use flue_core::model::{Message, ModelRequest};
use flue_core_testkit::ScriptModel;
use flue_models_wrap::Limiter;
use tokio::time::{Instant, timeout};

use crate::{ask, shared, text};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_place_is_kept_until_the_stream_ends_or_is_dropped() {
    let limiter = Limiter::new().concurrent(1);
    let busy = limiter.wrap(shared(ScriptModel::new().hangs_after([])));
    let other = limiter.wrap(shared(ScriptModel::new().says("a").says("b")));
    let held = busy.stream(ModelRequest::new(vec![Message::user("x")])).await.unwrap();
    assert!(timeout(LONG, ask(&*other)).await.is_err(), "two at once");
    drop(held);
    assert_eq!(text(ask(&*other).await.unwrap()), "a");
    // A stream that was read to its end gives its place back by itself, though it is kept.
    assert_eq!(text(ask(&*other).await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn requests_are_spread_over_the_minute() {
    let script = (0..26).fold(ScriptModel::new(), |script, _| script.says("x"));
    let limiter = Limiter::new().per_minute(20);
    let (one, two) = (limiter.wrap(shared(script.clone())), limiter.clone().wrap(shared(script)));
    let begun = Instant::now();
    for _ in 0..12 {
        ask(&*one).await.unwrap();
        ask(&*two).await.unwrap();
    }
    // Two may begin at once beside the first; the others are three seconds apart.
    assert_eq!(begun.elapsed().as_secs(), 3 * (24 - 3));
    tokio::time::sleep(LONG).await;
    let begun = Instant::now();
    ask(&*one).await.unwrap();
    ask(&*one).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
