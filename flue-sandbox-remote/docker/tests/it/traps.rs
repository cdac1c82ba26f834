//! Where the engines differ from what one would think, or from each other: what they do by themselves, then what is made of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{ErrorKind, ExecEnd, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::RemoteSandbox;
use serde_json::Value;

use crate::engine::{Engine, Kind};

/// What a busy machine takes at most.
const LIMIT: Duration = Duration::from_secs(60);

async fn open(engine: &Engine, name: &str) -> Arc<RemoteSandbox> {
    engine.remote("traps").create(OpenRequest::new(name)).await.unwrap()
}

/// Runs an exec of the engine's own, to its end: what its stream has, and its exit code.
fn raw_exec(engine: &Engine, machine: &str, body: &str) -> (Vec<u8>, i64) {
    let id = make_exec(engine, machine, body);
    let (status, stream) = engine.raw("POST", &format!("/exec/{id}/start"), br#"{"Detach":false,"Tty":false}"#);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&stream));
    (stream, look(engine, &id)["ExitCode"].as_i64().unwrap())
}

fn make_exec(engine: &Engine, machine: &str, body: &str) -> String {
    let (status, said) = engine.raw("POST", &format!("/containers/{machine}/exec"), body.as_bytes());
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&said));
    serde_json::from_slice::<Value>(&said).unwrap()["Id"].as_str().unwrap().to_owned()
}

fn look(engine: &Engine, exec: &str) -> Value {
    let (status, said) = engine.raw("GET", &format!("/exec/{exec}/json"), b"");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));
    serde_json::from_slice(&said).unwrap()
}

pub(crate) async fn a_missing_directory_and_a_missing_command_are_told_apart_although_engines_mix_them_up(
    engine: &'static Engine,
) {
    let sandbox = open(engine, "missing").await;
    let code = if engine.kind == Kind::Docker { 126 } else { 127 };
    for body in [
        r#"{"Cmd":["true"],"WorkingDir":"/nowhere","AttachStdout":true,"AttachStderr":true}"#,
        r#"{"Cmd":["/no-such-command"],"AttachStdout":true,"AttachStderr":true}"#,
    ] {
        let (_, told) = raw_exec(engine, sandbox.machine(), body);
        assert_eq!(told, code, "the engine changed");
    }
    let nowhere = sandbox.info().cwd.join("nowhere").unwrap();
    let error = sandbox.exec(ExecRequest::new("true").with_cwd(nowhere)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    let output = sandbox.exec(ExecRequest::new("no-such-command")).await.unwrap();
    assert_eq!((output.end, output.stdout_text().as_ref()), (ExecEnd::Exited(127), ""));
    assert!(output.stderr_text().contains("no-such-command"));
    for code in [126, 127] {
        let output = sandbox.exec(ExecRequest::new(format!("exit {code}"))).await.unwrap();
        assert_eq!((output.end, output.stdout.len(), output.stderr.len()), (ExecEnd::Exited(code), 0, 0));
    }
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_stopped_container_is_told_alike_although_engines_answer_409_and_500(engine: &'static Engine) {
    let sandbox = open(engine, "stopped").await;
    engine.client(&["kill", sandbox.machine()]);
    let body = br#"{"Cmd":["true"],"AttachStdout":true}"#;
    let (status, _) = engine.raw("POST", &format!("/containers/{}/exec", sandbox.machine()), body);
    assert_eq!(status, if engine.kind == Kind::Docker { 409 } else { 500 }, "the engine changed");
    let large = sandbox.info().cwd.join("large").unwrap();
    for error in [
        sandbox.exec(ExecRequest::new("true")).await.unwrap_err(),
        sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err(),
        sandbox.fs().write(&large, vec![0; 2 << 20].into()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
    }
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_missing_parent_is_made_although_archives_go_to_none_or_make_it(engine: &'static Engine) {
    let sandbox = open(engine, "parents").await;
    let part = format!("/containers/{}/archive?path=/workspace/none", sandbox.machine());
    let (status, _) = engine.raw("PUT", &part, &[0; 1024]);
    assert_eq!(status, if engine.kind == Kind::Docker { 404 } else { 200 }, "the engine changed");
    let file = sandbox.info().cwd.join("a/b c/#/large").unwrap();
    let data = Bytes::from(vec![5; 2 << 20]);
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), data);
    // What stands in the way is an error, and not replaced.
    let error = sandbox.fs().write(&file.join("below").unwrap(), data.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error:?}");
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), data);
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_link_is_read_through_although_archives_hold_the_link(engine: &'static Engine) {
    let sandbox = open(engine, "links").await;
    let data = Bytes::from(vec![6; 2 << 20]);
    let (file, link) = (sandbox.info().cwd.join("file").unwrap(), sandbox.info().cwd.join("link").unwrap());
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    sandbox.exec(ExecRequest::new("ln -s file link")).await.unwrap();
    let part = format!("/containers/{}/archive?path=/workspace/link", sandbox.machine());
    let (_, tar) = engine.raw("GET", &part, b"");
    assert_eq!(tar.len() > data.len(), engine.kind == Kind::Podman, "the engine changed: {} bytes", tar.len());
    assert_eq!(sandbox.fs().read(&link).await.unwrap(), data);
    sandbox.fs().write(&link, data.slice(1..)).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), data.slice(1..));
    assert!(sandbox.fs().metadata(&link).await.unwrap().is_symlink, "the link is still one");
    sandbox.close().await.unwrap();
}

