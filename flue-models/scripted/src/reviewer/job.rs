//! What the prompt asks for.

use std::sync::Arc;

use flue_core::model::{Body, Message, User, UserBlock};

/// Where the findings go when the prompt does not say.
const OUTPUT: &str = "review.md";

/// The longest that a file's extension is: `.markdown`.
const MAX_EXTENSION: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The document to review.
    pub(super) document: String,
    /// The file for the findings.
    pub(super) output: String,
}

impl Job {
    /// The last prompt that names a document, and the messages after it.
    pub(super) fn find(messages: &[Arc<Message>]) -> Option<(Self, &[Arc<Message>])> {
        messages.iter().enumerate().rev().find_map(|(index, message)| match &message.body {
            Body::User(user) => Some((Self::of(&text(user))?, &messages[index + 1..])),
            _ => None,
        })
    }

    /// The first file that `prompt` names, and the last one that is another.
    fn of(prompt: &str) -> Option<Self> {
        let names = file_names(prompt);
        let document = names.first()?.to_string();
        let output = names
            .iter()
            .rev()
            .find(|name| **name != document)
            .map_or_else(|| OUTPUT.to_owned(), |name| name.to_string());
        Some(Self { document, output })
    }
}

fn text(user: &User) -> String {
    let texts: Vec<&str> = user
        .content
        .iter()
        .filter_map(|block| match block {
            UserBlock::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}

/// The words, or quoted parts, that look like names of files.
fn file_names(prompt: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (index, part) in prompt.split(['"', '`']).enumerate() {
        // Every other part is a quoted one, which may have spaces.
        if index % 2 == 1 && is_file_name(part) {
            names.push(part);
        } else {
            let words = part.split(|c: char| c.is_whitespace() || "()[]<>{},;'".contains(c));
            names.extend(
                words.map(|word| word.trim_end_matches(['.', ':', '!', '?'])).filter(|word| is_file_name(word)),
            );
        }
    }
    names
}

fn is_file_name(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !text.contains("://")
        && !stem.is_empty()
        && (1..=MAX_EXTENSION).contains(&extension.len())
        && word(extension)
        && extension.bytes().any(|byte| byte.is_ascii_alphabetic())
        // `e.g`, `i.e`
        && !(stem.len() == 1 && extension.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_files_of_a_prompt() {
        for (prompt, document, output) in [
            ("Review document.md and write your findings to review.md.", "document.md", "review.md"),
            ("Review docs/plan-2.txt, please!", "docs/plan-2.txt", "review.md"),
            (
                "Please review `my notes.md` (e.g. its links), then write to \"out/the review.md\".",
                "my notes.md",
                "out/the review.md",
            ),
            ("Review a.md: read it, check its length, and write your review of a.md to b.md", "a.md", "b.md"),
            ("See https://example.org/x.md about /srv/notes.rst v1.2.3", "/srv/notes.rst", "review.md"),
        ] {
            let job = Job::of(prompt).unwrap();
            assert_eq!((job.document.as_str(), job.output.as_str()), (document, output), "{prompt}");
        }
        for prompt in ["", "Hello there. How are you?", "version 1.2", "a .. b", "i.e. nothing"] {
            assert_eq!(Job::of(prompt), None, "{prompt}");
        }
    }

    #[test]
    fn the_last_prompt_with_a_document_counts() {
        let messages = [Message::user("Review a.md"), Message::user("Review b.md"), Message::user("Go on")];
        let (job, since) = Job::find(&messages).unwrap();
        assert_eq!((job.document.as_str(), since.len()), ("b.md", 1));
    }
}
