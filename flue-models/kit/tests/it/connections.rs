//! Requests out, replies in, connections kept and closed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flue_core::model::{Model, ModelEvent, ModelRequest};

use crate::double::{Act, ask, chunk, endpoint, head, last_chunk, model, reply, serve};

#[tokio::test]
async fn a_turn_streams_and_the_next_one_takes_the_same_connection() {
    let pause = Act::Pause(Duration::from_millis(5));
    let server = serve(vec![
        head("text/event-stream; charset=utf-8"),
        chunk("data: a\n\nda"),
        pause.clone(),
        chunk("ta: b\n\ndata: end\n\n"),
        pause,
        last_chunk(),
    ])
    .await;
    let model = model(endpoint(&server.url));
    for _ in 0..3 {
        let (events, error) = ask(&model).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(events[..2], [ModelEvent::TextDelta("a".into()), ModelEvent::TextDelta("b".into())]);
        assert!(matches!(events[2..], [ModelEvent::Finished(_)]), "{events:?}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_turn_ends_though_the_server_does_not() {
    let server = serve(vec![head("text/event-stream"), chunk("data: end\n\n"), Act::Stall]).await;
    let begun = Instant::now();
    let (events, error) = ask(&model(endpoint(&server.url))).await;
    assert!(error.is_none() && matches!(events[..], [ModelEvent::Finished(_)]), "{events:?} {error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_request_is_what_codec_endpoint_and_application_say() {
    let mut server = serve(vec![head("text/event-stream"), chunk("data: end\n\n"), last_chunk()]).await;
    let endpoint =
        endpoint(&format!("{}/gateway/v9/?api-version=3", server.url)).header("X-Mine", "application").unwrap();
    ask(&model(endpoint)).await;
    let request = server.requests.recv().await.unwrap();
    let mut lines = request.lines();
    assert_eq!(lines.next(), Some("POST /gateway/v9/words?api-version=3 HTTP/1.1"));
    let mut headers: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    headers.retain(|header| !header.starts_with("host: "));
    headers.sort_unstable();
    let agent = format!("user-agent: flue/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        "accept: */*",
        "content-length: 2",
        "content-type: application/json",
        &agent,
        "x-api-key: planted-key-123",
        "x-mine: application",
        "x-version: 1",
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn credentials_of_the_application_replace_the_key() {
    let mut server = serve(vec![head("text/event-stream"), chunk("data: end\n\n"), last_chunk()]).await;
    ask(&model(endpoint(&server.url).header("Authorization", "Bearer mine").unwrap())).await;
    let request = server.requests.recv().await.unwrap();
    assert!(request.contains("\r\nauthorization: Bearer mine\r\n") && !request.contains("x-api-key"), "{request}");
}

#[tokio::test]
async fn plain_json_is_a_whole_reply() {
    let server = serve(reply("200 OK", "content-type: application/json; charset=utf-8\r\n", "[7]")).await;
    let (events, error) = ask(&model(endpoint(&server.url))).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(events[0], ModelEvent::TextDelta("[7]".into()));
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let mut server = serve(vec![head("text/event-stream"), chunk("data: a\n\n"), Act::Stall]).await;
    let model = model(endpoint(&server.url));
    let mut stream = model.stream(ModelRequest::new(Vec::new())).await.unwrap();
    let first = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert!(matches!(first, Some(Ok(ModelEvent::TextDelta(_)))), "{first:?}");
    drop(stream);
    tokio::time::timeout(Duration::from_secs(10), server.gone.recv()).await.unwrap().unwrap();
}
