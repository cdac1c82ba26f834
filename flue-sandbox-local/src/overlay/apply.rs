//! Bringing the changes of a layer to the host: all of them or none.
//!
//! First everything is looked at: nobody may have changed what is going to be replaced, and the layer must still be as it was
//! reviewed. Then the new contents are written into a directory of their own, so that a full disk is found out before anything
//! changed, and what is going to be done with them is written down beside the layer. Then each file takes its place in one step,
//! and the one that it replaces is looked at again once it has been taken away; when that is not the expected one, or anything
//! else goes wrong, all is put back. When the program is killed meanwhile, [`recover`] goes on from there.

mod journal;
mod plan;

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};
use rustix::io::Errno;

use self::journal::{Journal, PREFIX};
use self::plan::{Plan, Step, has_content};
use super::changes::Changes;
use super::compare::Sides;
use super::edit::Edit;
use super::state::{self, State};
use super::tree::{Kind, Tree};
use crate::files::{Refusal, entries, failed, refused};

/// Brings `changes` to the host's directory `dir`.
pub(super) fn apply(sides: Sides<'_>, changes: &Changes, dir: &Path, state: &State) -> Result<()> {
    let edits = outstanding(sides, &changes.edits)?;
    if edits.is_empty() {
        return Ok(());
    }
    let mut journal = Journal::begin(sides.host).map_err(|refusal| refused("apply", ".", refusal))?;
    let plan = match prepare(sides, &edits, &mut journal, dir, state) {
        Ok(plan) => plan,
        Err((path, refusal)) => {
            journal.finish();
            return Err(unapplied(&path, refusal));
        }
    };
    match journal.perform(&plan.steps) {
        Ok(()) => {
            journal.finish();
            Plan::forget(state.path());
            Ok(())
        }
        Err(failure) => Err(put_back(journal, &plan.steps, failure, state.path())),
    }
}

/// Writes the new contents, and down what is to be done with them.
fn prepare(
    sides: Sides<'_>,
    edits: &[&Edit],
    journal: &mut Journal<'_>,
    dir: &Path,
    state: &State,
) -> Result<Plan, (PathBuf, Refusal)> {
    let draft = |edit: &&Edit| journal.draft(sides.layer, edit).map_err(|refusal| (edit.path.clone(), refusal));
    let drafts = edits.iter().filter(|edit| has_content(edit)).map(draft).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::new(dir, journal.name().to_owned(), edits, drafts);
    let here = |error: std::io::Error| {
        (state.path().to_owned(), Refusal::Os(Errno::from_io_error(&error).unwrap_or(Errno::IO)))
    };
    plan.save(state.path()).map_err(here)?;
    journal.mark_begun().map_err(|errno| (PathBuf::from(journal.name()), errno.into()))?;
    Ok(plan)
}

/// Undoes what was done before a step failed, and says how that went.
fn put_back(journal: Journal<'_>, steps: &[Step], (at, refusal): (usize, Refusal), state: &Path) -> Error {
    let path = steps.get(at).map(|step| step.path.clone()).unwrap_or_default();
    let stuck = journal.undo(steps, at);
    if !stuck.is_empty() {
        return stuck_at(&path, refusal, &stuck);
    }
    Plan::forget(state);
    unapplied(&path, refusal)
}

fn unapplied(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        // Between the look at it and now.
        Refusal::Os(Errno::EXIST | Errno::STALE | Errno::NOTEMPTY | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
            conflict(&[path.to_owned()])
        }
        refusal => refused("apply", path.display(), refusal),
    }
}

/// Whether there is something here that [`recover`] goes on with.
pub(super) fn is_unfinished(state: &Path) -> bool {
    Plan::is_left_in(state)
}

