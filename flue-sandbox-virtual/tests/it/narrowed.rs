//! Narrowed sandboxes, where these differ from others: mounts, devices, settings, the application's commands.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use flue_core::{ErrorKind, ExecRequest, Narrowing, OpenRequest, Sandbox, SandboxPath};
use flue_core_testkit::sandbox::{Narrow, suite};
use flue_sandbox_virtual::{Virtual, VirtualSandbox};
use vfs::{AltrootFS, VfsPath};

async fn open(described: Virtual) -> Arc<VirtualSandbox> {
    described.create(OpenRequest::new("test")).await.unwrap()
}

async fn narrowed(sandbox: &Arc<VirtualSandbox>, narrowing: Narrowing) -> Arc<dyn Sandbox> {
    narrowing.apply(Arc::clone(sandbox) as _).await.unwrap()
}

fn at(path: &str) -> SandboxPath {
    SandboxPath::new(path).unwrap()
}

/// Runs a script and gives what it said, errors after the rest.
async fn sh(sandbox: &Arc<dyn Sandbox>, script: &str) -> String {
    let output = sandbox.exec(ExecRequest::new(script)).await.unwrap();
    format!("{}{}", output.stdout_text(), output.stderr_text())
}

#[test]
fn beneath_its_root_one_is_like_any_other() {
    const ODD_NAMES: &str = "the shell engine refuses such names; the file API takes them";
    suite(Narrow::new(Virtual::new(), Narrowing::none().root(".")))
        .except("files::metadata_tells_kind_and_size", "it looks at the root of the whole tree, which is outside")
        .except("names::control_characters_through_the_shell", ODD_NAMES)
        .except("names::invisible_characters_through_the_shell", ODD_NAMES)
        .run_blocking()
        .assert();
}

#[tokio::test]
async fn the_way_to_the_root_is_bare() {
    let sandbox = open(Virtual::new().file("root/file", "seen").file("other", "not").file("/srv/x", "not")).await;
    let one = narrowed(&sandbox, Narrowing::none().root("root")).await;
    assert_eq!(
        sh(&one, "cd /; ls -A workspace; cd workspace; pwd; ls -A; cat root/file; ls -d /srv 2>/dev/null").await,
        "root\n/workspace\nroot\nseen"
    );
    assert_eq!(sh(&one, "ls /home/user /tmp 2>/dev/null; mktemp >/dev/null 2>&1 || echo none").await, "none\n");
    // What the shell itself shows is made up and has nothing of the sandbox in it.
    assert_eq!(sh(&one, "test -r /etc/passwd && test -x /bin/cat && echo there").await, "there\n");
    assert_eq!(
        sh(&one, "echo x > /etc/new; echo x > /dev/new; ls /dev/new /etc/new 2>/dev/null; true")
            .await
            .matches("Read-only")
            .count(),
        2
    );
}

#[tokio::test]
async fn devices_are_there_and_stay_as_they_are() {
    let sandbox = open(Virtual::new().file("root/file", "seen").file("/dev/notes", "secret")).await;
    for narrowing in [Narrowing::none().root("root"), Narrowing::none().read_only()] {
        let one = narrowed(&sandbox, narrowing).await;
        assert_eq!(
            sh(&one, "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && cat <(echo sub)").await,
            "4\nsub\n"
        );
        sh(&one, "chmod 000 /dev/null; rm -f /dev/null; mv /dev/null x; touch /dev/null").await;
    }
    let one = narrowed(&sandbox, Narrowing::none().root("root")).await;
    assert!(!sh(&one, "ls /dev; cat /dev/notes").await.contains("secret"));
    assert_eq!(sandbox.fs().metadata(&at("/dev/null")).await.unwrap().mode, Some(0o666));
}

