//! Agent files: Markdown with YAML front matter. The fields say what the agent is, the body is its instructions.

mod check;
mod fields;
mod find;
mod skill;
mod subagent;
mod values;

use std::path::Path;

use flue_core::{Error, ErrorKind, Result};

pub(crate) use self::fields::Fields;
pub(crate) use self::find::find;
use crate::host::shown;
use crate::input;

/// The line before and after the front matter.
const FENCE: &str = "---";

/// What an agent file says.
#[derive(Debug, Default)]
pub(crate) struct AgentFile {
    /// The front matter.
    pub(crate) fields: Fields,
    /// The body.
    pub(crate) instructions: String,
}

impl AgentFile {
    /// Reads the agent file at `path`.
    ///
    /// # Errors
    /// Those of reading a text file; [`ErrorKind::Config`] with `file:line:column` for one that is malformed.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = input::file_text(path).map_err(|error| {
            Error::new(error.kind(), "read agent file", error.message().to_owned()).with("path", shown(path))
        })?;
        Self::parse(&text, &shown(path), path.parent().unwrap_or(Path::new("")))
    }

    fn parse(text: &str, name: &str, base: &Path) -> Result<Self> {
        let malformed = |line: usize, column: usize, why: &str| {
            Error::new(ErrorKind::Config, "read agent file", format!("{name}:{line}:{column}: {why}"))
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (first, rest) = split_line(text);
        if first != FENCE {
            let why = "an agent file begins with a line `---`, then fields such as `model: provider/model`, then another \
                       line `---`, then the instructions";
            return Err(malformed(1, 1, why));
        }
        let mut body = rest;
        let yaml = loop {
            if body.is_empty() {
                return Err(malformed(
                    1,
                    1,
                    "the front matter that begins here has no end; close it with a line `---`",
                ));
            }
            let (line, after) = split_line(body);
            if line == FENCE {
                break &rest[..rest.len() - body.len()];
            }
            body = after;
        };
        let (_, body) = split_line(body);
        let fields = Fields::parse(yaml, base).map_err(|wrong| malformed(wrong.line, wrong.column, &wrong.why))?;
        Ok(Self { fields, instructions: body.trim().to_owned() })
    }
}

/// The first line without its end, and what comes after it.
fn split_line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.trim_end(), rest)
}

#[cfg(test)]
mod tests {
    use flue_core::model::ThinkingLevel;

    use super::*;
    use crate::sandbox_kind::SandboxKind;

    fn parse(text: &str) -> Result<AgentFile> {
        AgentFile::parse(text, "a.md", Path::new(""))
    }

    #[test]
    fn every_field_and_the_body_are_read() {
        let text = "\u{feff}---\r\nname: reviewer\r\ndescription: Reviews.\r\nmodel: openai/gpt-5.5\r\nsandbox: virtual\r\n\
                    cwd: /work\r\ntools: [read, bash]\r\nthinking: off\r\n---\r\n\r\nReview it.\r\n\r\n---\r\nShort.\r\n";
        let AgentFile { fields, instructions } = parse(text).unwrap();
        assert_eq!(instructions, "Review it.\r\n\r\n---\r\nShort.");
        assert_eq!((fields.name.as_deref(), fields.description.as_deref()), (Some("reviewer"), Some("Reviews.")));
        assert_eq!((fields.model.as_deref(), fields.cwd.as_deref()), (Some("openai/gpt-5.5"), Some("/work")));
        assert_eq!((fields.sandbox, fields.thinking), (Some(SandboxKind::Virtual), Some(ThinkingLevel::Off)));
        assert_eq!(fields.tools, Some(vec!["read".to_owned(), "bash".to_owned()]));
    }

    #[test]
    fn everything_may_be_left_out() {
        for text in ["---\n---", "---\nmodel:\ntools:\npolicy:\nskills:\nsubagents:\n---\n"] {
            let AgentFile { fields, instructions } = parse(text).unwrap();
            assert!(fields.model.is_none() && fields.tools.is_none() && instructions.is_empty(), "{text}");
            assert!(fields.policy.is_empty() && fields.skills.is_empty() && fields.subagents.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_named_with_its_place() {
        let cases = [
            "# Reviewer\n",
            "---\nmodel: x\n",
            "---\nname: a\nmodle: x\n---\n",
            "---\nname: a\nname: b\n---\n",
            "---\ntools: [read, bahs]\n---\n",
            "---\ntools:\n  - read\n  - teleport\n---\n",
            "---\nsandbox: nowhere\n---\n",
            "---\n\nthinking: lots\n---\n",
            "---\ntools: read\n---\n",
            "---\nname: [a]\n---\n",
            "---\n- a\n---\n",
            "---\nname: 'a\n---\n",
            "---\nname: a: b\n---\n",
            "---\n\tname: a\n---\n",
        ];
        let wrong = |text: &&str| parse(text).unwrap_err().message().to_owned();
        insta::assert_snapshot!(cases.iter().map(wrong).collect::<Vec<_>>().join("\n"), @"
        a.md:1:1: an agent file begins with a line `---`, then fields such as `model: provider/model`, then another line `---`, then the instructions
        a.md:1:1: the front matter that begins here has no end; close it with a line `---`
        a.md:3:1: unknown field `modle`; did you mean `model`? (an agent file has name, description, model, sandbox, cwd, tools, thinking, policy, skills, subagents)
        a.md:3:1: the field `name` is there twice
        a.md:2:15: tools[1]: there is no tool `bahs`; did you mean `bash`? (built in are read, write, edit, bash, grep, glob)
        a.md:4:5: tools[1]: there is no tool `teleport` (built in are read, write, edit, bash, grep, glob)
        a.md:2:10: sandbox: there is no sandbox `nowhere` (there are virtual, virtual:contained, local, local:confined, local:overlay, local:copy, cloudflare, daytona[:SNAPSHOT], docker:IMAGE, e2b[:TEMPLATE], k8s:POOL, ssh://[USER@]HOST[:PORT]/DIR)
        a.md:3:11: thinking: unknown variant `lots`, expected one of `off`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`
        a.md:2:8: tools: invalid type: string \"read\", expected a list of tools
        a.md:2:7: name: invalid type: sequence, expected a string
        a.md:2:1: invalid type: sequence, expected fields such as `model: provider/model`
        a.md:3:1: found unexpected end of stream, while scanning a quoted scalar at line 2 column 7
        a.md:2:8: mapping values are not allowed in this context
        a.md:2:1: found character that cannot start any token, while scanning for the next token
        ");
    }
}
