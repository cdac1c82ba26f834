//! What the commands of an `xargs` report, and what comes of it.

use std::collections::HashMap;

use bashkit::ExecResult;

use super::super::files::quote;
use super::config::Config;
use super::lines::Lines;

/// The first argument of a step. Nobody types it, and no harm is done if so.
const STEP: &str = "\u{1}step";
/// Commands that are there, so that a status of theirs says nothing about being found.
const RUN_OTHERS: [&str; 10] = ["bash", "command", "env", "find", "nice", "nohup", "sh", "time", "timeout", "xargs"];

/// Bytes of a command that is spelt out. The shell takes arguments longer than its scripts.
const MAX_SCRIPT_BYTES: usize = 64 * 1024;

/// The status when any command failed.
const FAILED: i32 = 123;
/// The status when a command exited with [`ABORT`].
const ABORTED: i32 = 124;
/// The status of a command after which no other is run.
const ABORT: i32 = 255;

/// The runs that have begun and not ended.
#[derive(Default)]
pub(super) struct Runs {
    open: HashMap<u64, Run>,
    next: u64,
}

#[derive(Default)]
struct Run {
    status: i32,
    stopped: bool,
    /// What is said when it is over.
    error: Option<String>,
    /// The lines to show, in the order in which they run.
    shown: std::vec::IntoIter<String>,
    name: String,
}

/// Something that a line of shell asks or reports.
pub(super) enum Step {
    /// Whether the next command is to run.
    Go(u64),
    /// How it ended.
    Done(u64, i32),
    /// That all have run.
    End(u64),
}

impl Step {
    pub(super) fn read(args: &[String]) -> Option<Self> {
        let [first, what, run, rest @ ..] = args else { return None };
        if first != STEP {
            return None;
        }
        let run = run.parse().ok()?;
        match (what.as_str(), rest) {
            ("go", []) => Some(Self::Go(run)),
            ("done", [status]) => Some(Self::Done(run, status.parse().ok()?)),
            ("end", []) => Some(Self::End(run)),
            _ => None,
        }
    }
}

impl Runs {
    /// The commands of a run, for the shell.
    pub(super) fn begin(&mut self, config: &Config, lines: Lines) -> Vec<Vec<String>> {
        let id = self.next;
        self.next += 1;
        let mut shell = Vec::with_capacity(lines.commands.len() + 1);
        let mut shown = Vec::new();
        let slots = if config.slots == 0 { usize::MAX } else { config.slots };
        for (at, command) in lines.commands.into_iter().enumerate() {
            let mut words: Vec<String> = command.iter().map(|word| quote(word)).collect();
            if config.verbose {
                shown.push(format!("{}\n", words.join(" ")));
            }
            // Never a keyword.
            if let Some(first) = words.first_mut().filter(|first| !first.starts_with('\'')) {
                *first = format!("'{first}'");
            }
            let slot = config.slot_variable.as_ref().map_or(String::new(), |name| format!("{name}={} ", at % slots));
            let step = |what: &str| format!("xargs {STEP} {what} {id}");
            // As a condition, so that neither `set -e` nor a trap takes notice; in a subshell, as a process of its own.
            let line = |words: &str| {
                format!(
                    "! {} || if ( {slot}{words} ); then {} 0; else {} $?; fi",
                    step("go"),
                    step("done"),
                    step("done")
                )
            };
            let text = line(&words.join(" "));
            shell.push(if text.len() <= MAX_SCRIPT_BYTES {
                vec!["eval".into(), text]
            } else {
                let call = ["bash".into(), "-c".into(), line(r#""$@""#), "xargs".into()];
                call.into_iter().chain(command).collect()
            });
        }
        shell.push(vec!["xargs".into(), STEP.into(), "end".into(), id.to_string()]);
        let name = config.command.first().cloned().unwrap_or_default();
        let run = Run { error: lines.error, shown: shown.into_iter(), name, ..Run::default() };
        self.open.insert(id, run);
        shell
    }

    /// The commands of a run that only says why it does nothing.
    pub(super) fn fail(&mut self, message: String) -> Vec<Vec<String>> {
        let id = self.next;
        self.next += 1;
        self.open.insert(id, Run { error: Some(message), ..Run::default() });
        vec![vec!["xargs".into(), STEP.into(), "end".into(), id.to_string()]]
    }

    /// Answers a step.
    pub(super) fn take(&mut self, step: Step) -> ExecResult {
        match step {
            Step::Go(id) => match self.open.get_mut(&id) {
                Some(run) if !run.stopped => {
                    ExecResult { stderr: run.shown.next().unwrap_or_default().into(), ..Default::default() }
                }
                _ => status(1),
            },
            Step::Done(id, code) => {
                if let Some(run) = self.open.get_mut(&id) {
                    run.done(code);
                }
                status(0)
            }
            Step::End(id) => {
                let Some(mut run) = self.open.remove(&id) else { return status(1) };
                match run.error.take() {
                    Some(error) => {
                        let code = if run.status == 0 { 1 } else { run.status };
                        ExecResult::err(format!("xargs: {error}\n"), code)
                    }
                    None => status(run.status),
                }
            }
        }
    }
}

impl Run {
    fn done(&mut self, code: i32) {
        match code {
            0 => {}
            ABORT => {
                self.status = ABORTED;
                self.stopped = true;
                self.error = Some(format!("{}: exited with status {ABORT}; aborting", self.name));
            }
            // Not found, or not to be run.
            126 | 127 if !RUN_OTHERS.contains(&self.name.as_str()) => {
                self.status = code;
                self.stopped = true;
                self.error = None;
            }
            _ => self.status = FAILED,
        }
    }
}

fn status(code: i32) -> ExecResult {
    ExecResult { exit_code: code, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::super::{config, lines};
    use super::*;

    /// Runs `count` commands of which the n-th ends with the n-th of `codes`, and gives which ran and the status.
    fn run(name: &str, codes: &[i32]) -> (usize, i32) {
        let config = config::read(&["-n1".to_owned(), name.to_owned()]).unwrap();
        let lines = lines::build(&config, "x ".repeat(codes.len()).as_bytes());
        let mut runs = Runs::default();
        assert_eq!(runs.begin(&config, lines).len(), codes.len() + 1);
        let ran = codes.iter().take_while(|code| {
            let goes = runs.take(Step::Go(0)).exit_code == 0;
            goes && runs.take(Step::Done(0, **code)).exit_code == 0
        });
        (ran.count(), runs.take(Step::End(0)).exit_code)
    }

    #[test]
    fn statuses_add_up_as_in_findutils() {
        assert_eq!(run("x", &[0, 0]), (2, 0));
        assert_eq!(run("x", &[0, 3, 0]), (3, FAILED));
        assert_eq!(run("x", &[1, ABORT, 0]), (2, ABORTED));
        assert_eq!(run("x", &[127, 0]), (1, 127));
        assert_eq!(run("sh", &[127, 126, 0]), (3, FAILED));
    }

    #[test]
    fn steps_of_no_run_do_nothing() {
        let args = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(Step::read(&args(&["-n", "1", "x"])).is_none());
        assert!(Step::read(&args(&[STEP, "done", "1"])).is_none());
        let step = Step::read(&args(&[STEP, "go", "7"])).unwrap();
        assert_eq!(Runs::default().take(step).exit_code, 1);
    }
}
