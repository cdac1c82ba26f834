//! The tools that a harness offers, by what they are for.

use flue_core::model::{ToolCall, ToolSpec};
use serde_json::{Map, Value};

/// Names of a tool and of its arguments, the likeliest first.
const READ: &[&str] = &["read", "read_file", "Read"];
const RUN: &[&str] = &["bash", "shell", "exec", "Bash"];
const WRITE: &[&str] = &["write", "write_file", "Write"];
const PATH: &[&str] = &["path", "file_path", "filename"];
const COMMAND: &[&str] = &["command", "cmd"];
const CONTENT: &[&str] = &["content", "text"];

pub(super) struct Tools<'a>(&'a [ToolSpec]);

impl<'a> Tools<'a> {
    pub(super) fn of(specs: &'a [ToolSpec]) -> Self {
        Self(specs)
    }

    /// The call that reads `path`; by a command where there is no tool for files.
    pub(super) fn read_file(&self, path: &str) -> Option<ToolCall> {
        self.call(READ, &[(PATH, path)]).or_else(|| self.run(&format!("cat {}", quote(path))))
    }

    /// The call that runs `command`.
    pub(super) fn run(&self, command: &str) -> Option<ToolCall> {
        self.call(RUN, &[(COMMAND, command)])
    }

    /// The call that writes `path`.
    pub(super) fn write_file(&self, path: &str, content: &str) -> Option<ToolCall> {
        self.call(WRITE, &[(PATH, path), (CONTENT, content)])
    }

    fn call(&self, names: &[&str], arguments: &[(&[&str], &str)]) -> Option<ToolCall> {
        let tool = names.iter().find_map(|name| self.0.iter().find(|tool| tool.name == *name))?;
        let takes = |key: &&&str| tool.parameters.pointer("/properties").and_then(|all| all.get(**key)).is_some();
        let mut object = Map::new();
        for (keys, value) in arguments {
            let key = keys.iter().find(takes)?;
            object.insert((*key).to_owned(), Value::from(*value));
        }
        Some(ToolCall::new("", tool.name.as_str(), &Value::Object(object).to_string()))
    }
}

/// `text` as one word of a shell.
pub(super) fn quote(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_tools_and_arguments_under_their_usual_names() {
        let spec = |name: &str, keys: &[&str]| ToolSpec {
            name: name.into(),
            description: String::new(),
            parameters: json!({"type": "object", "properties": keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect::<Map<_, _>>()}),
        };
        let specs = [spec("read_file", &["file_path"]), spec("write", &["path"])];
        let tools = Tools::of(&specs);
        assert_eq!(&*tools.read_file("a").unwrap().arguments, r#"{"file_path":"a"}"#);
        assert!(tools.run("ls").is_none() && tools.write_file("a", "b").is_none());
        let specs = [spec("bash", &["command"])];
        assert_eq!(&*Tools::of(&specs).read_file("a b").unwrap().arguments, r#"{"command":"cat 'a b'"}"#);
    }

    #[test]
    fn quotes_what_a_shell_would_take_apart() {
        for (text, quoted) in
            [("a/b-c.md", "a/b-c.md"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("-rf", "'-rf'"), ("", "''")]
        {
            assert_eq!(quote(text), quoted);
        }
    }
}
