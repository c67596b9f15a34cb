//! Ranges of addresses that a grant opens, although nobody is sent there by default.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The widest range of private addresses in IPv4, `10.0.0.0/8`, and in IPv6, `fc00::/7`: a wider one opens what is
/// nobody's.
const WIDEST: (u8, u8) = (8, 7);

/// Where clouds answer every process of a machine with its credentials.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

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
    if METADATA.iter().any(|address| range.contains(address)) {
        found.push("where a cloud gives credentials to every process of a machine");
    }
    found
}
