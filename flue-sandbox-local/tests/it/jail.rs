//! The jail of the file API.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{CreateDir, ErrorKind, FileKind, OpenRequest, Remove, Result, Sandbox, SandboxPath};
use flue_sandbox_local::{Local, LocalSandbox};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::temp::{Temp, open, said};

/// What must not be seen.
const SECRET: &str = "a secret outside";
/// How long the races run.
const RACE: Duration = Duration::from_millis(1500);

/// A directory with `in`, which is worked in, beside `out` and `in-too`, which must not be reached.
async fn place() -> (Temp, std::sync::Arc<LocalSandbox>) {
    let temp = Temp::new();
    temp.put("in/file", "inside");
    temp.put("out/secret", SECRET);
    temp.put("in-too/secret", SECRET);
    let sandbox = open(&Local::new(temp.path().join("in"))).await;
    (temp, sandbox)
}

fn kept_out<T: std::fmt::Debug>(what: &str, result: Result<T>) {
    let error = result.map_err(|error| (error.kind(), error.to_string()));
    let Err((ErrorKind::PermissionDenied, text)) = &error else { panic!("{what}: {error:?}") };
    assert!(text.contains("the jail") && text.contains("commands are not kept in it"), "{what}: {text}");
}

#[tokio::test]
async fn no_file_call_leaves_it() {
    let (temp, sandbox) = place().await;
    let inside = temp.path().join("in");
    for (link, target) in [
        ("relative", "../out/secret"),
        ("absolute", temp.at("out/secret").as_str()),
        ("proc", &format!("/proc/self/root{}", temp.at("out/secret"))),
        ("prefix", temp.at("in-too/secret").as_str()),
        ("around", "sub/../../out/secret"),
        ("twice", "relative"),
        ("dangling", "../out/new"),
        ("dir", "../out"),
        ("dir-absolute", temp.at("out").as_str()),
        ("up", ".."),
    ] {
        symlink(target, inside.join(link)).unwrap();
    }
    std::fs::create_dir(inside.join("sub")).unwrap();
    let fs = sandbox.fs();
    for path in [
        "out/secret",
        "in-too/secret",
        "in/relative",
        "in/absolute",
        "in/proc",
        "in/prefix",
        "in/around",
        "in/twice",
        "in/dir/secret",
        "in/dir-absolute/secret",
        "in/up/out/secret",
        "in/up/in/file",
    ] {
        let path = temp.at(path);
        kept_out("read", fs.read(&path).await);
        kept_out("write", fs.write(&path, "x".into()).await);
        kept_out("metadata", fs.metadata(&path).await);
        kept_out("grep", sandbox.grep(GrepQuery::new("secret", path.clone(), 1)).await);
    }
    kept_out("write", fs.write(&temp.at("in/dangling"), "x".into()).await);
    for path in ["in/dir", "in/dir-absolute", "in/up", "out", ""] {
        let path = temp.at(path);
        kept_out("list", fs.list(&path).await);
        kept_out("glob", sandbox.glob(GlobQuery::new("*", path.clone(), 9)).await);
        kept_out("write", fs.write(&path.join("new").unwrap(), "x".into()).await);
        kept_out("create_dir", fs.create_dir(&path.join("new/dir").unwrap(), CreateDir::recursive()).await);
        kept_out("remove", fs.remove(&path.join("secret").unwrap(), Remove::recursive().forced()).await);
    }
    for path in ["out", "in-too"] {
        assert_eq!(std::fs::read_dir(temp.path().join(path)).unwrap().count(), 1);
        assert_eq!(std::fs::read_to_string(temp.path().join(path).join("secret")).unwrap(), SECRET);
    }
}

#[tokio::test]
async fn what_leads_out_is_removed_and_what_it_leads_to_is_not() {
    let (temp, sandbox) = place().await;
    symlink("../out", temp.path().join("in/link")).unwrap();
    sandbox.fs().remove(&temp.at("in/link"), Remove::recursive()).await.unwrap();
    assert!(!temp.path().join("in/link").exists() && temp.path().join("out/secret").exists());
}

