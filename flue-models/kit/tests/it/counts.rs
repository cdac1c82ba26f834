//! Tokens that a provider counts.

use flue_core::model::{Model, ModelRequest};
use flue_core::{ErrorKind, Result};

use crate::double::{Act, endpoint, model, reply, serve};

async fn count(acts: Vec<Act>) -> (Result<Option<u64>>, String) {
    let mut server = serve(acts).await;
    let counted = model(endpoint(&server.url)).count_tokens(ModelRequest::new(Vec::new())).await;
    (counted, server.requests.recv().await.unwrap())
}

#[tokio::test]
async fn the_count_is_read_from_the_reply() {
    let (counted, request) = count(reply("200 OK", "", r#"{"tokens":42,"other":1}"#)).await;
    assert_eq!(counted.unwrap(), Some(42));
    assert!(request.starts_with("POST /count HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn failures_are_those_of_a_turn() {
    let slow_down = r#"{"error":{"type":"rate_limit_error","message":"Slow down"}}"#;
    let error = count(reply("429 Too Many Requests", "", slow_down)).await.0.unwrap_err();
    assert_eq!((error.kind(), error.fact("model")), (ErrorKind::RateLimited, Some("words/one")));
    for body in ["", "[]", "{}", r#"{"tokens":-1}"#, "<html>"] {
        let error = count(reply("200 OK", "", body)).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
}
