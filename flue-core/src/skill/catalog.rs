//! The skills that a session knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{MAX_SKILL_BYTES, SKILL_FILE, SKILLS_DIR, Skill};
use crate::{Error, ErrorKind, FileKind, FileSystem, Result, SandboxPath};

/// The most directories that are looked at for skills.
const MAX_SKILLS: usize = 200;
/// The most files of a skill that are listed to the model.
const MAX_LISTED_FILES: usize = 200;
/// The most bytes of a packaged file that are shown at once.
const MAX_SHOWN_BYTES: usize = 50 << 10;

/// What the operations here are called in their errors.
const OPERATION: &str = "activate skill";

/// The skills that a session knows, by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog(BTreeMap<Arc<str>, Known>);

#[derive(Debug)]
enum Known {
    /// Comes with the application.
    Packaged(Skill),
    /// Lies in the workspace, in this directory; its files are read when they are needed.
    Workspace { dir: SandboxPath, description: String },
}

/// A directory that looks like a skill and is none.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub(crate) path: SandboxPath,
    pub(crate) why: String,
}

impl Catalog {
    /// The skills that come with the application.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when two have the same name.
    pub(crate) fn packaged(skills: &[Skill]) -> Result<Self> {
        let mut catalog = Self::default();
        for skill in skills {
            if catalog.0.insert(skill.0.name.clone(), Known::Packaged(skill.clone())).is_some() {
                return Err(Error::new(ErrorKind::Config, "define agent", "two skills have this name; rename one")
                    .with("skill", skill.name()));
            }
        }
        Ok(catalog)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and descriptions, sorted.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, known)| match known {
            Known::Packaged(skill) => (&**name, skill.description()),
            Known::Workspace { description, .. } => (&**name, description.as_str()),
        })
    }

    /// Adds the skills that lie in the workspace `cwd`, and says what was passed over. Nothing there breaks a session.
    pub(crate) async fn discover(&mut self, fs: &dyn FileSystem, cwd: &SandboxPath) -> Vec<Skipped> {
        let mut skipped = Vec::new();
        let Ok(dir) = cwd.join(SKILLS_DIR) else { return skipped };
        let entries = match fs.list(&dir).await {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return skipped,
            Err(error) => {
                skipped.push(Skipped { path: dir, why: format!("{error:#}") });
                return skipped;
            }
        };
        for (index, entry) in entries.into_iter().enumerate() {
            let Ok(path) = dir.join(&entry.name) else { continue };
            if index >= MAX_SKILLS {
                let why = format!("there are more than {MAX_SKILLS} skills; the rest is passed over");
                skipped.push(Skipped { path, why });
                break;
            }
            if entry.kind != FileKind::Directory && entry.kind != FileKind::Symlink {
                continue;
            }
            match read(fs, &path).await {
                Ok(None) => {}
                Ok(Some(skill)) if self.0.contains_key(skill.name()) => {
                    let why = "the application has a skill of this name, which is used".to_owned();
                    skipped.push(Skipped { path, why });
                }
                Ok(Some(skill)) => {
                    let description = skill.description().to_owned();
                    self.0.insert(skill.0.name.clone(), Known::Workspace { dir: path, description });
                }
                Err(why) => skipped.push(Skipped { path, why }),
            }
        }
        skipped
    }

    fn get(&self, name: &str) -> Result<&Known> {
        self.0.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(|name| &**name).collect();
            Error::new(ErrorKind::NotFound, OPERATION, "there is no skill of this name")
                .with("skill", name)
                .with("skills", known.join(" "))
        })
    }

    /// What a model reads to do what a skill is for: its instructions as they are now, and its files.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an unknown name; what is wrong with its `SKILL.md`, should that have changed.
    pub(crate) async fn activate(&self, fs: &dyn FileSystem, name: &str) -> Result<String> {
        match self.get(name)? {
            Known::Packaged(skill) => {
                let files = skill.0.files.keys().map(String::as_str);
                let how = format!("Read one with activate_skill: name \"{name}\", file as it is written here.");
                Ok(prompt(skill, &how, files, skill.0.files.len()))
            }
            Known::Workspace { dir, .. } => {
                let failed = |why| Error::new(ErrorKind::InvalidInput, OPERATION, why).with("path", dir);
                let skill = read(fs, dir).await.map_err(failed)?;
                let skill = skill.ok_or_else(|| failed("its SKILL.md is not there any more".to_owned()))?;
                let query = crate::search::GlobQuery::new("**", dir.clone(), MAX_LISTED_FILES + 1);
                // Listing them is a help; without it the instructions still stand.
                let hits = crate::search::glob(fs, &query).await.unwrap_or_default();
                let files =
                    hits.paths.iter().filter_map(|path| path.strip_prefix(dir)).filter(|file| *file != SKILL_FILE);
                let total = usize::try_from(hits.total).unwrap_or(usize::MAX).saturating_sub(1);
                Ok(prompt(&skill, &format!("They lie in {dir}; relative paths count from there."), files, total))
            }
        }
    }

    /// A file of a skill, as text.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an unknown skill or file, [`ErrorKind::InvalidInput`] for one that is not text.
    pub(crate) async fn file(&self, fs: &dyn FileSystem, name: &str, file: &str) -> Result<String> {
        let missing = || {
            Error::new(ErrorKind::NotFound, OPERATION, "the skill has no such file")
                .with("skill", name)
                .with("file", file)
        };
        let data = match self.get(name)? {
            Known::Packaged(skill) => skill.0.files.get(file).cloned().ok_or_else(missing)?,
            Known::Workspace { dir, .. } => {
                let path = dir.join(file)?;
                if !path.is_within(dir) {
                    return Err(missing());
                }
                fs.read(&path).await?
            }
        };
        let text = std::str::from_utf8(&data).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, OPERATION, "the file is binary")
                .with("file", file)
                .with("bytes", data.len())
        })?;
        if text.len() <= MAX_SHOWN_BYTES {
            return Ok(text.to_owned());
        }
        let shown = &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)];
        Ok(format!("{shown}\n\n[The file goes on: {} of {} bytes are shown.]", shown.len(), text.len()))
    }
}

