//! Each way a reply fails to come, as the error that says so.

use std::time::{Duration, Instant};

use flue_core::model::ModelEvent;
use flue_core::{Error, ErrorKind, Retry};
use flue_models_kit::{HttpOptions, MAX_ERROR_BODY_BYTES};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::double::{Act, ask, chunk, endpoint, head, last_chunk, model, model_with, reply, serve};

async fn fails(acts: Vec<Act>) -> Error {
    let server = serve(acts).await;
    let options = HttpOptions::default().with_idle_timeout(Duration::from_millis(100));
    let (events, error) = ask(&model_with(endpoint(&server.url), options)).await;
    assert!(!events.iter().any(|event| matches!(event, ModelEvent::Finished(_))), "{events:?}");
    error.unwrap()
}

fn expect(error: &Error, kind: ErrorKind, phase: &str, retry: Retry, message: &str) {
    let got = (error.kind(), error.fact("phase"), error.retry(), error.message());
    assert_eq!(got, (kind, Some(phase), retry, message), "{error:?}");
    assert_eq!(error.fact("model"), Some("words/one"));
}

#[tokio::test]
async fn a_status_with_everything_a_provider_says() {
    let body = r#"{"error":{"type":"rate_limit_error","message":"Slow down"}}"#;
    let error = fails(reply("429 Too Many Requests", "retry-after-ms: 1500\r\nrequest-id: req_1\r\n", body)).await;
    assert_eq!(
        format!("{error:?}"),
        "[rate_limited] ask the model: Slow down (status: 429, code: rate_limit_error, phase: response, \
         request_id: req_1, model: words/one) [retry: After(1.5s)]"
    );
}

#[tokio::test]
async fn a_key_that_is_not_accepted_names_where_it_came_from() {
    let error = fails(reply("401 Unauthorized", "", r#"{"error":{"message":"invalid x-api-key"}}"#)).await;
    expect(&error, ErrorKind::Authentication, "response", Retry::Never, "invalid x-api-key");
    assert_eq!(error.fact("key_from"), Some("WORDS_KEY"));
}

#[tokio::test]
async fn an_endless_error_body_is_read_to_its_bound() {
    let line = "x".repeat(1000);
    let mut acts = vec![Act::Send("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n".to_owned())];
    acts.extend((0..=MAX_ERROR_BODY_BYTES / line.len()).map(|_| chunk(&line)));
    acts.push(Act::Stall);
    let begun = Instant::now();
    let error = fails(acts).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(error.message().ends_with("… [cut, 65536 bytes in all]"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error = fails(reply("307 Temporary Redirect", "location: http://127.0.0.1:1/\r\n", "")).await;
    let message = "the server sends to another address; set the base URL to where the API is";
    expect(&error, ErrorKind::Config, "response", Retry::Never, message);
}

#[tokio::test]
async fn a_web_page_is_not_a_reply() {
    let error = fails(reply("200 OK", "content-type: text/html\r\n", "<html>")).await;
    let message = "the server answered with a web page, not with the API's stream; check the base URL";
    expect(&error, ErrorKind::Protocol, "response", Retry::Never, message);
}

#[tokio::test]
async fn nobody_listens() {
    // The port of a listener that is closed again.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, error) = ask(&model(endpoint(&format!("http://{address}")))).await;
    let error = error.unwrap();
    expect(&error, ErrorKind::Unavailable, "connect", Retry::Backoff, "the server cannot be reached");
    assert_eq!(error.fact("host"), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_server_without_tls_is_no_https_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket.shutdown().await.unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
    };
    let model = model(endpoint(&format!("https://{address}")));
    let ((_, error), ()) = tokio::join!(ask(&model), answer);
    let message = "no trusted connection to the server was made";
    expect(&error.unwrap(), ErrorKind::Unavailable, "connect", Retry::Never, message);
}

#[tokio::test]
async fn silence_before_and_within_the_reply() {
    let message = "the server was silent for 100ms";
    let before = fails(vec![Act::Stall]).await;
    expect(&before, ErrorKind::Unavailable, "request", Retry::Backoff, message);
    let within = fails(vec![head("text/event-stream"), chunk("data: a\n\n"), Act::Stall]).await;
    expect(&within, ErrorKind::Unavailable, "stream", Retry::Backoff, message);
    assert_eq!(within.fact("request_id"), Some("req_7"));
}

#[tokio::test]
async fn a_connection_that_breaks() {
    let before = fails(vec![Act::Close]).await;
    let message = "the connection broke before the server answered";
    expect(&before, ErrorKind::Unavailable, "request", Retry::Backoff, message);
    let within = fails(vec![head("text/event-stream"), chunk("data: a\n\n"), Act::Close]).await;
    let message = "the connection broke within the reply";
    expect(&within, ErrorKind::Unavailable, "stream", Retry::Backoff, message);
}

#[tokio::test]
async fn a_stream_that_ends_too_early_or_in_an_error() {
    let early = fails(vec![head("text/event-stream"), chunk("data: a\n\n"), last_chunk()]).await;
    expect(&early, ErrorKind::Protocol, "stream", Retry::Backoff, "the reply stopped before end");
    let event = "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let error = fails(vec![head("text/event-stream"), chunk("data: a\n\n"), chunk(event)]).await;
    expect(&error, ErrorKind::Unavailable, "stream", Retry::Backoff, "Overloaded");
}
