//! Certificates that say nothing of whom they are shown for, and what is no TLS.

use super::support::server::{Server, Step, ok, say, self_signed};
use super::support::{Ask, Authority, Desk, Guest, World, https};
use protocol::HttpFault::{ConnectTimeout, Connection, Tls};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SanType, date_time_ymd};

async fn fault(world: &World, server: &Server) -> Option<protocol::HttpFault> {
    world.dns.here("a.here.test");
    let mut grant = https("a.here.test", server);
    grant.first_byte_ms = 3_000;
    let desk = Desk::new([grant]);
    let ask = Ask::get(format!("https://a.here.test:{}/secret", server.address.port()));
    Guest::new(world, &desk).ask(&ask).await.fault
}

#[tokio::test]
async fn a_certificate_has_to_be_of_the_name_in_time_and_by_somebody_known() {
    let world = World::new().await;
    let stranger = Authority::new();
    let rows: Vec<(&str, _, bool)> = vec![
        ("its own", world.authority.acceptor("a.here.test"), true),
        ("a wildcard", world.authority.acceptor("*.here.test"), true),
        ("a wildcard over more", world.authority.acceptor("*.test"), false),
        ("another's", world.authority.acceptor("b.here.test"), false),
        ("one below", world.authority.acceptor("*.a.here.test"), false),
        (
            "expired",
            world.authority.with("a.here.test", |params: &mut CertificateParams| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }),
            false,
        ),
        (
            "not yet",
            world.authority.with("a.here.test", |params| {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2091, 1, 1);
            }),
            false,
        ),
        (
            "for clients",
            world.authority.with("a.here.test", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            false,
        ),
        (
            "of the address",
            world.authority.with("127.0.0.1", |params| {
                params.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())];
            }),
            false,
        ),
        ("by itself", self_signed("a.here.test"), false),
        ("by a stranger", stranger.acceptor("a.here.test"), false),
    ];
    for (name, acceptor, good) in rows {
        let server = Server::tls(ok("fine"), acceptor).await;
        assert_eq!(fault(&world, &server).await, (!good).then_some(Tls), "{name}");
        // Whoever is not known hears nothing.
        assert_eq!(!server.heard().is_empty(), good, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_tls_or_an_old_one_hears_nothing() {
    let world = World::new().await;
    // A ServerHello of TLS 1.1 (0x0302), as RFC 4346 has it, and the alert of a server that knows no other.
    let hello = {
        let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0x00, 0x2f, 0]);
        hello
    };
    for (name, steps, expected) in [
        ("TLS 1.1", vec![say(hello), Step::Hold], Tls),
        ("protocol_version", vec![say([21, 3, 1, 0, 2, 2, 70]), Step::Hold], Tls),
        ("HTTP", vec![say("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hold], Tls),
        ("the end", vec![], Connection),
        ("a reset", vec![Step::Read(1), Step::Reset], Connection),
        ("silence", vec![Step::Hold], ConnectTimeout),
    ] {
        let server = Server::plain(steps).await;
        assert_eq!(fault(&world, &server).await, Some(expected), "{name}");
        assert!(!server.heard().contains("GET"), "{name}");
    }
}

/// Of an address in a URL the certificate has to speak as well.
#[tokio::test]
async fn an_address_needs_a_certificate_of_its_own() {
    let world = World::new().await;
    for (acceptor, expected) in [
        (
            world.authority.with("a.here.test", |params| {
                params.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())];
            }),
            None,
        ),
        (world.authority.acceptor("a.here.test"), Some(Tls)),
    ] {
        let server = Server::tls(ok("fine"), acceptor).await;
        let guest = Guest::new(&world, &Desk::new([https("127.0.0.1", &server)]));
        let ask = Ask::get(format!("https://127.0.0.1:{}/", server.address.port()));
        assert_eq!(guest.ask(&ask).await.fault, expected);
    }
}
