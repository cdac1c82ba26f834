//! What a case says, and what a suite reports.

use std::fmt;
use std::io::Write as _;
use std::panic::Location;
use std::time::Duration;

use flue_core::Error;

/// What a case, or a step of one, comes to.
pub(crate) type CaseResult<T = ()> = Result<T, Stop>;

/// Why a case did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The implementation does not do what it must.
    Failed(String),
    /// The implementation said, before it changed anything, that it does not do this.
    Skipped(String),
}

impl Stop {
    /// A failure, with the place that found it.
    #[track_caller]
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        let place = Location::caller();
        let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
        Self::Failed(format!("{file}:{}: {message}", place.line()))
    }

    /// Something that the implementation does not offer.
    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped(reason.into())
    }
}

impl From<Error> for Stop {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::failed(format_args!("unexpected error: {error:?}"))
    }
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed(String),
    /// It was not, or could not be, held against this implementation.
    Skipped(String),
}

impl From<CaseResult> for Outcome {
    fn from(result: CaseResult) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(Stop::Failed(message)) => Self::Failed(message),
            Err(Stop::Skipped(reason)) => Self::Skipped(reason),
        }
    }
}

/// One case of a report.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Line {
    /// The case: `topic::what_holds`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
}

impl Line {
    /// A case that ended so.
    pub fn new(name: impl Into<String>, outcome: Outcome, elapsed: Duration) -> Self {
        Self { name: name.into(), outcome, elapsed }
    }
}

/// What a suite found. `{}` prints a line for each case and the counts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// What was held against the suite.
    pub subject: String,
    /// The cases, in the order in which they ran.
    pub lines: Vec<Line>,
}

impl Report {
    /// A report on `subject`.
    pub fn new(subject: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { subject: subject.into(), lines }
    }

    /// The cases that passed.
    pub fn passed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.outcome == Outcome::Passed)
    }

    /// The cases that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| matches!(line.outcome, Outcome::Failed(_)))
    }

    /// The cases that were skipped.
    pub fn skipped(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| matches!(line.outcome, Outcome::Skipped(_)))
    }

    /// Prints the report to standard error, past the capture of the test harness, so that skips are seen in a run that
    /// passes.
    ///
    /// # Panics
    /// When a case failed, and when none passed: a suite that ran nothing proves nothing.
    #[track_caller]
    pub fn assert(&self) {
        // A closed standard error must not turn a good report into a panic.
        let _ = std::io::stderr().lock().write_all(self.to_string().as_bytes());
        let verdict = self.verdict();
        assert!(verdict.is_ok(), "{}: {}", self.subject, verdict.err().unwrap_or_default());
    }

    fn verdict(&self) -> Result<(), String> {
        let failed: Vec<&str> = self.failed().map(|line| line.name.as_str()).collect();
        if !failed.is_empty() {
            return Err(format!("{} failed: {}", failed.len(), failed.join(", ")));
        }
        if self.passed().next().is_none() {
            return Err("no case passed".into());
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.subject)?;
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        for Line { name, outcome, elapsed } in &self.lines {
            match outcome {
                Outcome::Passed => writeln!(f, "ok    {name:width$}  {:.1} ms", elapsed.as_secs_f64() * 1e3)?,
                Outcome::Skipped(reason) => writeln!(f, "skip  {name:width$}  {reason}")?,
                Outcome::Failed(message) => {
                    writeln!(f, "FAIL  {name}")?;
                    for part in message.lines() {
                        writeln!(f, "        {part}")?;
                    }
                }
            }
        }
        let (passed, failed, skipped) = (self.passed().count(), self.failed().count(), self.skipped().count());
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::report::Stop::failed(format_args!($($message)+)));
        }
    };
}

/// Fails the case unless both are equal, and shows both.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($message:tt)+) => {
        match (&$left, &$right) {
            (left, right) => if *left != *right {
                return Err($crate::report::Stop::failed(format_args!(
                    "{}\n     got: {}\nexpected: {}",
                    format_args!($($message)+),
                    $crate::report::short(left),
                    $crate::report::short(right),
                )));
            }
        }
    };
}

pub(crate) use {ensure, ensure_eq};

/// The most characters of a value that a failure shows.
const MAX_SHOWN_CHARS: usize = 600;

/// The debug text of a value, cut.
pub(crate) fn short(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let line = |(index, outcome): (usize, &Outcome)| {
            Line::new(format!("t::c{index}"), outcome.clone(), Duration::from_millis(2))
        };
        Report::new("thing", outcomes.iter().enumerate().map(line).collect())
    }

    #[test]
    fn a_skip_is_shown_as_a_skip_and_counted_apart() {
        let report = report(&[Outcome::Passed, Outcome::Skipped("needs exec".into()), Outcome::Failed("a\nb".into())]);
        assert_eq!(
            report.to_string(),
            "thing\nok    t::c0  2.0 ms\nskip  t::c1  needs exec\nFAIL  t::c2\n        a\n        b\n\
             1 passed, 1 failed, 1 skipped\n"
        );
    }

    #[test]
    fn only_a_report_with_a_pass_and_no_failure_is_good() {
        let verdict = |outcomes: &[Outcome]| report(outcomes).verdict();
        assert_eq!(verdict(&[Outcome::Passed, Outcome::Skipped("x".into())]), Ok(()));
        assert_eq!(verdict(&[Outcome::Passed, Outcome::Failed("x".into())]), Err("1 failed: t::c1".into()));
        assert_eq!(verdict(&[Outcome::Skipped("x".into())]), Err("no case passed".into()));
        assert_eq!(verdict(&[]), Err("no case passed".into()));
    }

    #[test]
    fn a_failure_names_its_place() {
        let line = line!() + 1;
        let stop = (|| -> CaseResult { Err(Error::cancelled("exec"))? })().unwrap_err();
        assert_eq!(
            stop,
            Stop::Failed(format!("report.rs:{line}: unexpected error: [cancelled] exec: cancelled by the caller"))
        );
    }
}
