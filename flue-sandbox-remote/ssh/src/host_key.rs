//! Whether a machine is the one it claims to be: its key is looked up, never taken on trust.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use flue_core::{Error, ErrorKind, Result};

use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate, known_hosts};

use crate::target::{Target, home_file};

/// What was found out about a machine's key.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    Known,
    Unknown(String),
    Changed(String),
    Certificate,
    Unreadable(String),
}

/// Takes part in the handshake, and refuses a key that is not on the list.
#[derive(Debug)]
pub(crate) struct HostKeys {
    host: String,
    port: u16,
    file: PathBuf,
    verdict: Arc<OnceLock<Verdict>>,
}

impl HostKeys {
    pub(crate) fn new(target: &Target) -> Result<Self> {
        let file = target.known_hosts.first().cloned().or_else(|| home_file("known_hosts")).ok_or_else(|| {
            Error::new(ErrorKind::Config, "connect", "there is no home directory with known_hosts; name the file")
        })?;
        Ok(Self { host: target.host.clone(), port: target.port(), file, verdict: Arc::default() })
    }

    /// Where the verdict is left.
    pub(crate) fn verdict(&self) -> Arc<OnceLock<Verdict>> {
        Arc::clone(&self.verdict)
    }

    fn judge(&self, key: &PublicKey) -> Verdict {
        let print = key.fingerprint(HashAlg::Sha256).to_string();
        match known_hosts::known_host_keys_path(&self.host, self.port, &self.file) {
            Err(error) => Verdict::Unreadable(error.to_string()),
            Ok(known) if known.iter().any(|(_, known)| known.key_data() == key.key_data()) => Verdict::Known,
            Ok(known) if known.is_empty() => Verdict::Unknown(print),
            Ok(_) => Verdict::Changed(print),
        }
    }
}

impl russh::client::Handler for HostKeys {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let verdict = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge(key),
            PublicKeyOrCertificate::Certificate(_) => Verdict::Certificate,
        };
        let known = matches!(verdict, Verdict::Known);
        // Asked again for every key exchange; the first one decides.
        let first = self.verdict.set(verdict).is_ok();
        Ok(known && (first || matches!(self.verdict.get(), Some(Verdict::Known))))
    }
}

/// The error of a key that was refused.
pub(crate) fn refused(target: &Target, verdict: &Verdict) -> Option<Error> {
    let scan = match target.port() {
        22 => format!("ssh-keyscan {}", target.host),
        port => format!("ssh-keyscan -p {port} {}", target.host),
    };
    let (why, fact) = match verdict {
        Verdict::Known => return None,
        Verdict::Unknown(print) => {
            let why = format!(
                "the host's key is not known; compare the fingerprint with the host's, then add the output of \
                 `{scan}` to known_hosts"
            );
            (why, ("fingerprint", print))
        }
        Verdict::Changed(print) => {
            let why =
                "the host's key is not the one in known_hosts: somebody may be in between; ask who runs the host, and \
                       only then replace the line"
                    .to_owned();
            (why, ("fingerprint", print))
        }
        Verdict::Certificate => {
            let why =
                format!("the host shows a certificate, which is not checked; add its key by `{scan}` to known_hosts");
            return Some(Error::new(ErrorKind::Authentication, "connect", why).with("host", target.name()));
        }
        Verdict::Unreadable(reason) => ("known_hosts cannot be read".to_owned(), ("reason", reason)),
    };
    Some(Error::new(ErrorKind::Authentication, "connect", why).with("host", target.name()).with(fact.0, fact.1))
}
