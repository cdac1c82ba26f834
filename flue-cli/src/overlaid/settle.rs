//! Applying changes, keeping them as a patch, or forgetting them.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flue_core::{CancellationToken, Error, ErrorKind, Result};
use flue_sandbox_local::{Change, ChangeKind, Changes, Overlay};

use super::ask::{Answer, Reviewer};
use super::show::summary;
use super::{Ended, FateArgs, File, Settled};
use crate::host::{io_error, shown};

/// Names that are tried for a patch that nobody named.
const MAX_NAMES: usize = 100;
/// Permissions of a file that is the user's own business.
const PRIVATE: u32 = 0o600;

/// An overlay that is worked in, and what is to become of its changes.
pub(crate) struct Overlaid {
    overlay: Overlay,
    decided: Decided,
    patch: Option<PathBuf>,
}

/// Whether changes are applied.
enum Decided {
    /// Whoever sits at the terminal says so.
    Ask(Reviewer),
    IfWell,
    No,
}

impl Overlaid {
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it was not said what becomes of the changes and there is nobody to ask.
    pub(crate) fn new(overlay: Overlay, args: &FateArgs) -> Result<Self> {
        let decided = match args {
            FateArgs { apply: true, .. } => Decided::IfWell,
            FateArgs { discard: true, .. } | FateArgs { patch: Some(_), review: false, .. } => Decided::No,
            _ => match Reviewer::open() {
                Some(terminal) => Decided::Ask(terminal),
                None => {
                    let why = "an overlay keeps changes aside, and there is no terminal to ask what becomes of them; say \
                               --apply, --patch FILE or --discard";
                    return Err(Error::new(ErrorKind::InvalidInput, "open sandbox", why));
                }
            },
        };
        Ok(Self { overlay, decided, patch: args.patch.clone() })
    }

    /// Does with the changes what is to be done, and says it.
    pub(crate) async fn settle(
        &self,
        ended: Ended,
        cancel: &CancellationToken,
        say: &dyn Fn(&str),
    ) -> (Option<Settled>, Option<Error>) {
        let changes = match self.overlay.diff().await {
            Ok(changes) => changes,
            Err(error) => return (None, Some(error)),
        };
        let mut settled = Settled::of(&changes);
        let done = self.settle_these(&changes, ended, cancel, say, &mut settled).await;
        (Some(settled), done.err())
    }

    async fn settle_these(
        &self,
        changes: &Changes,
        ended: Ended,
        cancel: &CancellationToken,
        say: &dyn Fn(&str),
        settled: &mut Settled,
    ) -> Result<()> {
        let summary = summary(changes);
        // An empty one too: an older one in its place would be taken for it.
        if let Some(file) = &self.patch {
            write(file, changes, OpenOptions::new().write(true).create(true).truncate(true))?;
            settled.patch = Some(shown(file));
            say(&format!("patch written to {}: {summary}", shown(file)));
        }
        if changes.is_empty() {
            if self.patch.is_none() {
                say(&summary);
            }
            return Ok(());
        }
        let answer = match &self.decided {
            Decided::No => Answer::No,
            Decided::IfWell if ended == Ended::Well => Answer::Yes,
            // What cost something is not thrown away unasked.
            Decided::IfWell => Answer::Interrupted,
            Decided::Ask(_) if ended == Ended::Interrupted => Answer::Interrupted,
            Decided::Ask(terminal) => {
                let save = || save(Path::new(""), changes);
                terminal.ask(changes, ended, cancel, &save).await?
            }
        };
        match answer {
            Answer::Yes => match self.overlay.apply(changes).await {
                Ok(()) => {
                    settled.applied = true;
                    say(&format!("applied: {summary}"));
                    Ok(())
                }
                Err(error) => Err(match self.kept(changes, settled)? {
                    Some(file) => error.with("patch", file),
                    None => error,
                }),
            },
            Answer::No => {
                if settled.patch.is_none() {
                    say(&format!("forgotten: {summary}"));
                }
                Ok(())
            }
            Answer::Interrupted => {
                if let Some(file) = self.kept(changes, settled)? {
                    say(&format!("not applied, because it did not end well: {summary}; kept as a patch: {file}"));
                }
                Ok(())
            }
        }
    }

    /// Keeps the changes as a patch in the temporary directory, unless they are in one already.
    fn kept(&self, changes: &Changes, settled: &mut Settled) -> Result<Option<String>> {
        if settled.patch.is_some() {
            return Ok(settled.patch.clone());
        }
        let random = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Io, "write patch", "the host has no randomness to name it with").with_source(error)
        })?;
        // Others write in that directory, too: nobody must know the name before, or read what is in it.
        let file = std::env::temp_dir().join(format!("flue-{random:016x}.patch"));
        write(&file, changes, OpenOptions::new().write(true).create_new(true).mode(PRIVATE))?;
        settled.patch = Some(shown(&file));
        Ok(settled.patch.clone())
    }
}

/// Writes the changes as a patch into a new file in `directory`.
fn save(directory: &Path, changes: &Changes) -> Result<PathBuf> {
    let names = std::iter::once("flue.patch".to_owned()).chain((2..=MAX_NAMES).map(|n| format!("flue-{n}.patch")));
    let mut last = Error::new(ErrorKind::AlreadyExists, "write patch", "every name that was tried is in use");
    for name in names {
        let file = directory.join(name);
        match write(&file, changes, OpenOptions::new().write(true).create_new(true)) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn write(file: &Path, changes: &Changes, options: &OpenOptions) -> Result<()> {
    let written = options.open(file).and_then(|mut open| open.write_all(changes.patch()));
    written.map_err(|error| io_error("write patch", &error).with("path", shown(file)))
}

impl Settled {
    fn of(changes: &Changes) -> Self {
        let files = changes.files().iter().map(File::of).collect();
        Self { files, ignored: changes.ignored(), applied: false, patch: None }
    }
}

impl File {
    fn of(change: &Change) -> Self {
        let (name, from) = match &change.kind {
            ChangeKind::Added => ("added", None),
            ChangeKind::Deleted => ("deleted", None),
            ChangeKind::ModeChanged(..) => ("mode", None),
            ChangeKind::Renamed(from) => ("renamed", Some(shown(from))),
            _ => ("modified", None),
        };
        Self {
            path: shown(&change.path),
            change: name,
            from,
            added: change.lines.map(|lines| lines.added),
            removed: change.lines.map(|lines| lines.removed),
            in_patch: change.in_patch,
            conflict: change.conflict,
        }
    }
}
