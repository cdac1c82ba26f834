//! HTTP, against a server that speaks a provider's protocol.

use std::time::Duration;

use flue_core::{ErrorKind, Retry};
use flue_sandbox_remote_kit::Secret;
use flue_sandbox_remote_kit::http::{Http, Method};
use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::daytona::{API_KEY, Daytona};
use serde_json::{Value, json};

async fn server() -> (Daytona, Http) {
    let server = Daytona::start().await.unwrap();
    let http = Http::new(&server.api_url()).unwrap().bearer(&Secret::new(API_KEY)).unwrap();
    (server, http)
}

fn refuse(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Refuse { status, retry_after }
}

#[tokio::test]
async fn a_status_has_a_kind_and_says_whether_anything_was_done() {
    let (server, http) = server().await;
    let list = || http.request("list", Method::GET, &["sandbox"]).unwrap();
    let cases = [
        (400, ErrorKind::InvalidInput, Retry::Never, false),
        (401, ErrorKind::Authentication, Retry::Never, false),
        (402, ErrorKind::QuotaExhausted, Retry::Never, false),
        (404, ErrorKind::NotFound, Retry::Never, false),
        (409, ErrorKind::Conflict, Retry::Never, false),
        (413, ErrorKind::LimitExceeded, Retry::Never, false),
        (429, ErrorKind::RateLimited, Retry::After(Duration::from_secs(3)), true),
        (503, ErrorKind::Unavailable, Retry::After(Duration::from_secs(3)), false),
        (302, ErrorKind::Protocol, Retry::Never, false),
    ];
    for (status, kind, retry, unsent) in cases {
        server.faults().once("GET", refuse(status, Some(3)));
        let refused = list().done().await.unwrap_err();
        let error = refused.error;
        assert_eq!((error.kind(), error.retry(), refused.unsent), (kind, retry, unsent), "{error:?}");
        assert_eq!(error.fact("said"), Some("refused on demand"));
    }
    let closed = http.at("http://127.0.0.1:1/api").unwrap();
    let refused = closed.request("list", Method::GET, &["sandbox"]).unwrap().done().await.unwrap_err();
    assert!(refused.unsent && refused.error.kind() == ErrorKind::Unavailable, "{refused:?}");
}

#[tokio::test]
async fn what_does_no_harm_twice_is_repeated_so_many_times() {
    let (server, http) = server().await;
    let list = || http.request("list", Method::GET, &["sandbox"]).unwrap();
    for status in [503, 429, 500] {
        server.faults().once("GET", refuse(status, Some(0)));
    }
    let found: Value = list().repeat().await.unwrap().json().await.unwrap();
    assert_eq!(found["items"], json!([]));
    for _ in 0..4 {
        server.faults().once("GET", refuse(503, Some(0)));
    }
    assert_eq!(list().repeat().await.unwrap_err().kind(), ErrorKind::Unavailable);
    // A provider that asks for an hour does not get it.
    server.faults().once("GET", refuse(429, Some(3600)));
    assert_eq!(list().repeat().await.unwrap_err().retry(), Retry::After(Duration::from_secs(3600)));
}

#[tokio::test]
async fn an_answer_is_whole_and_bounded_or_an_error() {
    let (server, http) = server().await;
    let list = || http.request("list", Method::GET, &["sandbox"]).unwrap();
    server.faults().once("GET", Fault::Cut(5));
    let error = list().done().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let error = list().limit(5).done().await.unwrap().bytes().await.unwrap_err();
    assert_eq!((error.kind(), error.fact("limit")), (ErrorKind::LimitExceeded, Some("5")));
    let error = list().done().await.unwrap().json::<Vec<u8>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_name_stays_one_segment_of_the_path() {
    let (server, http) = server().await;
    for odd in ["a/../b", "?x#y", "%2e%2e", "é \n"] {
        let refused = http.request("get", Method::GET, &["sandbox", odd]).unwrap().done().await.unwrap_err();
        assert!(refused.error.fact("said").is_some_and(|said| said.contains(odd.trim())), "{refused:?}");
    }
    for odd in ["", ".", ".."] {
        let error = http.request("get", Method::GET, &["sandbox", odd]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let seen = server.seen();
    assert_eq!(seen[0], "GET /api/sandbox/a%2F..%2Fb");
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn keys_are_not_shown_even_when_the_provider_says_them() {
    let (_server, http) = server().await;
    let refused = http.request("get", Method::GET, &["sandbox", API_KEY]).unwrap().done().await.unwrap_err();
    let shown = format!("{refused:?} {http:?}");
    assert!(shown.contains("***") && !shown.contains(API_KEY), "{shown}");
    let with_password = http.at("http://user:planted@127.0.0.1:1").unwrap();
    let refused = with_password.request("get", Method::GET, &["x"]).unwrap().query("key", "planted").done().await;
    let shown = format!("{:?} {with_password:?}", refused.unwrap_err());
    assert!(!shown.contains("planted"), "{shown}");
    for odd in ["ftp://h", "h", "http://", "/api"] {
        assert_eq!(Http::new(odd).unwrap_err().kind(), ErrorKind::Config, "{odd}");
    }
    let error = http.bearer(&Secret::new("planted\nkey")).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && !format!("{error:?}").contains("planted"), "{error:?}");
}
