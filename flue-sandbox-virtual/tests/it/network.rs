//! What `curl` and `wget` reach: a server on loopback, which has to be named.

use std::net::SocketAddr;
use std::sync::Arc;

use flue_core::{ErrorKind, ExecRequest, Narrowing, NetworkReach, OpenRequest, Sandbox};
use flue_sandbox_virtual::{NetworkPolicy, Virtual, VirtualSandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{fresh, open, run, said};

/// Answers every request with what it was asked, or what its path says.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(socket));
        }
    });
    address
}

async fn answer(mut socket: TcpStream) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                break (head.to_owned(), body.to_owned());
            }
        }
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).await.unwrap();
        request.extend_from_slice(&piece[..read]);
    };
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let found = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let moved = |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let reply = match path {
        "/v1/out" => moved("/admin"),
        "/v1/moved" => moved("/v1/here"),
        "/v1/silent" => std::future::pending().await,
        "/v1/large" => found(&"x".repeat(100_000)),
        "/header" => found(header(&head, "x-echo").unwrap_or_default()),
        "/agent" => found(header(&head, "user-agent").unwrap_or_default()),
        "/auth" => found(header(&head, "authorization").unwrap_or_default()),
        "/missing" => "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nmissing".to_owned(),
        _ if method == "HEAD" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned(),
        _ => found(&format!("{method} {path} {body}")),
    };
    // The client may have gone.
    let _ = socket.write_all(reply.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A sandbox that reaches this server.
async fn online(server: SocketAddr) -> Arc<VirtualSandbox> {
    open(
        &Virtual::new()
            .network(NetworkPolicy::allow([format!("http://{server}")]).with_methods(["GET", "HEAD", "POST", "PUT"])),
    )
    .await
}

#[tokio::test]
async fn nothing_is_reached_unless_a_policy_says_so() {
    let server = serve().await;
    let sandbox = fresh().await;
    assert_eq!(sandbox.info().capabilities.network, NetworkReach::None);
    for command in ["curl -sS", "wget -O -"] {
        let output = run(&sandbox, &format!("{command} http://{server}/")).await;
        assert!(!output.success() && output.stdout.is_empty(), "{output:?}");
        assert!(output.stderr_text().contains("no network"), "{output:?}");
    }
}

#[tokio::test]
async fn what_is_named_is_reached() {
    let server = serve().await;
    let prefix = format!("http://{server}/v1");
    let sandbox = open(&Virtual::new().network(NetworkPolicy::allow([&prefix]))).await;
    assert_eq!(sandbox.info().capabilities.network, NetworkReach::AllowList(vec![prefix.clone()]));
    assert_eq!(said(&run(&sandbox, &format!("curl -sS {prefix}/a?b=c | tr a-z A-Z")).await), "GET /V1/A?B=C ");
    assert_eq!(said(&run(&sandbox, &format!("curl -fsSL {prefix}/moved")).await), "GET /v1/here ");
    assert_eq!(said(&run(&sandbox, &format!("wget -qO- {prefix}/moved")).await), "GET /v1/here ");
}

#[tokio::test]
async fn curl_does_what_scripts_ask_of_it() {
    let server = serve().await;
    let sandbox = online(server).await;
    let curl = async |args: &str| run(&sandbox, &args.replace("URL", &format!("http://{server}"))).await;
    for (script, expected) in [
        ("curl -s -o f URL/a && cat f", "GET /a "),
        ("curl -s URL/a --output dir/f --create-dirs && cat dir/f", "GET /a "),
        ("cd /tmp && curl -sO URL/x/name.txt && cat name.txt", "GET /x/name.txt "),
        ("curl -sw '%{http_code} %{size_download}\\n' -o /dev/null URL/a", "200 7\n"),
        ("curl -s -d a=1 -d b=2 URL/p", "POST /p a=1&b=2"),
        ("echo '{}' | curl -s -d @- -H 'Content-Type: application/json' URL/p", "POST /p {}"),
        ("curl -s --json '{\"a\":1}' URL/p", "POST /p {\"a\":1}"),
        ("curl -sG --data-urlencode 'q=a b&c' URL/p", "GET /p?q=a%20b%26c "),
        ("curl -s -X PUT --data-raw @x URL/p", "PUT /p @x"),
        ("printf up > u; curl -s -T u URL/dir/", "PUT /dir/u up"),
        ("curl -s -H 'X-Echo: yes' URL/header", "yes"),
        ("curl -s -A agent/1 URL/agent", "agent/1"),
        ("curl -s -u user:pass URL/auth", "Basic dXNlcjpwYXNz"),
        ("curl -s URL/missing; echo $?", "missing0\n"),
        ("curl -sf URL/missing; echo $?", "22\n"),
        ("curl -s URL/a URL/b", "GET /a GET /b "),
        ("curl -si URL/a | head -n 1", "HTTP/1.1 200 OK\r\n"),
        ("curl -sI URL/a | head -n 1", "HTTP/1.1 200 OK\r\n"),
        ("curl -s -D h URL/a; grep -c Content-Length -i h", "GET /a 1\n"),
        ("curl -sL --max-redirs 0 URL/v1/moved; echo $?", "47\n"),
    ] {
        assert_eq!(said(&curl(script).await), expected, "{script}");
    }
    for (script, status, said) in [
        ("curl --frobnicate URL/a", 2, "option --frobnicate: is unknown"),
        ("curl -k URL/a", 2, "certificates are always checked"),
        ("curl", 2, "no URL specified"),
        ("curl -sS http://no-such-host.invalid/", 7, "not below an allowed URL prefix"),
        ("curl -f URL/missing", 22, "returned error: 404"),
    ] {
        let output = curl(script).await;
        assert!(output.exit_code() == status && output.stderr_text().contains(said), "{script}: {output:?}");
    }
    let output = curl("curl -s -F 'a=1' -F 'f=@u;type=text/plain' URL/p").await;
    let body = output.stdout_text().replace("\r\n", "\n");
    assert!(
        body.contains("name=\"a\"\n\n1\n--") && body.contains("filename=\"u\"\nContent-Type: text/plain\n\nup\n--"),
        "{body}"
    );
}

#[tokio::test]
async fn wget_does_what_scripts_ask_of_it() {
    let server = serve().await;
    let sandbox = online(server).await;
    let wget = async |args: &str| run(&sandbox, &args.replace("URL", &format!("http://{server}"))).await;
    for (script, expected) in [
        ("wget -q URL/x/page && cat page", "GET /x/page "),
        ("wget -q URL/x/page && ls page*", "page\npage.1\n"),
        ("wget -nc URL/x/page && ls page*", "page\npage.1\n"),
        ("wget -q URL/ -P d/e && cat d/e/index.html", "GET / "),
        ("wget -q --post-data=a=1 -O - URL/p", "POST /p a=1"),
        ("wget -q --header='X-Echo: yes' -O - URL/header", "yes"),
        ("wget -q --spider URL/a; echo $?", "0\n"),
        ("wget -q URL/missing; echo $?", "8\n"),
    ] {
        assert_eq!(said(&wget(script).await), expected, "{script}");
    }
    let output = wget("wget -r URL/").await;
    assert!(output.exit_code() == 2 && output.stderr_text().contains("only single files"), "{output:?}");
}

#[tokio::test]
async fn what_is_not_named_is_not_reached() {
    let server = serve().await;
    let policy =
        NetworkPolicy::allow([format!("http://{server}/v1"), format!("http://localhost.example:{}", server.port())]);
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
        assert!(output.stdout.is_empty() && output.stderr_text().contains("Access denied"), "{url}: {output:?}");
    }
    // A redirect is held against the policy like any other request.
    let output = run(&sandbox, &format!("curl -sSL http://{server}/v1/out")).await;
    assert!(!output.success() && output.stdout.is_empty(), "{output:?}");
    // Changing methods have to be allowed.
    let output = run(&sandbox, &format!("curl -sS -X POST -d x http://{server}/v1")).await;
    assert!(!output.success() && output.stderr_text().contains("POST"), "{output:?}");
    let policy = NetworkPolicy::allow([format!("http://{server}")]).with_methods(["POST"]);
    let sandbox = open(&Virtual::new().network(policy)).await;
    assert_eq!(said(&run(&sandbox, &format!("curl -sS -d x http://{server}/v1")).await), "POST /v1 x");
}

