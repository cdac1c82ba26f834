//! A program of the user's that prints access keys: the `credential_process` of a profile.
//!
//! After "Sourcing credentials with an external process" in AWS's documentation. No shell reads its command line.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::Lease;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::AccessKey;

/// How long a `credential_process` may take. It may have to ask somebody for a code.
pub const CREDENTIAL_PROCESS_TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes that a `credential_process` may print; keys have about two thousand.
pub const MAX_CREDENTIAL_PROCESS_BYTES: usize = 64 * 1024;

/// How much of the end of what it says on standard error an error shows.
const SHOWN_BYTES: usize = 2000;

const OPERATION: &str = "run credential_process";

/// The program. Debug shows the profile alone: arguments may be secret.
pub(crate) struct CredentialProcess {
    profile: String,
    /// The program and its arguments; never empty.
    words: Vec<String>,
    limit: Duration,
}

/// What it prints: version 1 of a document that has no other.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: Option<u64>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl CredentialProcess {
    pub(crate) fn new(profile: &str, words: Vec<String>) -> Self {
        Self { profile: profile.to_owned(), words, limit: CREDENTIAL_PROCESS_TIMEOUT }
    }

    /// Runs it once. Dropping this kills it.
    pub(crate) async fn run(&self) -> Result<Lease<AccessKey>> {
        let fail = |kind, why: String| Error::new(kind, OPERATION, why);
        let run = async {
            let (printed, said, status) = self.output().await?;
            if !status.success() {
                // The reason stands last. What is before it may be a trace, with keys in it.
                let said = String::from_utf8_lossy(&said);
                let said = said.trim_end().lines().next_back().unwrap_or("it said nothing").trim();
                return Err(fail(ErrorKind::Authentication, format!("it failed ({status}): {said}")));
            }
            keys(&printed).map_err(|why| fail(ErrorKind::Protocol, why))
        };
        let outcome = match timeout(self.limit, run).await {
            Ok(outcome) => outcome,
            Err(_) => Err(fail(ErrorKind::Timeout, format!("it gave no keys within {:?} and was ended", self.limit))),
        };
        let program = self.words.first().map_or("", String::as_str);
        outcome.map_err(|error| error.with("profile", &self.profile).with("program", program))
    }

    /// What it prints, the end of what it says on standard error, and how it ends.
    async fn output(&self) -> Result<(Vec<u8>, Vec<u8>, ExitStatus)> {
        let (program, arguments) = self.words.split_first().map_or(("", [].as_slice()), |(first, rest)| (first, rest));
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|error| {
            Error::new(ErrorKind::Config, OPERATION, "it cannot be started; see that the program exists")
                .with_source(error)
        })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // The first failure is the end, and dropping the child kills it.
        let (printed, said) = tokio::try_join!(first_bytes(stdout), last_bytes(stderr))?;
        let status = child.wait().await.map_err(unread)?;
        Ok((printed, said, status))
    }
}

fn unread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, OPERATION, "its output cannot be read").with_source(error)
}

/// All that it prints, up to the limit.
async fn first_bytes(output: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        // One byte more tells that there are more.
        output.take(MAX_CREDENTIAL_PROCESS_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(unread)?;
    }
    if bytes.len() > MAX_CREDENTIAL_PROCESS_BYTES {
        let why = format!("it prints more than {MAX_CREDENTIAL_PROCESS_BYTES} bytes, which are no keys");
        return Err(Error::new(ErrorKind::LimitExceeded, OPERATION, why));
    }
    Ok(bytes)
}

/// Reads to the end, so that the program is not held up, and keeps the last bytes.
async fn last_bytes(output: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; SHOWN_BYTES];
    if let Some(mut output) = output {
        loop {
            let count = output.read(&mut buffer).await.map_err(unread)?;
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..count]);
            bytes.drain(..bytes.len().saturating_sub(SHOWN_BYTES));
        }
    }
    Ok(bytes)
}

/// The keys in what was printed; what is wrong otherwise, without any of it.
fn keys(printed: &[u8]) -> std::result::Result<Lease<AccessKey>, String> {
    let printed: Printed = serde_json::from_slice(printed).map_err(|error| {
        format!("it prints no JSON document of keys (line {}, column {})", error.line(), error.column())
    })?;
    if printed.version != Some(1) {
        let version = printed.version.map_or("none".to_owned(), |version| version.to_string());
        return Err(format!("the Version of what it prints is {version}, and not 1"));
    }
    let given = |value: Option<String>, name: &str| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| format!("it prints no {name}"))
    };
    let id = given(printed.access_key_id, "AccessKeyId")?;
    let key = AccessKey::new(id, given(printed.secret_access_key, "SecretAccessKey")?);
    let until = match printed.expiration {
        Some(text) => {
            let until = DateTime::parse_from_rfc3339(&text).map_err(|_| "its Expiration is no time (RFC 3339)")?;
            Some(SystemTime::from(until))
        }
        None => None,
    };
    if until.is_some_and(|until| until <= SystemTime::now()) {
        return Err("it gave keys that have ended already".to_owned());
    }
    Ok(Lease::new(
        match printed.session_token {
            Some(token) => key.session_token(token),
            None => key,
        },
        until,
    ))
}

impl fmt::Debug for CredentialProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialProcess").field("profile", &self.profile).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_program_that_hangs_is_ended() {
        let files = flue_core_testkit::Scratch::new("hang");
        let pid = files.path().join("pid");
        let script = format!("echo $$ > '{}'; echo planted; exec sleep 600", pid.display());
        let words = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let process = CredentialProcess { limit: Duration::from_millis(500), ..CredentialProcess::new("x", words) };
        let started = Instant::now();
        let error = process.run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "run credential_process: it gave no keys within 500ms and was ended (profile: x, program: sh)"
        );
        let pid = std::fs::read_to_string(pid).unwrap();
        let command = PathBuf::from("/proc").join(pid.trim()).join("cmdline");
        // A program that was killed and not yet waited for has no command line.
        while std::fs::read(&command).is_ok_and(|line| !line.is_empty()) {
            assert!(started.elapsed() < Duration::from_secs(10), "it still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
