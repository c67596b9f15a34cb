//! This machine's own addresses, public ones too: behind them listen services that trust whoever comes from here.
//!
//! The kernel is asked each time, since interfaces come and go. It is asked by the way of a packet that is never sent:
//! to one of its own addresses this machine speaks from that very address. (To bind to it would tell as well, and a
//! hub that serves has given that up.)

use rustix::io::Errno;
use std::net::{IpAddr, SocketAddr};

/// Whether an interface of this machine has it. Where the kernel knows no way to an address it is nobody's; where it
/// does not answer, for want of descriptors perhaps, it is taken for one.
pub(crate) fn has(address: IpAddr) -> bool {
    let from = || -> rustix::io::Result<SocketAddr> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, getsockname, socket_with};
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        // Any port but none: nothing is sent.
        connect(&socket, &SocketAddr::new(address, 9))?;
        getsockname(&socket)?.try_into()
    };
    address.is_loopback()
        || match from() {
            Ok(from) => from.ip() == address,
            Err(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT) => false,
            Err(_) => true,
        }
}
