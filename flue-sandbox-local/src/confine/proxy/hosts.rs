//! What is open.

use std::net::{IpAddr, SocketAddr};

use flue_core::{Error, ErrorKind, Result, is_special_address};

/// What a host is open at when no port is named: HTTP and HTTPS.
const PORTS: [u16; 2] = [80, 443];
/// The only name that stands for special addresses by definition (RFC 6761, section 6.3).
const LOCALHOST: &str = "localhost";

/// The hosts that may be reached.
#[derive(Debug)]
pub(super) struct Hosts(Vec<Host>);

/// An entry of the list.
#[derive(Debug, PartialEq, Eq)]
struct Host {
    name: Name,
    port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// This one, in lower case.
    Exact(String),
    /// Whatever lies below this one: it begins with a dot.
    Below(String),
    Address(IpAddr),
}

impl Hosts {
    pub(super) fn parse(texts: &[String]) -> Result<Self> {
        texts.iter().map(|text| Host::parse(text)).collect::<Result<_>>().map(Self)
    }

    /// Whether a connection may be asked for: `host` as it is in a URL, so that an IPv6 address has brackets around it.
    pub(super) fn allow(&self, host: &str, port: u16) -> bool {
        self.entries(host, port).next().is_some()
    }

    /// Whether the connection may go to this address, to which the host has been resolved: no name opens what is not the
    /// public internet, unless it is one that means exactly that.
    pub(super) fn open(&self, host: &str, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        if !is_special_address(ip) {
            return true;
        }
        let is_meant = |host: &Host| match &host.name {
            Name::Address(named) => *named == ip,
            Name::Exact(name) => name == LOCALHOST && ip.is_loopback(),
            Name::Below(_) => false,
        };
        self.entries(host, address.port()).any(is_meant) || self.names(ip, address.port())
    }

    /// Whether an entry names this very address.
    pub(super) fn names(&self, ip: IpAddr, port: u16) -> bool {
        self.0.iter().any(|host| host.name == Name::Address(ip) && host.has(port))
    }

    fn entries(&self, host: &str, port: u16) -> impl Iterator<Item = &Host> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = literal(&host);
        self.0.iter().filter(move |entry| {
            let matches = match &entry.name {
                Name::Exact(name) => *name == host,
                Name::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
                Name::Address(named) => Some(*named) == address,
            };
            matches && entry.has(port)
        })
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self> {
        let unusable = |why: &'static str| Error::new(ErrorKind::Config, "open", why).with("host", text);
        if text.contains("://") || text.contains(['/', '@', '?', '#']) {
            return Err(unusable(
                "a host that commands may reach is named without scheme, path or user: example.com:443",
            ));
        }
        let (name, port) = match text.rsplit_once(':') {
            // The last colon of an IPv6 address without brackets is no port's.
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (name, Some(port.ok_or_else(|| unusable("the port of a host is a number from 1 to 65535"))?))
            }
            _ => (text, None),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let name = match (literal(&name), name.strip_prefix('*')) {
            (Some(address), _) => Name::Address(address),
            (None, Some(suffix)) if suffix.starts_with('.') && is_name(&suffix[1..]) => Name::Below(suffix.to_owned()),
            (None, None) if is_name(&name) => Name::Exact(name),
            _ => return Err(unusable("this is not the name of a host: example.com, *.example.com or an address")),
        };
        Ok(Self { name, port })
    }

    fn has(&self, port: u16) -> bool {
        self.port.map_or_else(|| PORTS.contains(&port), |own| own == port)
    }
}

/// An address, with or without brackets.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Letters, digits, hyphens and underscores between dots; names of other scripts are written in their ASCII form.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Hosts {
        Hosts::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn names_are_held_against_the_list() {
        let hosts = hosts(&["Example.com", "*.below.org", "other.net:8443", "192.0.2.7", "[2001:db8::7]:8080"]);
        for (host, port) in [
            ("example.com", 443),
            ("EXAMPLE.COM.", 80),
            ("a.below.org", 443),
            ("a.b.below.org", 443),
            ("other.net", 8443),
            ("192.0.2.7", 80),
            ("[::ffff:192.0.2.7]", 80),
            ("[2001:DB8:0::7]", 8080),
        ] {
            assert!(hosts.allow(host, port), "{host}:{port}");
        }
        for (host, port) in [
            ("example.com", 22),
            ("www.example.com", 443),
            ("example.com.evil.org", 443),
            ("notexample.com", 443),
            ("below.org", 443),
            (".below.org", 443),
            ("xbelow.org", 443),
            ("other.net", 443),
            ("192.0.2.8", 80),
            ("[2001:db8::7]", 443),
            ("3221225991", 80),
            ("0xc0000207", 80),
            ("", 443),
        ] {
            assert!(!hosts.allow(host, port), "{host}:{port}");
        }
    }

    #[test]
    fn names_do_not_open_special_addresses() {
        let list = hosts(&["example.com", "localhost:8080", "10.1.2.3", "*.internal"]);
        let opens = |host, address: &str| list.open(host, address.parse().unwrap());
        assert!(opens("example.com", "93.184.216.34:443"));
        assert!(opens("localhost", "127.0.0.1:8080") && opens("localhost", "[::1]:8080"));
        assert!(opens("a.internal", "10.1.2.3:443"), "the address itself is named");
        for (host, address) in [
            ("example.com", "127.0.0.1:443"),
            ("example.com", "[::ffff:127.0.0.1]:443"),
            ("example.com", "169.254.169.254:80"),
            ("example.com", "[fe80::1]:443"),
            ("example.com", "0.0.0.0:443"),
            ("localhost", "127.0.0.1:8081"),
            ("localhost", "192.168.0.1:8080"),
            ("a.internal", "10.1.2.4:443"),
            ("a.internal", "10.1.2.3:8080"),
        ] {
            assert!(!opens(host, address), "{host} {address}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "*example.com",
            "a.*.com",
            "http://example.com",
            "example.com/",
            "a@b",
            "example.com:0",
            "example.com:x",
            "example.com:99999",
            "a..b",
            "exämple.com",
            "a b",
            "[::1",
            "::1]",
        ] {
            let error = Host::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        }
        assert_eq!(Host::parse("::1").unwrap(), Host { name: Name::Address("::1".parse().unwrap()), port: None });
    }
}
