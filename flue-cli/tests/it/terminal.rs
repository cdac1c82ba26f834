//! `flue` at a terminal that the test types at: `script` makes one.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Place};

/// A run of `flue` at a terminal.
pub(crate) struct Terminal {
    child: Child,
    seen: String,
    more: Receiver<Vec<u8>>,
}

impl Terminal {
    /// Starts it; `words` is read by a shell.
    pub(crate) fn start(place: &Place, words: &str) -> Self {
        Self::start_with(place, words, &[])
    }

    /// Starts it with these variables, too.
    pub(crate) fn start_with(place: &Place, words: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("script");
        // 80 columns wide, as terminals are.
        let line = format!("stty cols 80 rows 24; exec {} {words}", env!("CARGO_BIN_EXE_flue"));
        command.args(["-qefc", &line, "/dev/null"]).current_dir(place.path("")).env_clear().env("TERM", "xterm");
        command.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh").envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, more) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, seen: String::new(), more }
    }

    /// Waits until the terminal shows `text` after what was waited for before; gives all until then.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.more.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("`{text}` does not come; there is: {}", self.seen),
            }
        }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end; gives the exit code and what else was shown.
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(bytes) = self.more.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code().unwrap(), self.seen);
            }
            assert!(Instant::now() < end, "it hangs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn an_answer_is_on_a_terminal_once_whatever_comes_after_it() {
    let place = Place::new();
    place.write("document.md", "# Title\n");
    let words = "run -m 'Review document.md and write your findings to review.md.' --model scripted/reviewer \
                 --stage document.md --collect review.md";
    let (code, shown) = Terminal::start(&place, words).end();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shown.matches("I reviewed document.md").count(), 1, "{shown}");
}
