//! Whose connections are whose, and when they end.

use super::support::server::{Server, Step, answers, ok, say};
use super::support::{Ask, Desk, Guest, World, http};
use egress::Ended;

#[tokio::test]
async fn a_connection_is_kept_for_its_principal_alone() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(ok("fine")).await;
    let desk = Desk::new([http("a.test", &server)]);
    let ask = Ask::get(format!("http://a.test:{}/", server.address.port()));
    for (principal, session, connections) in
        [("ann", "1", 1), ("ann", "1", 1), ("ann", "2", 1), ("bob", "3", 2), ("ann", "1", 2), ("bob", "3", 2)]
    {
        let guest = Guest::of(&world, &desk, session, principal);
        assert_eq!(guest.ask(&ask).await.text(), "fine");
        assert_eq!(server.connections().len(), connections, "{principal}");
    }
    world.broker.forget("1");
    server.until(|all| all.iter().filter(|one| one.over).count() == 1).await;
    assert_eq!(Guest::of(&world, &desk, "2", "ann").ask(&ask).await.text(), "fine");
    assert_eq!(server.connections().len(), 3);
}

/// A request with a body is no reason to connect anew.
#[tokio::test]
async fn a_connection_is_kept_after_a_body_too() {
    let world = World::new().await;
    world.dns.here("a.test");
    let answer = say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let server = Server::plain(vec![Step::Head, Step::Read(4), answer, Step::Again]).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let url = format!("http://a.test:{}/", server.address.port());
    for _ in 0..5 {
        let reply = guest.ask(&Ask::post(&url, "body").header("content-length", "4")).await;
        assert_eq!(reply.text(), "ok");
    }
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_made_again() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(vec![Step::Head, say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")]).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let ask = Ask::get(format!("http://a.test:{}/", server.address.port()));
    for _ in 0..5 {
        assert_eq!(guest.ask(&ask).await.text(), "ok");
    }
    assert_eq!(server.connections().len(), 5);
}

#[tokio::test]
async fn a_server_that_says_close_is_believed() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(answers("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let ask = Ask::get(format!("http://a.test:{}/", server.address.port()));
    for _ in 0..2 {
        assert_eq!(guest.ask(&ask).await.text(), "ok");
    }
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test]
async fn a_guest_that_wants_no_more_closes_the_connection() {
    let world = World::new().await;
    world.dns.here("a.test");
    for steps in [
        vec![Step::Head, Step::Hold],
        vec![Step::Head, say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"), Step::Hold],
    ] {
        let server = Server::plain(steps).await;
        let desk = Desk::new([http("a.test", &server)]);
        let guest = Guest::new(&world, &desk);
        let mut pending = guest.begin(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        server.until(|all| all.iter().any(|one| !one.heard.is_empty())).await;
        pending.far.drop_it();
        server.until(|all| all.iter().all(|one| one.over)).await;
        desk.until(|told| told.ended == Ended::Dropped).await;
        // Whoever comes next gets a connection of its own.
        let _next = guest.begin(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        server.until(|all| all.len() == 2).await;
    }
}

#[tokio::test]
async fn a_call_that_ends_closes_every_connection_of_it_and_each_is_told() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(vec![Step::Head, Step::Hold]).await;
    let desk = Desk::new([http("a.test", &server)]);
    let guest = Guest::new(&world, &desk);
    let ask = Ask::get(format!("http://a.test:{}/", server.address.port()));
    let mut pending = Vec::new();
    for _ in 0..20 {
        pending.push(guest.begin(&ask).await);
    }
    server.until(|all| all.iter().filter(|one| !one.heard.is_empty()).count() == 20).await;
    guest.serving.abort();
    server.until(|all| all.iter().all(|one| one.over)).await;
    for one in pending {
        let id = one.id;
        desk.until(|told| told.request == id && told.ended == Ended::Dropped).await;
        assert_eq!(one.reply().await.fault, Some(protocol::HttpFault::CallEnded));
    }
}

/// Those who wait keep nobody else waiting.
#[tokio::test]
async fn two_hundred_slow_ones_are_beside_a_quick_one() {
    let world = World::new().await;
    world.dns.here("slow.test");
    world.dns.here("quick.test");
    let (slow, quick) = (Server::plain(vec![Step::Head, Step::Hold]).await, Server::plain(ok("quick")).await);
    let desk = Desk::new([http("slow.test", &slow), http("quick.test", &quick)]);
    let guest = Guest::new(&world, &desk);
    let mut pending = Vec::new();
    for _ in 0..200 {
        pending.push(guest.begin(&Ask::get(format!("http://slow.test:{}/", slow.address.port()))).await);
    }
    slow.until(|all| all.iter().filter(|one| !one.heard.is_empty()).count() == 200).await;
    let reply = guest.ask(&Ask::get(format!("http://quick.test:{}/", quick.address.port()))).await;
    assert_eq!(reply.text(), "quick");
    // Not one of them is over.
    assert!(pending.iter_mut().all(|one| one.frames.try_recv().is_err()));
    assert!(slow.connections().iter().all(|one| !one.over));
}

#[tokio::test]
async fn a_call_is_over_when_its_requests_are() {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(ok("fine")).await;
    let desk = Desk::new([http("a.test", &server)]);
    let guest = Guest::new(&world, &desk);
    let pending = guest.begin(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
    let (reply, ()) = tokio::join!(pending.reply(), guest.close());
    assert_eq!(reply.text(), "fine");
}
