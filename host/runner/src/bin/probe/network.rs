//! Sockets of every family: the container has no network, and no call that would make a socket either.

use crate::{Attempt, system_call, verdict};

const STREAM: i32 = libc::SOCK_STREAM;
const DATAGRAM: i32 = libc::SOCK_DGRAM;
const RAW: i32 = libc::SOCK_RAW;
const PACKETS: i32 = libc::SOCK_SEQPACKET;

pub(crate) const ATTEMPTS: &[Attempt] = calls! {
    [
        ("bind an abstract name", |lock| named(libc::SYS_bind, b"\0safeclaw", lock)),
        ("connect to an abstract name", |lock| named(libc::SYS_connect, b"\0/containerd", lock)),
        ("connect to the engine", |lock| named(libc::SYS_connect, b"/var/run/docker.sock\0", lock)),
    ]
    "socket AF_UNIX": libc::SYS_socket, libc::AF_UNIX, STREAM;
    "socket AF_UNIX datagram": libc::SYS_socket, libc::AF_UNIX, DATAGRAM;
    "socket AF_UNIX packets": libc::SYS_socket, libc::AF_UNIX, PACKETS;
    "socketpair": libc::SYS_socketpair, libc::AF_UNIX, STREAM;
    "socket AF_INET": libc::SYS_socket, libc::AF_INET, STREAM;
    "socket AF_INET UDP": libc::SYS_socket, libc::AF_INET, DATAGRAM;
    "socket AF_INET ping": libc::SYS_socket, libc::AF_INET, DATAGRAM, libc::IPPROTO_ICMP;
    "socket AF_INET raw": libc::SYS_socket, libc::AF_INET, RAW, libc::IPPROTO_ICMP;
    "socket AF_INET MPTCP": libc::SYS_socket, libc::AF_INET, STREAM, 262;
    "socket AF_INET SCTP": libc::SYS_socket, libc::AF_INET, STREAM, libc::IPPROTO_SCTP;
    "socket AF_INET6": libc::SYS_socket, libc::AF_INET6, STREAM;
    "socket AF_INET6 UDP": libc::SYS_socket, libc::AF_INET6, DATAGRAM;
    "socket AF_NETLINK": libc::SYS_socket, libc::AF_NETLINK, RAW;
    "socket AF_NETLINK audit": libc::SYS_socket, libc::AF_NETLINK, RAW, 9;
    "socket AF_NETLINK netfilter": libc::SYS_socket, libc::AF_NETLINK, RAW, 12;
    "socket AF_PACKET": libc::SYS_socket, libc::AF_PACKET, RAW, 0x0300;
    "socket AF_VSOCK": libc::SYS_socket, libc::AF_VSOCK, STREAM;
    "socket AF_ALG": libc::SYS_socket, libc::AF_ALG, PACKETS;
    "socket AF_KEY": libc::SYS_socket, libc::AF_KEY, RAW, 2;
    "socket AF_CAN": libc::SYS_socket, libc::AF_CAN, RAW, 1;
    "socket AF_BLUETOOTH": libc::SYS_socket, libc::AF_BLUETOOTH, RAW, 1;
    "socket AF_TIPC": libc::SYS_socket, libc::AF_TIPC, STREAM;
    "socket AF_RDS": libc::SYS_socket, libc::AF_RDS, PACKETS;
    "socket AF_XDP": libc::SYS_socket, libc::AF_XDP, RAW;
    "socket of family 0": libc::SYS_socket;
    "socket of family 9999": libc::SYS_socket, 9999, STREAM;
    "bind": libc::SYS_bind;
    "listen": libc::SYS_listen;
    "accept": libc::SYS_accept;
    "accept4": libc::SYS_accept4;
    "connect": libc::SYS_connect;
    "sendto": libc::SYS_sendto;
    "sendmsg": libc::SYS_sendmsg;
    "sendmmsg": libc::SYS_sendmmsg;
    "recvfrom": libc::SYS_recvfrom;
    "recvmsg": libc::SYS_recvmsg;
    "recvmmsg": libc::SYS_recvmmsg;
    "getsockname": libc::SYS_getsockname;
    "getsockopt": libc::SYS_getsockopt;
    "setsockopt": libc::SYS_setsockopt;
    "shutdown": libc::SYS_shutdown;
};

/// A Unix address on a socket, if one can be made, and on standard input, which could be one.
fn named(call: i64, name: &[u8], lock: &dyn Fn()) -> String {
    let mut address = vec![libc::AF_UNIX as u8, 0];
    address.extend_from_slice(name);
    lock();
    let socket = system_call(libc::SYS_socket, six([libc::AF_UNIX, STREAM, 0])).unwrap_or(0);
    verdict(system_call(call, [socket as usize, address.as_ptr() as usize, address.len(), 0, 0, 0]))
}

fn six(three: [i32; 3]) -> [usize; 6] {
    crate::calls::six(&three.map(|number| number as usize))
}
