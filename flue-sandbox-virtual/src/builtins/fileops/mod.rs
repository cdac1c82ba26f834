//! Commands that change files: `cp mv rm ln mkdir rmdir chmod touch`.
//!
//! The engine's own miss options that scripts use daily (`chmod -R`, `mv -n`,
//! `cp -v`, `touch -d '2 days ago'`) and some do not even say so.

mod chmod;
mod cp;
mod ln;
mod mkdir;
mod mode;
mod mv;
mod rm;
mod target;
mod touch;

pub(super) use self::chmod::Chmod;
pub(super) use self::cp::Cp;
pub(super) use self::ln::Ln;
pub(super) use self::mkdir::{Mkdir, Rmdir};
pub(super) use self::mv::Mv;
pub(super) use self::rm::Rm;
pub(super) use self::touch::Touch;

use bashkit::{BuiltinContext, ExecResult};

/// Files one command touches before it gives up: a bound, not a quota.
const MAX_FILES: usize = 1_000_000;

/// What a command has printed so far.
struct Report {
    command: &'static str,
    out: String,
    err: String,
    status: i32,
}

impl Report {
    fn new(command: &'static str) -> Self {
        Self { command, out: String::new(), err: String::new(), status: 0 }
    }

    fn say(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn fail(&mut self, message: &str) {
        self.err.push_str(&format!("{}: {message}\n", self.command));
        self.status = 1;
    }

    fn into_result(self) -> ExecResult {
        ExecResult { stdout: self.out.into(), stderr: self.err.into(), exit_code: self.status, ..Default::default() }
    }
}

/// Answers to `-i` questions, a line of standard input each.
struct Answers {
    lines: std::vec::IntoIter<String>,
}

impl Answers {
    fn of(ctx: &BuiltinContext<'_>) -> Self {
        let input = ctx.stdin_text_lossy().unwrap_or_default();
        let lines: Vec<String> = input.lines().map(str::to_string).collect();
        Self { lines: lines.into_iter() }
    }

    /// Asks on standard error; silence means no.
    fn yes(&mut self, question: &str, report: &mut Report) -> bool {
        report.err.push_str(&format!("{}: {question}? ", report.command));
        let answer = self.lines.next().unwrap_or_default();
        answer.trim_start().starts_with(['y', 'Y'])
    }
}

/// `directory/name` as messages show it.
fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// The last part of a path, without trailing slashes.
fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}