/// The skill in a directory; `None` when there is no `SKILL.md`.
async fn read(fs: &dyn FileSystem, dir: &SandboxPath) -> Result<Option<Skill>, String> {
    let told = |error: Error| format!("{error:#}");
    let file = dir.join(SKILL_FILE).map_err(told)?;
    match fs.metadata(&file).await {
        Ok(found) if found.len.is_some_and(|len| len > MAX_SKILL_BYTES as u64) => {
            return Err("SKILL.md is too large; move a part of it to a file beside it".to_owned());
        }
        Ok(found) if !found.is_file() => return Err("SKILL.md is no file".to_owned()),
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(told(error)),
    }
    let data = fs.read(&file).await.map_err(told)?;
    let text = std::str::from_utf8(&data).map_err(|_| "SKILL.md is not UTF-8 text".to_owned())?;
    let skill = Skill::parse(text).map_err(|bad| format!("SKILL.md, line {}: {}", bad.line, bad.why))?;
    if Some(&*skill.name) != dir.file_name() {
        return Err(format!("the skill calls itself `{}`; its directory must have that name", skill.name));
    }
    Ok(Some(Skill(Arc::new(skill))))
}

/// The prompt of a skill: what to do, and what lies beside it.
fn prompt<'f>(skill: &Skill, how: &str, files: impl Iterator<Item = &'f str>, total: usize) -> String {
    let mut text = format!("Run the skill named \"{}\".\n\n<skill_instructions>\n", skill.name());
    text.push_str(&skill.0.instructions);
    text.push_str("\n</skill_instructions>");
    if total > 0 {
        text.push_str("\n\n<skill_resources>\n");
        text.push_str(how);
        let mut listed = 0;
        for file in files.take(MAX_LISTED_FILES) {
            text.push_str("\n- ");
            text.push_str(file);
            listed += 1;
        }
        if total > listed {
            text.push_str(&format!("\n({} more are not listed)", total - listed));
        }
        text.push_str("\n</skill_resources>");
    }
    text
}
