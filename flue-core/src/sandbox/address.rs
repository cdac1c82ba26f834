//! Which addresses are not the public internet: what a sandbox's network must not open by accident.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is private, local, or otherwise special: what the IANA special-purpose registries list as not globally
/// reachable, and multicast. An IPv6 address that carries an IPv4 address is judged by the latter.
pub fn is_special_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => carried(address).map_or_else(|| is_special_v6(address), is_special_v4),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // "This network" (RFC 791), shared address space (RFC 6598), protocol assignments (RFC 6890).
        || a == 0
        || (a == 100 && b & 0b1100_0000 == 64)
        || (a == 192 && b == 0 && c == 0)
        // Benchmarking (RFC 2544), multicast and reserved, broadcast among it (RFC 1112).
        || (a == 198 && b & 0b1111_1110 == 18)
        || a >= 224
}

fn is_special_v6(address: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3 (RFC 4291); what is special in it: Teredo and the other protocol assignments of 2001::/23
    // (RFC 2928), and documentation (RFC 3849, RFC 9637).
    let [a, b, ..] = address.segments();
    a & 0xe000 != 0x2000 || (a == 0x2001 && b < 0x200) || (a == 0x2001 && b == 0xdb8) || (a == 0x3fff && b < 0x1000)
}

/// The IPv4 address that gateways and stacks take an IPv6 address for: mapped and compatible (RFC 4291), NAT64 (RFC 6052)
/// and 6to4 (RFC 3056).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let v4 = |at: usize| Some(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(12),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => v4(12),
        [0x2002, ..] => v4(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_public_internet() {
        for address in
            ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "223.255.255.255"]
        {
            assert!(!is_special_address(address.parse().unwrap()), "{address}");
        }
        for address in
            ["2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::101:101", "::ffff:1.1.1.1", "2002:101:101::1"]
        {
            assert!(!is_special_address(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn knows_what_is_special() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(is_special_address(address.parse().unwrap()), "{address}");
        }
        for address in [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "3fff::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_special_address(address.parse().unwrap()), "{address}");
        }
    }
}
