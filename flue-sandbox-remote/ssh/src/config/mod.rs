//! What ssh_config(5) says of a host.

mod condition;
mod expand;
mod files;
mod settings;
mod words;

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use self::condition::{Counts, Facts, judge, wants_last};
use self::expand::Names;
use self::settings::Settings;
use crate::pattern::listed;
use crate::target::{Target, home_dir, local_user};

/// How deep files may include each other.
const DEPTH: usize = 16;
/// How many files are read at the most.
const FILES: usize = 512;

/// A file to read.
struct Source {
    file: PathBuf,
    /// Where its relative names of files begin.
    base: PathBuf,
    required: bool,
}

impl Target {
    /// Adds what `~/.ssh/config` and `/etc/ssh/ssh_config` say of the host, as `ssh` would; what the target has already stays.
    ///
    /// `HostName`, `Port`, `User`, `IdentityFile`, `IdentitiesOnly`, `IdentityAgent`, `UserKnownHostsFile`,
    /// `GlobalKnownHostsFile` and `HostKeyAlias` count, in blocks by `Host` and by `Match`, with `Include`. Host keys are checked
    /// strictly whatever `StrictHostKeyChecking` says. All else is passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for `ProxyJump`, `ProxyCommand`, `RevokedHostKeys`, `CanonicalizeHostname`, an unknown `%` in a
    /// name, and a word that counts only under a condition of `Match` that is not judged here, such as `exec`;
    /// [`ErrorKind::Config`] for a file that cannot be read or is wrong.
    pub fn configured(self) -> Result<Self> {
        let own = home_dir().map(|home| home.join(".ssh"));
        let bases = own.into_iter().map(|base| ("config", base)).chain([("ssh_config", PathBuf::from("/etc/ssh"))]);
        let sources = bases.map(|(name, base)| Source { file: base.join(name), base, required: false });
        fill_in(self, &sources.collect::<Vec<_>>())
    }

    /// Adds what the files say of the host, as [`Self::configured`] does with others; of two words on one thing the first counts.
    ///
    /// # Errors
    /// As those, and for a file that is not there.
    pub fn configured_by<P: AsRef<Path>>(self, files: impl IntoIterator<Item = P>) -> Result<Self> {
        let base = home_dir().unwrap_or_default().join(".ssh");
        let source = |file: P| Source { file: file.as_ref().to_owned(), base: base.clone(), required: true };
        fill_in(self, &files.into_iter().map(source).collect::<Vec<_>>())
    }
}

fn fill_in(target: Target, sources: &[Source]) -> Result<Target> {
    let settings = Settings::of(&target);
    let mut reading = Reading {
        original_host: target.host.clone(),
        host: target.host.clone(),
        local_user: local_user().unwrap_or_default(),
        settings,
        last: false,
        wants_last: false,
        files: 0,
    };
    reading.all(sources)?;
    if reading.wants_last {
        // By the name that was found, which stays.
        reading.host = reading.host_name()?.to_ascii_lowercase();
        reading.last = true;
        reading.all(sources)?;
    }
    let host = reading.host_name()?;
    reading.settings.apply(target, host, &reading.local_user)
}

/// The files as far as they were read.
struct Reading {
    original_host: String,
    /// The name that `Host` is about.
    host: String,
    local_user: String,
    settings: Settings,
    last: bool,
    wants_last: bool,
    files: usize,
}

impl Reading {
    fn all(&mut self, sources: &[Source]) -> Result<()> {
        for source in sources {
            if !self.file(&source.file, &source.base, Counts::Yes, 0)? && source.required {
                return Err(wrong(&source.file.display().to_string(), "it is not there"));
            }
        }
        Ok(())
    }

    /// Reads a file, whose words count as far as `outer` does; says whether it is there.
    fn file(&mut self, file: &Path, base: &Path, outer: Counts, depth: usize) -> Result<bool> {
        let name = file.display().to_string();
        self.files += 1;
        if depth > DEPTH || self.files > FILES {
            let why = format!("files include each other more than {DEPTH} deep, or are more than {FILES}");
            return Err(wrong(&name, why));
        }
        let Some(text) = files::read(file).map_err(|why| wrong(&name, why))? else { return Ok(false) };
        let mut counts = outer;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let Some((keyword, arguments)) = words::split(line).map_err(|why| wrong(&place, why))? else { continue };
            match &*keyword {
                "host" => counts = outer.and(listed(&arguments, &self.host).into()),
                "match" => {
                    self.wants_last |= wants_last(&arguments);
                    counts = outer.and(self.judge(&arguments, &place)?);
                }
                "include" if counts == Counts::No => {}
                "include" => {
                    for pattern in &arguments {
                        let pattern = self.names(&self.host).path(pattern, &place)?;
                        if pattern.as_os_str().to_string_lossy().contains('[') {
                            return Err(unsupported(
                                &place,
                                "an Include with [ ] is not understood; name the files otherwise",
                            ));
                        }
                        for file in files::named(&base.join(pattern)) {
                            self.file(&file, base, counts, depth + 1)?;
                        }
                    }
                }
                keyword => self.settings.note(keyword, arguments, counts, &place)?,
            }
        }
        Ok(true)
    }

    fn judge(&self, arguments: &[String], place: &str) -> Result<Counts> {
        let host = self.host_name()?;
        let user = self.settings.user().unwrap_or(&self.local_user);
        let facts = Facts {
            host: &host,
            original_host: &self.original_host,
            user,
            local_user: &self.local_user,
            last: self.last,
        };
        judge(arguments, &facts).map_err(|why| wrong(place, why))
    }

    /// The host's name as far as it is known.
    fn host_name(&self) -> Result<String> {
        match self.settings.host_name() {
            Some((name, place)) if !self.last => self.names(&self.host).host_name(name, place),
            _ => Ok(self.host.clone()),
        }
    }

    fn names<'a>(&'a self, host: &'a str) -> Names<'a> {
        Names { host, original_host: &self.original_host, local_user: &self.local_user, ..Names::default() }
    }
}

fn wrong(place: &str, why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, "read ssh_config", why).with("at", place)
}

fn unsupported(place: &str, why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unsupported, "read ssh_config", why).with("at", place)
}
