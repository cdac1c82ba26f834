//! What was said of the things that count.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flue_core::Result;

use super::condition::Counts;
use super::expand::Names;
use super::{unsupported, wrong};
use crate::target::{Agent, Target, default_known_hosts};

/// The words that count.
const KEYWORDS: &[&str] = &[
    "canonicalizehostname",
    "globalknownhostsfile",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "port",
    "proxycommand",
    "proxyjump",
    "revokedhostkeys",
    "user",
    "userknownhostsfile",
];
/// The word that adds to what was said before; of the others the first one counts.
const ADDS: &str = "identityfile";
/// What stands for nothing.
const NONE: &str = "none";

/// What was said, and where.
#[derive(Debug, Default)]
pub(super) struct Settings(BTreeMap<String, Vec<Said>>);

#[derive(Debug)]
struct Said {
    words: Vec<String>,
    place: String,
}

impl Settings {
    /// What a target has said already.
    pub(super) fn of(target: &Target) -> Self {
        let port = target.port.map(|port| port.to_string());
        let said = [("port", port), ("user", target.user.clone()), ("hostkeyalias", target.host_key_alias.clone())];
        let said = said.into_iter().filter_map(|(key, value)| {
            let said = Said { words: vec![value?], place: "the target".to_owned() };
            Some((key.to_owned(), vec![said]))
        });
        Self(said.collect())
    }

    /// Notes a line that counts, if it is about something that does.
    pub(super) fn note(&mut self, keyword: &str, words: Vec<String>, counts: Counts, place: &str) -> Result<()> {
        if !KEYWORDS.contains(&keyword) || counts == Counts::No {
            return Ok(());
        }
        // A command, even none, stands before a jump that comes later.
        let is_said = self.0.contains_key(keyword) || (keyword == "proxyjump" && self.0.contains_key("proxycommand"));
        if keyword != ADDS && is_said {
            return Ok(());
        }
        if counts == Counts::Unsure {
            let why = format!(
                "whether {keyword} counts hangs on a condition of Match that is not judged here; judged are host, originalhost, \
                 user, localuser, final and all"
            );
            return Err(unsupported(place, why));
        }
        if words.first().is_none_or(String::is_empty) {
            return Err(wrong(place, format!("{keyword} has no value")));
        }
        if keyword == "port" && words.first().and_then(|port| port.parse::<u16>().ok()).is_none_or(|port| port == 0) {
            return Err(wrong(place, "the port is not a number from 1 to 65535"));
        }
        let said = self.0.entry(keyword.to_owned()).or_default();
        // Read again, files say what they said.
        if said.iter().all(|said| said.words.first() != words.first()) {
            said.push(Said { words, place: place.to_owned() });
        }
        Ok(())
    }

    fn first(&self, key: &str) -> Option<(&str, &str)> {
        let said = self.0.get(key)?.first()?;
        Some((said.words.first()?, &said.place))
    }

    pub(super) fn host_name(&self) -> Option<(&str, &str)> {
        self.first("hostname")
    }

    pub(super) fn user(&self) -> Option<&str> {
        Some(self.first("user")?.0)
    }

    /// Puts it into the target, whose host is called `host`.
    pub(super) fn apply(&self, mut target: Target, host: String, local_user: &str) -> Result<Target> {
        self.refuse()?;
        let original_host = std::mem::replace(&mut target.host, host);
        target.user = self.user().map(str::to_owned);
        target.port = self.first("port").and_then(|(port, _)| port.parse().ok());
        target.host_key_alias = self.first("hostkeyalias").map(|(alias, _)| alias.to_owned());
        let (host, alias) = (target.host.clone(), target.host_key_alias.clone());
        let user = target.user.clone();
        let names = Names {
            host: &host,
            original_host: &original_host,
            local_user,
            user: user.as_deref().or(Some(local_user)),
            port: Some(target.port()),
            alias: alias.as_deref().or(Some(&original_host)),
        };
        // What a caller named is not added to.
        if target.identities.is_none() {
            target.identities = self.paths("identityfile", &names)?;
            target.identities_only |= self.first("identitiesonly").is_some_and(|(word, _)| is_yes(word));
        }
        if target.agent == Agent::Usual {
            target.agent = self.agent(&names)?;
        }
        if target.known_hosts.is_none() {
            let (own, global) =
                (self.paths("userknownhostsfile", &names)?, self.paths("globalknownhostsfile", &names)?);
            if own.is_some() || global.is_some() {
                let (usual_own, usual_global) = default_known_hosts();
                let files = own.unwrap_or(usual_own).into_iter().chain(global.unwrap_or(usual_global));
                target.known_hosts = Some(files.collect());
            }
        }
        Ok(target)
    }

    /// Refuses what could only be followed in part.
    fn refuse(&self) -> Result<()> {
        let refusals = [
            ("proxyjump", "hosts behind another (ProxyJump) are not reached; open a tunnel and name its end"),
            ("proxycommand", "hosts behind a program (ProxyCommand) are not reached; open a tunnel and name its end"),
            ("revokedhostkeys", "RevokedHostKeys is not read; revoke keys in known_hosts, by @revoked"),
            (
                "canonicalizehostname",
                "names are not made canonical (CanonicalizeHostname); name the host in full, by HostName",
            ),
        ];
        for (key, why) in refusals {
            if let Some((word, place)) = self.first(key)
                && ![NONE, "no", "false"].iter().any(|off| word.eq_ignore_ascii_case(off))
            {
                return Err(unsupported(place, why));
            }
        }
        Ok(())
    }

    fn paths(&self, key: &str, names: &Names<'_>) -> Result<Option<Vec<PathBuf>>> {
        let Some(said) = self.0.get(key) else { return Ok(None) };
        let words = said.iter().flat_map(|said| {
            let count = if key == ADDS { 1 } else { said.words.len() };
            said.words.iter().take(count).map(|word| (word, &said.place))
        });
        let named = words.filter(|(word, _)| !word.eq_ignore_ascii_case(NONE));
        named.map(|(word, place)| names.path(word, place)).collect::<Result<_>>().map(Some)
    }

    fn agent(&self, names: &Names<'_>) -> Result<Agent> {
        let Some((word, place)) = self.first("identityagent") else { return Ok(Agent::Usual) };
        Ok(match (word, word.strip_prefix('$').filter(|name| !name.starts_with('{'))) {
            ("SSH_AUTH_SOCK", _) => Agent::Usual,
            (_, Some(name)) => std::env::var_os(name).map_or(Agent::Nobody, |socket| Agent::At(socket.into())),
            (word, None) if word.eq_ignore_ascii_case(NONE) => Agent::Nobody,
            (word, None) => Agent::At(names.path(word, place)?),
        })
    }
}

fn is_yes(word: &str) -> bool {
    ["yes", "true"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}
