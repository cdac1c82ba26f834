//! Search over any file system: what the conformance suite cannot set up, because real file systems rarely do it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery, MAX_DEPTH, MAX_GLOB_BYTES, glob, grep};
use flue_core::{
    CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, OpenRequest, Remove, Result, SandboxFactory,
    SandboxPath,
};
use flue_core_testkit::{MemoryFactory, MemorySandbox};

/// More than any search here finds.
const ALL: usize = 1_000;

/// Files in memory where some paths fail as if somebody else had changed them.
#[derive(Debug)]
struct Files {
    memory: MemorySandbox,
    fails: Vec<(SandboxPath, ErrorKind)>,
}

impl Files {
    async fn with(paths: &[&str]) -> Self {
        let factory = MemoryFactory::new();
        factory.open(OpenRequest::new("search")).await.unwrap();
        let files = Self { memory: factory.opened("search").unwrap(), fails: Vec::new() };
        for path in paths {
            files.write(&at(path), Bytes::from_static(b"needle\n")).await.unwrap();
        }
        files
    }

    fn failing(mut self, path: &str, kind: ErrorKind) -> Self {
        self.fails.push((at(path), kind));
        self
    }

    fn check(&self, operation: &'static str, path: &SandboxPath) -> Result<()> {
        match self.fails.iter().find(|(failing, _)| failing == path) {
            Some((_, kind)) => Err(Error::new(*kind, operation, "fails")),
            None => Ok(()),
        }
    }

    async fn glob(&self, pattern: &str, path: &str) -> Result<GlobHits> {
        glob(self, &GlobQuery::new(pattern, at(path), ALL)).await
    }

    async fn grep(&self, pattern: &str, path: &str) -> Result<GrepHits> {
        grep(self, &GrepQuery::new(pattern, at(path), ALL)).await
    }
}

#[async_trait]
impl FileSystem for Files {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.check("read", path)?;
        self.memory.read(path).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.memory.write(path, data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.memory.metadata(path).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.check("list", path)?;
        self.memory.list(path).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.memory.create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.memory.remove(path, options).await
    }
}

fn at(path: &str) -> SandboxPath {
    SandboxPath::new(path).unwrap()
}

fn found(hits: &GlobHits) -> Vec<&str> {
    hits.paths.iter().map(SandboxPath::as_str).collect()
}

#[tokio::test]
async fn an_absolute_glob_counts_from_the_root_and_must_lie_below_the_base() {
    let files = Files::with(&["/w/a.rs", "/w/src/b.rs", "/w/src/deep/c.rs", "/other/d.rs"]).await;
    for (pattern, base, expected) in [
        ("/w/*.rs", "/w", &["/w/a.rs"][..]),
        ("/w/src/*.rs", "/w", &["/w/src/b.rs"]),
        ("/w/src/**/*.rs", "/w/src", &["/w/src/b.rs", "/w/src/deep/c.rs"]),
        ("/*/*.rs", "/", &["/other/d.rs", "/w/a.rs"]),
        ("/**/*.rs", "/", &["/other/d.rs", "/w/a.rs", "/w/src/b.rs", "/w/src/deep/c.rs"]),
    ] {
        assert_eq!(found(&files.glob(pattern, base).await.unwrap()), expected, "{pattern} in {base}");
    }
    for pattern in ["/other/*.rs", "/wide/*.rs"] {
        let error = files.glob(pattern, "/w").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{pattern}: {error}");
        assert!(error.to_string().contains("set `path`"), "{error}");
    }
}

#[tokio::test]
async fn what_goes_away_or_is_closed_during_a_walk_is_passed_over() {
    let paths = ["/w/a", "/w/gone/b", "/w/locked/c", "/w/z"];
    let files = Files::with(&paths)
        .await
        .failing("/w/gone", ErrorKind::NotFound)
        .failing("/w/locked", ErrorKind::PermissionDenied);
    assert_eq!(found(&files.glob("*", "/w").await.unwrap()), ["/w/a", "/w/z"]);
    let hits = files.grep("needle", "/w").await.unwrap();
    assert_eq!((hits.total, hits.skipped), (2, 0));

    let files =
        Files::with(&paths).await.failing("/w/a", ErrorKind::NotFound).failing("/w/z", ErrorKind::PermissionDenied);
    let hits = files.grep("needle", "/w").await.unwrap();
    assert_eq!((hits.total, hits.skipped), (2, 2), "files that cannot be read are counted");
}

#[tokio::test]
async fn other_errors_end_a_search() {
    let files = Files::with(&["/w/a", "/w/dir/b"]).await.failing("/w/dir", ErrorKind::Io);
    assert_eq!(files.glob("*", "/w").await.unwrap_err().kind(), ErrorKind::Io);
    let files = Files::with(&["/w/a"]).await.failing("/w/a", ErrorKind::SandboxDied);
    assert_eq!(files.grep("needle", "/w").await.unwrap_err().kind(), ErrorKind::SandboxDied);
    let files = Files::with(&["/w/a"]).await.failing("/w/a", ErrorKind::PermissionDenied);
    assert_eq!(files.grep("needle", "/w/a").await.unwrap_err().kind(), ErrorKind::PermissionDenied, "named itself");
    let files = Files::with(&["/w/a"]).await.failing("/w", ErrorKind::PermissionDenied);
    assert_eq!(files.glob("*", "/w").await.unwrap_err().kind(), ErrorKind::PermissionDenied, "the start");
}

