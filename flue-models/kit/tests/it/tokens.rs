//! Access tokens: what a token endpoint is asked, and what its answers mean.

use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::{Http, Lease, Secret};

use crate::double::{reply, serve};

const FORM: [(&str, &str); 2] = [("grant_type", "refresh_token"), ("refresh_token", "1//planted +&=")];

async fn answered(status: &str, headers: &str, body: &str) -> (String, Result<Lease<Secret>>) {
    let mut server = serve(reply(status, headers, body)).await;
    let token = Http::default().access_token(&format!("{}/token?a=1", server.url), &FORM).await;
    (server.requests.try_recv().unwrap_or_default(), token)
}

async fn refused(status: &str, body: &str) -> Error {
    answered(status, "", body).await.1.unwrap_err()
}

#[tokio::test]
async fn a_form_brings_a_token_that_ends() {
    for (expires_in, seconds) in [("3599", 3599), ("\"120\"", 120), ("null", 600), ("-1", 600)] {
        let body = format!(r#"{{"access_token":"ya29.x","expires_in":{expires_in},"token_type":"bearer"}}"#);
        let before = SystemTime::now();
        let (request, token) = answered("200 OK", "", &body).await;
        let token = token.unwrap();
        assert_eq!(token.value().expose(), "ya29.x");
        let end = token.until().unwrap();
        let lasts = Duration::from_secs(seconds);
        assert!(end >= before + lasts && end <= SystemTime::now() + lasts, "{expires_in}");
        assert!(request.starts_with("POST /token?a=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
        assert!(
            request.ends_with("\r\n\r\ngrant_type=refresh_token&refresh_token=1%2F%2Fplanted%20%2B%26%3D"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_shows_no_credential() {
    let error = refused(
        "400 Bad Request",
        r#"{"error":"invalid_grant","error_description":"1//planted +&= has been expired or revoked."}"#,
    )
    .await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, Retry::Never));
    assert_eq!(
        error.to_string(),
        "get an access token: the token endpoint refused: invalid_grant: *** has been expired or revoked. \
         (status: 400, host: 127.0.0.1)"
    );
    for (status, kind, retry) in [
        ("401 Unauthorized", ErrorKind::Authentication, Retry::Never),
        ("403 Forbidden", ErrorKind::Authentication, Retry::Never),
        ("404 Not Found", ErrorKind::NotFound, Retry::Never),
        ("429 Slow Down", ErrorKind::RateLimited, Retry::Backoff),
        ("503 Away", ErrorKind::Unavailable, Retry::Backoff),
    ] {
        let error = refused(status, "<html>").await;
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{error}");
    }
    let error = refused("302 Found", "").await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[tokio::test]
async fn what_is_no_token_is_not_taken_for_one() {
    for body in ["", "[]", "{}", r#"{"id_token":"x"}"#, r#"{"access_token":""}"#, r#"{"access_token":7}"#] {
        let error = refused("200 OK", body).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}: {error}");
    }
    let error = refused("200 OK", r#"{"access_token":"planted","token_type":"mac"}"#).await;
    assert!(error.message().contains("\"mac\"") && !format!("{error:?}").contains("planted"), "{error}");
    let error = refused("200 OK", &format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000))).await;
    assert!(error.message().contains("longer than 65536 bytes"), "{error}");
}

#[tokio::test]
async fn credentials_go_to_no_address_in_the_clear() {
    let ask = |url: &'static str| async move { Http::default().access_token(url, &FORM).await.unwrap_err() };
    for url in ["http://oauth2.example.com/token", "http://localhost.example.com/", "ftp://localhost/", "token", ""] {
        assert_eq!(ask(url).await.kind(), ErrorKind::Config, "{url}");
    }
    let error = ask("http://127.0.0.1:9/token").await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    assert!(error.to_string().starts_with("get an access token: the server cannot be reached"), "{error}");
}
