//! What `curl` and `wget` reach: a server on loopback, which has to be named.

use std::net::SocketAddr;

use flue_core::{ErrorKind, NetworkReach, OpenRequest, Sandbox};
use flue_sandbox_virtual::{NetworkPolicy, Virtual};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{fresh, open, run, said};

/// Answers every request with what it was asked, or by its path with a redirect, much or nothing.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    let mut piece = [0; 1024];
                    let read = socket.read(&mut piece).await.unwrap();
                    request.extend_from_slice(&piece[..read]);
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                let mut words = text.split_whitespace();
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                let reply = match path {
                    "/v1/out" => "HTTP/1.1 302 Found\r\nLocation: /admin\r\nContent-Length: 0\r\n\r\n".to_owned(),
                    "/v1/moved" => "HTTP/1.1 302 Found\r\nLocation: /v1/here\r\nContent-Length: 0\r\n\r\n".to_owned(),
                    "/v1/silent" => {
                        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
                        String::new()
                    }
                    "/v1/large" => format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000)),
                    _ => {
                        let body = format!("{method} {path}");
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                    }
                };
                // The client may have gone.
                let _ = socket.write_all(reply.as_bytes()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn nothing_is_reached_unless_a_policy_says_so() {
    let server = serve().await;
    let sandbox = fresh().await;
    assert_eq!(sandbox.info().capabilities.network, NetworkReach::None);
    for command in ["curl -sS", "wget -O -"] {
        let output = run(&sandbox, &format!("{command} http://{server}/")).await;
        assert!(!output.success() && output.stdout.is_empty(), "{output:?}");
    }
}

#[tokio::test]
async fn what_is_named_is_reached() {
    let server = serve().await;
    let prefix = format!("http://{server}/v1");
    let sandbox = open(&Virtual::new().network(NetworkPolicy::allow([&prefix]))).await;
    assert_eq!(sandbox.info().capabilities.network, NetworkReach::AllowList(vec![prefix.clone()]));
    assert_eq!(said(&run(&sandbox, &format!("curl -sS {prefix}/a?b=c | tr a-z A-Z")).await), "GET /V1/A?B=C");
    assert_eq!(said(&run(&sandbox, &format!("wget -q -O f {prefix}/a; cat f")).await), "GET /v1/a");
    assert_eq!(said(&run(&sandbox, &format!("curl -sSL {prefix}/moved")).await), "GET /v1/here");
}

#[tokio::test]
async fn what_is_not_named_is_not_reached() {
    let server = serve().await;
    let policy = NetworkPolicy::allow([format!("http://{server}/v1"), format!("http://localhost.example:{}", server.port())]);
    let sandbox = open(&Virtual::new().network(policy)).await;
    for url in [
        format!("http://{server}/admin"),
        format!("http://{server}/v1/../admin"),
        format!("http://{server}/v10"),
        format!("https://{server}/v1"),
        format!("http://127.0.0.2:{}/v1", server.port()),
        format!("http://localhost:{}/v1", server.port()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let output = run(&sandbox, &format!("curl -sS '{url}'")).await;
        assert_eq!(output.exit_code(), 7, "{url}: {output:?}");
        assert!(output.stdout.is_empty() && output.stderr_text().contains("access denied"), "{url}: {output:?}");
    }
    // A redirect is held against the policy like any other request.
    let output = run(&sandbox, &format!("curl -sSL http://{server}/v1/out")).await;
    assert!(!output.success() && output.stdout.is_empty(), "{output:?}");
    // Changing methods have to be allowed.
    let output = run(&sandbox, &format!("curl -sS -X POST -d x http://{server}/v1")).await;
    assert!(!output.success() && output.stderr_text().contains("POST"), "{output:?}");
    let policy = NetworkPolicy::allow([format!("http://{server}")]).with_methods(["POST"]);
    let sandbox = open(&Virtual::new().network(policy)).await;
    assert_eq!(said(&run(&sandbox, &format!("curl -sS -d x http://{server}/v1")).await), "POST /v1");
}

#[tokio::test]
async fn a_name_for_private_addresses_is_closed_until_they_are_named() {
    let server = serve().await;
    let url = format!("http://localhost:{}/", server.port());
    let sandbox = open(&Virtual::new().network(NetworkPolicy::allow([&url]))).await;
    assert_eq!(said(&run(&sandbox, &format!("curl -sS {url}")).await), "GET /");
}

#[tokio::test]
async fn responses_are_bounded_in_size_and_time() {
    let server = serve().await;
    let policy = NetworkPolicy::allow([format!("http://{server}")]).with_response_bytes(50_000);
    let policy = policy.with_timeout(std::time::Duration::from_millis(300));
    let sandbox = open(&Virtual::new().network(policy)).await;
    let output = run(&sandbox, &format!("curl -sS http://{server}/v1/large")).await;
    assert!(!output.success() && output.stderr_text().contains("too large"), "{output:?}");
    let output = run(&sandbox, &format!("curl -sS http://{server}/v1/silent")).await;
    assert!(output.exit_code() == 28 && output.stderr_text().contains("timed out"), "{output:?}");
}

#[tokio::test]
async fn a_prefix_that_is_none_is_refused_when_a_sandbox_opens() {
    let factory = Virtual::new().network(NetworkPolicy::allow(["example.com"]));
    let error = factory.create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("prefix")), (ErrorKind::Config, Some("example.com")));
}
