//! Addresses within addresses. Each of these is a way by which a packet for an IPv6 address ends at an IPv4 one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address, and all that it carries.
pub(super) fn of(address: IpAddr) -> Vec<IpAddr> {
    let mut forms = vec![address];
    if let IpAddr::V6(v6) = address {
        forms.extend(carried(v6).into_iter().map(IpAddr::V4));
    }
    forms
}

fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let bits = address.to_bits();
    let segments = address.segments();
    let mut carried = Vec::new();
    match segments {
        // These two are what they are, and no IPv4 address.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => {}
        // IPv4-compatible (RFC 4291 §2.5.5.1) and mapped (§2.5.5.2); translated (RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => carried.push(at(bits, 0)),
        // NAT64, well-known (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => carried.push(at(bits, 0)),
        // NAT64, local-use (RFC 8215): of its 48 bits any prefix length of RFC 6052 can be in use.
        [0x64, 0xff9b, 1, ..] => carried.extend([at(bits, 0), split(bits, 48), split(bits, 56), split(bits, 64)]),
        // 6to4 (RFC 3056).
        [0x2002, ..] => carried.push(at(bits, 80)),
        // Teredo (RFC 4380): its server, and its client with every bit turned.
        [0x2001, 0, ..] => carried.extend([at(bits, 64), Ipv4Addr::from_bits(!at(bits, 0).to_bits())]),
        _ => {}
    }
    // ISATAP (RFC 5214), under whatever prefix; both values of the universal bit.
    if matches!(segments, [_, _, _, _, 0 | 0x200, 0x5efe, ..]) {
        carried.push(at(bits, 0));
    }
    carried
}

/// Four bytes, so many bits from the end.
fn at(bits: u128, shift: u32) -> Ipv4Addr {
    let [.., a, b, c, d] = (bits >> shift).to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// Four bytes behind a prefix of so many bits, around the byte that RFC 6052 §2.2 leaves zero (bits 64 to 71).
fn split(bits: u128, prefix: u32) -> Ipv4Addr {
    let high = bits >> 64;
    let low = bits & u128::from(u64::MAX) & !(0xff << 56);
    // Without that byte: 64 bits of prefix and address, and 56 that follow.
    let joined = (high << 56) | low;
    let [.., a, b, c, d] = (joined >> (120 - prefix - 32)).to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}
