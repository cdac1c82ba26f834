//! How a task says what it found.

use std::fmt;

/// What a task returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line made no sense.
    Usage(String),
    /// A check failed, or could not be made.
    Failed(String),
}

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// One thing wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    place: String,
    text: String,
}

impl Problem {
    /// A problem with a file, crate or table; name it as a reader would look for it.
    pub(crate) fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }

    /// A problem on one line of a file; `index` counts from 0.
    pub(crate) fn at_line(path: &str, index: usize, text: impl Into<String>) -> Self {
        Self::new(format!("{path}:{}", index + 1), text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Prints the problems in order, and fails if there are any.
pub(crate) fn conclude(task: &str, mut problems: Vec<Problem>) -> Outcome {
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failure::new(format!("{task}: 1 problem"))),
        n => Err(Failure::new(format!("{task}: {n} problems"))),
    }
}
