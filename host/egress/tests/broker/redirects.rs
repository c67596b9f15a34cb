//! Answers that point elsewhere. Each step is authorised like a request.

use super::support::server::{Server, Step, answers, ok, say};
use super::support::{Ask, Desk, Guest, World, http};
use egress::Ended;
use manifest::http::HttpGrant;
use protocol::HttpFault::{self, AddressProhibited, Denied, Redirects};

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

fn follows(grant: HttpGrant, redirects: u8) -> HttpGrant {
    HttpGrant { redirects, ..grant }
}

#[tokio::test]
async fn nobody_is_led_to_where_no_grant_is() {
    let world = World::new().await;
    let inside = Server::plain(ok("inside")).await;
    let port = inside.address.port();
    world.dns.here("a.test");
    world.dns.addresses("meta.test", &["169.254.169.254"]);
    world.dns.here("b.test");
    let rows: Vec<(&str, String, HttpFault)> = vec![
        ("metadata", "http://169.254.169.254/latest/".to_owned(), Denied),
        ("metadata by a name that is granted", format!("http://meta.test:{port}/"), AddressProhibited),
        ("another port", format!("http://a.test:{port}/"), Denied),
        ("another host", format!("http://b.test:{port}/"), Denied),
        ("loopback", format!("http://127.0.0.1:{port}/"), Denied),
        ("another scheme", "https://a.test/".to_owned(), Denied),
        ("a file", "file:///etc/passwd".to_owned(), Redirects),
        ("FTP", "ftp://a.test/".to_owned(), Redirects),
        ("a user", format!("http://user@b.test:{port}/"), Redirects),
        ("itself", "/begin".to_owned(), Redirects),
        ("itself, in full", "?".to_owned(), Redirects),
        ("another path, again and again", "/again".to_owned(), Redirects),
        ("a path that is not granted", "/admin".to_owned(), Denied),
        ("two places", "/x\r\nlocation: /y".to_owned(), HttpFault::Protocol),
    ];
    for (name, location, expected) in rows {
        let server = Server::plain(answers(&to(302, &location))).await;
        let mut grant = follows(http("a.test", &server), 3);
        grant.paths = ["/begin", "/again", "/x"].map(|path| path.to_owned().try_into().unwrap()).into();
        let meta = follows(http("meta.test", &inside), 3);
        let desk = Desk::new([grant, meta]);
        let ask = Ask::get(format!("http://a.test:{}/begin", server.address.port()));
        let reply = Guest::new(&world, &desk).ask(&ask).await;
        assert_eq!(reply.fault, Some(expected), "{name}: {}", desk.why());
        // The guest hears nothing of an answer that was followed.
        assert_eq!(reply.status, None, "{name}");
    }
    assert!(inside.connections().is_empty());
}

#[tokio::test]
async fn no_more_than_are_granted_are_followed() {
    let world = World::new().await;
    world.dns.here("a.test");
    let last = Server::plain(ok("there")).await;
    let second = Server::plain(answers(&to(302, &format!("http://a.test:{}/3", last.address.port())))).await;
    let first = Server::plain(answers(&to(302, &format!("http://a.test:{}/2", second.address.port())))).await;
    for (granted, fault) in [(1, Some(Redirects)), (2, None)] {
        // Of later ones any number: only the first one's counts.
        let grants =
            [follows(http("a.test", &first), granted), follows(http("a.test", &second), 9), http("a.test", &last)];
        let desk = Desk::new(grants);
        let ask = Ask::get(format!("http://a.test:{}/1", first.address.port()));
        let reply = Guest::new(&world, &desk).ask(&ask).await;
        assert_eq!(reply.fault, fault);
        if fault.is_none() {
            assert_eq!(reply.text(), "there");
            let hops: Vec<(u8, Ended)> = desk.told().into_iter().map(|told| (told.hop, told.ended)).collect();
            let (asks, answers) = (Ended::Requested, Ended::Answered);
            assert_eq!(
                hops,
                [
                    (0, asks.clone()),
                    (0, answers(302)),
                    (1, asks.clone()),
                    (1, answers(302)),
                    (2, asks),
                    (2, answers(200))
                ]
            );
        }
    }
}

#[tokio::test]
async fn each_step_counts_and_is_bounded_like_a_request() {
    let world = World::new().await;
    world.dns.here("a.test");
    let last = Server::plain(ok("there")).await;
    let first = Server::plain(answers(&to(307, &format!("http://a.test:{}/2", last.address.port())))).await;
    let ask = Ask::post(format!("http://a.test:{}/1", first.address.port()), "body").header("content-type", "a/b");
    let (here, there) = (follows(http("a.test", &first), 1), http("a.test", &last));
    let desk = Desk::new([here.clone(), there.clone()]);
    let reply = Guest::new(&world, &desk).ask(&ask).await;
    assert_eq!(reply.text(), "there", "{}", desk.why());
    let heard = last.heard();
    assert!(heard.starts_with("POST /2 HTTP/1.1\r\n") && heard.contains("content-type: a/b\r\n"), "{heard}");
    for (grant, expected) in [
        (HttpGrant { per_call: 0, ..there.clone() }, HttpFault::TooMany),
        (HttpGrant { methods: [manifest::http::Method::Get].into(), ..there.clone() }, Denied),
        (HttpGrant { approve: [manifest::http::Method::Post].into(), ..there.clone() }, Denied),
    ] {
        let desk = Desk::new([here.clone(), grant]);
        assert_eq!(Guest::new(&world, &desk).ask(&ask).await.fault, Some(expected), "{}", desk.why());
    }
}

/// A body that was not kept cannot be sent again, and is not made up.
#[tokio::test]
async fn a_large_body_is_not_sent_twice() {
    let world = World::new().await;
    world.dns.here("a.test");
    let last = Server::plain(ok("there")).await;
    for (status, size, fault) in [(307, 64 << 10, None), (307, (64 << 10) + 1, Some(Redirects)), (303, 200 << 10, None)]
    {
        let answer = to(status, &format!("http://a.test:{}/2", last.address.port()));
        let steps = vec![Step::Head, Step::Read(size), say(answer)];
        let first = Server::plain(steps).await;
        let mut grant = follows(http("a.test", &first), 1);
        grant.request_bytes = 1 << 20;
        let desk = Desk::new([grant, http("a.test", &last)]);
        let ask = Ask::post(format!("http://a.test:{}/1", first.address.port()), vec![b'x'; size])
            .header("content-length", size.to_string());
        assert_eq!(Guest::new(&world, &desk).ask(&ask).await.fault, fault, "{status} {size}: {}", desk.why());
    }
}

/// An answer that comes before the body was written: the rest of it is gone, and no empty one takes its place.
#[tokio::test]
async fn a_body_that_is_still_on_its_way_is_not_sent_empty() {
    let world = World::new().await;
    world.dns.here("a.test");
    for status in [307, 308] {
        let last = Server::plain(ok("there")).await;
        let answer = to(status, &format!("http://a.test:{}/2", last.address.port()));
        let first = Server::plain(vec![Step::Head, say(answer), Step::Hold]).await;
        let desk = Desk::new([follows(http("a.test", &first), 1), http("a.test", &last)]);
        let url = format!("http://a.test:{}/1", first.address.port());
        let ask = Ask { ends: false, ..Ask::post(url, "begun").header("content-length", "50000") };
        assert_eq!(Guest::new(&world, &desk).ask(&ask).await.fault, Some(Redirects), "{status}: {}", desk.why());
        assert!(last.connections().is_empty(), "{status}");
    }
}