#[tokio::test]
async fn a_name_for_private_addresses_is_closed_until_they_are_named() {
    let server = serve().await;
    let url = format!("http://localhost:{}/", server.port());
    let sandbox = open(&Virtual::new().network(NetworkPolicy::allow([&url]))).await;
    assert_eq!(said(&run(&sandbox, &format!("curl -sS {url}")).await), "GET / ");
}

#[tokio::test]
async fn responses_are_bounded_in_size_and_time() {
    let server = serve().await;
    let policy = NetworkPolicy::allow([format!("http://{server}")]).with_response_bytes(50_000);
    let policy = policy.with_timeout(std::time::Duration::from_millis(300));
    let sandbox = open(&Virtual::new().network(policy)).await;
    let output = run(&sandbox, &format!("curl -sS http://{server}/v1/large")).await;
    assert!(!output.success() && output.stderr_text().contains("larger than the 50000 bytes"), "{output:?}");
    let output = run(&sandbox, &format!("curl -sS http://{server}/v1/silent")).await;
    assert!(output.exit_code() == 28 && output.stderr_text().contains("timed out"), "{output:?}");
}

#[tokio::test]
async fn a_prefix_that_is_none_is_refused_when_a_sandbox_opens() {
    let factory = Virtual::new().network(NetworkPolicy::allow(["example.com"]));
    let error = factory.create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("prefix")), (ErrorKind::Config, Some("example.com")));
}

#[tokio::test]
async fn what_is_narrowed_reaches_nothing() {
    let server = serve().await;
    let sandbox = online(server).await;
    let fetch = format!("curl -sS http://{server}/x || wget -qO- http://{server}/x; curl -sS http://{server}/x");
    assert_eq!(run(&sandbox, &fetch).await.stdout_text(), "GET /x GET /x ");
    let narrowed = Narrowing::none().no_network().apply(Arc::clone(&sandbox) as _).await.unwrap();
    assert_eq!(narrowed.info().capabilities.network, NetworkReach::None);
    let output = narrowed.exec(ExecRequest::new(&fetch)).await.unwrap();
    assert_eq!((output.stdout_text(), output.exit_code()), ("".into(), 6));
    assert!(output.stderr_text().contains("this sandbox has no network"), "{}", output.stderr_text());
    // Other narrowings leave it, and never give it back.
    let other = Narrowing::none().read_only().apply(Arc::clone(&sandbox) as _).await.unwrap();
    assert_eq!(other.exec(ExecRequest::new(&fetch)).await.unwrap().stdout_text(), "GET /x GET /x ");
    let again = Narrowing::none().apply(narrowed).await.unwrap();
    assert_eq!(again.exec(ExecRequest::new(&fetch)).await.unwrap().exit_code(), 6);
}
