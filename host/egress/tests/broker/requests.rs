//! What a server hears: the request that was granted, and nothing that a guest smuggles into it.

use super::support::server::{Server, Step, ok, say};
use super::support::{Ask, Desk, Guest, World, http};
use protocol::HttpFault::BadRequest;

#[tokio::test]
async fn a_request_is_sent_as_it_was_granted() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(ok("fine")).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let origin = format!("http://a.test:{}", server.address.port());
    let ask = Ask::get(format!("{origin}/p/%C3%BC?q=a/../b&r=%2f"))
        .header("accept", "text/plain")
        .header("expect", "100-continue");
    assert_eq!(guest.ask(&ask).await.text(), "fine");
    let expected = format!(
        "GET /p/%C3%BC?q=a/../b&r=%2f HTTP/1.1\r\nhost: a.test:{}\r\naccept: text/plain\r\naccept-encoding: identity\r\n\
         user-agent: safeclaw/{}\r\n\r\n",
        server.address.port(),
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(server.heard(), expected);
}

/// Response and request splitting: what would begin a second header, request or body is no header at all.
#[tokio::test]
async fn nothing_is_smuggled_into_it() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(ok("fine")).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let url = format!("http://a.test:{}/", server.address.port());
    for (name, value) in [
        ("accept", "a\r\nauthorization: Bearer x"),
        ("accept", "a\r\n\r\nGET /admin HTTP/1.1\r\nhost: a.test"),
        ("accept\r\nx", "a"),
        ("accept: a\r\nx", "a"),
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive, authorization"),
        ("host", "b.test"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-http-method-override", "DELETE"),
        ("cookie", "a=b"),
        ("authorization", "Bearer mine"),
        ("proxy-authorization", "Basic x"),
    ] {
        assert_eq!(guest.ask(&Ask::get(&url).header(name, value)).await.fault, Some(BadRequest), "{name}: {value}");
    }
    for path in ["/a b", "/a\r\nx: y", "/../x", "/%2e%2e/x", "//x", "/a\\b", "/x#y", "/\u{fc}"] {
        let url = format!("http://a.test:{}{path}", server.address.port());
        assert_eq!(guest.ask(&Ask::get(url)).await.fault, Some(BadRequest), "{path}");
    }
    assert!(server.connections().is_empty());
}

#[tokio::test]
async fn bodies_are_framed_by_us() {
    let world = World::new().await;
    world.dns.here("a.test");
    for (ask, head, body) in [
        // A length that was said, none that was, and no body at all.
        (Ask::post("", "body").header("content-length", "4"), "content-length: 4\r\n", "body"),
        (Ask::post("", "body"), "transfer-encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
        (Ask::post("", ""), "content-length: 0\r\n", ""),
        (Ask { body: None, ..Ask::post("", "") }, "content-length: 0\r\n", ""),
        (Ask::post("", "").method("GET"), "GET / ", ""),
        (Ask::post("", "body").method("GET"), "transfer-encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
    ] {
        let server =
            Server::plain(vec![Step::Head, Step::Read(body.len()), say("HTTP/1.1 204 No Content\r\n\r\n")]).await;
        let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
        let ask = Ask { url: format!("http://a.test:{}/", server.address.port()), ..ask };
        assert_eq!(guest.ask(&ask).await.status, Some(204));
        let heard = server.heard();
        let (given, rest) = heard.split_once("\r\n\r\n").unwrap();
        assert!(format!("{given}\r\n").contains(head) && rest == body, "{heard}");
        let both = given.contains("content-length") && given.contains("transfer-encoding");
        assert!(!both && (ask.method != "GET" || !given.contains("content-length")), "{heard}");
    }
}

/// An answer that comes before the request's end is passed on, and the rest is not sent.
#[tokio::test]
async fn an_early_answer_is_an_answer() {
    let world = World::new().await;
    world.dns.here("a.test");
    let answer = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
    let server = Server::plain(vec![Step::Head, say(answer), Step::Hold]).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let url = format!("http://a.test:{}/", server.address.port());
    let ask = Ask { ends: false, ..Ask::post(&url, "begun").header("content-length", "50000") };
    let reply = guest.ask(&ask).await;
    assert_eq!((reply.status, reply.text().as_str(), reply.fault), (Some(413), "no", None));
    // What was begun on it cannot be finished: it is not kept.
    server.until(|all| all.iter().all(|one| one.over)).await;
}

/// A body that the guest breaks off never looks finished.
#[tokio::test]
async fn a_body_that_is_broken_off_is_not_ended() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(vec![Step::Head, Step::Hold]).await;
    let desk = Desk::new([http("a.test", &server)]);
    let guest = Guest::new(&world, &desk);
    let url = format!("http://a.test:{}/", server.address.port());
    let mut pending = guest.begin(&Ask { ends: false, ..Ask::post(&url, "half of it") }).await;
    pending.send();
    server.until(|all| all.iter().any(|one| one.text().contains("half of it"))).await;
    pending.far.drop_it();
    server.until(|all| all.iter().all(|one| one.over)).await;
    assert!(!server.heard().ends_with("0\r\n\r\n"), "{}", server.heard());
    desk.until(|told| told.ended == egress::Ended::Dropped).await;
}
