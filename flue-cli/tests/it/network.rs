//! `--network-allow`.

use crate::support::Place;

#[cfg(not(feature = "network"))]
#[test]
fn a_build_without_the_network_says_so() {
    let done = Place::new().flue(["exec", "--network-allow", "https://example.org/", "true"]).run().code(2);
    assert!(done.stderr.contains("build with the feature `network`"), "{}", done.stderr);
}

#[cfg(feature = "network")]
#[test]
fn curl_reaches_what_is_allowed_and_nothing_else() {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nreached").unwrap();
        }
    });
    let place = Place::new();
    let open = format!("{base}/open/");
    let get = |path: &str| place.flue(["exec", "--network-allow", &open, &format!("curl -sS {base}/{path}")]).run();
    assert_eq!(get("open/a").code(0).stdout, "reached");
    assert!(!get("other").stdout.contains("reached"));
    assert!(!place.flue(["exec", &format!("curl -sS {base}/open/a")]).run().stdout.contains("reached"));
    assert_eq!(place.flue(["exec", "--network-allow", "not a url", "true"]).run().code, Some(125));
}