#[tokio::test]
async fn the_way_to_the_root_is_there_and_the_root_stays() {
    let (temp, sandbox) = place().await;
    for path in [SandboxPath::root(), temp.at(""), temp.at("in")] {
        assert_eq!(sandbox.fs().metadata(&path).await.unwrap().kind, FileKind::Directory);
    }
    let error = sandbox.fs().remove(&temp.at("in"), Remove::recursive().forced()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(sandbox.fs().read(&temp.at("in/file")).await.unwrap(), "inside");
}

#[tokio::test]
async fn commands_are_not_kept_in_it() {
    let (_temp, sandbox) = place().await;
    assert_eq!(said(&sandbox, "cat ../out/secret").await, SECRET);
}

#[tokio::test]
async fn it_may_be_wider_or_not_be_and_never_be_elsewhere() {
    let (temp, _) = place().await;
    let secret = temp.at("out/secret");
    let inside = Local::new(temp.path().join("in"));
    for local in [inside.clone().jail(".."), inside.clone().jail(temp.path()), inside.clone().unjailed()] {
        assert_eq!(open(&local).await.fs().read(&secret).await.unwrap(), SECRET);
    }
    kept_out("read", open(&inside.clone().jail("..")).await.fs().read(&SandboxPath::new("/etc/passwd").unwrap()).await);
    let kind = async |local: &Local, cwd: &str| {
        let request = OpenRequest::new("x").with_cwd(cwd);
        local.create(request).await.map(|_| ()).map_err(|error| error.kind())
    };
    let denied = Err(ErrorKind::PermissionDenied);
    assert_eq!(kind(&inside.clone().jail(temp.path().join("out")), "").await, denied);
    assert_eq!(kind(&inside, "..").await, denied);
    assert_eq!(kind(&inside, "sub/dir").await, Ok(()));
    symlink("../out", temp.path().join("in/link")).unwrap();
    assert_eq!(kind(&inside, "link").await, denied);
    assert_eq!(kind(&Local::new(temp.path().join("missing")), "").await, Err(ErrorKind::NotFound));
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `check` again and again while two threads swap `in/spot`, a directory, for a link to `out`.
async fn race(temp: &Temp, mut check: impl AsyncFnMut()) {
    temp.put("in/spot/secret", "inside");
    symlink("../out", temp.path().join("in/link")).unwrap();
    let [spot, link] = ["in/spot", "in/link"].map(|path| temp.path().join(path));
    let over = AtomicBool::new(false);
    let swap = || {
        while !over.load(Ordering::Relaxed) {
            let _ = renameat_with(CWD, &spot, CWD, &link, RenameFlags::EXCHANGE);
        }
    };
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        scope.spawn(swap);
        scope.spawn(swap);
        // Also when the check panics, or nobody would hear of it.
        let _over = OnDrop(&over);
        let end = Instant::now() + RACE;
        while Instant::now() < end {
            tokio::task::block_in_place(|| runtime.block_on(check()));
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_a_directory_for_a_link_does_not_lead_out_of_it() {
    let (temp, sandbox) = place().await;
    let fs = sandbox.fs();
    let path = temp.at("in/spot/secret");
    let (mut inside, mut refused) = (0, 0);
    race(&temp, async || {
        match fs.read(&path).await {
            Ok(data) => {
                assert!(data == "inside" || data == "written", "{data:?}");
                inside += 1;
            }
            Err(_) => refused += 1,
        }
        let _ = fs.write(&path, "written".into()).await;
        let _ = fs.create_dir(&temp.at("in/spot/made"), CreateDir::default()).await;
        if let Ok(facts) = fs.metadata(&path).await {
            assert!(facts.len != Some(SECRET.len() as u64));
        }
    })
    .await;
    assert!(inside > 0 && refused > 0, "no race was run: {inside} {refused}");
    assert_eq!(std::fs::read_to_string(temp.path().join("out/secret")).unwrap(), SECRET);
    assert_eq!(std::fs::read_dir(temp.path().join("out")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swapping_a_directory_for_a_link_does_not_lead_searches_out_of_it() {
    let (temp, sandbox) = place().await;
    temp.put("out/only-outside", SECRET);
    let dir = temp.at("in");
    let mut found = 0;
    race(&temp, async || {
        let hits = sandbox.grep(GrepQuery::new("inside|secret", dir.clone(), 9)).await.unwrap();
        assert!(hits.matches.iter().all(|hit| hit.text == "inside"), "{hits:?}");
        found += hits.total;
        let hits = sandbox.glob(GlobQuery::new("only-outside", dir.clone(), 9)).await.unwrap();
        assert_eq!(hits.total, 0);
    })
    .await;
    assert!(found > 0, "nothing was searched: {found}");
}
