//! Failures as providers report them.

use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Retry};

use super::*;

fn reply(status: u16, headers: &'static [(&'static str, &'static str)], body: &str) -> Error {
    let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    reply_error(&HttpReply { status, header: &header, body: body.as_bytes() })
}

fn expect(error: &Error, kind: ErrorKind, retry: Retry) {
    assert_eq!((error.kind(), error.retry()), (kind, retry), "{error}");
}

#[test]
fn a_failure_names_status_code_phase_and_request() {
    let error = reply(
        429,
        &[("retry-after", "2"), ("request-id", "req_1")],
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow down"}}"#,
    );
    expect(&error, ErrorKind::RateLimited, Retry::After(Duration::from_secs(2)));
    assert_eq!(
        error.to_string(),
        "ask the model: Slow down (status: 429, code: rate_limit_error, phase: response, request_id: req_1)"
    );
}

#[test]
fn the_status_decides_where_nothing_else_is_known() {
    for (status, kind, retry) in [
        (301, ErrorKind::Config, Retry::Never),
        (400, ErrorKind::InvalidInput, Retry::Never),
        (401, ErrorKind::Authentication, Retry::Never),
        (402, ErrorKind::QuotaExhausted, Retry::Never),
        (403, ErrorKind::Authentication, Retry::Never),
        (404, ErrorKind::NotFound, Retry::Never),
        (408, ErrorKind::Unavailable, Retry::Backoff),
        (409, ErrorKind::Unavailable, Retry::Backoff),
        (413, ErrorKind::ContextOverflow, Retry::Never),
        (422, ErrorKind::InvalidInput, Retry::Never),
        (429, ErrorKind::RateLimited, Retry::Backoff),
        (500, ErrorKind::Unavailable, Retry::Backoff),
        (529, ErrorKind::Unavailable, Retry::Backoff),
    ] {
        expect(&reply(status, &[], ""), kind, retry);
    }
}

#[test]
fn the_server_says_whether_and_when_to_try_again() {
    let after = |millis| Retry::After(Duration::from_millis(millis));
    expect(&reply(503, &[("x-should-retry", "false")], ""), ErrorKind::Unavailable, Retry::Never);
    expect(&reply(400, &[("x-should-retry", "true")], ""), ErrorKind::InvalidInput, Retry::Backoff);
    expect(&reply(413, &[("x-should-retry", "true")], ""), ErrorKind::ContextOverflow, Retry::Never);
    let both = &[("retry-after-ms", "1500.5"), ("retry-after", "9")];
    expect(&reply(429, both, ""), ErrorKind::RateLimited, Retry::After(Duration::from_micros(1_500_500)));
    expect(&reply(429, &[("retry-after", "0")], ""), ErrorKind::RateLimited, Retry::Backoff);
    expect(&reply(429, &[("retry-after", "-3")], ""), ErrorKind::RateLimited, Retry::Backoff);
    expect(&reply(429, &[("retry-after", "soon")], ""), ErrorKind::RateLimited, Retry::Backoff);
    expect(&reply(529, &[("retry-after", "60")], ""), ErrorKind::Unavailable, after(60_000));
    expect(&reply(400, &[("retry-after", "5")], ""), ErrorKind::InvalidInput, Retry::Never);

    let long = reply(429, &[("retry-after", "3600")], r#"{"error":{"message":"Slow down"}}"#);
    expect(&long, ErrorKind::RateLimited, Retry::Never);
    assert!(long.message().contains("asks to wait 3600 s, which is longer than the 60 s"), "{long}");
}

#[test]
fn a_date_is_a_delay() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
    let header = |name: &str| (name == "retry-after").then_some(date.as_str());
    match reply_error(&HttpReply { status: 429, header: &header, body: b"" }).retry() {
        Retry::After(delay) => assert!((28..=30).contains(&delay.as_secs()), "{delay:?}"),
        other => panic!("{other:?}"),
    }
    expect(
        &reply(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], ""),
        ErrorKind::RateLimited,
        Retry::Backoff,
    );
}

