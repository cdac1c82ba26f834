//! `tidy`: what neither the compiler nor clippy looks at.
//!
//! One file a subject: Rust sources, manifests and their neighbours, licences of everything we
//! depend on, prose.

pub(crate) mod licences;
mod manifests;
mod prose;
mod sources;

use crate::files;
use crate::report::{Outcome, conclude};
use crate::workspace::Workspace;

/// A text file of the repository.
struct TextFile {
    /// Relative to the root, with `/` between the parts.
    path: String,
    text: String,
}

impl TextFile {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// True for what tests read or are made of.
    fn is_test(&self) -> bool {
        let (dirs, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        name == "tests.rs" || dirs.split('/').any(|dir| dir == "tests" || dir == "benches")
    }
}

/// Runs the task.
pub(crate) fn run(_args: &[String]) -> Outcome {
    let workspace = Workspace::with_dependencies()?;
    let paths = files::walk(&workspace.root)?;
    let mut texts = Vec::new();
    for path in &paths {
        if let Some(text) = files::read_text(&workspace.root, path)? {
            texts.push(TextFile { path: path.clone(), text });
        }
    }

    let mut problems = sources::check(&texts);
    problems.extend(manifests::check(&workspace.crates, &texts));
    problems.extend(licences::check(&workspace.packages));
    problems.extend(prose::check(&paths, &texts));
    conclude("tidy", problems)
}

#[cfg(test)]
fn text_file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into() }
}
