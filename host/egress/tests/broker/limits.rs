//! Numbers of a grant, and what the governor says meanwhile.

use super::support::server::{Server, Step, answers, ok, say};
use super::support::{Ask, Desk, Guest, World, http};
use egress::{Approval, Ended};
use manifest::http::{HttpGrant, Method};
use protocol::HttpFault::{BadRequest, Budget, Denied, RequestTooLarge, ResponseTooLarge, TooMany, Unrecorded};
use sha2::Digest;
use std::sync::Arc;

/// A world with one server, and the URL of it.
async fn asked(steps: Vec<Step>) -> (World, Server, HttpGrant, String) {
    let world = World::new().await;
    world.dns.here("a.test");
    let server = Server::plain(steps).await;
    let (grant, url) = (http("a.test", &server), format!("http://a.test:{}/x", server.address.port()));
    (world, server, grant, url)
}

#[tokio::test]
async fn what_no_grant_covers_is_denied_and_the_operator_gets_the_line() {
    let (world, server, grant, url) = asked(ok("fine")).await;
    let mut narrow = grant.clone();
    narrow.methods = [Method::Get].into();
    narrow.paths = ["/y".to_owned().try_into().unwrap()].into();
    let desk = Desk::new([narrow]);
    assert_eq!(Guest::new(&world, &desk).ask(&Ask::get(&url)).await.fault, Some(Denied));
    let line = desk.why();
    assert!(line.contains("host = \"a.test\"") && line.contains("paths = [\"/x\"]"), "{line}");
    // Nothing at all.
    let desk = Desk::new([]);
    assert_eq!(Guest::new(&world, &desk).ask(&Ask::get(&url)).await.fault, Some(Denied));
    assert!(server.connections().is_empty());
    // A grant that comes counts at once, one that goes too.
    let desk = Desk::new([grant]);
    let guest = Guest::new(&world, &desk);
    assert_eq!(guest.ask(&Ask::get(&url)).await.fault, None);
    desk.grants.lock().unwrap().clear();
    assert_eq!(guest.ask(&Ask::get(&url)).await.fault, Some(Denied));
}

#[tokio::test]
async fn requests_are_counted() {
    let (world, server, grant, url) = asked(ok("fine")).await;
    let desk = Desk::new([HttpGrant { per_call: 2, per_minute: 3, ..grant.clone() }]);
    let guest = Guest::new(&world, &desk);
    let mut faults = Vec::new();
    for _ in 0..3 {
        faults.push(guest.ask(&Ask::get(&url)).await.fault);
    }
    assert_eq!(faults, [None, None, Some(TooMany)]);
    // The next call has its own two, and its session one more in this minute.
    let next = Guest::new(&world, &desk);
    assert_eq!(next.ask(&Ask::get(&url)).await.fault, None);
    assert_eq!(next.ask(&Ask::get(&url)).await.fault, Some(TooMany));
    // Another session has a minute of its own.
    let other = Guest::of(&world, &desk, "other", "principal");
    assert_eq!(other.ask(&Ask::get(&url)).await.fault, None);
    assert_eq!(server.heard().matches("GET /x").count(), 4);
}

#[tokio::test]
async fn requests_at_once_are_counted_until_they_are_over() {
    let (world, _server, grant, url) = asked(vec![Step::Head, Step::Hold]).await;
    let desk = Desk::new([HttpGrant { concurrent: 2, ..grant }]);
    let guest = Guest::new(&world, &desk);
    let mut one = guest.begin(&Ask::get(&url)).await;
    let _two = guest.begin(&Ask::get(&url)).await;
    desk.until(|told| told.request == 2 && told.ended == Ended::Requested).await;
    desk.until(|told| told.request == 1 && told.ended == Ended::Requested).await;
    assert_eq!(guest.ask(&Ask::get(&url)).await.fault, Some(TooMany));
    one.far.drop_it();
    desk.until(|told| told.request == 1 && told.ended == Ended::Dropped).await;
    let four = guest.begin(&Ask::get(&url)).await;
    desk.until(|told| told.request == four.id && told.ended == Ended::Requested).await;
}