#[tokio::test]
async fn a_tree_that_is_too_deep_is_searched_as_far_as_it_goes() {
    let dirs = |depth: usize| "/d".repeat(depth);
    let (inside, outside) = (format!("{}/inside", dirs(MAX_DEPTH - 1)), format!("{}/outside", dirs(MAX_DEPTH)));
    let files = Files::with(&["/z", &inside, &outside]).await;
    let hits = files.glob("*", "/").await.unwrap();
    assert_eq!(found(&hits), [&inside, "/z"]);
    assert!(hits.incomplete);
    let hits = files.grep("needle", "/").await.unwrap();
    assert_eq!((hits.total, hits.incomplete), (2, true));
    assert!(!files.glob("*", "/d").await.unwrap().incomplete, "one level less is not too deep");
}

#[tokio::test]
async fn a_path_that_is_too_long_is_passed_over() {
    /// A directory where every directory holds a file and another directory with a long name.
    #[derive(Debug)]
    struct Endless;

    #[async_trait]
    impl FileSystem for Endless {
        async fn read(&self, _: &SandboxPath) -> Result<Bytes> {
            Ok("needle".into())
        }

        async fn write(&self, _: &SandboxPath, _: Bytes) -> Result<()> {
            Err(Error::unsupported("write", "read-only"))
        }

        async fn metadata(&self, _: &SandboxPath) -> Result<Metadata> {
            Ok(Metadata::new(FileKind::Directory))
        }

        async fn list(&self, _: &SandboxPath) -> Result<Vec<DirEntry>> {
            Ok(vec![DirEntry::new("d".repeat(255), FileKind::Directory), DirEntry::new("file", FileKind::File)])
        }

        async fn create_dir(&self, _: &SandboxPath, _: CreateDir) -> Result<()> {
            Err(Error::unsupported("create directory", "read-only"))
        }

        async fn remove(&self, _: &SandboxPath, _: Remove) -> Result<()> {
            Err(Error::unsupported("remove", "read-only"))
        }
    }

    let hits = glob(&Endless, &GlobQuery::new("*", at("/"), ALL)).await.unwrap();
    // 16 names of 255 bytes, each after a `/`, are as long as a path may be; `/file` no longer fits below the last.
    assert_eq!((hits.total, hits.incomplete), (16, true));
    let hits = grep(&Endless, &GrepQuery::new("needle", at("/"), ALL)).await.unwrap();
    assert_eq!((hits.total, hits.incomplete), (16, true));
}

#[tokio::test]
async fn large_and_binary_files_are_counted_as_skipped() {
    let files = Files::with(&["/w/small"]).await;
    let mut large = vec![b'x'; (64 << 20) + 1];
    large[..6].copy_from_slice(b"needle");
    files.write(&at("/w/large"), large.into()).await.unwrap();
    files.write(&at("/w/binary"), Bytes::from_static(b"needle\0")).await.unwrap();
    let late_nul = [b"needle\n".as_slice(), &[b'x'; 10_000], b"\0"].concat();
    files.write(&at("/w/text-with-a-late-nul"), late_nul.into()).await.unwrap();
    let hits = files.grep("needle", "/w").await.unwrap();
    let names: Vec<_> = hits.matches.iter().filter_map(|found| found.path.file_name()).collect();
    assert_eq!((names, hits.skipped), (vec!["small", "text-with-a-late-nul"], 2));
}

#[tokio::test]
async fn a_pattern_is_held_against_one_line_whatever_its_anchors() {
    let files = Files::with(&[]).await;
    files.write(&at("/f"), Bytes::from_static(b"one\r\ntwo\nthree\rfour\n")).await.unwrap();
    for (pattern, lines) in [
        ("^", &[1, 2, 3][..]),
        ("$", &[1, 2, 3]),
        ("one$", &[1]),
        (r"\Atwo\z", &[2]),
        ("(?m)^four", &[]),
        ("(?s)one.*two", &[]),
        (r"one\r", &[]),
        (r"e\rf", &[3]),
        ("[^x]*four$", &[3]),
    ] {
        let hits = files.grep(pattern, "/").await.unwrap();
        let found: Vec<u64> = hits.matches.iter().map(|found| found.line).collect();
        assert_eq!(found, lines, "{pattern}");
    }
}

