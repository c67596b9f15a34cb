//! Ranges of addresses that a grant opens, although nobody is sent there by default.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The widest range of private addresses in IPv4, `10.0.0.0/8`, and in IPv6, `fc00::/7`: a wider one opens what is
/// nobody's.
const WIDEST: (u8, u8) = (8, 7);

/// Where clouds answer every process of a machine with its credentials: the one list, for readers of manifests and for
/// whoever connects.
const METADATA: [IpNet; 11] = [
    four([100, 100, 100, 200], 32),
    four([168, 63, 129, 16], 32),
    four([169, 254, 0, 23], 32),
    four([169, 254, 42, 42], 32),
    four([169, 254, 169, 0], 24),
    four([169, 254, 170, 0], 24),
    four([192, 0, 0, 192], 32),
    six([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
    six([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32),
    six([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    six([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
];

const fn four(at: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = at;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn six(at: [u16; 8], prefix: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = at;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

/// Whether a cloud's metadata service may be there. No grant lets anybody through to one.
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    METADATA.iter().any(|range| range.contains(&address))
}

/// Why a text is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRange {
    #[error("write an address and the length of its prefix: \"10.1.0.0/16\"")]
    Shape,
    #[error("an address in IPv6 that stands for one in IPv4 is looked at as that one: write it in IPv4")]
    Mapped,
    #[error("at most 10.0.0.0/8 or fc00::/7: no private range is wider")]
    Wide,
}

/// A range in its normal form.
pub(crate) fn range(text: &str) -> Result<IpNet, BadRange> {
    let range: IpNet = text.parse().map_err(|_| BadRange::Shape)?;
    if range.trunc() != range || range.to_string() != text {
        return Err(BadRange::Shape);
    }
    match range {
        IpNet::V6(range)
            if Ipv6Net::new(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96).is_ok_and(|m| m.contains(&range)) =>
        {
            Err(BadRange::Mapped)
        }
        IpNet::V4(range) if range.prefix_len() < WIDEST.0 => Err(BadRange::Wide),
        IpNet::V6(range) if range.prefix_len() < WIDEST.1 => Err(BadRange::Wide),
        range => Ok(range),
    }
}

/// What a range reaches that its writer may not have thought of.
pub(crate) fn surprises(range: &IpNet) -> Vec<&'static str> {
    let loopback = match range {
        IpNet::V4(range) => Ipv4Net::new(Ipv4Addr::new(127, 0, 0, 0), 8).is_ok_and(|own| own.contains(range)),
        IpNet::V6(range) => range.contains(&Ipv6Addr::LOCALHOST),
    };
    let mut found = Vec::new();
    if loopback {
        found.push("services of the hub's own machine");
    }
    if METADATA.iter().any(|service| range.contains(service) || service.contains(range)) {
        found.push(
            "where a cloud gives credentials to every process of a machine, to which the hub lets nobody through",
        );
    }
    found
}
