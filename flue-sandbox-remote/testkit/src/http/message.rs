//! Requests and answers.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// A request, read whole.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query; still percent-encoded.
    pub(crate) path: String,
    /// Decoded, in their order.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Set by a fault: the sandbox is to die this long after the request began.
    pub(crate) die_after: Option<Duration>,
}

impl Request {
    /// The first header of this name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The first query parameter of this name.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A piece of a streamed answer.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// The answer is complete.
    End,
    /// The connection closes here, as when the machine behind it dies.
    Cut,
}

/// What goes on over a connection that leaves HTTP; with how many bytes a fault lets through.
pub(crate) struct Upgrade(pub(crate) Box<Talk>);

type Talk = dyn FnOnce(BufReader<TcpStream>, Option<usize>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send;

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}

/// What an answer carries.
#[derive(Debug)]
pub(crate) enum Body {
    Whole(Vec<u8>),
    /// Sent in chunks as they come.
    Stream(mpsc::Receiver<Part>),
    /// Nothing; the connection is something else's from here on.
    Upgrade(Upgrade),
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

impl Response {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(Vec::new()) }
    }

    /// An answer in JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", Body::Whole(value.to_string().into_bytes()))
    }

    /// An answer of a content type.
    pub(crate) fn new(status: u16, content_type: &str, body: Body) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// What a gateway says that refuses a request.
    pub(crate) fn refusal(status: u16, retry_after: Option<u64>) -> Self {
        let mut response = Self::json(status, &json!({"code": status, "message": "refused on demand"}));
        response.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        response
    }
}
