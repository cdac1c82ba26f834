//! Profiles, as AWS's own tools keep them in two files.
//!
//! Which file wins, and in what order a profile's ways to its keys are tried, is as in botocore.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use crate::AccessKey;
use crate::ini::{Ini, Section};
use crate::keys::Keys;
use crate::process::CredentialProcess;
use crate::words::words;

/// The variable with the name of the profile.
pub const PROFILE_VARIABLE: &str = "AWS_PROFILE";
/// The variable that has the name, first the one that AWS's tools had before, and still look at first; and the name.
pub(crate) fn named(env: &dyn Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    ["AWS_DEFAULT_PROFILE", PROFILE_VARIABLE].into_iter().find_map(|variable| Some((variable, env(variable)?)))
}
/// The variable with the path of the file of keys; without it, `~/.aws/credentials`.
pub const CREDENTIALS_FILE_VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";
/// The variable with the path of the file of settings; without it, `~/.aws/config`.
pub const CONFIG_FILE_VARIABLE: &str = "AWS_CONFIG_FILE";
/// The profile when nothing names another.
pub const DEFAULT_PROFILE: &str = "default";
/// The most bytes of a file of profiles that are read.
pub const MAX_PROFILES_BYTES: usize = 1024 * 1024;

const OPERATION: &str = "read AWS profile";

/// Ways to keys that take requests to AWS, by the setting that tells them. They are tried before keys in a file.
const BEFORE_KEYS: [(&str, &str); 3] = [
    ("role_arn", "by taking on a role"),
    ("sso_account_id", "by single sign-on"),
    ("sso_role_name", "by single sign-on"),
];
/// The same, tried after the keys in the file of keys.
const AFTER_KEYS: [(&str, &str); 1] = [("login_session", "by `aws login`")];

/// Where the two files are.
#[derive(Debug, Clone, Default)]
pub struct ProfileFiles {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl ProfileFiles {
    /// The file of keys and the file of settings. Either may be missing.
    pub fn new(credentials: impl Into<PathBuf>, config: impl Into<PathBuf>) -> Self {
        Self { credentials: Some(credentials.into()), config: Some(config.into()) }
    }

    /// Where the variables that `env` looks up have them; without home directory and variables, nowhere.
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = env("HOME").or_else(|| env("USERPROFILE")).map(PathBuf::from);
        let file = |variable: &str, name: &str| match (env(variable), &home) {
            (Some(path), Some(home)) if path.starts_with("~/") => Some(home.join(&path[2..])),
            (Some(path), _) => Some(path.into()),
            (None, home) => home.as_ref().map(|home| home.join(".aws").join(name)),
        };
        Self {
            credentials: file(CREDENTIALS_FILE_VARIABLE, "credentials"),
            config: file(CONFIG_FILE_VARIABLE, "config"),
        }
    }

    /// The profile `name`; `None` where neither file has it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a file whose form is wrong, [`ErrorKind::Io`] for one that cannot be read.
    pub fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let config = read(self.config.as_deref())?;
        let credentials = read(self.credentials.as_deref())?;
        // Of several headers for one profile, the last.
        let config =
            config.sections().rfind(|(header, _)| is_header_of(header, name)).map(|(_, section)| section.clone());
        let keys = credentials.sections().find(|(header, _)| *header == name).map(|(_, section)| section.clone());
        if config.is_none() && keys.is_none() {
            return Ok(None);
        }
        Ok(Some(Profile {
            name: name.to_owned(),
            config: config.unwrap_or_default(),
            credentials: keys.unwrap_or_default(),
        }))
    }

    /// The profile that the variables name, or the default one; `None` where there is none of that.
    ///
    /// # Errors
    /// As [`ProfileFiles::profile`]; [`ErrorKind::Config`] when the profile that is named is in neither file.
    pub fn profile_with_env(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Profile>> {
        let Some((variable, name)) = named(env) else { return self.profile(DEFAULT_PROFILE) };
        match self.profile(&name)? {
            Some(profile) => Ok(Some(profile)),
            None => {
                let why = format!(
                    "{variable} names a profile that neither file has; `aws configure list-profiles` lists them"
                );
                Err(self.at(Error::new(ErrorKind::Config, OPERATION, why).with("profile", name)))
            }
        }
    }

    /// `error` with the files.
    pub(crate) fn at(&self, mut error: Error) -> Error {
        for path in [&self.credentials, &self.config].into_iter().flatten() {
            error = error.with("file", path.display());
        }
        error
    }
}

