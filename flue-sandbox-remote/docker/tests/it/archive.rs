//! Files that go by the engine's archives: larger than a shell's input.

use bytes::Bytes;
use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};

use crate::engine::Engine;

/// Above what goes by scripts.
const LARGE_BYTES: usize = 3 << 20;

fn data(byte: u8) -> Bytes {
    vec![byte; LARGE_BYTES].into()
}

async fn say(sandbox: &RemoteSandbox, command: &str) -> String {
    let output = sandbox.exec(ExecRequest::new(command)).await.unwrap();
    assert_eq!(output.exit_code(), 0, "{}", output.stderr_text());
    output.stdout_text().trim().to_owned()
}

pub(crate) async fn large_files_belong_to_the_containers_user_whom_the_host_need_not_know(engine: &'static Engine) {
    for (image, user) in [("local/base:1", "0:0"), ("local/user:1", "1234:1234")] {
        let remote = Remote::new(engine.image(image)).owner("owned");
        let sandbox = remote.create(OpenRequest::new(image)).await.unwrap();
        let file = sandbox.info().cwd.join("sub/large # ?").unwrap();
        sandbox.fs().write(&file, data(1)).await.unwrap();
        assert_eq!(say(&sandbox, "stat -c '%u:%g %a %s' 'sub/large # ?'").await, format!("{user} 644 {LARGE_BYTES}"));
        // Over it, by its owner, who has no other rights there.
        sandbox.fs().write(&file, data(2)).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data(2));
        assert_eq!(say(&sandbox, "ls -A sub").await, "large # ?");
        sandbox.close().await.unwrap();
    }
}

pub(crate) async fn what_replaces_a_file_keeps_its_permissions(engine: &'static Engine) {
    let sandbox = engine.remote("modes").create(OpenRequest::new("modes")).await.unwrap();
    say(&sandbox, "echo old >script; chmod 750 script").await;
    let file = sandbox.info().cwd.join("script").unwrap();
    sandbox.fs().write(&file, data(3)).await.unwrap();
    assert_eq!(say(&sandbox, "stat -c '%a %s' script").await, format!("750 {LARGE_BYTES}"));
    sandbox.close().await.unwrap();
}

pub(crate) async fn links_lead_nowhere_outside(engine: &'static Engine) {
    let sandbox = engine.remote("links").create(OpenRequest::new("links")).await.unwrap();
    // A directory that this machine has, and the container too.
    let name = format!("flue-docker-outside-{}-{}", engine.kind.name(), std::process::id());
    let outside = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&outside).unwrap();
    let there = outside.to_str().unwrap();
    say(&sandbox, &format!("mkdir -p {there}; ln -s {there} escape; ln -s ../../../../../..{there}/file up")).await;
    for name in ["escape/file", "up"] {
        let file = sandbox.info().cwd.join(name).unwrap();
        sandbox.fs().write(&file, data(4)).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data(4), "{name}");
        let look = format!("stat -c %s {there}/file; rm {there}/file");
        assert_eq!(say(&sandbox, &look).await, LARGE_BYTES.to_string());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "{name} led out of the container");
    }
    assert_eq!(say(&sandbox, "readlink escape").await, there);
    std::fs::remove_dir(&outside).unwrap();
    sandbox.close().await.unwrap();
}
