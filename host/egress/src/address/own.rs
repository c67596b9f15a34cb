//! This machine's own addresses, public ones too: behind them listen services that trust whoever comes from here.
//!
//! The kernel is asked each time, since interfaces come and go: a socket can be bound to an address of this machine
//! and to no other.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Whether an address is this machine's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    /// Where `ip_nonlocal_bind` is set the question has no answer: everything can be bound.
    known: bool,
}

impl Own {
    /// Finds out whether the question can be asked.
    pub(crate) fn new() -> Self {
        // Documentation's (RFC 5737): nobody has it.
        let known = !binds(Ipv4Addr::new(192, 0, 2, 1).into());
        if !known {
            tracing::warn!(
                "net.ipv4.ip_nonlocal_bind is set: this machine's own public addresses cannot be told from others; \
                 list them under `forbidden`"
            );
        }
        Self { known }
    }

    /// Whether an interface has it.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        self.known && binds(address)
    }
}

fn binds(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