#[tokio::test]
async fn a_root_lies_behind_a_mount_point_too() {
    let files = VfsPath::new(vfs::MemoryFS::new());
    for (dir, text) in [("root", "seen"), ("beside", "secret")] {
        files.join(dir).unwrap().create_dir_all().unwrap();
        files.join(format!("{dir}/file")).unwrap().create_file().unwrap().write_all(text.as_bytes()).unwrap();
    }
    let sandbox = open(Virtual::new().mount("data", AltrootFS::new(files.clone()))).await;
    let one = narrowed(&sandbox, Narrowing::none().root("data/root")).await;
    assert_eq!(sh(&one, "cat file; ls ..; cat ../beside/file ../../data/beside/file 2>/dev/null").await, "seenroot\n");
    sh(&one, "echo new > made; echo x > ../made; rm -r ../beside; mv ../beside here; cp file ../beside/copy").await;
    assert_eq!(files.join("root/made").unwrap().read_to_string().unwrap(), "new\n");
    assert_eq!(files.join("beside/file").unwrap().read_to_string().unwrap(), "secret");
    assert!(!files.join("made").unwrap().exists().unwrap() && !files.join("beside/copy").unwrap().exists().unwrap());
    let one = narrowed(&sandbox, Narrowing::none().read_only()).await;
    assert!(sh(&one, "cat data/root/file; echo x > data/root/file").await.starts_with("seen"));
    assert_eq!(files.join("root/file").unwrap().read_to_string().unwrap(), "seen");
}

#[tokio::test]
async fn settings_are_shown_as_far_as_they_are_named() {
    let sandbox = open(Virtual::new().env("TOKEN", "plain-as-day").env("COLOUR", "blue")).await;
    let one = narrowed(&sandbox, Narrowing::none().only_env(["COLOUR"])).await;
    assert_eq!(
        sh(&one, "echo $COLOUR $TOKEN; env | grep -c plain; cat /proc/self/environ").await.lines().next(),
        Some("blue")
    );
    assert!(!sh(&one, "env; set; export -p; cat /proc/self/environ /proc/1/environ").await.contains("plain-as-day"));
}

#[tokio::test]
async fn commands_of_the_application_stay() {
    let sandbox =
        open(Virtual::new().command("ask", |call| async move { Ok(format!("{}\n", call.args.join("+"))) })).await;
    let one = narrowed(&sandbox, Narrowing::none().read_only().no_network().only_env(["PATH"])).await;
    assert_eq!(sh(&one, "ask a b").await, "a+b\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_swaps_the_way_meanwhile_opens_nothing() {
    let sandbox = open(Virtual::new().file("root/sub/file", "seen").file("out/file", "secret")).await;
    let one = narrowed(&sandbox, Narrowing::none().root("root")).await;
    let done = Arc::new(AtomicBool::new(false));
    let (whole, stop) = (Arc::clone(&sandbox), Arc::clone(&done));
    // Another user of the whole sandbox puts links where directories were, and back.
    let swapping = tokio::spawn(async move {
        let mut swaps = 0;
        while !stop.load(Ordering::Relaxed) {
            let script = "mv root/sub root/kept && ln -s ../out root/sub && rm root/sub && mv root/kept root/sub";
            assert!(whole.exec(ExecRequest::new(script)).await.unwrap().success());
            swaps += 1;
        }
        swaps
    });
    let (file, mut seen) = (at("/workspace/root/sub/file"), 0);
    while seen < 200 {
        if let Ok(data) = one.fs().read(&file).await {
            assert_eq!(data, "seen");
            seen += 1;
        }
        let _ = one.fs().write(&at("/workspace/root/sub/new"), Bytes::from("x")).await;
        tokio::task::yield_now().await;
    }
    assert!(!sh(&one, "for i in 1 2 3 4 5 6 7 8 9; do cat sub/file; done 2>/dev/null").await.contains("secret"));
    done.store(true, Ordering::Relaxed);
    assert!(swapping.await.unwrap() > 0);
    assert_eq!(sandbox.fs().list(&at("/workspace/out")).await.unwrap().len(), 1);
    // And when the root itself is a link, it leads nowhere.
    assert!(sandbox.exec(ExecRequest::new("mv root gone && ln -s out root")).await.unwrap().success());
    assert_eq!(one.fs().read(&at("/workspace/root/file")).await.unwrap_err().kind(), ErrorKind::NotFound);
}
