//! Workers that lie: whatever comes over the socket, the caller gets an answer and this process goes on.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, OutputSink, OutputStream, Result, SandboxPath};
use flue_sandbox_virtual::VirtualLimits;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::connection::Connection;
use super::link::{Command, Link};
use super::process::Process;
use crate::Death;
use crate::wire::frame::{HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::wire::message::{Call, Exec, Reply, SMALL_BYTES, Value, WireCommand, encode};
use crate::wire::{Frames, Header, Kind, WireError};

/// Far more than any end takes that is not waited for.
const BOUND: Duration = Duration::from_secs(20);

/// A sandbox whose worker is this test.
struct Lying {
    link: Link,
    worker: UnixStream,
    pid: u32,
}

impl Lying {
    fn new() -> Self {
        let (process, worker) = Process::pretended("exec sleep 600");
        let pid = process.pid();
        let (connection, link) = Connection::new(process, BTreeMap::new(), VirtualLimits::default());
        tokio::spawn(connection.run());
        Self { link, worker, pid }
    }

    /// Makes a call, answers it with `bytes` and perhaps closes the socket, and gives what the caller got.
    async fn metadata(mut self, bytes: &[u8], close: bool) -> (Result<(Value, Bytes)>, Self) {
        let bytes = bytes.to_vec();
        let mut worker = self.worker.try_clone().unwrap();
        let answer = tokio::task::spawn_blocking(move || {
            let _ = read_message(&mut worker);
            // The host may be gone before the last byte.
            let _ = worker.write_all(&bytes);
            if close {
                let _ = worker.shutdown(std::net::Shutdown::Both);
            }
        });
        let call = Call::Metadata(SandboxPath::root());
        let called = self.link.call("metadata", &call, Bytes::new());
        let result = timeout(BOUND, called).await.expect("the caller is answered");
        answer.await.unwrap();
        self.worker.flush().unwrap();
        (result, self)
    }

    async fn is_buried(&self, of: Death) {
        timeout(BOUND, async {
            while self.link.death().is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
        .expect("the death is noticed");
        assert_eq!(self.link.death(), Some(of));
        assert!(!Path::new(&format!("/proc/{}", self.pid)).exists(), "killed and waited for");
    }
}

/// Reads frames until one is the last of its message.
fn read_message(worker: &mut UnixStream) -> std::io::Result<Header> {
    loop {
        let mut header = [0; HEADER_BYTES];
        worker.read_exact(&mut header)?;
        let header = Header::decode(header).unwrap();
        worker.read_exact(&mut vec![0; header.len])?;
        if header.last {
            return Ok(header);
        }
    }
}

fn message(kind: Kind, id: u32, parts: Vec<Bytes>) -> Vec<u8> {
    let (mut frames, mut out) = (Frames::new(kind, id, parts), Vec::new());
    while frames.next_into(&mut out) {}
    out
}

fn reply(id: u32, value: Value) -> Vec<u8> {
    message(Kind::Reply, id, encode(&Reply::Ok(value), []).unwrap())
}

fn frame(kind: Kind, id: u32, last: bool, payload: &[u8]) -> Vec<u8> {
    [&Header { kind, last, id, len: payload.len() }.encode()[..], payload].concat()
}

/// An answer with a head and a body.
fn entries() -> Vec<u8> {
    message(Kind::Reply, 0, encode(&Reply::Ok(Value::Entries(1)), [Bytes::from_static(b"name")]).unwrap())
}

fn died(result: Result<(Value, Bytes)>) -> Option<String> {
    let error = result.err()?;
    (error.kind() == ErrorKind::SandboxDied).then(|| error.fact("reason").unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_honest_answer_is_taken() {
    let (result, lying) = Lying::new().metadata(&reply(0, Value::Done), false).await;
    assert!(matches!(result, Ok((Value::Done, _))));
    let error = WireError::new(&Error::new(ErrorKind::NotFound, "metadata", "none"));
    let no = message(Kind::Reply, 1, encode(&Reply::Err(error), []).unwrap());
    let (result, lying) = lying.metadata(&no, false).await;
    assert_eq!(result.unwrap_err().to_string(), "metadata: none");
    assert_eq!(lying.link.death(), None);
}

#[tokio::test]
async fn what_was_not_asked_for_ends_the_worker() {
    let call = WireCommand { name: "x".into(), args: Vec::new(), cwd: SandboxPath::root(), env: BTreeMap::new() };
    let lies = [
        ("garbage", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("zeros", vec![0; 1000]),
        ("an answer to another call", reply(7, Value::Done)),
        ("an answer twice", [reply(0, Value::Done), reply(0, Value::Done)].concat()),
        ("an answer that is none", frame(Kind::Reply, 0, true, &[9, 9, 9])),
        ("an empty answer", frame(Kind::Reply, 0, true, &[])),
        ("empty frames", frame(Kind::Reply, 0, false, &[])),
        ("a frame that is too long", {
            let mut bytes = frame(Kind::Reply, 0, true, &[0]);
            bytes[8..12].copy_from_slice(&(MAX_PAYLOAD_BYTES as u32 + 1).to_le_bytes());
            bytes
        }),
        (
            "an answer without end",
            frame(Kind::Reply, 0, false, &[0; MAX_PAYLOAD_BYTES]).repeat(SMALL_BYTES / MAX_PAYLOAD_BYTES + 1),
        ),
        ("output of a call that has none", frame(Kind::Live, 0, true, b"\x01x")),
        ("output of no call", frame(Kind::Live, 9, true, b"\x01x")),
        ("a command while none runs", message(Kind::Command, 0, encode(&call, []).unwrap())),
        ("a call", message(Kind::Call, 0, encode(&Call::Snapshot, []).unwrap())),
        ("a setup", frame(Kind::Setup, 0, true, &[])),
        ("ready again", frame(Kind::Ready, 0, true, &[])),
        (
            "a length of postcard's that is not there",
            frame(Kind::Reply, 0, true, &[0, 3, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ),
    ];
    for (what, bytes) in lies {
        let (result, lying) = Lying::new().metadata(&bytes, false).await;
        // An answer twice: the first one is good.
        if let Some(reason) = died(result) {
            assert_eq!(reason, "protocol", "{what}");
        } else {
            assert_eq!(what, "an answer twice");
        }
        lying.is_buried(Death::Protocol).await;
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_found_out_by_its_caller() {
    let mut lying = Lying::new();
    let files = super::files::Files::new(Arc::new(super::view::View::whole(Arc::new(lying.link))));
    let worker = tokio::task::spawn_blocking(move || {
        let _ = read_message(&mut lying.worker);
        lying.worker.write_all(&reply(0, Value::Glob { paths: Vec::new(), total: 0, incomplete: false })).unwrap();
        lying.worker
    });
    let error = flue_core::FileSystem::metadata(&files, &SandboxPath::root()).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("protocol")));
    let mut worker = worker.await.unwrap();
    let closed = tokio::task::spawn_blocking(move || worker.read_to_end(&mut Vec::new()).is_ok());
    assert!(timeout(BOUND, closed).await.unwrap().unwrap(), "the socket is closed");
}

#[tokio::test]
async fn a_conversation_cut_at_every_byte_is_an_end() {
    let whole = [frame(Kind::Drop, 3, true, &[]), entries()].concat();
    let cuts = (0..whole.len()).map(async |end| {
        let (result, lying) = Lying::new().metadata(&whole[..end], true).await;
        // It closed the socket and stays: no worker does.
        assert_eq!(died(result).as_deref(), Some("protocol"), "cut at {end}");
        lying.is_buried(Death::Protocol).await;
    });
    join_all(cuts).await;
    let (result, _) = Lying::new().metadata(&whole, true).await;
    assert!(matches!(result, Ok((Value::Entries(1), body)) if body == "name"));
}

#[tokio::test]
async fn a_conversation_changed_at_every_byte_is_answered() {
    let whole = [frame(Kind::Drop, 3, true, &[]), entries()].concat();
    let changes = (0..whole.len() * 8).map(async |index| {
        let (at, bit) = (index / 8, index % 8);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        // Closed after it, so that a length that is now too large does not mean waiting.
        let (result, _) = Lying::new().metadata(&bytes, true).await;
        if let Err(error) = &result {
            assert_eq!(error.kind(), ErrorKind::SandboxDied, "{at}.{bit}: {error:?}");
        }
    });
    stream::iter(changes).buffer_unordered(32).collect::<Vec<()>>().await;
}

/// Keeps what it sees, and panics at the end.
struct Sink(Mutex<Vec<u8>>);

impl OutputSink for Sink {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        assert_eq!(stream, OutputStream::Stdout, "a bug of the application");
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

fn exec() -> Call {
    Call::Exec(Exec {
        command: "true".into(),
        cwd: None,
        env: BTreeMap::new(),
        has_stdin: false,
        timeout: None,
        live: true,
        reach: true,
    })
}

#[tokio::test]
async fn output_goes_to_its_sink_and_a_sink_that_panics_ends_nothing() {
    let mut lying = Lying::new();
    let sink = Arc::new(Sink(Mutex::default()));
    let said = [
        frame(Kind::Live, 0, true, b"\x01a"),
        frame(Kind::Live, 0, true, b"\x02b"),
        frame(Kind::Live, 0, true, b"\x01c"),
        reply(0, Value::Done),
    ];
    let worker = tokio::task::spawn_blocking(move || {
        let _ = read_message(&mut lying.worker);
        lying.worker.write_all(&said.concat()).unwrap();
        lying.worker
    });
    let command = Command { sink: Some(Arc::clone(&sink) as _), ..Command::default() };
    let result = timeout(BOUND, lying.link.exec(&exec(), Bytes::new(), command)).await.unwrap();
    assert!(matches!(result, Ok((Value::Done, _))), "{result:?}");
    assert_eq!(*sink.0.lock().unwrap(), b"ac");
    assert_eq!(lying.link.death(), None);
    drop(worker.await.unwrap());
}

#[test]
fn lists_and_snapshots_are_no_longer_than_they_may_be() {
    use crate::wire::mirror::{is_snapshot_within, read_entries, write_entries};
    let entries = vec![flue_core::DirEntry::new("a", flue_core::FileKind::File); 3];
    let body = write_entries(entries.clone()).unwrap();
    assert_eq!(read_entries(&body, 3).unwrap(), entries);
    for count in [0, 2, 4, usize::MAX] {
        assert!(read_entries(&body, count).is_err(), "{count}");
    }
    for end in 0..body.len() {
        assert!(read_entries(&body[..end], 3).is_err(), "{end}");
    }
    assert!(is_snapshot_within(&postcard::to_allocvec(&(1_u32, vec![0_u8; 7])).unwrap(), 7));
    assert!(!is_snapshot_within(&postcard::to_allocvec(&(1_u32, vec![0_u8; 8])).unwrap(), 7));
    assert!(!is_snapshot_within(&[], 7));
}

#[tokio::test]
async fn commands_that_the_application_does_not_have_end_the_worker() {
    let call = |name: &str| {
        let call = WireCommand { name: name.into(), args: Vec::new(), cwd: SandboxPath::root(), env: BTreeMap::new() };
        encode(&call, []).unwrap()
    };
    let mut flood = Vec::new();
    for id in 0..100 {
        flood.extend(frame(Kind::Command, id, false, b"x"));
    }
    for bytes in [message(Kind::Command, 0, call("rm")), frame(Kind::Command, 0, true, b"\xff\xff"), flood] {
        let mut lying = Lying::new();
        let worker = tokio::task::spawn_blocking(move || {
            let _ = read_message(&mut lying.worker);
            let _ = lying.worker.write_all(&bytes);
            lying.worker
        });
        let result = timeout(BOUND, lying.link.exec(&exec(), Bytes::new(), Command::default())).await.unwrap();
        assert_eq!(died(result).as_deref(), Some("protocol"));
        drop(worker.await.unwrap());
    }
}

#[tokio::test]
async fn a_worker_that_does_not_read_is_no_answer() {
    let lying = Lying::new();
    // More than the socket takes, and nobody at its other end.
    let stdin = Bytes::from(vec![0; 8 << 20]);
    let command = Command { time: Some(Duration::ZERO), ..Command::default() };
    let result = timeout(BOUND, lying.link.exec(&exec(), stdin, command)).await.unwrap();
    assert_eq!(died(result).as_deref(), Some("no_answer"));
    lying.is_buried(Death::NoAnswer).await;
}

#[tokio::test]
async fn the_cause_of_an_end_is_told_by_how_it_ended() {
    let memory = format!("echo '{}' >&2; kill -KILL $$", crate::death::MEMORY_MARK.trim_end());
    for (script, death) in [
        ("echo 'memory allocation of 5 bytes failed' >&2; kill -ABRT $$", Death::MemoryLimit),
        (&*memory, Death::MemoryLimit),
        ("kill -XCPU $$", Death::CpuLimit),
        ("kill -KILL $$", Death::Killed),
        ("kill -TERM $$", Death::Killed),
        ("echo 'thread x has overflowed its stack' >&2; kill -ABRT $$", Death::Crashed),
        ("kill -SEGV $$", Death::Crashed),
        ("exit 0", Death::Crashed),
    ] {
        let (process, worker) = Process::pretended(script);
        drop(worker);
        assert_eq!(process.end(None).await, Some(death), "{script}");
    }
}
