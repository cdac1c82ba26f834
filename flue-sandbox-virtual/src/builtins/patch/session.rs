//! One run of `patch`: files, messages, backups, rejects.

use std::fmt::Write as _;
use std::path::Path;

use bashkit::{BuiltinContext, ExecResult};

use super::super::files::{reason, resolve};
use super::apply::{Target, most_context, reversed};
use super::names::{Choice, choose};
use super::parse::{FilePatch, Hunk, Malformed, Sign};
use super::reject::reject_file;
use super::{Config, TROUBLE};

/// The state of one run.
pub(super) struct Session<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: &'a Config,
    out: String,
    err: String,
    status: i32,
    /// What `-o FILE` has collected.
    collected: Vec<u8>,
}

/// What became of the hunks of one file.
struct Outcome {
    text: Vec<u8>,
    failed: Vec<Hunk>,
    mismatch: bool,
    skipped: bool,
}

impl<'a, 'c> Session<'a, 'c> {
    pub(super) fn new(ctx: &'a BuiltinContext<'c>, config: &'a Config) -> Self {
        Self { ctx, config, out: String::new(), err: String::new(), status: 0, collected: Vec::new() }
    }

    pub(super) fn into_result(self) -> ExecResult {
        ExecResult { stdout: self.out.into(), stderr: self.err.into(), exit_code: self.status, ..Default::default() }
    }

    /// Ends the run at a patch that cannot be read.
    pub(super) fn malformed(&mut self, malformed: &Malformed) {
        let text = String::from_utf8_lossy(&malformed.text);
        let _ = writeln!(self.err, "patch: **** malformed patch at line {}: {text}", malformed.line);
        self.status = TROUBLE;
    }