#[tokio::test]
async fn a_body_has_a_size() {
    let (world, server, grant, url) = asked(vec![Step::Head, Step::Hold]).await;
    let desk = Desk::new([HttpGrant { request_bytes: 100_000, ..grant }]);
    let guest = Guest::new(&world, &desk);
    // Without a length it is noticed as it passes; the server never sees its end.
    let reply = guest.ask(&Ask::post(&url, vec![b'x'; 100_001])).await;
    assert_eq!(reply.fault, Some(RequestTooLarge(100_000)));
    server.until(|all| all.iter().all(|one| one.over)).await;
    let heard = server.heard();
    assert!(heard.contains("transfer-encoding: chunked") && !heard.ends_with("0\r\n\r\n"));
    // With one it does not even begin.
    let ask = Ask::post(&url, "x").header("content-length", "100001");
    assert_eq!(guest.ask(&ask).await.fault, Some(RequestTooLarge(100_000)));
    for (length, body) in [("3", "four"), ("5", "four"), ("0", "x")] {
        let ask = Ask::post(&url, body).header("content-length", length);
        assert_eq!(guest.ask(&ask).await.fault, Some(BadRequest), "{length}");
    }
    let ask = Ask { body: None, ..Ask::post(&url, "") }.header("content-length", "5");
    assert_eq!(guest.ask(&ask).await.fault, Some(BadRequest));
    let ask = Ask { trailers: vec![("x-a".to_owned(), b"b".to_vec())], ..Ask::post(&url, "body") };
    assert_eq!(guest.ask(&ask).await.fault, Some(BadRequest));
}

#[tokio::test]
async fn an_answer_has_a_size() {
    let body = "x".repeat(1_000);
    let (world, _server, grant, url) = asked(ok(&body)).await;
    for (most, fault) in [(1_000, None), (999, Some(ResponseTooLarge(999)))] {
        let desk = Desk::new([HttpGrant { response_bytes: most, ..grant.clone() }]);
        assert_eq!(Guest::new(&world, &desk).ask(&Ask::get(&url)).await.fault, fault);
    }
}

