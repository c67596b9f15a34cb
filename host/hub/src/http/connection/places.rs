//! So many connections for each remote address. The table holds addresses that have something open, and so has
//! at most as many entries as the door has connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everyone's places.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    each: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Option<(Places, IpAddr)>);

impl Places {
    pub(crate) fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// A place; `None` when this address has all of its own. This machine's own addresses are not counted: each
    /// stands for everybody here.
    pub(crate) fn take(&self, remote: IpAddr) -> Option<Place> {
        if remote.is_loopback() {
            return Some(Place(None));
        }
        let network = network(remote);
        let mut taken = self.lock();
        let count = taken.entry(network).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Place(Some((self.clone(), network))))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, network)) = &self.0 else { return };
        let mut taken = places.lock();
        if let Some(count) = taken.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(network);
            }
        }
    }
}

/// What one customer of a provider has: an address, or a /64 of IPv6, in which it chooses freely.
fn network(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_takes_its_own_places_and_nobody_elses() {
        let places = Places::new(2);
        let (first, _second) = (places.take(ip("192.0.2.1")).unwrap(), places.take(ip("192.0.2.1")).unwrap());
        assert!(places.take(ip("192.0.2.1")).is_none());
        // The same one, as an IPv6 socket shows it.
        assert!(places.take(ip("::ffff:192.0.2.1")).is_none());
        let _other = places.take(ip("192.0.2.2")).unwrap();
        drop(first);
        assert!(places.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn who_has_a_network_has_one_address() {
        let places = Places::new(1);
        let _first = places.take(ip("2001:db8:1:2::1")).unwrap();
        assert!(places.take(ip("2001:db8:1:2:ffff:ffff:ffff:ffff")).is_none());
        assert!(places.take(ip("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn the_table_forgets_who_has_gone() {
        let places = Places::new(1);
        for n in 0..10_000_u32 {
            drop(places.take(IpAddr::V4(n.wrapping_mul(40_503).into())));
        }
        assert!(places.lock().is_empty());
    }

    #[test]
    fn this_machine_is_not_counted() {
        let places = Places::new(1);
        let _open = [places.take(ip("127.0.0.1")).unwrap(), places.take(ip("::1")).unwrap()];
        assert!(places.take(ip("127.0.0.1")).is_some());
        assert!(places.lock().is_empty());
    }
}
