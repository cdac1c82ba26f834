//! The file of a private key.

use std::path::Path;
use std::sync::Arc;

use russh::keys::ssh_key::encoding::base64::{Base64, Encoding as _};
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{PrivateKey, PublicKey, decode_secret_key};
use tokio::io::AsyncReadExt as _;

use crate::rsa::{LIMITS, Rsa};

/// How long a key's file may be: one of RSA with 4096 bits has 3 KiB.
const FILE_BYTES: u64 = 64 << 10;
/// What is said of a key that only an agent can open.
const LOCKED: &str = "the key has a passphrase; load it into the agent with ssh-add";

/// What a file holds.
pub(crate) enum Identity {
    /// A key that signs.
    Key(Arc<PrivateKey>),
    /// One of RSA.
    Rsa(Rsa),
    /// One that only an agent can use, and why; its public half, where that is known.
    Closed(&'static str, Option<PublicKey>),
}

impl Identity {
    /// Reads a key: in OpenSSH's form, or as PEM (PKCS #1, PKCS #8, SEC 1). Of what is wrong only the kind is told: text could
    /// quote the file.
    pub(crate) async fn load(file: &Path) -> Result<Self, String> {
        let text = read(file).await.map_err(|error| format!("the key's file cannot be read: {}", error.kind()))?;
        let text = String::from_utf8(text).map_err(|_| unsupported())?;
        match Self::parse(&text)? {
            // A public key may stand beside it in a file of its own, as `ssh-keygen` leaves it.
            Self::Closed(why, None) => Ok(Self::Closed(why, beside(file).await)),
            identity => Ok(identity),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match label(text) {
            Some("OPENSSH PRIVATE KEY") => {
                let key = PrivateKey::from_openssh(text.trim()).map_err(|_| unsupported())?;
                if key.is_encrypted() {
                    return Ok(Self::Closed(LOCKED, Some(key.public_key().clone())));
                }
                match key.key_data() {
                    KeypairData::Rsa(pair) => Rsa::from_openssh(pair).map(Self::Rsa).ok_or_else(|| LIMITS.to_owned()),
                    _ => Ok(Self::Key(Arc::new(key))),
                }
            }
            Some("ENCRYPTED PRIVATE KEY") => Ok(Self::Closed(LOCKED, None)),
            // Headers of PEM: `Proc-Type: 4,ENCRYPTED` (RFC 1421).
            Some(_) if text.contains("ENCRYPTED") => Ok(Self::Closed(LOCKED, None)),
            Some("RSA PRIVATE KEY") => {
                let der = body(text).ok_or_else(unsupported)?;
                Rsa::from_pkcs1(&der).map(Self::Rsa).ok_or_else(|| LIMITS.to_owned())
            }
            Some(label) => {
                let rsa = (label == "PRIVATE KEY").then(|| body(text)).flatten().and_then(|der| Rsa::from_pkcs8(&der));
                match rsa {
                    Some(rsa) => Ok(Self::Rsa(rsa)),
                    None => {
                        decode_secret_key(text, None).map(|key| Self::Key(Arc::new(key))).map_err(|_| unsupported())
                    }
                }
            }
            None => match PublicKey::from_openssh(text.trim()) {
                Ok(key) => {
                    Ok(Self::Closed("the file has a public key, and the agent does not have its other half", Some(key)))
                }
                Err(_) => Err(unsupported()),
            },
        }
    }

    /// Its public half, where that is known.
    pub(crate) fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Key(key) => Some(key.public_key().clone()),
            Self::Rsa(key) => key.public(),
            Self::Closed(_, key) => key.clone(),
        }
    }
}

fn unsupported() -> String {
    "the key's file is not a private key of a kind that is supported: ed25519, ECDSA or RSA".to_owned()
}

async fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    tokio::fs::File::open(file).await?.take(FILE_BYTES).read_to_end(&mut text).await?;
    Ok(text)
}

async fn beside(file: &Path) -> Option<PublicKey> {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    let text = String::from_utf8(read(Path::new(&name)).await.ok()?).ok()?;
    PublicKey::from_openssh(text.trim()).ok()
}

/// The label of a PEM text (RFC 7468).
fn label(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
}

/// The bytes of a PEM text.
fn body(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN ")).skip(1);
    let text: String = lines.take_while(|line| !line.starts_with("-----END ")).collect();
    Base64::decode_vec(&text).ok()
}
