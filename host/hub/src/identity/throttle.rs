//! How often one address may come with a token that is none. Guessing leads nowhere, but each guess costs a
//! signature's check and a line in the log.
//!
//! Agents on one machine, or behind one proxy, share an address. So whoever was let in before is let in whatever its
//! address did ([`super::Identity::known`]): a stranger delays only those who come there for the first time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Failures of one address within [`WINDOW`] before it has to wait.
pub(crate) const FAILURES: u32 = 20;
/// From the first failure on.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
pub(crate) const ADDRESSES: usize = 4_096;

/// The failures of each address.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

impl Throttle {
    /// How long an address has to wait, if it has to.
    pub(crate) fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(&network(from)).filter(|failures| failures.count >= FAILURES)?;
        (failures.since + WINDOW).checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// One more failure.
    pub(crate) fn failed(&self, from: IpAddr, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = network(from);
        if !all.contains_key(&from) && all.len() >= ADDRESSES {
            all.retain(|_, failures| failures.since + WINDOW > now);
            if all.len() >= ADDRESSES {
                forget_one(&mut all);
            }
        }
        let failures = all.entry(from).or_insert(Failures { since: now, count: 0 });
        if failures.since + WINDOW <= now {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }
}

/// The one with the fewest failures, and of those the oldest: with many addresses one cannot make the hub forget the
/// one that waits.
fn forget_one(all: &mut HashMap<IpAddr, Failures>) {
    let least = all.iter().min_by_key(|(_, failures)| (failures.count, failures.since)).map(|(from, _)| *from);
    if let Some(from) = least {
        all.remove(&from);
    }
}

/// An IPv6 customer has a /64 at least, and could be a new address with each try.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::from(u64::MAX)))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(n))
    }

    #[test]
    fn one_address_waits_and_others_do_not() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(throttle.wait(HERE, now), None);
            throttle.failed(HERE, now);
        }
        assert_eq!(throttle.wait(HERE, now), Some(WINDOW));
        assert_eq!(throttle.wait(address(7), now), None);
        let later = now + WINDOW;
        assert_eq!(throttle.wait(HERE, later), None);
        throttle.failed(HERE, later);
        assert_eq!(throttle.wait(HERE, later), None);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_ipv4_within_it_is_ipv4() {
        let parse = |text: &str| network(text.parse().unwrap_or(HERE));
        assert_eq!(parse("2001:db8:1:2::1"), parse("2001:db8:1:2:ffff::9"));
        assert_ne!(parse("2001:db8:1:2::1"), parse("2001:db8:1:3::1"));
        assert_eq!(parse("::ffff:192.0.2.1"), parse("192.0.2.1"));
    }

    #[test]
    fn the_table_is_bounded_and_who_waits_is_not_forgotten_for_many_others() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..FAILURES {
            throttle.failed(HERE, now);
        }
        for n in 0..2 * ADDRESSES as u32 {
            throttle.failed(address(n), now);
        }
        let many = throttle.0.lock().map(|all| all.len()).unwrap_or_default();
        assert_eq!(many, ADDRESSES);
        assert_eq!(throttle.wait(HERE, now), Some(WINDOW));
    }
}
