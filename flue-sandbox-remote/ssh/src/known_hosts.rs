//! What files of host keys (`known_hosts`, sshd(8)) say of one host.

use std::io::ErrorKind as Io;
use std::path::PathBuf;

use flue_core::{Error, ErrorKind, Result};
use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};
use tokio::io::AsyncReadExt as _;

use crate::pattern::listed;
use crate::target::{Target, default_known_hosts};

/// How long a file may be: some forty thousand hosts.
const FILE_BYTES: u64 = 8 << 20;
/// The kinds of host keys that are checked, best first.
const KINDS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];

/// What is known of a host.
#[derive(Debug, Default)]
pub(crate) struct KnownHost {
    /// Its keys, and where they stand.
    keys: Vec<(PublicKey, String)>,
    /// Keys of the host without its port. They prove who is there; that there are others proves nothing.
    elsewhere: Vec<PublicKey>,
    /// Keys that it must not have, on any port.
    revoked: Vec<PublicKey>,
    /// Whether an authority is named that signs its keys.
    authority: bool,
}

/// What was found out about a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Known,
    /// Nothing is known of the host, but that an authority signs its keys, where that is said.
    Unknown {
        authority: bool,
    },
    /// Only keys of these kinds are known.
    OtherKind(String),
    /// Another key of its kind is known, which stands there.
    Changed(String),
    Revoked,
}

impl KnownHost {
    /// Reads the files; one that is not there knows nobody.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a file that cannot be read: a key that it revokes would go unseen.
    pub(crate) async fn read(target: &Target) -> Result<Self> {
        let mut known = Self::default();
        for file in files(target) {
            let refused = |why: String| {
                let what = "the file of host keys cannot be read; mend it, or name another";
                Error::new(ErrorKind::Config, "connect", what).with("file", file.display()).with("reason", why)
            };
            let mut text = Vec::new();
            let opened = match tokio::fs::File::open(&file).await {
                Err(error) if error.kind() == Io::NotFound => continue,
                opened => opened.map_err(|error| refused(error.to_string()))?,
            };
            opened.take(FILE_BYTES + 1).read_to_end(&mut text).await.map_err(|error| refused(error.to_string()))?;
            if text.len() as u64 > FILE_BYTES {
                return Err(refused(format!("it is longer than {FILE_BYTES} bytes")));
            }
            known.add(target, &String::from_utf8_lossy(&text), &file.display().to_string());
        }
        Ok(known)
    }

    fn add(&mut self, target: &Target, text: &str, file: &str) {
        let (name, bare) = target.known_names();
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // What is no line of keys is skipped, as OpenSSH does; so are kinds of keys that nothing here can have.
            let Ok(entry) = words.join(" ").parse::<Entry>() else { continue };
            let here = names(entry.host_patterns(), &name);
            let near = bare.as_ref().is_some_and(|bare| names(entry.host_patterns(), bare));
            let key = entry.public_key().clone();
            match entry.marker() {
                Some(Marker::Revoked) if here || near => self.revoked.push(key),
                Some(Marker::CertAuthority) => self.authority |= here || near,
                None if here => self.keys.push((key, format!("{file}:{}", number + 1))),
                None if near => self.elsewhere.push(key),
                _ => {}
            }
        }
    }

    /// The kinds of keys to ask the host for: first those that are known, as it shows one key only.
    pub(crate) fn kinds(&self) -> Vec<Algorithm> {
        let mut kinds = KINDS.to_vec();
        let is_known = |kind: &Algorithm| {
            let keys = self.keys.iter().map(|(key, _)| key).chain(&self.elsewhere);
            keys.into_iter().any(|key| key.algorithm() == *kind)
        };
        kinds.sort_by_key(|kind| !is_known(kind));
        kinds
    }

    /// What is to be thought of the host's key.
    pub(crate) fn judge(&self, key: &PublicKey) -> Verdict {
        let same = |known: &PublicKey| known.key_data() == key.key_data();
        if self.revoked.iter().any(same) {
            return Verdict::Revoked;
        }
        if self.keys.iter().any(|(known, _)| same(known)) {
            return Verdict::Known;
        }
        if let Some((_, place)) = self.keys.iter().find(|(known, _)| known.algorithm() == key.algorithm()) {
            return Verdict::Changed(place.clone());
        }
        // The name without the port counts where nothing is known of the port itself.
        if self.elsewhere.iter().any(same) {
            return Verdict::Known;
        }
        match self.known_kinds() {
            Some(kinds) => Verdict::OtherKind(kinds),
            None => Verdict::Unknown { authority: self.authority },
        }
    }

    /// The kinds of the keys that are known, in words.
    pub(crate) fn known_kinds(&self) -> Option<String> {
        let mut kinds: Vec<String> = self.keys.iter().map(|(key, _)| key.algorithm().to_string()).collect();
        kinds.sort();
        kinds.dedup();
        (!kinds.is_empty()).then(|| kinds.join(", "))
    }
}

/// The kinds of host keys that are checked, in words.
pub(crate) fn checked_kinds() -> String {
    KINDS.map(|kind| kind.to_string()).join(", ")
}

/// How a key is told to people.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn files(target: &Target) -> Vec<PathBuf> {
    target.known_hosts.clone().unwrap_or_else(|| {
        let (own, global) = default_known_hosts();
        own.into_iter().chain(global).collect()
    })
}

/// Whether a line is about `name`.
fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::Patterns(patterns) => listed(patterns.iter().map(|pattern| pattern.to_ascii_lowercase()), name),
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
    }
}
