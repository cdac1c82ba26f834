//! Scripts in a container: the WebSocket of `pods/exec`, whose messages begin with the number of a channel.
//!
//! The protocol is that of `k8s.io/apimachinery/pkg/util/remotecommand`: `v4.channel.k8s.io`, and `v5`, which can end an input.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, OutputSink, OutputStream};
use flue_sandbox_remote_kit::{Call, Ended, Refused};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use kube::Client;
use kube::api::AttachParams;
use kube::core::Request;
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error as Broken, Message};

use crate::failure::{bounded, failure};

/// The channels of the protocol; the last one ends another.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;
/// How much input goes in one message.
const INPUT_BYTES: usize = 32 << 10;
/// How often a connection says that it lives: proxies drop what is silent for a minute.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a cluster may take to start a script.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Where scripts run.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    /// The pod's own choice where there is none.
    pub(crate) container: Option<String>,
}

/// The last word about a script: a `metav1.Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    status: String,
    reason: String,
    message: String,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    causes: Vec<Cause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
}

/// Runs a script to its end. With the end is told whether an input can be ended here.
pub(crate) async fn run(client: &Client, place: &Place, call: &mut Call) -> Result<(Ended, bool), Refused> {
    let mut params = AttachParams::default().stdin(call.has_input()).stdout(true).stderr(true);
    params.container.clone_from(&place.container);
    let request = Request::new(format!("/api/v1/namespaces/{}/pods", place.namespace));
    let request = request.exec(&place.pod, call.argv(), &params).map_err(|_| {
        Refused::unsent(Error::new(ErrorKind::Internal, "exec", "the script cannot be put into a request"))
    })?;
    let connection = timeout(START_LIMIT, client.connect(request)).await.map_err(|_| {
        Refused::from(Error::new(ErrorKind::Unavailable, "exec", "the cluster does not start the script in time"))
    })?;
    let connection = connection.map_err(|error| failure("exec", error))?;
    let ends = connection.supports_stream_close();
    if call.has_input() && !ends {
        let why = "this cluster cannot end the input of a script; it needs Kubernetes 1.30 or later";
        return Err(Error::unsupported("exec", why).into());
    }
    let output = Arc::clone(&call.output);
    let (sink, stream) = connection.into_stream().split();
    // Both at a time: a script that is not read from would not read.
    tokio::select! {
        ended = follow(stream, &*output) => ended.map(|ended| (ended, ends)).map_err(Refused::from),
        never = feed(sink, call) => match never {},
    }
}

/// Hands on the output, until the status comes.
async fn follow(
    mut stream: impl Stream<Item = Result<Message, Broken>> + Unpin,
    output: &dyn OutputSink,
) -> flue_core::Result<Ended> {
    let broke = || {
        let why = "the stream of the script broke off; what ran may go on";
        Error::new(ErrorKind::Unavailable, "exec", why)
    };
    while let Some(message) = stream.next().await {
        let Message::Binary(data) = message.map_err(|error| broke().with_source(error))? else { continue };
        match data.split_first() {
            Some((&STDOUT, bytes)) => output.output(OutputStream::Stdout, bytes),
            Some((&STDERR, bytes)) => output.output(OutputStream::Stderr, bytes),
            Some((&STATUS, bytes)) if !bytes.is_empty() => return ended(bytes),
            _ => {}
        }
    }
    Err(broke())
}

/// Gives a script its input and that input its end, and the connection signs of life.
async fn feed(mut sink: impl Sink<Message, Error = Broken> + Unpin, call: &mut Call) -> Infallible {
    let mut open = call.has_input();
    loop {
        let message = tokio::select! {
            input = call.next_input(), if open => input,
            () = sleep(PING_EVERY) => {
                let _ = sink.send(Message::Ping(Bytes::new())).await;
                continue;
            }
        };
        // A script that ended before it read all is no error; how the connection is, the other direction tells.
        match message {
            Some(data) => {
                // Handed on at the end: a piece by itself would wait for word of the one before (Nagle, delayed acknowledgements).
                for piece in data.chunks(INPUT_BYTES) {
                    let _ = sink.feed(framed(STDIN, piece)).await;
                }
                let _ = sink.flush().await;
            }
            None => {
                open = false;
                let _ = sink.send(framed(CLOSE, &[STDIN])).await;
            }
        }
    }
}

fn framed(channel: u8, data: &[u8]) -> Message {
    let mut frame = Vec::with_capacity(1 + data.len());
    frame.push(channel);
    frame.extend_from_slice(data);
    Message::Binary(frame.into())
}

/// How a script ended. Only what says so is success.
fn ended(status: &[u8]) -> flue_core::Result<Ended> {
    let status: Status = serde_json::from_slice(status).map_err(|error| {
        Error::new(ErrorKind::Protocol, "exec", "the cluster does not say how the script ended").with_source(error)
    })?;
    if status.status == "Success" {
        return Ok(Ended::Exited(0));
    }
    let code = status.details.causes.iter().find(|cause| cause.reason == "ExitCode");
    match code.and_then(|cause| cause.message.parse().ok()) {
        // A failure is never taken for success, whatever number it has.
        Some(0) => Ok(Ended::Unknown),
        Some(code) => Ok(Ended::Exited(code)),
        None if status.reason == "NonZeroExitCode" => Ok(Ended::Unknown),
        None => {
            let why = "the cluster did not run the script to its end";
            let error = Error::new(ErrorKind::Unavailable, "exec", why).with("reason", bounded(&status.reason));
            Err(error.with("said", bounded(&status.message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_zero() {
        let failed = |details: &str| format!(r#"{{"status":"Failure","reason":"NonZeroExitCode"{details}}}"#);
        let cause =
            |code: &str| failed(&format!(r#","details":{{"causes":[{{"reason":"ExitCode","message":"{code}"}}]}}"#));
        let ended = |text: &str| ended(text.as_bytes());
        assert_eq!(ended(r#"{"metadata":{},"status":"Success"}"#).unwrap(), Ended::Exited(0));
        assert_eq!(ended(&cause("7")).unwrap(), Ended::Exited(7));
        assert_eq!(ended(&cause("0")).unwrap(), Ended::Unknown);
        assert_eq!(ended(&cause("x")).unwrap(), Ended::Unknown);
        assert_eq!(ended(&failed("")).unwrap(), Ended::Unknown);
        let error = ended(r#"{"status":"Failure","reason":"InternalError","message":"no container"}"#).unwrap_err();
        assert_eq!((error.kind(), error.fact("said")), (ErrorKind::Unavailable, Some("no container")));
        assert_eq!(ended("{}").unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(ended("x").unwrap_err().kind(), ErrorKind::Protocol);
    }
}
