//! Where a name leads: addresses that nobody may be sent to, and answers that change.

use super::support::dns::{Says, addresses_of};
use super::support::server::{Server, ok};
use super::support::{Ask, Desk, Guest, World, http};
use egress::Forbidden;
use protocol::HttpFault::{AddressProhibited, BadRequest, Denied, NoAddress};

#[tokio::test]
async fn no_name_leads_to_where_nobody_may_be_sent() {
    let world = World::new().await;
    let server = Server::plain(ok("inside")).await;
    let many: Vec<String> = (1..=33).map(|n| format!("127.0.1.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let rows: Vec<(&str, Says, protocol::HttpFault)> = vec![
        ("loopback", addresses_of(&["127.0.0.1"]), AddressProhibited),
        ("metadata", addresses_of(&["169.254.169.254"]), AddressProhibited),
        ("a mix, first", addresses_of(&["127.0.0.1", "1.1.1.1"]), AddressProhibited),
        ("a mix, last", addresses_of(&["1.1.1.1", "127.0.0.1"]), AddressProhibited),
        ("a mix of families", addresses_of(&["1.1.1.1", "::1"]), AddressProhibited),
        ("mapped", addresses_of(&["::ffff:127.0.0.1"]), AddressProhibited),
        ("NAT64", addresses_of(&["64:ff9b::7f00:1"]), AddressProhibited),
        ("6to4", addresses_of(&["2002:7f00:1::1"]), AddressProhibited),
        ("private", addresses_of(&["10.0.0.1"]), AddressProhibited),
        ("unspecified", addresses_of(&["0.0.0.0"]), AddressProhibited),
        ("too many", addresses_of(&many), NoAddress),
        ("none", addresses_of(&[]), NoAddress),
        ("its own alias", Says::Alias("a.test"), NoAddress),
    ];
    for (name, says, expected) in rows {
        world.dns.says("a.test", [says]);
        let mut grant = http("a.test", &server);
        grant.private = [].into();
        let desk = Desk::new([grant]);
        let reply = Guest::new(&world, &desk).ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!(reply.fault, Some(expected), "{name}: {}", desk.why());
        // Nothing was about to be sent.
        assert_eq!(desk.told().len(), 1, "{name}");
    }
    assert!(server.connections().is_empty());
}

#[tokio::test]
async fn a_name_that_nobody_answers_for_has_no_address() {
    let world = World::new().await;
    let server = Server::plain(ok("inside")).await;
    for (name, says) in [("silence", Some(Says::Nothing)), ("garbage", Some(Says::Garbage)), ("no such name", None)] {
        world.dns.says("a.test", says);
        let mut grant = http("a.test", &server);
        grant.first_byte_ms = 500;
        let desk = Desk::new([grant]);
        let reply = Guest::new(&world, &desk).ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!(reply.fault, Some(NoAddress), "{name}: {}", desk.why());
    }
}

/// Rebinding: what is checked is what is connected to, since nobody asks twice.
#[tokio::test]
async fn a_name_is_resolved_once_for_a_request() {
    let world = World::new().await;
    let server = Server::plain(ok("fine")).await;
    world.dns.says("a.test", [addresses_of(&["127.0.0.1"]), addresses_of(&["169.254.169.254"])]);
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
    assert_eq!((reply.text().as_str(), world.dns.asked("a.test")), ("fine", 1));
}

/// A connection that is kept leads nowhere once the name does not.
#[tokio::test]
async fn a_name_is_resolved_anew_for_each_request() {
    let world = World::new().await;
    let server = Server::plain(ok("fine")).await;
    world.dns.says(
        "a.test",
        [addresses_of(&["127.0.0.1"]), addresses_of(&["127.0.0.1"]), addresses_of(&["169.254.169.254"])],
    );
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let ask = Ask::get(format!("http://a.test:{}/", server.address.port()));
    assert_eq!(guest.ask(&ask).await.text(), "fine");
    assert_eq!(guest.ask(&ask).await.text(), "fine");
    assert_eq!(server.connections().len(), 1);
    assert_eq!(guest.ask(&ask).await.fault, Some(AddressProhibited));
    assert_eq!((server.connections().len(), world.dns.asked("a.test")), (1, 3));
}

#[tokio::test]
async fn what_is_forbidden_is_out_of_reach_of_every_grant() {
    let server = Server::plain(ok("the hub")).await;
    for forbidden in [
        Forbidden::Listener(server.address),
        Forbidden::Listener(format!("0.0.0.0:{}", server.address.port()).parse().unwrap()),
        Forbidden::Net("127.0.0.0/8".parse().unwrap()),
    ] {
        let world = World::with(vec![forbidden], "").await;
        world.dns.here("a.test");
        let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
        let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!(reply.fault, Some(AddressProhibited), "{forbidden:?}");
    }
    assert!(server.connections().is_empty());
}

/// Whoever writes an address in place of a name is asked the same.
#[tokio::test]
async fn addresses_in_urls_are_judged_and_odd_ones_are_none() {
    let world = World::new().await;
    let server = Server::plain(ok("inside")).await;
    let port = server.address.port();
    let ask = async |host: &str, granted: &str, private: &[&str]| {
        let mut grant = http(granted, &server);
        grant.private = private.iter().map(|range| range.parse().unwrap()).collect();
        Guest::new(&world, &Desk::new([grant])).ask(&Ask::get(format!("http://{host}:{port}/"))).await.fault
    };
    assert_eq!(ask("127.0.0.1", "127.0.0.1", &["127.0.0.1/32"]).await, None);
    assert_eq!(server.connections().len(), 1);
    for host in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00:ec2::254]"] {
        assert_eq!(ask(host, host, &[]).await, Some(AddressProhibited), "{host}");
    }
    assert_eq!(ask("169.254.169.254", "169.254.169.254", &["0.0.0.0/0"]).await, Some(AddressProhibited));
    for odd in [
        "0x7f.1",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::1%25lo]",
        "a@127.0.0.1",
        "127.0.0.1%2f",
        "%31%32%37.0.0.1",
        "LOCALHOST",
        "１２７.0.0.1",
        "[0:0:0:0:0:0:0:1]",
    ] {
        assert_eq!(ask(odd, "127.0.0.1", &["127.0.0.0/8", "::1/128"]).await, Some(BadRequest), "{odd}");
    }
    assert_eq!(ask("127.0.0.2", "127.0.0.1", &["127.0.0.0/8"]).await, Some(Denied));
    assert_eq!(server.connections().len(), 1);
}
