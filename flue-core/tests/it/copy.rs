//! Copies of trees: what is counted, what is left out, what is refused.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{
    Copied, CopyLimits, CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, OpenRequest, Remove,
    Result, SandboxFactory, SandboxPath, copy_tree,
};
use flue_core_testkit::{MemoryFactory, MemorySandbox};

/// Files in memory with a link and a pipe in every directory.
#[derive(Debug)]
struct Odd(MemorySandbox);

#[async_trait]
impl FileSystem for Odd {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        match path.file_name() {
            Some("pipe") => Err(Error::new(ErrorKind::Internal, "read", "a pipe was read")),
            _ => self.0.read(path).await,
        }
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.0.write(path, data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        match path.file_name() {
            Some("pipe") => Ok(Metadata::new(FileKind::Other)),
            _ => self.0.metadata(path).await,
        }
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let mut entries = self.0.list(path).await?;
        entries.push(DirEntry::new("link", FileKind::Symlink));
        entries.push(DirEntry::new("pipe", FileKind::Other));
        Ok(entries)
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.0.create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.0.remove(path, options).await
    }
}

async fn memory() -> MemorySandbox {
    let factory = MemoryFactory::new();
    factory.open(OpenRequest::new("copy")).await.unwrap();
    factory.opened("copy").unwrap()
}

/// Two files of three bytes, in a tree of three directories.
async fn source() -> Odd {
    let memory = memory().await;
    for path in ["/src/a", "/src/dir/deep/b"] {
        memory.write(&at(path), Bytes::from_static(b"abc")).await.unwrap();
    }
    Odd(memory)
}

fn at(path: &str) -> SandboxPath {
    SandboxPath::new(path).unwrap()
}

async fn copy(from: &Odd, path: &str, limits: CopyLimits) -> (Result<Copied>, MemorySandbox) {
    let to = memory().await;
    (copy_tree(from, &at(path), &to, &at("/dest"), limits).await, to)
}

#[tokio::test]
async fn what_is_no_file_is_left_out_and_counted() {
    let (copied, to) = copy(&source().await, "/src", CopyLimits::default()).await;
    let copied = copied.unwrap();
    assert_eq!((copied.files, copied.directories, copied.bytes, copied.skipped), (2, 3, 6, 6));
    assert_eq!(to.read(&at("/dest/dir/deep/b")).await.unwrap(), "abc");
    let names: Vec<String> = to.list(&at("/dest")).await.unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "dir"]);
}

#[tokio::test]
async fn a_source_that_is_a_pipe_is_refused_unread() {
    let (copied, to) = copy(&source().await, "/src/pipe", CopyLimits::default()).await;
    let error = copied.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(to.metadata(&at("/dest")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn every_limit_holds_exactly() {
    let from = source().await;
    let all = CopyLimits::default();
    for (fits, exceeds, what) in [
        (all.with_entries(5), all.with_entries(4), "files and directories"),
        (all.with_bytes(6), all.with_bytes(5), "bytes"),
        (all.with_depth(2), all.with_depth(1), "deep"),
    ] {
        copy(&from, "/src", fits).await.0.unwrap();
        let error = copy(&from, "/src", exceeds).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{what}");
        assert!(error.message().contains(what), "{error}");
    }
    assert_eq!(copy(&from, "/src/a", all.with_entries(1)).await.0.unwrap().files, 1);
    assert!(copy(&from, "/src/a", all.with_entries(0)).await.0.is_err());
}

#[tokio::test]
async fn empty_directories_count_against_the_limit() {
    let from = source().await;
    for index in 0..100 {
        from.create_dir(&at(&format!("/empty/{index}")), CreateDir::recursive()).await.unwrap();
    }
    let (copied, to) = copy(&from, "/empty", CopyLimits::default().with_entries(50)).await;
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(to.list(&at("/dest")).await.unwrap().len() <= 50);
}

/// Files in memory, of which one cannot be written; counts how many are written at a time, and their bytes.
#[derive(Debug)]
struct Slow {
    files: MemorySandbox,
    refused: &'static str,
    now: Mutex<(usize, usize)>,
    most: Mutex<(usize, usize)>,
}

#[async_trait]
impl FileSystem for Slow {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.files.read(path).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        if path.file_name() == Some(self.refused) {
            return Err(Error::new(ErrorKind::PermissionDenied, "write", "no"));
        }
        let bytes = data.len();
        {
            let (mut now, mut most) = (self.now.lock().unwrap(), self.most.lock().unwrap());
            *now = (now.0 + 1, now.1 + bytes);
            *most = (most.0.max(now.0), most.1.max(now.1));
        }
        tokio::task::yield_now().await;
        let written = self.files.write(path, data).await;
        let mut now = self.now.lock().unwrap();
        *now = (now.0 - 1, now.1 - bytes);
        written
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.files.metadata(path).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.files.list(path).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.files.create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.files.remove(path, options).await
    }
}

/// Copies so many files of so many bytes.
async fn copy_many(files: usize, bytes: usize, refused: &'static str, limits: CopyLimits) -> (Result<Copied>, Slow) {
    let from = memory().await;
    for number in 0..files {
        from.write(&at(&format!("/src/{number}")), vec![b'x'; bytes].into()).await.unwrap();
    }
    let to = Slow { files: memory().await, refused, now: Mutex::default(), most: Mutex::default() };
    (copy_tree(&from, &at("/src"), &to, &at("/dest"), limits).await, to)
}

#[tokio::test]
async fn small_files_are_written_some_at_a_time_and_large_ones_are_not_kept() {
    let (copied, to) = copy_many(200, 1, "", CopyLimits::default()).await;
    assert_eq!((copied.unwrap().files, to.most.lock().unwrap().0), (200, 64));
    assert_eq!(to.list(&at("/dest")).await.unwrap().len(), 200);
    let (copied, to) = copy_many(8, 700_000, "", CopyLimits::default()).await;
    assert_eq!((copied.unwrap().files, *to.most.lock().unwrap()), (8, (2, 1_400_000)));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_ends_a_copy_and_what_fits_is_copied() {
    let (copied, to) = copy_many(10, 1, "3", CopyLimits::default()).await;
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(to.list(&at("/dest")).await.unwrap().len(), 9, "what was begun with it is not left half done");
    let (copied, to) = copy_many(10, 1, "", CopyLimits::default().with_bytes(7)).await;
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(to.list(&at("/dest")).await.unwrap().len(), 7);
}
