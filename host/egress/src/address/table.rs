//! The one table: IANA's registries of special-purpose addresses, and the manifest's list of where clouds give out
//! their keys. Of IPv6 everything that is not global unicast is special, whatever it will be used for.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Row4 = ([u8; 4], u8, &'static str);
type Row6 = ([u16; 8], u8, &'static str);

/// No grant lets these through.
const NEVER_4: &[Row4] = &[
    // A connection to it is one to this machine.
    ([0, 0, 0, 0], 8, "this network"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([255, 255, 255, 255], 32, "broadcast"),
];

const NEVER_6: &[Row6] =
    &[([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"), ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast")];

/// Only by a grant that names them. The first row that fits is the one that is named.
const SPECIAL_4: &[Row4] = &[
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared by a carrier"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "for protocols"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 31, 196, 0], 24, "AS112"),
    ([192, 52, 193, 0], 24, "AMT"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([192, 175, 48, 0], 24, "AS112"),
    ([198, 18, 0, 0], 15, "for measurements"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([240, 0, 0, 0], 4, "reserved"),
];

const SPECIAL_6: &[Row6] = &[
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "an IPv4 address in an IPv6 one"),
    ([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "an IPv4 address in an IPv6 one"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "an IPv4 address in an IPv6 one"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "local NAT64"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discarded"),
    ([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "a dummy prefix"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "Teredo"),
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "for measurements"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "AS112"),
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "the 6bone, returned"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
    ([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "private"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local, deprecated"),
];

/// RFC 6052: leads to the IPv4 address that it carries, and that one is judged as well. Hosts without IPv4 reach the
/// whole of it this way.
const NAT64: Row6 = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64");
/// Global unicast: all of IPv6 that IANA gives out.
const GLOBAL: Row6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "global unicast");

/// What it is, if nobody may be sent there at all.
pub(super) fn never(address: IpAddr) -> Option<&'static str> {
    if manifest::http::is_metadata(address) {
        return Some("a cloud's metadata service");
    }
    match address {
        IpAddr::V4(address) => NEVER_4.iter().find(|row| in4(row, address)).map(|row| row.2),
        IpAddr::V6(address) => NEVER_6.iter().find(|row| in6(row, address)).map(|row| row.2),
    }
}

/// What it is, if it is special-purpose.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => SPECIAL_4.iter().find(|row| in4(row, address)).map(|row| row.2),
        IpAddr::V6(address) => {
            if let Some(row) = SPECIAL_6.iter().find(|row| in6(row, address)) {
                return Some(row.2);
            }
            let reachable = in6(&GLOBAL, address) || in6(&NAT64, address);
            (!reachable).then_some("not global unicast")
        }
    }
}

fn in4(row: &Row4, address: Ipv4Addr) -> bool {
    // A row that were no range would let nothing through.
    net4(row).is_none_or(|net| net.contains(&address))
}

fn in6(row: &Row6, address: Ipv6Addr) -> bool {
    net6(row).is_none_or(|net| net.contains(&address))
}

fn net4(row: &Row4) -> Option<Ipv4Net> {
    Ipv4Net::new(row.0.into(), row.1).ok()
}

fn net6(row: &Row6) -> Option<Ipv6Net> {
    Ipv6Net::new(row.0.into(), row.1).ok()
}