/// A profile: settings, and a way to keys. Debug shows its name alone.
#[derive(Clone)]
pub struct Profile {
    name: String,
    config: Section,
    credentials: Section,
}

impl Profile {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its region.
    pub fn region(&self) -> Option<String> {
        self.setting("region").filter(|region| !region.is_empty()).map(str::to_owned)
    }

    /// What the file of keys says, or else the file of settings.
    fn setting(&self, name: &str) -> Option<&str> {
        self.credentials.get(name).or_else(|| self.config.get(name))
    }

    /// Its keys; `None` where it has no way to any.
    pub(crate) fn keys(&self) -> Result<Option<Keys>> {
        self.refuse(&BEFORE_KEYS)?;
        if let Some(key) = self.keys_in(&self.credentials)? {
            return Ok(Some(Keys::Fixed(key)));
        }
        self.refuse(&AFTER_KEYS)?;
        if let Some(line) = self.setting("credential_process") {
            let Some(words) = words(line).filter(|words| !words.is_empty()) else {
                return Err(
                    self.bad("its credential_process is no command line: it is empty, or a quote is not closed")
                );
            };
            return Ok(Some(Keys::process(CredentialProcess::new(&self.name, words))));
        }
        Ok(self.keys_in(&self.config)?.map(Keys::Fixed))
    }

    fn keys_in(&self, section: &Section) -> Result<Option<AccessKey>> {
        let Some(id) = section.get("aws_access_key_id") else { return Ok(None) };
        let Some(secret) = section.get("aws_secret_access_key") else {
            return Err(self.bad("it has an aws_access_key_id and no aws_secret_access_key beside it"));
        };
        let token = section.get("aws_security_token").or_else(|| section.get("aws_session_token"));
        let key = AccessKey::new(id, secret);
        Ok(Some(match token {
            Some(token) => key.session_token(token),
            None => key,
        }))
    }

    /// An error for what only AWS's own command can do.
    fn refuse(&self, ways: &[(&str, &str)]) -> Result<()> {
        let Some((_, how)) = ways.iter().find(|(setting, _)| self.setting(setting).is_some()) else { return Ok(()) };
        let export = format!("aws configure export-credentials --profile {}", self.name);
        Err(self.bad(&format!(
            "it gets its keys {how}, which AWS's own command does: name another profile in {PROFILE_VARIABLE}, whose only setting \
             beside the region is `credential_process = {export}`, or set what `{export} --format env` prints"
        )))
    }

    fn bad(&self, why: &str) -> Error {
        Error::new(ErrorKind::Config, OPERATION, why.to_owned()).with("profile", &self.name)
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a header of the file of settings, `profile NAME` or `default`, is that of this profile.
fn is_header_of(header: &str, name: &str) -> bool {
    if header == DEFAULT_PROFILE {
        return name == DEFAULT_PROFILE;
    }
    header.starts_with("profile") && words(header).is_some_and(|words| words.len() == 2 && words[1] == name)
}

fn read(path: Option<&Path>) -> Result<Ini> {
    let Some(path) = path else { return Ok(Ini::default()) };
    let failed = |kind, why: String| Error::new(kind, OPERATION, why).with("file", path.display());
    let unread = |error: std::io::Error| failed(ErrorKind::Io, "the file cannot be read".to_owned()).with_source(error);
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ini::default()),
        file => file.map_err(unread)?,
    };
    let mut text = String::new();
    // One byte more tells a file that is too long.
    file.take(MAX_PROFILES_BYTES as u64 + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() > MAX_PROFILES_BYTES {
        return Err(failed(ErrorKind::Config, format!("the file is longer than {MAX_PROFILES_BYTES} bytes")));
    }
    Ini::parse(&text).map_err(|why| failed(ErrorKind::Config, format!("the file has the wrong form: {why}")))
}
