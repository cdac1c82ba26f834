//! Running `flue` in a directory of its own, with nothing of the developer's environment.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The longest that any run of a test takes; a run that takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that goes with the test.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("flue-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Not below the build directory, which lies in a repository: agents are looked for up to its top.
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, with the directories that it needs.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// `flue` with these arguments, here, with nothing to read.
    pub(crate) fn flue<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Flue {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flue"));
        command.args(args).env_clear().current_dir(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Flue { command, stdin: None }
    }

    /// `flue` with these arguments, and a place for sessions.
    pub(crate) fn keeping<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Flue {
        self.flue(args).env("XDG_STATE_HOME", self.path("state").to_str().unwrap())
    }

    /// Everything in the files beneath a directory, one after the other, and how many there are.
    pub(crate) fn everything(&self, name: &str) -> (Vec<u8>, usize) {
        let (mut bytes, mut files) = (Vec::new(), 0);
        let mut pending = vec![self.path(name)];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                bytes.extend(fs::read(path).unwrap());
                files += 1;
            }
        }
        (bytes, files)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A call of `flue` that is being put together.
pub(crate) struct Flue {
    command: Command,
    stdin: Option<Vec<u8>>,
}

impl Flue {
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    pub(crate) fn current_dir(mut self, path: impl AsRef<Path>) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Pipes something in.
    pub(crate) fn stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(stdin.into());
        self
    }

    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Starts it, with its output to be read by the test.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.spawn().unwrap()
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Done {
        let begun = Instant::now();
        let mut child = self.command.spawn().unwrap();
        if let (Some(stdin), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            // The end of the process may come before it read everything.
            std::thread::spawn(move || pipe.write_all(&stdin));
        }
        finish(child, begun)
    }
}

/// Waits for the end of a process, and for everything it wrote.
pub(crate) fn finish(mut child: Child, begun: Instant) -> Done {
    let stdout = gather(child.stdout.take());
    let stderr = gather(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it hangs; so far it said: {}", text(stderr.join().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let stdout_bytes = stdout.join().unwrap();
    Done {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout_bytes).into_owned(),
        stdout_bytes,
        stderr: text(stderr.join().unwrap()),
        took: begun.elapsed(),
    }
}

fn gather(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        bytes
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// What a call of `flue` left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stdout_bytes: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Done {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}
