//! Narrowed sandboxes: like any other within what they reach, and shut outside of it.

use std::os::unix::fs::symlink;
use std::sync::Arc;

use bytes::Bytes;
use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{
    CreateDir, ErrorKind, ExecRequest, Narrowed, Narrowing, OpenRequest, Remove, Sandbox, SandboxFactory, SandboxPath,
};
use flue_core_testkit::MemoryFactory;
use flue_core_testkit::sandbox::{Narrow, suite};

use crate::host::Host;

/// What is not about other sandboxes of the same factory, which are not narrowed with this one.
const PARTS: [&str; 6] = ["files::", "directories::", "names::", "grep::", "glob::", "closing_twice"];

#[test]
fn beneath_its_root_a_narrowed_sandbox_is_like_any_other() {
    fn passes(factory: impl SandboxFactory) {
        let narrowed = Narrow::new(factory, Narrowing::none().root(".").no_exec());
        let why = "it looks at the root of the whole tree, which is outside";
        suite(narrowed).only(&PARTS).except("files::metadata_tells_kind_and_size", why).run_blocking().assert();
    }
    passes(MemoryFactory::new());
    passes(Host::new("narrowed"));
}

#[test]
fn what_is_not_narrowed_stays_as_it_is() {
    let parts = [&PARTS[..], &["exec::", "output::", "deadlines::", "links::"]].concat();
    suite(Narrow::new(Host::new("not-narrowed"), Narrowing::none())).only(&parts).run_blocking().assert();
}

fn path(sandbox: &dyn Sandbox, path: &str) -> SandboxPath {
    sandbox.info().cwd.join(path).unwrap()
}

async fn host(name: &str) -> Arc<dyn Sandbox> {
    let host = Host::new(name);
    let sandbox = host.open(OpenRequest::new("x")).await.unwrap();
    // The directory stays as long as the test runs.
    std::mem::forget(host);
    for (file, text) in [("root/file", "seen"), ("root/dir/file", "seen"), ("outside/file", "secret")] {
        sandbox.fs().write(&path(&*sandbox, file), Bytes::from(text)).await.unwrap();
    }
    sandbox
}

#[tokio::test]
async fn links_lead_nowhere() {
    let below = host("links").await;
    let at = |name: &str| path(&*below, name);
    symlink(at("outside").as_str(), at("root/link").as_str()).unwrap();
    symlink(at("outside/file").as_str(), at("root/dir/link").as_str()).unwrap();
    symlink(at("outside/new").as_str(), at("root/dangling").as_str()).unwrap();
    symlink("loop", at("root/loop").as_str()).unwrap();
    symlink(at("root").as_str(), at("alias").as_str()).unwrap();
    let narrowed = Narrowed::new(below.clone(), &Narrowing::none().root("root").no_exec()).await.unwrap();
    let fs = narrowed.fs();
    for name in ["root/link", "root/link/file", "root/dir/link", "root/dangling", "root/dangling/below"] {
        let denied =
            |what: &str, kind: Option<ErrorKind>| assert_eq!(kind, Some(ErrorKind::PermissionDenied), "{what} {name}");
        let kind = |error: flue_core::Error| error.kind();
        denied("read", fs.read(&at(name)).await.err().map(kind));
        denied("write", fs.write(&at(name), Bytes::new()).await.err().map(kind));
        denied("metadata", fs.metadata(&at(name)).await.err().map(kind));
        denied("list", fs.list(&at(name)).await.err().map(kind));
        denied("create", fs.create_dir(&at(name), CreateDir::recursive()).await.err().map(kind));
        denied("grep", narrowed.grep(GrepQuery::new("secret", at(name), 10)).await.err().map(kind));
        denied("glob", narrowed.glob(GlobQuery::new("*", at(name), 10)).await.err().map(kind));
    }
    fs.read(&at("root/loop")).await.unwrap_err();
    assert_eq!(narrowed.grep(GrepQuery::new("secret", at("root"), 10)).await.unwrap().total, 0);
    assert!(!std::fs::exists(at("outside/new").as_str()).unwrap());
    // A link itself lies within the root, and can go.
    fs.remove(&at("root/link"), Remove::recursive()).await.unwrap();
    assert_eq!(below.fs().read(&at("outside/file")).await.unwrap(), "secret");
    assert_eq!(fs.read(&at("root/dir/file")).await.unwrap(), "seen");
    let error = Narrowed::new(below.clone(), &Narrowing::none().root("alias").no_exec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    std::fs::remove_dir_all(below.info().cwd.as_str()).unwrap();
}

#[tokio::test]
async fn a_narrowing_of_a_narrowing_only_adds() {
    let below = host("again").await;
    let at = |name: &str| path(&*below, name);
    let first = Narrowed::new(below.clone(), &Narrowing::none().root("root").read_only().no_exec()).await.unwrap();
    let first: Arc<dyn Sandbox> = Arc::new(first);
    let root = Narrowing::none().root(at("").as_str());
    // A wider root is outside of what the first one reaches.
    assert_eq!(Narrowed::new(first.clone(), &root).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let second = Narrowed::new(first, &Narrowing::none().root("dir")).await.unwrap();
    assert_eq!(second.fs().read(&at("root/dir/file")).await.unwrap(), "seen");
    for (what, error) in [
        ("above", second.fs().read(&at("root/file")).await.unwrap_err()),
        ("write", second.fs().write(&at("root/dir/new"), Bytes::new()).await.unwrap_err()),
        ("remove", second.fs().remove(&at("root/dir/file"), Remove::default()).await.unwrap_err()),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}");
    }
    assert_eq!(second.exec(ExecRequest::new("cat file")).await.unwrap_err().kind(), ErrorKind::Unsupported);
    second.close().await.unwrap();
    assert_eq!(second.fs().read(&at("root/dir/file")).await.unwrap_err().kind(), ErrorKind::SandboxDied);
    assert_eq!(below.fs().read(&at("root/dir/file")).await.unwrap(), "seen", "what is below stays open");
    std::fs::remove_dir_all(below.info().cwd.as_str()).unwrap();
}
