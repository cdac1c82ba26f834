//! What commands that were held to directories left there for git to run.

#[cfg(all(feature = "local", unix))]
use std::path::PathBuf;
#[cfg(all(feature = "local", unix))]
use std::time::SystemTime;

#[cfg(all(feature = "local", unix))]
use crate::host::shown;

/// How many files are named.
#[cfg(all(feature = "local", unix))]
const MAX_NAMED: usize = 8;

/// Directories that confined commands may write in, from some time on.
#[cfg(all(feature = "local", unix))]
pub(crate) struct Guarded {
    dirs: Vec<PathBuf>,
    since: SystemTime,
}

#[cfg(all(feature = "local", unix))]
impl Guarded {
    /// From now on.
    pub(crate) fn new(dirs: Vec<PathBuf>) -> Self {
        Self { dirs, since: SystemTime::now() }
    }

    /// Says what git would take orders from.
    pub(crate) fn tell(&self, say: &dyn Fn(&str)) {
        for dir in &self.dirs {
            let found = match flue_sandbox_local::planted(dir, self.since) {
                Ok(found) if found.is_empty() => continue,
                Ok(found) => found,
                Err(error) => {
                    say(&format!("nobody looked for what git would run: {error:#}"));
                    continue;
                }
            };
            let named: Vec<String> = found.iter().take(MAX_NAMED).map(|path| shown(&dir.join(path))).collect();
            let more = found.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            say(&format!(
                "git takes orders from files that were made or changed meanwhile; look at them before it runs there: {}{more}",
                named.join(", ")
            ));
        }
    }
}

/// There are none where there is no local sandbox.
#[cfg(not(all(feature = "local", unix)))]
pub(crate) enum Guarded {}

#[cfg(not(all(feature = "local", unix)))]
impl Guarded {
    pub(crate) fn tell(&self, _: &dyn Fn(&str)) {
        match *self {}
    }
}