#[tokio::test]
async fn no_glob_is_too_much() {
    let files = Files::with(&["/w/a"]).await;
    let nested = |depth: usize| format!("{}a{}", "{".repeat(depth), "}".repeat(depth));
    for fits in ["{a,b}".repeat(20), nested(64), "?".repeat(MAX_GLOB_BYTES), "*".repeat(MAX_GLOB_BYTES)] {
        let hits = files.glob(&fits, "/w").await.unwrap();
        assert_eq!(hits.total == 1, fits.starts_with("{{") || fits.starts_with('*'), "{} bytes", fits.len());
    }
    for refused in [
        nested(65),
        nested(300),
        nested(100_000),
        "{".repeat(10_000),
        "[}]{".repeat(1000),
        "[!a]".repeat(200_000),
        "?".repeat(MAX_GLOB_BYTES + 1),
        format!("{{{}a}}", "a,".repeat(500_000)),
    ] {
        let start = refused[..4].to_owned();
        let error = files.glob(&refused, "/w").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{start}");
        assert!(error.to_string().len() < 500, "{start}");
        let query = GrepQuery::new("needle", at("/w"), ALL).with_include(Some(refused));
        assert_eq!(grep(&files, &query).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{start}");
    }
    // What the glob parser takes and the regex engine does not, or takes too much memory for.
    for complex in ["[!a]".repeat(1000), "[é-ü]".repeat(600), format!("{{{}}}", "**/,".repeat(1000))] {
        if let Err(error) = files.glob(&complex, "/w").await {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}

#[tokio::test]
async fn an_absolute_include_counts_from_the_root_and_must_lie_below_the_base() {
    let files = Files::with(&["/w/a.rs", "/w/src/b.rs", "/other/c.rs"]).await;
    let include = |glob: &str, path: &str| GrepQuery::new("needle", at(path), ALL).with_include(Some(glob.to_owned()));
    for (glob, path, expected) in
        [("/w/*.rs", "/w", "/w/a.rs"), ("/w/src/*.rs", "/w", "/w/src/b.rs"), ("/other/**", "/", "/other/c.rs")]
    {
        let hits = grep(&files, &include(glob, path)).await.unwrap();
        let found: Vec<&str> = hits.matches.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(found, [expected], "{glob} in {path}");
    }
    let error = grep(&files, &include("/other/*.rs", "/w")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("set `path`"), "{error}");
    assert_eq!(grep(&files, &include("/other/*.rs", "/w/a.rs")).await.unwrap().total, 1, "a file named itself");
}

/// One file that is all of a tree, and larger than can be read.
#[derive(Debug)]
struct Huge;

#[async_trait]
impl FileSystem for Huge {
    async fn read(&self, _: &SandboxPath) -> Result<Bytes> {
        Err(Error::new(ErrorKind::Internal, "read", "a file of this size was read"))
    }

    async fn write(&self, _: &SandboxPath, _: Bytes) -> Result<()> {
        Err(Error::unsupported("write", "read-only"))
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let kind = if path.is_root() { FileKind::Directory } else { FileKind::File };
        Ok(Metadata::new(kind).with_len(1 << 40))
    }

    async fn list(&self, _: &SandboxPath) -> Result<Vec<DirEntry>> {
        Ok(vec![DirEntry::new("huge", FileKind::File)])
    }

    async fn create_dir(&self, _: &SandboxPath, _: CreateDir) -> Result<()> {
        Err(Error::unsupported("create directory", "read-only"))
    }

    async fn remove(&self, _: &SandboxPath, _: Remove) -> Result<()> {
        Err(Error::unsupported("remove", "read-only"))
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_even_read() {
    for path in ["/", "/huge"] {
        let hits = grep(&Huge, &GrepQuery::new("needle", at(path), ALL)).await.unwrap();
        assert_eq!((hits.total, hits.skipped), (0, 1), "{path}");
    }
}

/// How often another task had its turn while `work` ran.
async fn turns_during(work: impl Future<Output = ()>) -> usize {
    let (turns, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let other = tokio::spawn({
        let (turns, done) = (Arc::clone(&turns), Arc::clone(&done));
        async move {
            while !done.load(Ordering::SeqCst) {
                turns.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    work.await;
    let during = turns.load(Ordering::SeqCst);
    done.store(true, Ordering::SeqCst);
    other.await.unwrap();
    during
}

#[tokio::test]
async fn a_search_lets_others_have_their_turn() {
    let paths: Vec<String> = (0..500).map(|index| format!("/files/{index}")).collect();
    let files = Files::with(&paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for index in 0..500 {
        files.create_dir(&at(&format!("/dirs/{index}")), CreateDir::recursive()).await.unwrap();
    }
    files.write(&at("/large/file"), format!("{:1023}\n", "needle").repeat(8 << 10).into()).await.unwrap();
    for (path, total) in [("/files", 500), ("/dirs", 0)] {
        let glob = async { assert_eq!(files.glob("*", path).await.unwrap().total, total) };
        assert!(turns_during(glob).await >= 5, "glob in {path}");
    }
    for (path, total) in [("/files", 500), ("/dirs", 0), ("/large", 8 << 10)] {
        let grep = async { assert_eq!(files.grep("needle", path).await.unwrap().total, total) };
        assert!(turns_during(grep).await >= 5, "grep in {path}");
    }
}