#[tokio::test]
async fn a_budget_ends_what_would_go_beyond_it() {
    let body = "x".repeat(10_000);
    let (world, server, grant, url) = asked(ok(&body)).await;
    let desk = Desk::new([grant.clone()]);
    *desk.budget.lock().unwrap() = 5_000;
    let reply = Guest::new(&world, &desk).ask(&Ask::get(&url)).await;
    assert_eq!(reply.fault, Some(Budget));
    assert!(reply.body.len() <= 5_000);
    // None of a body leaves that is not paid for.
    *desk.budget.lock().unwrap() = 1_000;
    let before = server.heard().len();
    let reply = Guest::new(&world, &desk).ask(&Ask::post(&url, vec![b'x'; 5_000])).await;
    assert_eq!(reply.fault, Some(Budget));
    assert!(!server.heard()[before..].contains("xxxxx"));
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_sent() {
    let (world, server, grant, url) = asked(ok("fine")).await;
    let desk = Desk::new([grant]);
    *desk.mute.lock().unwrap() = true;
    assert_eq!(Guest::new(&world, &desk).ask(&Ask::get(&url)).await.fault, Some(Unrecorded));
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_person_is_asked_about_all_of_it_and_before_it_is_sent() {
    let (world, server, grant, url) =
        asked(vec![Step::Head, Step::Read(4), say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
    let desk = Desk::new([HttpGrant { approve: [Method::Post].into(), ..grant }]);
    let guest = Guest::new(&world, &desk);
    assert_eq!(guest.ask(&Ask::post(&url, "body")).await.fault, Some(Denied));
    assert!(server.connections().is_empty() && !desk.ends().contains(&Ended::Requested));
    *desk.approval.lock().unwrap() = Approval::Given;
    assert_eq!(guest.ask(&Ask::post(&url, "body")).await.fault, None);
    let asked = desk.asked.lock().unwrap().clone();
    let digest: [u8; 32] = sha2::Sha256::digest(b"body").into();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        (asked[1].method, asked[1].target.to_string(), asked[1].body_sha256),
        (Method::Post, url.clone(), Some(digest))
    );
    assert!(server.heard().contains("content-length: 4\r\n") && server.heard().ends_with("body"));
    // What is too large is not asked about.
    assert_eq!(guest.ask(&Ask::post(&url, vec![0; 70_000])).await.fault, Some(RequestTooLarge(64 << 10)));
    assert_eq!(desk.asked.lock().unwrap().len(), 2);
}

/// A guest that tries what it may not does not fill the audit log.
#[tokio::test]
async fn a_call_that_is_refused_again_and_again_gets_nothing_any_more() {
    let (world, server, grant, url) = asked(ok("fine")).await;
    let desk = Desk::new([grant]);
    let guest = Guest::new(&world, &desk);
    let bad = Ask::get("http://elsewhere.test/");
    for _ in 0..200 {
        assert!(guest.ask(&bad).await.fault.is_some());
    }
    assert!(desk.told().len() < 70, "{} entries", desk.told().len());
    assert_eq!(guest.ask(&Ask::get(&url)).await.fault, Some(TooMany));
    assert!(server.connections().is_empty());
    assert_eq!(Guest::new(&world, &desk).ask(&Ask::get(&url)).await.fault, None);
}

/// Nor does one that asks and goes at once, again and again.
#[tokio::test]
async fn a_call_whose_requests_are_dropped_at_once_does_not_fill_the_log() {
    let (world, _server, grant, url) = asked(ok("fine")).await;
    let desk = Desk::new([HttpGrant { per_call: 20, ..grant }]);
    let guest = Guest::new(&world, &desk);
    for _ in 0..500 {
        drop(guest.begin(&Ask::get(&url)).await);
    }
    guest.close().await;
    assert!(desk.told().len() < 200, "{} entries", desk.told().len());
}

#[tokio::test]
async fn what_is_told_has_address_bytes_and_ends() {
    let (world, server, grant, url) =
        asked(vec![Step::Head, Step::Read(4), say("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")]).await;
    let desk = Desk::new([grant]);
    let ask = Ask::post(format!("{url}?q=1"), "body").header("content-length", "4");
    assert_eq!(Guest::new(&world, &desk).ask(&ask).await.status, Some(201));
    let told = desk.told();
    assert_eq!(told.len(), 2);
    let last = &told[1];
    assert_eq!((last.address, last.sent, last.received), (Some(server.address), 4, 2));
    assert_eq!((last.method.as_str(), last.path.as_str(), last.hop), ("POST", "/x?q=1", 0));
    assert_eq!(last.origin, format!("http://a.test:{}", server.address.port()));
    assert_eq!((told[0].ended.clone(), last.ended.clone()), (Ended::Requested, Ended::Answered(201)));
    // What is no URL is told as far as it is one.
    let desk = Desk::new([]);
    drop(Guest::new(&world, &desk).ask(&Ask::get("http://u:p@h\u{7f}\r\n/private?x").method("BREW")).await);
    let told = desk.told();
    assert_eq!((told[0].origin.as_str(), told[0].path.as_str()), ("http://u:p@h???", "/private?x"));
}

#[tokio::test]
async fn methods_that_are_none_are_refused() {
    let (world, server, grant, url) = asked(answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let desk: Arc<Desk> = Desk::new([grant]);
    let guest = Guest::new(&world, &desk);
    for method in ["CONNECT", "TRACE", "get", "", "GET /x HTTP/1.1\r\nhost: b", "PROPFIND"] {
        assert_eq!(guest.ask(&Ask::get(&url).method(method)).await.fault, Some(BadRequest), "{method}");
    }
    assert!(server.connections().is_empty());
}
