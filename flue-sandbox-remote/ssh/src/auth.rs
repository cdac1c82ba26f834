//! Proving who one is: by the key in a file, or by keys that an agent holds. No passwords.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flue_core::{Error, ErrorKind, Result};
use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Error as KeyError, PrivateKeyWithHashAlg, load_secret_key};

use crate::host_key::HostKeys;
use crate::target::{Target, home_file};

/// Where keys are looked for when none is named.
const USUAL_FILES: &[&str] = &["id_ed25519", "id_ecdsa"];
/// How many of the agent's keys are tried: one less than the six attempts that a server allows by default (`MaxAuthTries`).
const AGENT_KEYS: usize = 5;

/// Has the machine let us in.
pub(crate) async fn authenticate(handle: &mut Handle<HostKeys>, target: &Target, user: &str) -> Result<()> {
    let mut tried = Vec::new();
    if let Some(file) = &target.identity {
        if by_file(handle, target, user, file).await? {
            return Ok(());
        }
        tried.push(file.display().to_string());
    } else {
        if by_agent(handle, user, &mut tried).await {
            return Ok(());
        }
        let files: Vec<PathBuf> = USUAL_FILES.iter().filter_map(|name| home_file(name)).collect();
        for file in files.iter().filter(|file| file.is_file()) {
            tried.push(file.display().to_string());
            // Another one may do: what is wrong with this one is said only where it was named.
            if matches!(by_file(handle, target, user, file).await, Ok(true)) {
                return Ok(());
            }
        }
    }
    let tried = if tried.is_empty() { "nothing".to_owned() } else { tried.join(", ") };
    let why = "the host accepts no key that was tried; add one to its authorized_keys, name a file, or load the key with ssh-add";
    Err(Error::new(ErrorKind::Authentication, "connect", why)
        .with("host", target.name())
        .with("user", user)
        .with("tried", tried))
}

async fn by_file(handle: &mut Handle<HostKeys>, target: &Target, user: &str, file: &Path) -> Result<bool> {
    let refused = |why: &'static str| {
        Error::new(ErrorKind::Authentication, "connect", why)
            .with("host", target.name())
            .with("identity", file.display())
    };
    // Of an error only the kind is kept: its text could quote the file.
    let key = load_secret_key(file, None).map_err(|error| match error {
        KeyError::KeyIsEncrypted => refused("the key has a passphrase; load it into the agent with ssh-add"),
        KeyError::IO(error) => refused("the key's file cannot be read").with("reason", error.kind()),
        _ => refused(
            "the key's file is not a private key of a kind that is supported: ed25519 or ECDSA, in OpenSSH's form",
        ),
    })?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let result = handle.authenticate_publickey(user, key).await;
    Ok(result.map_err(|error| refused("the host broke off").with("reason", error))?.success())
}

/// Tries the agent's keys, as far as there is an agent.
async fn by_agent(handle: &mut Handle<HostKeys>, user: &str, tried: &mut Vec<String>) -> bool {
    let Ok(mut agent) = AgentClient::connect_env().await else { return false };
    let Ok(identities) = agent.request_identities().await else { return false };
    for identity in identities.into_iter().take(AGENT_KEYS) {
        let AgentIdentity::PublicKey { key, comment } = identity else { continue };
        tried.push(format!("the agent's {comment}"));
        if let Ok(result) = handle.authenticate_publickey_with(user, key, None, &mut agent).await
            && result.success()
        {
            return true;
        }
    }
    false
}
