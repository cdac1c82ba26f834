//! What commands may reach, in the words of the provider.

use std::net::Ipv4Addr;

use flue_core::{Error, NetworkReach, Result};
use flue_sandbox_remote_kit::NetworkPolicy;

use crate::api::Sandbox;

/// The most ranges of addresses that the provider takes (its documentation, "Network limits").
const MAX_RANGES: usize = 10;

/// The settings of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) block_all: bool,
    /// Ranges of IPv4 addresses, `a.b.c.d/n`.
    pub(crate) ranges: Vec<String>,
    pub(crate) domains: Vec<String>,
}

impl Settings {
    /// What holds commands to `policy`.
    ///
    /// # Errors
    /// [`flue_core::ErrorKind::Unsupported`] for what the provider cannot hold them to.
    pub(crate) fn of(policy: &NetworkPolicy) -> Result<Self> {
        let mut settings = Self::default();
        match policy {
            NetworkPolicy::AsProvided => {}
            NetworkPolicy::None => settings.block_all = true,
            NetworkPolicy::AllowList(hosts) => {
                for host in hosts {
                    settings.allow(host)?;
                }
                // An empty list lets nothing through; the provider would take it for none.
                settings.block_all = hosts.is_empty();
            }
            other => {
                let why = "this provider does not know this kind of network policy; nothing was made";
                return Err(Error::unsupported("create", why).with("policy", format!("{other:?}")));
            }
        }
        if settings.ranges.len() > MAX_RANGES {
            let why = "the provider takes no longer list of addresses; sum them up in fewer ranges; nothing was made";
            return Err(Error::unsupported("create", why)
                .with("ranges", settings.ranges.len())
                .with("limit", MAX_RANGES));
        }
        Ok(settings)
    }

    fn allow(&mut self, host: &str) -> Result<()> {
        let (address, bits) = host.split_once('/').unwrap_or((host, "32"));
        if address.parse::<Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32) {
            self.ranges.push(format!("{address}/{bits}"));
            return Ok(());
        }
        if is_domain(host) {
            self.domains.push(host.to_ascii_lowercase());
            return Ok(());
        }
        let why =
            "the provider allows names of hosts and ranges of IPv4 addresses only, without ports; nothing was made";
        Err(Error::unsupported("create", why).with("host", host))
    }

    /// What the provider says that a machine has.
    pub(crate) fn found(sandbox: &Sandbox) -> Self {
        let list = |text: &Option<String>| {
            let entries = text.as_deref().unwrap_or_default().split(',').map(str::trim);
            entries.filter(|entry| !entry.is_empty()).map(str::to_ascii_lowercase).collect()
        };
        Self {
            block_all: sandbox.network_block_all,
            ranges: list(&sandbox.network_allow_list),
            domains: list(&sandbox.domain_allow_list),
        }
    }

    /// Whether a machine with these settings lets through no more than `wanted` does.
    pub(crate) fn hold(&self, wanted: &Self) -> bool {
        let is_open =
            |settings: &Self| !settings.block_all && settings.ranges.is_empty() && settings.domains.is_empty();
        let within = |mine: &[String], theirs: &[String]| mine.iter().all(|entry| theirs.contains(entry));
        if self.block_all || is_open(wanted) {
            return true;
        }
        !wanted.block_all
            && !is_open(self)
            && within(&self.ranges, &wanted.ranges)
            && within(&self.domains, &wanted.domains)
    }

    /// What commands can reach. `lists` says that lists are enforced.
    pub(crate) fn reach(&self, lists: bool) -> NetworkReach {
        if self.block_all {
            return NetworkReach::None;
        }
        let list: Vec<String> = self.ranges.iter().chain(&self.domains).cloned().collect();
        if lists && !list.is_empty() { NetworkReach::AllowList(list) } else { NetworkReach::Unknown }
    }

    /// `error` with these settings.
    pub(crate) fn describe(&self, error: Error) -> Error {
        let lists = [&self.ranges[..], &self.domains[..]].concat().join(",");
        error.with(
            "found",
            if self.block_all { "nothing is let through".to_owned() } else { format!("list: {lists:?}") },
        )
    }
}

/// A name of a host, which may begin with `*.`: of two labels at least, the last of which is no number.
fn is_domain(host: &str) -> bool {
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && name.split('.').all(label) && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use flue_core::ErrorKind;

    use super::*;

    fn settings(hosts: &[&str]) -> Result<Settings> {
        Settings::of(&NetworkPolicy::AllowList(hosts.iter().map(|host| (*host).to_owned()).collect()))
    }

    #[test]
    fn lists_are_taken_apart_and_what_cannot_be_held_is_refused() {
        let found = settings(&["10.0.0.0/8", "1.2.3.4", "Packages.Example.com", "*.example.com"]).unwrap();
        assert_eq!(found.ranges, ["10.0.0.0/8", "1.2.3.4/32"]);
        assert_eq!(found.domains, ["packages.example.com", "*.example.com"]);
        for odd in
            ["::1", "https://a.example", "a.example:443", "1.2.3.4/33", "1.2.3", "localhost", "a b.c", "", "a.b/c"]
        {
            let error = settings(&[odd]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{odd}");
        }
        let many: Vec<String> = (0..11).map(|last| format!("10.0.0.{last}")).collect();
        assert_eq!(Settings::of(&NetworkPolicy::AllowList(many)).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn an_empty_list_lets_nothing_through() {
        assert!(settings(&[]).unwrap().block_all);
    }

    #[test]
    fn a_machine_may_have_less_and_never_more() {
        let none = Settings { block_all: true, ..Settings::default() };
        let open = Settings::default();
        let two = settings(&["10.0.0.0/8", "a.example"]).unwrap();
        let one = settings(&["a.example"]).unwrap();
        for (found, wanted, holds) in [
            (&none, &two, true),
            (&one, &two, true),
            (&two, &open, true),
            (&two, &one, false),
            (&open, &one, false),
            (&open, &none, false),
            (&one, &none, false),
        ] {
            assert_eq!(found.hold(wanted), holds, "{found:?} for {wanted:?}");
        }
    }
}
