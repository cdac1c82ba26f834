//! Proving who one is: by keys in files, or by keys that an agent holds. No passwords.

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey};
use tokio::net::UnixStream;

use crate::host_key::HostKeys;
use crate::identity::Identity;
use crate::target::{Agent, Target, home_file};

/// Where keys are looked for when none is named.
const USUAL_FILES: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];
/// How many keys are tried: the attempts that a server allows by default (`MaxAuthTries`).
const KEYS: usize = 6;
/// How many of those are the agent's: one less, so that one in a file has its turn.
const AGENT_KEYS: usize = KEYS - 1;

/// Has the machine let us in: by the keys that were named, each by the agent if that holds it; by the agent's others; and, if
/// none was named, by the usual files.
pub(crate) async fn authenticate(handle: &mut Handle<HostKeys>, target: &Target, user: &str) -> Result<()> {
    let mut attempt = Attempt { handle, user, hash: None, tried: Vec::new(), wrong: None };
    let mut holder = Holder::find(&target.agent).await;
    if attempt.by_files(target.identities.as_deref().unwrap_or_default(), &mut holder).await {
        return Ok(());
    }
    if !target.identities_only && attempt.by_agent(&mut holder).await {
        return Ok(());
    }
    let wrong = attempt.wrong.take();
    if target.identities.is_none() {
        let usual = USUAL_FILES.iter().filter_map(|name| home_file(name)).filter(|file| file.is_file());
        if attempt.by_files(&usual.collect::<Vec<_>>(), &mut holder).await {
            return Ok(());
        }
    }
    let refused = |why: &str| {
        Error::new(ErrorKind::Authentication, "connect", why.to_owned()).with("host", target.name()).with("user", user)
    };
    // What is wrong with a key is said only where it was named.
    if let Some((file, why)) = wrong {
        return Err(refused(&why).with("identity", file.display()));
    }
    let tried = if attempt.tried.is_empty() { "nothing".to_owned() } else { attempt.tried.join(", ") };
    let why = "the host accepts no key that was tried; add one to its authorized_keys, name a file, or load the key with ssh-add";
    Err(refused(why).with("tried", tried))
}

/// What was tried on a connection.
struct Attempt<'a> {
    handle: &'a mut Handle<HostKeys>,
    user: &'a str,
    /// How the host has RSA keys sign, once it was asked.
    hash: Option<Option<HashAlg>>,
    tried: Vec<String>,
    /// The first file that could not be used, and why.
    wrong: Option<(PathBuf, String)>,
}

impl Attempt<'_> {
    async fn by_files(&mut self, files: &[PathBuf], holder: &mut Option<Holder>) -> bool {
        for file in files {
            match self.by_file(file, holder).await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(why) => {
                    self.wrong.get_or_insert_with(|| (file.clone(), why));
                }
            }
        }
        false
    }

    async fn by_file(&mut self, file: &Path, holder: &mut Option<Holder>) -> Result<bool, String> {
        if self.tried.len() >= KEYS {
            return Ok(false);
        }
        let identity = Identity::load(file).await?;
        let public = identity.public();
        if let (Some(holder), Some(public)) = (holder, &public)
            && let Some(at) = holder.keys.iter().position(|(key, _)| key.key_data() == public.key_data())
        {
            self.tried.push(format!("{}, by the agent", file.display()));
            let (key, _) = holder.keys.remove(at);
            return self.held(holder, key).await;
        }
        if let Identity::Closed(why, _) = identity {
            return Err(why.to_owned());
        }
        self.tried.push(file.display().to_string());
        let broken = |error| format!("the host broke off: {error}");
        let result = match identity {
            Identity::Closed(why, _) => return Err(why.to_owned()),
            Identity::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(key, None);
                self.handle.authenticate_publickey(self.user, key).await.map_err(broken)
            }
            Identity::Rsa(rsa) => {
                let (Some(key), hash) = (public, self.rsa_hash().await?) else { return Ok(false) };
                let signed = self.handle.authenticate_publickey_with(self.user, key, Some(hash), &mut &rsa).await;
                signed.map_err(|_| "the key does not sign; is its file damaged?".to_owned())
            }
        };
        Ok(result?.success())
    }

    /// Tries what the agent holds besides.
    async fn by_agent(&mut self, holder: &mut Option<Holder>) -> bool {
        let Some(holder) = holder else { return false };
        for (key, comment) in std::mem::take(&mut holder.keys) {
            if self.tried.len() >= AGENT_KEYS {
                break;
            }
            self.tried.push(format!("the agent's {comment}"));
            if matches!(self.held(holder, key).await, Ok(true)) {
                return true;
            }
        }
        false
    }

    /// Tries a key by its holder.
    async fn held(&mut self, holder: &mut Holder, key: PublicKey) -> Result<bool, String> {
        let hash = if key.algorithm().is_rsa() { Some(self.rsa_hash().await?) } else { None };
        let result = self.handle.authenticate_publickey_with(self.user, key, hash, &mut holder.client).await;
        result.map(|result: AuthResult| result.success()).map_err(|error| format!("the agent does not sign: {error}"))
    }

    /// With which hash an RSA key is to sign: never with SHA-1.
    async fn rsa_hash(&mut self) -> Result<HashAlg, String> {
        let hash = match self.hash {
            Some(hash) => hash,
            None => match self.handle.best_supported_rsa_hash().await {
                Ok(Some(hash)) => hash,
                // It does not say. The one that more of those know.
                Ok(None) => Some(HashAlg::Sha256),
                Err(error) => return Err(format!("the host broke off: {error}")),
            },
        };
        self.hash = Some(hash);
        hash.ok_or_else(|| "the host takes RSA keys only with SHA-1, which is broken; use an ed25519 key".to_owned())
    }
}

/// An agent, and the keys that it holds and that were not tried.
struct Holder {
    client: AgentClient<UnixStream>,
    keys: Vec<(PublicKey, String)>,
}

impl Holder {
    /// The agent, as far as there is one.
    async fn find(agent: &Agent) -> Option<Self> {
        let mut client = match agent {
            Agent::Usual => AgentClient::connect_env().await.ok()?,
            Agent::At(socket) => AgentClient::connect_uds(socket).await.ok()?,
            Agent::Nobody => return None,
        };
        let held = client.request_identities().await.ok()?;
        let keys = held.into_iter().filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
            AgentIdentity::Certificate { .. } => None,
        });
        let keys = keys.collect();
        Some(Self { client, keys })
    }
}
