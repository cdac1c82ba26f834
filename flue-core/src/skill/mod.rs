//! Skills: instructions for one kind of work, that a model reads when it needs them.
//!
//! A skill is a directory with a file `SKILL.md`: front matter that says what it is called and what it is for, then the
//! instructions, and beside it whatever they refer to. Skills come with the application ([`Skill::packaged`]) or with the
//! workspace, where `.agents/skills/NAME/SKILL.md` below the working directory is found when a session begins. Only names and
//! descriptions are in the prompt; the tool `activate_skill` reads the rest.

mod catalog;
mod front_matter;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::catalog::Catalog;
use self::front_matter::{FrontMatter, Malformed};
use crate::{Error, ErrorKind, Result, SandboxPath};

/// The file that a skill is.
pub const SKILL_FILE: &str = "SKILL.md";
/// Where the skills of a workspace are, below the working directory.
pub const SKILLS_DIR: &str = ".agents/skills";

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;
/// The longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1024;
/// The longest note on what a skill needs, in characters.
const MAX_COMPATIBILITY_CHARS: usize = 500;
/// The largest `SKILL.md`, in bytes.
const MAX_SKILL_BYTES: usize = 256 << 10;
/// The most that the files of a packaged skill have together, in bytes.
const MAX_PACKAGE_BYTES: usize = 16 << 20;

/// Instructions for one kind of work, with the files that they refer to. Cheap to clone.
#[derive(Clone)]
pub struct Skill(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    description: String,
    compatibility: Option<String>,
    metadata: BTreeMap<String, String>,
    instructions: String,
    files: BTreeMap<String, Bytes>,
}

impl Skill {
    /// A skill of files that come with the application: names relative to the skill's directory, and contents. One of them is
    /// `SKILL.md`.
    ///
    /// The files are data; nothing is written anywhere. The model reads them with `activate_skill`, in every sandbox.
    ///
    /// ```
    /// use flue_core::Skill;
    ///
    /// const SKILL: &str = "---
    /// name: release-notes
    /// description: Writes release notes. Use when a release is prepared.
    /// ---
    /// Follow template.md.
    /// ";
    /// # fn main() -> flue_core::Result<()> {
    /// // In a program: `include_str!` and `include_bytes!`.
    /// let skill = Skill::packaged([("SKILL.md", SKILL), ("template.md", "# Release")])?;
    /// assert_eq!(skill.name(), "release-notes");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a `SKILL.md`, for one that is malformed, and for names that lead out of the directory.
    pub fn packaged<N: AsRef<str>, B: Into<Bytes>>(files: impl IntoIterator<Item = (N, B)>) -> Result<Self> {
        let config = |why: String| Error::new(ErrorKind::Config, "package skill", why);
        let (mut skill, mut packaged, mut bytes) = (None, BTreeMap::new(), 0);
        for (name, content) in files {
            let (name, content) = (name.as_ref(), content.into());
            bytes += content.len();
            let path = SandboxPath::new(name)?;
            if name.is_empty() || path.as_str().strip_prefix('/') != Some(name) {
                return Err(
                    config("a skill's files have relative names without `.` and `..`".into()).with("file", name)
                );
            }
            if name == SKILL_FILE {
                let text = std::str::from_utf8(&content).map_err(|_| config("SKILL.md is not UTF-8 text".into()))?;
                let parsed = Self::parse(text).map_err(|bad| config(bad.why).with("line", bad.line))?;
                skill = Some(parsed);
            } else {
                packaged.insert(name.to_owned(), content);
            }
        }
        if bytes > MAX_PACKAGE_BYTES {
            return Err(config("the files of the skill are too large together".into()).with("limit", MAX_PACKAGE_BYTES));
        }
        let mut skill = skill.ok_or_else(|| config("a skill needs a file SKILL.md".into()))?;
        skill.files = packaged;
        Ok(Self(Arc::new(skill)))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for, and when to use it.
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// What it needs, if it says so.
    pub fn compatibility(&self) -> Option<&str> {
        self.0.compatibility.as_deref()
    }

    /// What else it says of itself.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// Reads a `SKILL.md`.
    fn parse(text: &str) -> Result<Inner, Malformed> {
        let bad = |line, why: &str| Malformed { line, why: why.to_owned() };
        if text.len() > MAX_SKILL_BYTES {
            return Err(bad(1, "SKILL.md is too large; move a part of it to a file beside it"));
        }
        let front = FrontMatter::read(text)?;
        let name = front.text("name")?.ok_or_else(|| bad(1, "the field `name` is missing"))?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let odd_hyphen = name.starts_with('-') || name.ends_with('-') || name.contains("--");
        if name.len() > MAX_NAME_CHARS || !name.bytes().all(is_name) || odd_hyphen {
            return Err(bad(1, "a skill's name has at most 64 small letters, digits and single hyphens between them"));
        }
        let description = front.text("description")?.ok_or_else(|| bad(1, "the field `description` is missing"))?;
        if description.chars().count() > MAX_DESCRIPTION_CHARS {
            return Err(bad(1, "a skill's description has at most 1024 characters"));
        }
        let compatibility = front.text("compatibility")?;
        if compatibility.as_ref().is_some_and(|text| text.chars().count() > MAX_COMPATIBILITY_CHARS) {
            return Err(bad(1, "the field `compatibility` has at most 500 characters"));
        }
        Ok(Inner {
            name: name.into(),
            description: description.split_whitespace().collect::<Vec<_>>().join(" "),
            compatibility,
            metadata: front.map("metadata")?,
            instructions: front.body.to_owned(),
            files: BTreeMap::new(),
        })
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skill").field("name", &self.0.name).field("files", &self.0.files.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packaged(skill: &str) -> Result<Skill> {
        Skill::packaged([(SKILL_FILE, skill.to_owned()), ("a/b.md", "b".to_owned())])
    }

    #[test]
    fn a_skill_says_what_it_is() {
        let text = "---\nname: a-b2\ndescription: |\n  Does it.\n  Use it.\nmetadata:\n  author: me\nlicense: MIT\n---\nDo it.\n";
        let skill = packaged(text).unwrap();
        assert_eq!((skill.name(), skill.description()), ("a-b2", "Does it. Use it."));
        assert_eq!((skill.metadata()["author"].as_str(), skill.0.instructions.as_str()), ("me", "Do it."));
        assert_eq!(format!("{skill:?}"), r#"Skill { name: "a-b2", files: 1, .. }"#);
    }

    #[test]
    fn malformed_skills_are_refused() {
        let of = |name: &str, description: &str| format!("---\nname: {name}\ndescription: {description}\n---\n");
        let long = "x".repeat(65);
        for name in ["", "A", "a_b", "-a", "a-", "a--b", "é", "a/b", long.as_str()] {
            assert_eq!(packaged(&of(name, "d")).unwrap_err().kind(), ErrorKind::Config, "{name:?}");
        }
        packaged(&of(&long[1..], &"é".repeat(1024))).unwrap();
        for bad in [of("a", ""), of("a", &"é".repeat(1025)), "no front matter".into(), "x".repeat(MAX_SKILL_BYTES + 1)]
        {
            assert_eq!(packaged(&bad).unwrap_err().kind(), ErrorKind::Config);
        }
        assert_eq!(Skill::packaged([("a.md", "x")]).unwrap_err().kind(), ErrorKind::Config);
        let good = of("a", "d");
        for name in ["../a", "/a", "a/../b", "./a", "a//b", ""] {
            let error = Skill::packaged([(SKILL_FILE, good.clone()), (name, "x".to_owned())]).unwrap_err();
            assert_eq!(error.fact("file"), Some(name));
        }
    }
}