    /// Applies the changes to one file.
    pub(super) async fn patch_file(&mut self, patch: FilePatch) {
        let config = self.config;
        let fs = &*self.ctx.fs;
        let choice = match &config.operand {
            Some(name) => {
                let absent = |name: &Option<super::parse::Name>| name.as_ref().is_some_and(|name| name.absent);
                Some(Choice { name: name.clone(), creates: absent(&patch.old_name), deletes: absent(&patch.new_name) })
            }
            None => choose(fs, &config.directory, &patch, config.strip, config.reverse).await,
        };
        let Some(choice) = choice else {
            return self.no_file(&patch);
        };
        let path = resolve(&config.directory, &choice.name);
        let exists = fs.exists(&path).await.unwrap_or(false);
        let original = if exists {
            match fs.read_file(&path).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    let _ = writeln!(self.err, "patch: **** Can't open file {} : {}", choice.name, reason(&error));
                    self.status = TROUBLE;
                    return;
                }
            }
        } else {
            Vec::new()
        };
        if !patch.hunks.is_empty() && !self.agrees(&patch, &choice, exists, &original) {
            return;
        }
        if !exists && !choice.creates && config.operand.is_some() && !patch.hunks.is_empty() {
            let _ = writeln!(self.err, "patch: **** Can't reopen file {} : No such file or directory", choice.name);
            self.status = TROUBLE;
            return;
        }
        let target_name = self.announce(&patch, &choice);
        let outcome = self.apply(&patch, &original);
        self.write(&patch, &choice, &target_name, &path, exists.then_some(original), outcome).await;
    }

    /// `patching file …`; the name written to.
    fn announce(&mut self, patch: &FilePatch, choice: &Choice) -> String {
        let renamed = match (&patch.rename_from, &patch.rename_to) {
            (Some(from), Some(to)) => Some(if self.config.reverse { from } else { to }),
            _ => None,
        };
        let target = match (&self.config.output, renamed) {
            (Some(output), _) => output.clone(),
            (None, Some(renamed)) => renamed.clone(),
            _ => choice.name.clone(),
        };
        let verb = if self.config.dry_run { "checking" } else { "patching" };
        if !self.config.silent {
            let how = match (&self.config.output, renamed) {
                (Some(_), _) => format!(" (read from {})", choice.name),
                (None, Some(_)) if patch.copy => format!(" (copied from {})", choice.name),
                (None, Some(_)) => format!(" (renamed from {})", choice.name),
                _ => String::new(),
            };
            let _ = writeln!(self.out, "{verb} file {target}{how}");
        }
        target
    }

    fn no_file(&mut self, patch: &FilePatch) {
        let _ = writeln!(self.out, "can't find file to patch at input line {}", patch.first_line);
        self.out.push_str(if self.config.strip.is_some() {
            "Perhaps you used the wrong -p or --strip option?\n"
        } else {
            "Perhaps you should have used the -p or --strip option?\n"
        });
        self.out.push_str("The text leading up to this was:\n--------------------------\n");
        for line in &patch.leading {
            let text = String::from_utf8_lossy(line);
            let _ = writeln!(self.out, "|{}", text.trim_end_matches('\n'));
        }
        self.out.push_str("--------------------------\n");
        if self.config.force || self.config.batch {
            self.out.push_str("No file to patch.  Skipping patch.\n");
        } else {
            self.out.push_str("File to patch: \nSkip this patch? [y] \nSkipping patch.\n");
        }
        self.ignored(patch, None);
    }

    /// `2 out of 2 hunks ignored`.
    fn ignored(&mut self, patch: &FilePatch, rejects: Option<&str>) {
        let _ = writeln!(self.out, "{}", summary(patch.hunks.len(), patch.hunks.len(), "ignored", rejects));
        self.status = self.status.max(1);
    }

    /// Whether making or deleting the file makes sense; says so if not.
    fn agrees(&mut self, patch: &FilePatch, choice: &Choice, exists: bool, text: &[u8]) -> bool {
        let before = if self.config.reverse { Sign::Insert } else { Sign::Delete };
        let only = |sign: Sign| {
            let mut hunks = patch.hunks.iter();
            hunks.all(|hunk| hunk.lines.iter().all(|(line, _)| *line == sign))
        };
        let starts = patch.hunks.first().is_some_and(|hunk| hunk.old_start <= 1);
        let odd = match (choice.creates, choice.deletes) {
            (true, _) if exists && !text.is_empty() => ("create", "which already exists!"),
            (_, true) if !exists => ("delete", "which does not exist!"),
            (_, true) if text.is_empty() => ("delete", "which is already empty!"),
            (false, false) if patch.old_name.is_some() && text.is_empty() && exists && starts && only(before) => {
                ("empty out", "which is already empty!")
            }
            _ => return true,
        };
        let (verb, why) = odd;
        let when = if self.config.reverse { ", when reversed," } else { "" };
        let _ = write!(self.out, "The next patch{when} would {verb} the file {},\n{why}", choice.name);
        self.may_skip(patch)
    }

    /// Completes a "this looks reversed" message; whether to go on regardless.
    fn may_skip(&mut self, patch: &FilePatch) -> bool {
        let config = self.config;
        if config.forward {
            self.out.push_str("  Skipping patch.\n");
        } else if config.force || config.batch {
            self.out.push_str("  Applying it anyway.\n");
            return true;
        } else {
            let asked = if config.reverse { "Ignore" } else { "Assume" };
            let _ = write!(self.out, "  {asked} -R? [n] \nApply anyway? [n] \n");
            if !config.silent {
                self.out.push_str("Skipping patch.\n");
            }
        }
        self.ignored(patch, None);
        false
    }

    fn apply(&mut self, patch: &FilePatch, original: &[u8]) -> Outcome {
        let config = self.config;
        let mut reverse = config.reverse;
        let mut target = Target::new(original, config.ignore_space);
        let mut outcome = Outcome { text: Vec::new(), failed: Vec::new(), mismatch: false, skipped: false };
        for (at, hunk) in patch.hunks.iter().enumerate() {
            let mut hunk = if reverse { reversed(hunk) } else { hunk.clone() };
            if outcome.skipped {
                outcome.failed.push(hunk);
                continue;
            }
            let mut placed = None;
            for fuzz in 0..=config.max_fuzz.min(most_context(&hunk)) {
                placed = target.locate(&hunk, fuzz);
                let first_try = at == 0 && reverse == config.reverse && !config.force;
                if placed.is_none() && first_try {
                    let other = reversed(&hunk);
                    let undone = target.locate(&other, fuzz);
                    if undone.is_some() {
                        match self.looks_reversed() {
                            Some(true) => {
                                reverse = !reverse;
                                outcome.mismatch = true;
                                hunk = other;
                                placed = undone;
                            }
                            Some(false) => {}
                            None => outcome.skipped = true,
                        }
                    }
                }
                if placed.is_some() || outcome.skipped {
                    break;
                }
            }
            let number = at + 1;
            match placed {
                Some(placed) => {
                    let line = target.apply(&hunk, &placed);
                    outcome.mismatch |= placed.fuzz > 0 || placed.offset != 0;
                    self.succeeded(number, line, placed.fuzz, placed.offset);
                }
                None => {
                    if !outcome.skipped && !config.silent {
                        let line = target.expected(&hunk);
                        let _ = writeln!(self.out, "Hunk #{number} FAILED at {line}.");
                    }
                    outcome.mismatch |= !outcome.skipped;
                    outcome.failed.push(target.shifted(&hunk));
                }
            }
        }
        outcome.text = target.finish();
        outcome
    }

    fn succeeded(&mut self, number: usize, line: usize, fuzz: usize, offset: isize) {
        if self.config.silent || (fuzz == 0 && offset == 0) {
            return;
        }
        let _ = write!(self.out, "Hunk #{number} succeeded at {line}");
        if fuzz > 0 {
            let _ = write!(self.out, " with fuzz {fuzz}");
        }
        if offset != 0 {
            let lines = if offset == 1 { "line" } else { "lines" };
            let _ = write!(self.out, " (offset {offset} {lines})");
        }
        self.out.push_str(".\n");
    }

    /// Turn the patch round (`true`), apply it as it is, or skip it (`None`).
    fn looks_reversed(&mut self) -> Option<bool> {
        let config = self.config;
        self.out.push_str(if config.reverse {
            "Unreversed patch detected!"
        } else {
            "Reversed (or previously applied) patch detected!"
        });
        if config.forward {
            self.out.push_str("  Skipping patch.\n");
            None
        } else if config.batch {
            let assumed = if config.reverse { "Ignoring" } else { "Assuming" };
            let _ = writeln!(self.out, "  {assumed} -R.");
            Some(true)
        } else {
            let asked = if config.reverse { "Ignore" } else { "Assume" };
            let _ = write!(self.out, "  {asked} -R? [n] \nApply anyway? [n] \n");
            if !config.silent {
                self.out.push_str("Skipping patch.\n");
            }
            None
        }
    }

    async fn write(
        &mut self,
        patch: &FilePatch,
        choice: &Choice,
        target_name: &str,
        path: &Path,
        original: Option<Vec<u8>>,
        outcome: Outcome,
    ) {
        let config = self.config;
        let fs = &*self.ctx.fs;
        if !outcome.failed.is_empty() {
            self.rejects(patch, target_name, &outcome).await;
        }
        if config.dry_run || (outcome.skipped && outcome.failed.len() == patch.hunks.len()) {
            return;
        }
        let target = resolve(&config.directory, target_name);
        let renames = target != *path && config.output.is_none();
        let deletes = if config.reverse { choice.creates } else { choice.deletes };
        let deletes = if config.operand.is_none() { choice.deletes } else { deletes };
        if let Some(original) = &original
            && config.output.is_none()
            && (config.backup || (config.backup_if_mismatch && outcome.mismatch))
        {
            let backup = resolve(&config.directory, &format!("{target_name}{}", config.suffix));
            self.put(&backup, original).await;
        }
        if outcome.text.is_empty() && (deletes || config.remove_empty) && config.output.is_none() {
            if outcome.failed.is_empty()
                && fs.exists(path).await.unwrap_or(false)
                && let Err(error) = fs.remove(path, false).await
            {
                self.complain(&choice.name, &reason(&error));
            }
            return;
        }
        if deletes && config.output.is_none() && outcome.failed.is_empty() {
            let _ = writeln!(self.out, "Not deleting file {} as content differs from patch", choice.name);
            self.status = self.status.max(1);
        }
        let text = if config.output.is_some() {
            self.collected.extend(&outcome.text);
            self.collected.clone()
        } else {
            outcome.text
        };
        let unchanged = original.as_ref() == Some(&text) && !renames && config.output.is_none();
        if !unchanged {
            self.put(&target, &text).await;
        }
        if renames
            && !patch.copy
            && let Err(error) = fs.remove(path, false).await
        {
            self.complain(&choice.name, &reason(&error));
        }
        if let Some(mode) = patch.new_mode
            && let Err(error) = fs.chmod(&target, mode).await
        {
            self.complain(target_name, &reason(&error));
        }
    }

    async fn rejects(&mut self, patch: &FilePatch, target_name: &str, outcome: &Outcome) {
        let config = self.config;
        let name = match config.reject_file.as_deref() {
            Some("-") => None,
            Some(name) => Some(name.to_string()),
            None => Some(format!("{target_name}.rej")),
        };
        let name = name.filter(|_| !config.dry_run);
        let how = if outcome.skipped { "ignored" } else { "FAILED" };
        let line = summary(outcome.failed.len(), patch.hunks.len(), how, name.as_deref());
        let _ = writeln!(self.out, "{line}");
        self.status = self.status.max(1);
        if let Some(name) = name {
            let path = resolve(&config.directory, &name);
            self.put(&path, &reject_file(patch, &outcome.failed, config.strip)).await;
        }
    }

    async fn put(&mut self, path: &Path, bytes: &[u8]) {
        let fs = &*self.ctx.fs;
        let mode = fs.stat(path).await.ok().map(|meta| meta.mode);
        if let Some(parent) = path.parent()
            && let Err(error) = fs.mkdir(parent, true).await
        {
            return self.complain(&parent.to_string_lossy(), &reason(&error));
        }
        if let Err(error) = fs.write_file(path, bytes).await {
            return self.complain(&path.to_string_lossy(), &reason(&error));
        }
        if let Some(mode) = mode {
            // Rewriting may have reset it; a file system without modes may refuse.
            let _ = fs.chmod(path, mode).await;
        }
    }

    fn complain(&mut self, name: &str, reason: &str) {
        let _ = writeln!(self.err, "patch: **** Can't write file {name} : {reason}");
        self.status = TROUBLE;
    }
}

fn summary(failed: usize, all: usize, how: &str, rejects: Option<&str>) -> String {
    let hunks = if all == 1 { "hunk" } else { "hunks" };
    let saved = rejects.map_or(String::new(), |name| format!(" -- saving rejects to file {name}"));
    format!("{failed} out of {all} {hunks} {how}{saved}")
}
