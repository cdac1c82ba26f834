//! What a sandbox starts with.

use std::fs;
use std::path::PathBuf;

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox, SandboxPath};
use flue_sandbox_virtual::{Virtual, VirtualLimits};
use vfs::{FileSystem as _, MemoryFS};

use crate::support::{open, run, said};

/// A directory of the host that goes when the test ends.
struct HostDir(PathBuf);

impl HostDir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("flue-virtual-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn put(&self, path: &str, data: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }
}

impl Drop for HostDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn every_sandbox_starts_with_the_same_files() {
    let factory = Virtual::new().file("a.txt", "one").file("/data/b.bin", vec![0, 255]).file("a.txt", "two");
    let first = open(&factory).await;
    assert_eq!(said(&run(&first, "cat a.txt; wc -c < /data/b.bin; rm a.txt").await), "two2\n");
    assert_eq!(said(&run(&*open(&factory).await, "cat a.txt").await), "two");
}

#[tokio::test]
async fn a_host_directory_is_copied_with_what_it_holds() {
    let host = HostDir::new("copy");
    host.put("doc.md", "text");
    host.put("sub/.hidden", "secret");
    host.put("run.sh", "#!/bin/bash\necho ran\n");
    fs::create_dir(host.0.join("empty")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::set_permissions(host.0.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("doc.md", host.0.join("link")).unwrap();
        symlink("/etc/hostname", host.0.join("out")).unwrap();
    }
    let factory = Virtual::new().hostname("virtual-host").dir_at(&host.0, "in");
    let sandbox = open(&factory).await;
    assert_eq!(
        said(&run(&sandbox, "cd in; find . -type f | sort; ls -d empty").await),
        "./doc.md\n./run.sh\n./sub/.hidden\nempty\n"
    );
    #[cfg(unix)]
    assert_eq!(
        said(&run(&sandbox, "cd in; ./run.sh; cat link; readlink link; cat out").await),
        "ran\ntextdoc.md\nvirtual-host\n"
    );
    // The copy is the sandbox's own, and each opening makes a new one.
    run(&sandbox, "echo changed > in/doc.md").await;
    assert_eq!(fs::read_to_string(host.0.join("doc.md")).unwrap(), "text");
    host.put("doc.md", "later");
    assert_eq!(said(&run(&*open(&factory).await, "cat in/doc.md").await), "later");
}

#[tokio::test]
async fn what_cannot_be_copied_is_named() {
    let host = HostDir::new("errors");
    let missing = host.0.join("nowhere");
    let error = Virtual::new().dir(&missing).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.fact("file"), Some(&*missing.display().to_string()));

    host.put("fits", "x");
    host.put("sub/large", &"x".repeat(2000));
    let limits = VirtualLimits::default().with_file_bytes(1000);
    let error = Virtual::new().limits(limits).dir(&host.0).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.fact("file"), Some(&*host.0.join("sub/large").display().to_string()));
    assert!(error.message().contains("VirtualLimits::file_bytes"), "{error}");

    let limits = VirtualLimits::default().with_total_bytes(1000);
    let error = Virtual::new().limits(limits).dir(&host.0).create(OpenRequest::new("x")).await.unwrap_err();
    assert!(error.message().contains("VirtualLimits::total_bytes"), "{error}");
    let error =
        Virtual::new().limits(limits).file("a/b", vec![0; 2000]).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("path")), (ErrorKind::LimitExceeded, Some("/workspace/a/b")));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_that_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let host = HostDir::new("names");
    fs::write(host.0.join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    let error = Virtual::new().dir(&host.0).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[tokio::test]
async fn mounts_are_seen_by_files_and_shell_alike() {
    let shared = MemoryFS::new();
    shared.create_file("/note").unwrap().write_all(b"from outside").unwrap();
    let reference = MemoryFS::new();
    reference.create_file("/fixed").unwrap().write_all(b"fixed").unwrap();
    let factory = Virtual::new().mount("shared", shared).mount_read_only("/ref", reference);
    let (one, two) = (open(&factory).await, open(&factory).await);
    assert_eq!(
        said(&run(&one, "cat shared/note; echo; echo new > shared/made; ls shared").await),
        "from outside\nmade\nnote\n"
    );
    let path = SandboxPath::new("/workspace/shared/made").unwrap();
    assert_eq!(two.fs().read(&path).await.unwrap(), "new\n");
    let output = run(&one, "cat /ref/fixed; echo x > /ref/fixed").await;
    assert_eq!((output.exit_code(), &*output.stdout_text()), (1, "fixed"));
    assert!(output.stderr_text().contains("Read-only file system"), "{output:?}");
    let error = two.fs().write(&SandboxPath::new("/ref/new").unwrap(), "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn the_files_are_a_vfs_file_system() {
    let sandbox = open(&Virtual::new().file("a", "text")).await;
    let root = vfs::VfsPath::new(sandbox.vfs().unwrap());
    assert_eq!(root.join("workspace/a").unwrap().read_to_string().unwrap(), "text");
    root.join("workspace/b").unwrap().create_file().unwrap().write_all(b"made").unwrap();
    let output = sandbox.exec(ExecRequest::new("cat b")).await.unwrap();
    assert_eq!(said(&output), "made");
}
