//! Hosts that are opened by name. Servers are on the loopback of this machine, which has to be named to be reached.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use flue_core::{ErrorKind, NetworkReach, OpenRequest, Sandbox};
use flue_sandbox_local::Local;

use super::{confined, policy};
use crate::temp::{Temp, said, sh};

/// A server that says what it was asked; gives its port.
pub(super) fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut asked = String::new();
                let mut length = 0;
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !asked.ends_with("\r\n\r\n") && reader.read_line(&mut asked).unwrap_or(0) > 0 {
                    let last = asked.lines().last().unwrap_or_default().to_ascii_lowercase();
                    length = last.strip_prefix("content-length: ").map_or(length, |text| text.parse().unwrap());
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let answer = format!("asked: {}{}", asked.replace("\r\n", "|"), String::from_utf8_lossy(&body));
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
                let _ = stream.write_all(format!("{head}{answer}").as_bytes());
            });
        }
    });
    port
}

pub(super) const CURL: &str = "curl -sS -m 10";

#[tokio::test]
async fn only_what_is_named_is_reached() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let (open, closed) = (server(), server());
    let sandbox =
        confined(temp.path(), policy().allow_host(format!("localhost:{open}")).allow_host("example.com")).await;
    let expected = NetworkReach::AllowList(vec![format!("localhost:{open}"), "example.com".into()]);
    assert_eq!(sandbox.info().capabilities.network, expected);

    // Addresses of this machine are reached past NO_PROXY only if asked to.
    let curl = |rest: String| format!("{CURL} --noproxy '' {rest} 2>&1; true");
    let answer = said(&sandbox, &curl(format!("http://localhost:{open}/a?b -H 'Proxy-Authorization: x'"))).await;
    assert!(answer.starts_with("asked: GET /a?b HTTP/1.1|Host: localhost:"), "{answer}");
    assert!(!answer.contains("Proxy-"), "{answer}");
    let answer = said(&sandbox, &curl(format!("--proxytunnel http://localhost:{open}/tunnel"))).await;
    assert!(answer.starts_with("asked: GET /tunnel HTTP/1.1|"), "{answer}");
    let posted = said(
        &sandbox,
        &curl(format!("--data-binary @<(head -c 300000 /dev/zero | tr '\\0' x) http://localhost:{open}/")),
    )
    .await;
    assert!(posted.contains("POST / HTTP/1.1") && posted.len() > 300_000, "{}", posted.len());

    for (target, why) in [
        (format!("http://localhost:{closed}/"), "is not among the hosts"),
        (format!("http://127.0.0.1:{open}/"), "is not among the hosts"),
        ("http://example.org/".into(), "is not among the hosts"),
        ("http://169.254.169.254/latest/meta-data/".into(), "is not among the hosts"),
    ] {
        let answer = said(&sandbox, &curl(target.clone())).await;
        assert!(answer.contains(why), "{target}: {answer}");
        let tunnelled = said(&sandbox, &curl(format!("--proxytunnel {target}"))).await;
        assert!(tunnelled.contains("403"), "{target}: {tunnelled}");
    }
    // Nothing but the proxy is there, and it is there for this command alone.
    for direct in [format!("127.0.0.1/{open}"), "127.0.0.2/3128".into(), "192.0.2.1/80".into()] {
        let output = sh(&sandbox, &format!("exec 3<>/dev/tcp/{direct}")).await.unwrap();
        assert_ne!(output.exit_code(), 0, "{direct}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let port = server();
    // The machine's own name leads to an address of its own wherever it leads to anything.
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let alias = hosts
        .lines()
        .filter(|line| line.starts_with("127."))
        .flat_map(|line| line.split_whitespace().skip(1))
        .find(|name| *name != "localhost" && !name.starts_with('#'));
    let name = alias.unwrap_or("localhost.localdomain");
    let sandbox = confined(temp.path(), policy().allow_host(format!("{name}:{port}"))).await;
    let answer = said(&sandbox, &format!("{CURL} --noproxy '' http://{name}:{port}/ 2>&1; true")).await;
    assert!(!answer.contains("asked:"), "{answer}");
    if alias.is_some() {
        assert!(answer.contains("not on the public internet"), "{answer}");
    }
    let named = policy().allow_host(format!("{name}:{port}")).allow_host(format!("127.0.0.1:{port}"));
    let named = confined(temp.path(), named).await;
    let answer = said(&named, &format!("{CURL} --noproxy '' http://127.0.0.1:{port}/")).await;
    assert!(answer.starts_with("asked: GET / "), "{answer}");
}

#[tokio::test]
async fn garbage_is_answered_and_hurts_nobody() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let port = server();
    let sandbox = confined(temp.path(), policy().allow_host(format!("localhost:{port}"))).await;
    let ask = |text: &str| format!("exec 3<>/dev/tcp/127.0.0.1/3128; printf '{text}' | cat >&3; cat <&3");
    for (text, status) in [
        ("GARBAGE\\r\\n\\r\\n", "400"),
        ("GET / HTTP/1.1\\r\\n\\r\\n", "400"),
        (&*format!("POST http://localhost:{port}/ HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"), "411"),
    ] {
        let answer = said(&sandbox, &ask(text)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text}: {answer}");
    }
    let flood =
        "exec 3<>/dev/tcp/127.0.0.1/3128; (yes | head -c 100000 | tr -d '\\n' >&3) 2>/dev/null; head -c 12 <&3; true";
    sh(&sandbox, flood).await.unwrap();
    // A second request on the connection of the first goes nowhere.
    let two = format!(
        "GET http://localhost:{port}/1 HTTP/1.1\\r\\n\\r\\nGET http://localhost:{port}/2 HTTP/1.1\\r\\nHost: other\\r\\n\\r\\n"
    );
    let answer = said(&sandbox, &ask(&two)).await;
    assert!(answer.contains("asked: GET /1 ") && !answer.contains("/2"), "{answer}");
    let many = format!(
        "for i in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/3128; sleep 5) 2>/dev/null & done; sleep 1; \
         kill $(jobs -p); wait; {CURL} --noproxy '' http://localhost:{port}/after"
    );
    assert!(said(&sandbox, &many).await.contains("asked: GET /after"));
}

#[tokio::test]
async fn what_is_no_host_is_refused_when_it_opens() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let local = Local::new(temp.path()).confined(policy().allow_host("https://example.com/"));
    let error = local.create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.fact("host"), Some("https://example.com/"));
}
