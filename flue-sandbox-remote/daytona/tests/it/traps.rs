//! What the provider's interface does otherwise than one expects, each with what becomes of it.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{CreateDir, ErrorKind, ExecEnd, ExecRequest, Remove, Sandbox};
use flue_sandbox_remote_kit::{Provider, run_script};
use flue_sandbox_remote_testkit::daytona::Habits;

use crate::server::Server;

/// Longer than what stands in a command's text.
const LARGE: usize = 200 << 10;

/// The daemon gives a command to a shell as its input: what the command reads would be the rest of itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_does_not_read_its_own_text() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let output = sandbox.exec(ExecRequest::new("cat\necho after")).await.unwrap();
    assert_eq!((output.stdout_text().as_ref(), output.exit_code()), ("after\n", 0));
    let input = Bytes::from_static(b"one\ntwo\0\xff'\"\nFLUE_INPUT\n");
    let output = sandbox.exec(ExecRequest::new("cat").with_stdin(input.clone())).await.unwrap();
    assert_eq!(output.stdout, input);
}

/// Both streams are one text, and what is no UTF-8 is lost in it.
#[tokio::test(flavor = "multi_thread")]
async fn streams_stay_apart_and_every_byte_stays_what_it_is() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let command = r"printf 'a\377\000b\r\n'; printf 'e\376' >&2; exit 5";
    let output = sandbox.exec(ExecRequest::new(command)).await.unwrap();
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"a\xff\0b\r\n"[..], &b"e\xfe"[..]));
    assert_eq!(output.exit_code(), 5);
}

/// What a tool says on standard error would end up in the middle of an answer.
#[tokio::test(flavor = "multi_thread")]
async fn complaints_are_not_in_the_middle_of_an_answer() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let driver = server.daytona().attach(sandbox.machine()).await.unwrap();
    let noise = "for i in 1 2 3 4 5 6 7 8 9; do head -c 3000 /dev/zero; echo noise >&2; done";
    let said = run_script(&driver, "test", noise, &[], 1 << 20).await.unwrap();
    assert_eq!(said, vec![0; 27000]);
}

