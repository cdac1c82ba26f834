//! What applying changes consists of, step by step, so that it can be finished when it was killed.
//!
//! It is kept beside the layer, where commands that are held to the directory cannot write it.

use std::fs::File;
use std::io::{Error as IoError, Read as _, Result as IoResult, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::overlay::edit::Edit;
use crate::overlay::tree::{Kind, Stamp};

/// The file's name, and what it is called until it is whole.
const FILE: &str = "plan";
const DRAFT: &str = "plan.new";
/// What this version writes.
const FORMAT: u32 = 1;
/// The longest that is read: a million steps with long paths.
const MAX_BYTES: u64 = 1 << 30;

/// Everything that is to be done to one directory.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    format: u32,
    /// The directory.
    #[serde(with = "bytes")]
    pub(super) dir: PathBuf,
    /// Where in it drafts are, and what they replaced.
    pub(super) drafts: String,
    pub(super) steps: Vec<Step>,
}

/// One change of the directory. Each can be done again when it was done, and undone again when it was undone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    #[serde(with = "bytes")]
    pub(super) path: PathBuf,
    pub(super) deed: Deed,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Deed {
    /// What was there is called so among the drafts.
    TakeAway {
        backup: String,
        then: Stamp,
    },
    /// It may stay when something is in it that is not the layer's.
    RemoveDir {
        mode: u32,
        may_stay: bool,
    },
    MakeDir,
    /// A draft takes a place that is free.
    Place {
        draft: String,
        new: Stamp,
    },
    /// A draft changes places with what was there.
    Exchange {
        draft: String,
        new: Stamp,
        then: Stamp,
    },
    /// Of a directory that was there `before` says which it had.
    SetMode {
        mode: u32,
        before: Option<u32>,
    },
}

impl Plan {
    /// The steps that bring `edits`, with the drafts of those that have content, in the same order.
    pub(super) fn new(dir: &Path, drafts_in: String, edits: &[&Edit], drafts: Vec<(String, Stamp)>) -> Self {
        let mut steps = Vec::new();
        let mut step = |edit: &Edit, deed| steps.push(Step { path: edit.path.clone(), deed });
        // What goes, goes before what comes: a file may become a directory, and a directory a file. Deepest first.
        for (number, edit) in edits.iter().enumerate().rev() {
            match edit.then.filter(|_| !edit.stays()) {
                Some(then) if then.kind == Kind::Directory => {
                    step(edit, Deed::RemoveDir { mode: then.mode, may_stay: edit.now.is_none() });
                }
                Some(then) => step(edit, Deed::TakeAway { backup: format!("old-{number}"), then }),
                None => {}
            }
        }
        for edit in edits.iter().filter(|edit| edit.is(Kind::Directory) && !edit.stays()) {
            step(edit, Deed::MakeDir);
        }
        for (edit, (draft, new)) in edits.iter().filter(|edit| has_content(edit)).zip(drafts) {
            match edit.then.filter(|_| edit.stays()) {
                Some(then) => step(edit, Deed::Exchange { draft, new, then }),
                None => step(edit, Deed::Place { draft, new }),
            }
        }
        // A directory may lose the permission to write in it.
        for edit in edits.iter().rev() {
            if let Some(now) = edit.now.filter(|now| now.kind == Kind::Directory) {
                let before = edit.then.filter(|_| edit.stays()).map(|then| then.mode);
                step(edit, Deed::SetMode { mode: now.mode, before });
            }
        }
        Self { format: FORMAT, dir: dir.to_owned(), drafts: drafts_in, steps }
    }

    /// Writes it into a directory: whole or not at all.
    pub(super) fn save(&self, state: &Path) -> IoResult<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self::forget(state);
        let file = rustix::fs::openat(CWD, state.join(DRAFT), flags, Mode::RUSR | Mode::WUSR)?;
        let mut out = std::io::BufWriter::new(File::from(file));
        serde_json::to_writer(&mut out, self)?;
        out.flush()?;
        std::fs::rename(state.join(DRAFT), state.join(FILE))
    }

    /// The one that was left in a directory, if any was.
    pub(super) fn left_in(state: &Path) -> IoResult<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(CWD, state.join(FILE), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut text)?;
        let plan: Self = serde_json::from_slice(&text)?;
        if plan.format != FORMAT {
            return Err(IoError::other(format!("it is of format {}, and this version reads {FORMAT}", plan.format)));
        }
        Ok(Some(plan))
    }

    /// Whether one was left in a directory.
    pub(super) fn is_left_in(state: &Path) -> bool {
        state.join(FILE).symlink_metadata().is_ok()
    }

    /// Removes what was written.
    pub(super) fn forget(state: &Path) {
        for name in [FILE, DRAFT] {
            // One that cannot be removed is found to be done the next time.
            let _ = std::fs::remove_file(state.join(name));
        }
    }
}

pub(super) fn has_content(edit: &Edit) -> bool {
    edit.is(Kind::File) || edit.is(Kind::Symlink)
}

/// Paths need not be UTF-8.
mod bytes {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(path.as_os_str().as_bytes())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(OsString::from_vec(Vec::deserialize(deserializer)?).into())
    }
}