#[test]
fn an_overflow_is_told_before_a_retry() {
    for message in [
        "prompt is too long: 213462 tokens > 200000 maximum",
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "Your input exceeds the context window of this model",
        "the request exceeds the available context size. try increasing the context size",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Please reduce the length of the messages or completion.",
        "Input (9000 tokens) is longer than the model's context length (8192 tokens).",
    ] {
        let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
        expect(&reply(400, &[], &body), ErrorKind::ContextOverflow, Retry::Never);
        expect(&reply(500, &[], &body), ErrorKind::ContextOverflow, Retry::Never);
        expect(&stream_error(&body), ErrorKind::ContextOverflow, Retry::Never);
    }
    let llama = r#"{"error":{"code":400,"message":"too big","type":"exceed_context_size_error","n_ctx":4096}}"#;
    let error = reply(400, &[], llama);
    expect(&error, ErrorKind::ContextOverflow, Retry::Never);
    assert_eq!(error.fact("code"), Some("exceed_context_size_error"));
    let throttled = r#"{"message":"ThrottlingException: Too many tokens, please wait before trying again."}"#;
    expect(&reply(429, &[], throttled), ErrorKind::RateLimited, Retry::Backoff);
    expect(&stream_error(throttled), ErrorKind::Unavailable, Retry::Backoff);
}

#[test]
fn an_empty_account_is_not_a_rate_limit() {
    let never = |error: &Error| expect(error, ErrorKind::QuotaExhausted, Retry::Never);
    never(&reply(429, &[("retry-after", "1")], r#"{"error":{"message":"x","code":"insufficient_quota"}}"#));
    never(&reply(
        400,
        &[],
        r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
    ));
    never(&stream_error(r#"{"error":{"message":"You exceeded your current quota","code":429}}"#));
    let told_when = reply(429, &[("retry-after", "20")], r#"{"error":{"message":"You exceeded your current quota"}}"#);
    expect(&told_when, ErrorKind::RateLimited, Retry::After(Duration::from_secs(20)));
}

#[test]
fn an_error_inside_a_stream_goes_by_code_status_and_at_last_text() {
    let anthropic = stream_error(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    expect(&anthropic, ErrorKind::Unavailable, Retry::Backoff);
    assert_eq!(anthropic.to_string(), "ask the model: Overloaded (code: overloaded_error, phase: stream)");
    let responses = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"Sorry"}}}"#;
    expect(&stream_error(responses), ErrorKind::Unavailable, Retry::Backoff);
    let bare = r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow","param":null}"#;
    expect(&stream_error(bare), ErrorKind::RateLimited, Retry::Backoff);
    let router = r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"upstream says no"}}}"#;
    let error = stream_error(router);
    expect(&error, ErrorKind::Unavailable, Retry::Backoff);
    assert_eq!(error.message(), "Provider returned error: upstream says no");
    expect(&stream_error(r#"{"error":"connection lost"}"#), ErrorKind::Unavailable, Retry::Backoff);
    expect(
        &stream_error(r#"{"error":{"message":"request req_a500b with 1429 bytes: no"}}"#),
        ErrorKind::Unavailable,
        Retry::Never,
    );
    expect(&stream_error("garbage"), ErrorKind::Unavailable, Retry::Never);
}

#[test]
fn odd_bodies_still_make_a_sentence() {
    let text = |status, body| reply(status, &[], body).message().to_owned();
    assert_eq!(
        text(502, "<html><body>Bad gateway</body></html>"),
        "the server answered with a web page, not with the API's error"
    );
    assert_eq!(text(500, " plain words "), "plain words");
    assert_eq!(text(500, ""), "the server answered with status 500 and nothing else");
    assert_eq!(text(307, ""), "the server sends to another address; set the base URL to where the API is");
    assert_eq!(text(400, r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#), "bad");
    assert_eq!(text(400, r#"{"detail":[{"msg":"field required"}]}"#), r#"[{"msg":"field required"}]"#);
    let long = text(500, &"é".repeat(5000));
    assert_eq!(long.chars().filter(|c| *c == 'é').count(), 4000);
    assert!(long.ends_with("… [cut, 10000 bytes in all]"));
}

#[test]
fn a_delay_may_stand_in_the_body() {
    let body = r#"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED",
        "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
    expect(&reply(429, &[], body), ErrorKind::RateLimited, Retry::After(Duration::from_millis(34_500)));
    expect(&reply(429, &[], &body.replace("34.5s", "soon")), ErrorKind::QuotaExhausted, Retry::Never);
}
