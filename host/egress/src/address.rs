//! Whom nobody may be sent to. A name is its owner's, and so are the addresses that it has: an owner can point it at
//! this machine, at the network it stands in, or at the place where a cloud keeps its keys.

mod forms;
mod own;
mod table;

use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What an operator, or the hub itself, takes out of reach of every tool; no grant brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// Every port of these addresses.
    Net(IpNet),
    /// A listener. One on an unspecified address is on all of this machine's.
    Listener(SocketAddr),
}

/// Why an address is not connected to. Its words are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Prohibited {
    /// Special-purpose, and not named by the grant.
    #[error("{address} is {what}; a grant that says `private = [\"{}\"]` would let it through", IpNet::from(*.address))]
    Special { address: IpAddr, what: &'static str },
    /// Whatever a grant says.
    #[error("{address} is {what}, and no grant can let it through")]
    Never { address: IpAddr, what: &'static str },
    /// Listed in the hub's configuration, or the hub itself.
    #[error("{address} is forbidden by the hub's configuration, or is the hub or its container engine")]
    Forbidden { address: SocketAddr },
    /// An interface of this machine has it.
    #[error("{address} is this machine's own; a grant that says `private = [\"{}\"]` would let it through", IpNet::from(*.address))]
    Own { address: IpAddr },
}

/// Whether a connection may be made. All forms of the address are judged: one that carries another (mapped,
/// translated, tunnelled) may lead to the one that it carries, wherever such a translator stands.
pub(crate) fn judge(address: SocketAddr, private: &BTreeSet<IpNet>, forbidden: &[Forbidden]) -> Result<(), Prohibited> {
    for form in forms::of(address.ip()) {
        if let Some(what) = table::never(form) {
            return Err(Prohibited::Never { address: form, what });
        }
        let form = SocketAddr::new(form, address.port());
        if forbidden.iter().any(|one| is_forbidden(one, form)) {
            return Err(Prohibited::Forbidden { address: form });
        }
        let form = form.ip();
        if private.iter().any(|range| range.contains(&form)) {
            continue;
        }
        if let Some(what) = table::special(form) {
            // Where one in IPv4 is meant, it is written in IPv4: no grant can name this form.
            let mapped = matches!(form, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
            let why = if mapped {
                Prohibited::Never { address: form, what }
            } else {
                Prohibited::Special { address: form, what }
            };
            return Err(why);
        }
        if own::has(form) {
            return Err(Prohibited::Own { address: form });
        }
    }
    Ok(())
}

fn is_forbidden(forbidden: &Forbidden, address: SocketAddr) -> bool {
    match forbidden {
        Forbidden::Net(net) => net.contains(&address.ip()),
        // A listener on `[::]` hears IPv4 as well.
        Forbidden::Listener(listener) if listener.ip().is_unspecified() => {
            listener.port() == address.port() && (address.ip().is_loopback() || own::has(address.ip()))
        }
        Forbidden::Listener(listener) => *listener == address,
    }
}

#[cfg(test)]
mod tests;
