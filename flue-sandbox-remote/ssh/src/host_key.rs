//! Whether a machine is the one it claims to be: its key is looked up, never taken on trust.

use std::sync::{Arc, OnceLock};

use flue_core::{Error, ErrorKind};
use russh::AlgorithmKind;
use russh::keys::{PublicKey, PublicKeyOrCertificate};

use crate::known_hosts::{KnownHost, Verdict, checked_kinds, fingerprint};
use crate::target::Target;

/// Takes part in the handshake, and refuses a key that is not on the list.
#[derive(Debug)]
pub(crate) struct HostKeys {
    known: Arc<KnownHost>,
    shown: Arc<OnceLock<PublicKey>>,
}

impl HostKeys {
    pub(crate) fn new(known: Arc<KnownHost>) -> Self {
        Self { known, shown: Arc::default() }
    }

    /// Where the key that the host shows is left.
    pub(crate) fn shown(&self) -> Arc<OnceLock<PublicKey>> {
        Arc::clone(&self.shown)
    }
}

impl russh::client::Handler for HostKeys {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        // No certificate was asked for, and none is taken.
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        // Asked again for every key exchange; the first key is the host's, and stays it.
        let first = self.shown.get_or_init(|| key.clone());
        Ok(first.key_data() == key.key_data() && self.known.judge(key) == Verdict::Known)
    }
}

/// The error of a host whose key was refused, or that has none of a kind that is checked.
pub(crate) fn refused(
    target: &Target,
    known: &KnownHost,
    shown: Option<&PublicKey>,
    error: &russh::Error,
) -> Option<Error> {
    let authentication =
        |why: String| Error::new(ErrorKind::Authentication, "connect", why).with("host", target.name());
    let Some(key) = shown else {
        let russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. } = error else { return None };
        let why = format!(
            "the host has no key of a kind that is checked here ({}); have ssh-keygen make one there, such as ed25519",
            checked_kinds()
        );
        return Some(authentication(why).with("offered", theirs.join(", ")));
    };
    let scan = match target.port() {
        22 => format!("ssh-keyscan {}", target.host),
        port => format!("ssh-keyscan -p {port} {}", target.host),
    };
    let named = target.host_key_alias.as_ref();
    let named = named.map(|alias| format!(", with {alias} as the host's name")).unwrap_or_default();
    let compare =
        format!("compare the fingerprint with the host's, then add the output of `{scan}` to known_hosts{named}");
    let (why, place) = match known.judge(key) {
        Verdict::Known => return None,
        Verdict::Unknown { authority: false } => (format!("the host's key is not known; {compare}"), None),
        Verdict::Unknown { authority: true } => {
            let why = "known_hosts has only an authority for the host (@cert-authority), and certificates are not checked here";
            (format!("{why}; {compare}"), None)
        }
        Verdict::OtherKind(kinds) => {
            let why = format!(
                "known_hosts has the host by a key of another kind ({kinds}), which the host does not show or which is not \
                 checked here; {compare}"
            );
            (why, None)
        }
        Verdict::Changed(place) => {
            let why = "the host's key is not the one in known_hosts: somebody may be in between; ask who runs the host, and \
                       only then replace the line";
            (why.to_owned(), Some(place))
        }
        Verdict::Revoked => {
            let why =
                "the host's key is revoked in known_hosts (@revoked): somebody else may have it; ask who runs the host";
            (why.to_owned(), None)
        }
    };
    let error = authentication(why).with("shown", format!("{} {}", key.algorithm(), fingerprint(key)));
    Some(match place {
        Some(place) => error.with("line", place),
        None => error,
    })
}
