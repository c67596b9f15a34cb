#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

fn verdict(address: &str, private: &[&str], forbidden: &[Forbidden]) -> Result<(), Prohibited> {
    let private = private.iter().map(|range| range.parse().unwrap()).collect();
    judge(SocketAddr::new(address.parse().unwrap(), 443), &private, forbidden)
}

/// One within each range, its first and its last where that tells something.
const PROHIBITED: &[&str] = &[
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.0.23",
    "169.254.42.42",
    "169.254.170.2",
    "169.254.170.23",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::0.0.0.0",
    "64:ff9b:1::1",
    "64:ff9b:1:7f00:0:100::",
    "64:ff9b:2::1",
    "100::1",
    "100:0:0:1::1",
    "200::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001::80ff:fffe",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3ffe::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fc00::1",
    "fd00:42::42",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd12::1",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    // ISATAP under a prefix that anybody can have.
    "2a00:1450:4001::5efe:127.0.0.1",
    "2a00:1450:4001::200:5efe:10.1.2.3",
];

const PERMITTED: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "64:ff9b::8.8.8.8",
    "2620:4f:7fff::1",
    "3fff:1000::1",
    "2a00:1450:4001::5efe:8.8.8.8",
];

#[test]
fn no_special_address_is_permitted_in_any_form() {
    for address in PROHIBITED {
        assert!(verdict(address, &[], &[]).is_err(), "{address} is let through");
    }
}

#[test]
fn what_lies_beside_the_ranges_is_permitted() {
    for address in PERMITTED {
        assert_eq!(verdict(address, &[], &[]), Ok(()), "{address}");
    }
}

#[test]
fn a_grant_lets_through_what_it_names_and_nothing_beside_it() {
    assert_eq!(verdict("10.1.2.3", &["10.1.0.0/16"], &[]), Ok(()));
    assert!(verdict("10.2.2.3", &["10.1.0.0/16"], &[]).is_err());
    assert_eq!(verdict("::1", &["::1/128"], &[]), Ok(()));
    // What it carries is named by nobody.
    assert!(verdict("::ffff:127.0.0.1", &["::/0"], &[]).is_err());
    assert!(verdict("64:ff9b:1:7f00:0:100::", &["64:ff9b:1::/48"], &[]).is_err());
    assert!(verdict("2002:7f00:1::", &["2002::/16"], &[]).is_err());
    assert_eq!(verdict("2002:7f00:1::", &["2002::/16", "127.0.0.0/8"], &[]), Ok(()));
}

#[test]
fn no_grant_lets_through_metadata_or_what_is_forbidden() {
    let all = ["0.0.0.0/0", "::/0"];
    for address in [
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "2001::5601:5601",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        let verdict = verdict(address, &all, &[]);
        assert!(matches!(verdict, Err(Prohibited::Never { .. })), "{address}: {verdict:?}");
    }
    let engine = Forbidden::Net("10.9.0.0/24".parse().unwrap());
    let hub = Forbidden::Listener("127.0.0.1:443".parse().unwrap());
    let everywhere = Forbidden::Listener("[::]:443".parse().unwrap());
    let elsewhere = Forbidden::Listener("[::]:8443".parse().unwrap());
    for (address, forbidden) in [
        ("10.9.0.1", engine),
        ("::ffff:10.9.0.1", engine),
        ("127.0.0.1", hub),
        ("::ffff:127.0.0.1", hub),
        ("127.0.0.1", everywhere),
        ("127.9.9.9", everywhere),
        ("::1", everywhere),
    ] {
        let verdict = verdict(address, &all, &[forbidden]);
        assert!(matches!(verdict, Err(Prohibited::Forbidden { .. })), "{address}: {verdict:?}");
    }
    assert_eq!(verdict("127.0.0.1", &all, &[elsewhere]), Ok(()));
    assert_eq!(verdict("127.0.0.2", &all, &[hub]), Ok(()));
}

/// The kernel's answer for the one address that every machine has.
#[test]
fn this_machine_knows_its_own_addresses() {
    assert!(own::has("127.0.0.1".parse().unwrap()));
    assert!(!own::has("192.0.2.1".parse().unwrap()));
}

proptest::proptest! {
    /// A second, naive reading: whatever IPv6 address is permitted begins with 2 or 3, or is NAT64 of a permitted one.
    #[test]
    fn nothing_but_global_unicast_is_permitted(bits: u128, prefix in 0..8usize) {
        let heads: [u128; 8] = [0, 0x64_ff9b << 96, 0xffff << 32, 0xffff_u128 << 48, 0x2001 << 112, 0x2002 << 112, 0xfe80 << 112, 0x64_ff9b_0001 << 80];
        let bits = heads[prefix] | bits & 0xffff_ffff_ffff;
        let address = IpAddr::V6(bits.into());
        if verdict(&address.to_string(), &[], &[]).is_ok() {
            let nat64 = bits >> 32 == 0x64_ff9b_u128 << 64;
            let inner = IpAddr::V4(u32::try_from(bits & 0xffff_ffff).unwrap().into());
            proptest::prop_assert!(bits >> 125 == 1 || nat64 && verdict(&inner.to_string(), &[], &[]).is_ok());
        }
    }
}