/// Finishes what programs that were killed began to apply to `dir`, by what they left in `keep_in`; removes what they had only
/// prepared.
///
/// # Errors
/// [`ErrorKind::Conflict`] when that cannot be finished because somebody changed the same meanwhile; then it is put back.
pub(super) fn recover(host: &Tree, dir: &Path, keep_in: &Path) -> Result<()> {
    for (state, _lock) in state::left(keep_in) {
        let Ok(Some(plan)) = Plan::left_in(&state) else { continue };
        if plan.dir == dir && plan.drafts.starts_with(PREFIX) && !plan.drafts.contains('/') {
            go_on(host, &plan, &state)?;
            state::remove(&state);
        }
    }
    let top = host.open_dir(Path::new("")).map_err(|errno| failed("open", dir.display(), errno))?;
    let names = entries(&top).map_err(|refusal| refused("open", dir.display(), refusal))?;
    let ours = names.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok());
    for name in ours.filter(|name| name.starts_with(PREFIX)) {
        if let Ok(journal) = Journal::hold(host, name)
            && journal.was_begun() == (false, None)
        {
            journal.finish();
        }
    }
    Ok(())
}

fn go_on(host: &Tree, plan: &Plan, state: &Path) -> Result<()> {
    // Where the drafts are gone it was finished; where somebody holds them, it is not over.
    let Ok(journal) = Journal::hold(host, plan.drafts.clone()) else { return Ok(()) };
    let outcome = match journal.was_begun() {
        (_, Some(failed)) => {
            let stuck = journal.undo(&plan.steps, failed);
            if stuck.is_empty() { Ok(()) } else { Err(stuck_at(&plan.dir, Errno::IO.into(), &stuck)) }
        }
        (true, None) => match journal.perform(&plan.steps) {
            Ok(()) => {
                journal.finish();
                tracing::info!(dir = %plan.dir.display(), steps = plan.steps.len(), "finished applying changes");
                Ok(())
            }
            Err(failure) => Err(put_back(journal, &plan.steps, failure, state)),
        },
        (false, None) => {
            journal.finish();
            Ok(())
        }
    };
    outcome.map_err(|error| error.with("applied_by", "a program that was killed"))
}

/// What is still to be done of `edits`, after a look at all of them.
fn outstanding<'e>(sides: Sides<'_>, edits: &'e [Edit]) -> Result<Vec<&'e Edit>> {
    let mut outstanding = Vec::new();
    let mut conflicts = Vec::new();
    for edit in edits {
        let failed = |refusal| refused("apply", edit.path.display(), refusal);
        let now = sides.layer.stamp(&edit.path).map_err(|errno| failed(errno.into()))?;
        let as_compared = match (now, edit.now) {
            (Some(now), Some(then)) => now.is_still_merged(&then),
            (now, then) => now.is_none() && then.is_none(),
        };
        if !as_compared {
            let why = "the layer was changed since it was compared; compare again, when no command runs";
            return Err(Error::new(ErrorKind::Conflict, "apply", why).with("path", edit.path.display()));
        }
        // What cannot be copied was said to be left out.
        if edit.is(Kind::Special) || sides.is_same(&edit.path, edit.now).map_err(failed)? {
            continue;
        }
        if sides.is_untouched(&edit.path).map_err(failed)? {
            outstanding.push(edit);
        } else {
            conflicts.push(edit.path.clone());
        }
    }
    if conflicts.is_empty() { Ok(outstanding) } else { Err(conflict(&conflicts)) }
}

fn conflict(paths: &[PathBuf]) -> Error {
    /// Paths that the error names.
    const MAX_NAMED: usize = 8;
    let why = "somebody else changed the same on the host since the overlay was made; nothing was applied";
    let error = Error::new(ErrorKind::Conflict, "apply", why);
    let error = paths.iter().take(MAX_NAMED).fold(error, |error, path| error.with("path", path.display()));
    if paths.len() > MAX_NAMED { error.with("more", paths.len() - MAX_NAMED) } else { error }
}

fn stuck_at(path: &Path, refusal: Refusal, stuck: &[PathBuf]) -> Error {
    let why =
        "it failed half-way, and not everything could be put back; what was replaced is kept in `.flue-apply-…` there";
    let error = Error::new(ErrorKind::Io, "apply", why).with("failed_at", path.display());
    let error = stuck.iter().fold(error, |error, path| error.with("not_put_back", path.display()));
    error.with_source(refused("apply", path.display(), refusal))
}
