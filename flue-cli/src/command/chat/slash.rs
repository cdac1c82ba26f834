//! Commands of a chat, which begin with a slash.

use crate::suggest;

/// What `/help` says.
pub(super) const HELP: &str = "\
/compact  summarise the conversation so far, to make room
/cost     what this chat took
/quit     end the chat, as Ctrl-D does
Ctrl-C stops what is being done. A line that ends in \\ goes on in the next.";

/// A command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    Help,
    Compact,
    Cost,
    Quit,
}

const COMMANDS: [(&str, Slash); 4] =
    [("help", Slash::Help), ("compact", Slash::Compact), ("cost", Slash::Cost), ("quit", Slash::Quit)];

impl Slash {
    /// The command that a line is; `None` for a message. A path is a message, and so is what begins with a space.
    pub(super) fn parse(line: &str) -> Option<Result<Self, String>> {
        let word = line.strip_prefix('/')?.trim_end();
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let found = COMMANDS.into_iter().find(|(name, _)| *name == word);
        Some(found.map(|(_, command)| command).ok_or_else(|| {
            let hint = suggest::hint(word, COMMANDS.map(|(name, _)| name));
            format!("there is no command /{word}{hint} (/help lists them; a space before it makes it a message)")
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_messages() {
        assert_eq!(Slash::parse("/quit "), Some(Ok(Slash::Quit)));
        for message in ["hello", " /quit", "/etc/hosts", "/", "/quit now", "/Quit"] {
            assert_eq!(Slash::parse(message), None, "{message}");
        }
        assert!(Slash::parse("/quti").unwrap().unwrap_err().contains("did you mean `quit`?"));
    }
}