pub(crate) async fn facts_of_a_link_are_those_of_its_target_although_archives_differ(engine: &'static Engine) {
    let sandbox = open(engine, "facts").await;
    sandbox.exec(ExecRequest::new("mkdir dir; ln -s dir link; ln -s nothing dangling")).await.unwrap();
    let facts = sandbox.fs().metadata(&sandbox.info().cwd.join("link").unwrap()).await.unwrap();
    assert!(facts.is_dir() && facts.is_symlink, "{facts:?}");
    let error = sandbox.fs().metadata(&sandbox.info().cwd.join("dangling").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let listed = sandbox.fs().list(&sandbox.info().cwd).await.unwrap();
    assert!(listed.iter().any(|entry| entry.name == "dangling"), "{listed:?}");
    sandbox.close().await.unwrap();
}

pub(crate) async fn output_is_whole_although_an_engine_loses_that_of_what_reads_no_input(engine: &'static Engine) {
    let sandbox = open(engine, "unread").await;
    for bytes in [1, 300_000, 3 << 20] {
        let request = ExecRequest::new("echo out; echo err >&2; exit 3").with_stdin(vec![b'x'; bytes]);
        let output = sandbox.exec(request).await.unwrap();
        let said = (output.end, output.stdout_text(), output.stderr_text());
        assert_eq!(said, (ExecEnd::Exited(3), "out\n".into(), "err\n".into()), "{bytes}");
    }
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_script_without_a_last_line_has_no_exit_code_whatever_the_engine_says(engine: &'static Engine) {
    let sandbox = open(engine, "ends").await;
    // The shell around the command is killed, which is what the engine's exec is.
    let error = sandbox.exec(ExecRequest::new("kill -KILL $PPID; sleep 1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    let output = sandbox.exec(ExecRequest::new("kill -KILL $$")).await.unwrap();
    assert_eq!(output.end, ExecEnd::Exited(137));
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_closed_stream_ends_nothing_so_the_kit_does(engine: &'static Engine) {
    let sandbox = open(engine, "closed").await;
    let body = r#"{"Cmd":["sh","-c","echo up; sleep 300"],"AttachStdout":true}"#;
    let id = make_exec(engine, sandbox.machine(), body);
    engine.begin_and_leave(&format!("/exec/{id}/start"), br#"{"Detach":false,"Tty":false}"#);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(look(engine, &id)["Running"], true, "the engine changed: nobody listens, and it ended");
    let run = sandbox.exec(ExecRequest::new("echo $$ >pid; exec sleep 301"));
    assert!(tokio::time::timeout(Duration::from_secs(5), run).await.is_err());
    let started = Instant::now();
    let gone = "test -s pid && ! kill -0 $(cat pid) 2>/dev/null && echo gone";
    while sandbox.exec(ExecRequest::new(gone)).await.unwrap().stdout_text() != "gone\n" {
        assert!(started.elapsed() < LIMIT, "it runs on");
    }
    assert_eq!(look(engine, &id)["Running"], true, "what is not ours is left alone");
    sandbox.close().await.unwrap();
}