/// A time limit of the daemon loses the output; and without one, some daemons have a limit of their own.
#[tokio::test(flavor = "multi_thread")]
async fn time_limits_are_ours() {
    let mut habits = Habits::default();
    habits.default_limit = Some(Duration::from_secs(1));
    let server = Server::with(habits).await;
    let sandbox = server.open().await;
    let output = sandbox.exec(ExecRequest::new("sleep 3; echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    let command = ExecRequest::new("echo kept; echo too >&2; sleep 300").with_timeout(Duration::from_secs(1));
    let output = sandbox.exec(command).await.unwrap();
    assert_eq!((output.end, output.stdout_text().as_ref()), (ExecEnd::TimedOut, "kept\n"));
    assert_eq!(output.stderr_text(), "too\n");
}

/// A shell that a signal killed and a directory that is missing have the exit code -1, and are no failure there.
#[tokio::test(flavor = "multi_thread")]
async fn a_death_by_signal_and_a_missing_directory_are_what_they_are() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let output = sandbox.exec(ExecRequest::new("kill -9 $$")).await.unwrap();
    assert_eq!(output.end, ExecEnd::Exited(137));
    let nowhere = sandbox.info().cwd.join("nowhere").unwrap();
    let error = sandbox.exec(ExecRequest::new("true").with_cwd(nowhere)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}

/// What holds the output open in the background holds the daemon's answer back.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_before_what_it_left_in_the_background() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let started = Instant::now();
    let output = sandbox.exec(ExecRequest::new("sleep 120 & echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// The daemon neither lists nor deletes a link that leads nowhere, and follows the others.
#[tokio::test(flavor = "multi_thread")]
async fn links_that_lead_nowhere_are_listed_and_removed() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    sandbox.exec(ExecRequest::new("mkdir d; ln -s nowhere d/dangling; ln -s . d/here")).await.unwrap();
    let dir = sandbox.info().cwd.join("d").unwrap();
    let names =
        || async { sandbox.fs().list(&dir).await.unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>() };
    assert_eq!(names().await, ["dangling", "here"]);
    sandbox.fs().remove(&dir.join("dangling").unwrap(), Remove::default()).await.unwrap();
    sandbox.fs().remove(&dir.join("here").unwrap(), Remove::default()).await.unwrap();
    assert!(names().await.is_empty());
}

/// Making is always with parents, and content with what is there; deleting is never content with what is not.
#[tokio::test(flavor = "multi_thread")]
async fn directories_are_made_and_removed_as_asked() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let (fs, at) = (sandbox.fs(), |name: &str| sandbox.info().cwd.join(name).unwrap());
    fs.create_dir(&at("a"), CreateDir::default()).await.unwrap();
    let kind = |result: flue_core::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(fs.create_dir(&at("a"), CreateDir::default()).await), ErrorKind::AlreadyExists);
    assert_eq!(kind(fs.create_dir(&at("b/c"), CreateDir::default()).await), ErrorKind::NotFound);
    assert_eq!(kind(fs.remove(&at("b"), Remove::default()).await), ErrorKind::NotFound);
    fs.remove(&at("b"), Remove::default().forced()).await.unwrap();
    fs.write(&at("a/file"), "x".into()).await.unwrap();
    assert_eq!(kind(fs.remove(&at("a"), Remove::default()).await), ErrorKind::DirectoryNotEmpty);
}

/// Blanks around the path of an upload are lost: two files would be one.
#[tokio::test(flavor = "multi_thread")]
async fn blanks_in_names_are_kept() {
    for upload_v2 in [true, false] {
        let mut habits = Habits::default();
        habits.upload_v2 = upload_v2;
        let server = Server::with(habits).await;
        let sandbox = server.open().await;
        let names = ["a", "a ", "a\t", "a\n", " a", "a\u{a0}", "a\u{3000}", "# ? % & ; + %41", "\"\\'", "é"];
        for (index, name) in names.iter().enumerate() {
            let data = Bytes::from(vec![u8::try_from(index).unwrap(); LARGE + index]);
            sandbox.fs().write(&sandbox.info().cwd.join(name).unwrap(), data).await.unwrap();
        }
        for (index, name) in names.iter().enumerate() {
            let data = sandbox.fs().read(&sandbox.info().cwd.join(name).unwrap()).await.unwrap();
            assert!(data.len() == LARGE + index && data.iter().all(|byte| usize::from(*byte) == index), "{name:?}");
        }
        assert!(server.count("/files/") > 0, "large files go by the provider's own interface");
        let driver = server.daytona().attach(sandbox.machine()).await.unwrap();
        let takes = |name: &str| driver.files().unwrap().takes(&sandbox.info().cwd.join(name).unwrap());
        assert!(takes("a b") && takes("é") && !takes("a ") && !takes("a\n") && !takes("a\u{3000}"));
    }
}

/// The newer way to upload is not there in older daemons: that is found out once.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_daemon_is_asked_for_the_newer_way_once() {
    let mut habits = Habits::default();
    habits.upload_v2 = false;
    let server = Server::with(habits).await;
    let sandbox = server.open().await;
    for name in ["one", "two", "three"] {
        let file = sandbox.info().cwd.join(name).unwrap();
        let data = Bytes::from(format!("{name}\r\n--\0\u{ff}").repeat(LARGE / 8));
        sandbox.fs().write(&file, data.clone()).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data);
    }
    assert_eq!((server.count("upload-v2"), server.count("bulk-upload")), (1, 3));
}

/// A small file takes one call.
#[tokio::test(flavor = "multi_thread")]
async fn small_files_take_one_call_each_way() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let file = sandbox.info().cwd.join("small").unwrap();
    let before = server.count("/toolbox/");
    sandbox.fs().write(&file, "content".into()).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), "content");
    sandbox.exec(ExecRequest::new("cat").with_stdin("input")).await.unwrap();
    assert_eq!(server.count("/toolbox/") - before, 3);
}

/// Input that is too long for a command's text goes by a file, which nobody else can read and which is gone afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn long_input_goes_by_a_file_of_our_own() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let input = Bytes::from(b"0123456789abcdef\0\xff".repeat(LARGE / 8));
    let command = "d=$(readlink /proc/self/fd/0); stat -c %a \"${d%/*}\" >&2; echo \"${d%/*}\" >&2; wc -c";
    let output = sandbox.exec(ExecRequest::new(command).with_stdin(input.clone())).await.unwrap();
    assert_eq!(output.stdout_text().trim(), input.len().to_string());
    let said = output.stderr_text();
    let (mode, directory) = said.trim().split_once('\n').unwrap();
    assert!(mode == "700" && directory.starts_with("/tmp/.flue-in-"), "{said}");
    assert!(!Path::new(directory).exists(), "{directory}");
}

/// A machine that has started may be unknown to the proxy for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_late_is_waited_for() {
    let mut habits = Habits::default();
    habits.proxy_lag = Duration::from_millis(500);
    let server = Server::with(habits).await;
    let sandbox = server.open().await;
    assert_eq!(sandbox.exec(ExecRequest::new("echo yes")).await.unwrap().stdout_text(), "yes\n");
    assert!(server.count("/process/execute") > 3, "it was refused at first");
}
