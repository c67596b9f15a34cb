//! Servers that answer badly. Each row ends in its own fault, within its limit, while a neighbour gets its answer.

use super::support::server::{Server, Step, answers, ok, say};
use super::support::{Ask, Desk, Guest, World, http};
use egress::Ended;
use protocol::HttpFault::{self, Connection, ContentType, FirstByte, Protocol, ResponseTooLarge, Total};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(20);
const MOST: u64 = 64 << 10;

fn table() -> Vec<(&'static str, Vec<Step>, HttpFault)> {
    let whole = |text: &str| vec![Step::Head, say(text)];
    let then = |text: &str, more: Step| vec![Step::Head, say(text), more];
    let repeat = |text: &str| Step::Repeat(text.as_bytes().to_vec());
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    let with = |rest: &str| whole(&format!("{OK}{rest}"));
    vec![
        // Slowly.
        ("silence", vec![Step::Head, Step::Hold], FirstByte(400)),
        ("headers, a byte at a time", vec![Step::Head, Step::Drip(OK, PAUSE)], FirstByte(400)),
        ("a head that stops", then("HTTP/1.1 200 OK\r\nx: ", Step::Hold), FirstByte(400)),
        (
            "a body, a byte at a time",
            then(&format!("{OK}content-length: 60000\r\n\r\n"), Step::Drip("x", PAUSE)),
            Total(800),
        ),
        ("a body that stops", then(&format!("{OK}content-length: 9\r\n\r\nx"), Step::Hold), Total(800)),
        (
            "chunks that stop",
            then(&format!("{OK}transfer-encoding: chunked\r\n\r\n1\r\nx\r\n"), Step::Hold),
            Total(800),
        ),
        (
            "interim answers, slowly",
            vec![Step::Head, Step::Drip("HTTP/1.1 100 Continue\r\n\r\n", PAUSE)],
            FirstByte(400),
        ),
        // Without end.
        ("headers", then(OK, repeat("a: b\r\n")), Protocol),
        ("one header", then(OK, repeat("aaaaaaaaaaaaaaaa")), Protocol),
        ("a status line", then("HTTP/1.1 200 ", repeat("OK")), Protocol),
        ("interim answers", vec![Step::Head, repeat("HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n")], Protocol),
        ("a body to its end", then(&format!("{OK}\r\n"), repeat("xxxxxxxxxxxxxxxx")), ResponseTooLarge(MOST)),
        (
            "chunks",
            then(&format!("{OK}transfer-encoding: chunked\r\n\r\n"), repeat("8\r\nxxxxxxxx\r\n")),
            ResponseTooLarge(MOST),
        ),
        (
            "a chunk's extension",
            then(&format!("{OK}transfer-encoding: chunked\r\n\r\n1;"), repeat("xxxxxxxx")),
            Protocol,
        ),
        ("trailers", then(&format!("{OK}transfer-encoding: chunked\r\n\r\n0\r\n"), repeat("a: b\r\n")), Protocol),
        ("a length", with("content-length: 999999999999\r\n\r\n"), ResponseTooLarge(MOST)),
        // Wrong lengths.
        ("less than was said", with("content-length: 9\r\n\r\nx"), Connection),
        ("fewer chunks than begun", with("transfer-encoding: chunked\r\n\r\n5\r\nx"), Connection),
        ("two lengths", with("content-length: 1\r\ncontent-length: 2\r\n\r\nxx"), Protocol),
        ("one length twice", with("content-length: 1\r\ncontent-length: 1\r\n\r\nx"), Protocol),
        ("two lengths in one", with("content-length: 1, 2\r\n\r\nxx"), Protocol),
        (
            "a length and chunks",
            with("content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
            Protocol,
        ),
        ("a length below zero", with("content-length: -1\r\n\r\nx"), Protocol),
        ("a length that is none", with("content-length: x\r\n\r\nx"), Protocol),
        ("a length beyond counting", with("content-length: 99999999999999999999999\r\n\r\nx"), Protocol),
        ("no chunk", with("transfer-encoding: chunked\r\n\r\nzz\r\nx\r\n"), Protocol),
        ("a chunk beyond counting", with("transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n"), Protocol),
        ("a chunk that goes on", with("transfer-encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n"), Protocol),
        ("a coding under chunks", with("transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Protocol),
        ("a coding that is none", with("transfer-encoding: identity\r\n\r\nx"), Protocol),
        // No HTTP.
        ("SSH", whole("SSH-2.0-OpenSSH_9.6\r\n"), Protocol),
        ("HTTP/0.9", whole("<html>\r\n"), Protocol),
        ("HTTP/2", whole("\0\0\u{12}\u{4}\0\0\0\0\0"), Protocol),
        ("HTTP/3.0", whole("HTTP/3.0 200 OK\r\n\r\n"), Protocol),
        ("status 99", whole("HTTP/1.1 099 OK\r\n\r\n"), Protocol),
        ("status 600", whole("HTTP/1.1 600 OK\r\n\r\n"), Protocol),
        (
            "another protocol",
            whole("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            Protocol,
        ),
        ("a folded header", with("a: b\r\n c\r\n\r\n"), Protocol),
        ("a header with a NUL", with("a: b\0c\r\n\r\n"), Protocol),
        ("a name with a space", with("a : b\r\n\r\n"), Protocol),
        ("a header without a name", with(": b\r\n\r\n"), Protocol),
        ("more headers than are read", with(&format!("{}\r\n", "a: b\r\n".repeat(129))), Protocol),
        ("larger headers than are read", with(&format!("a: {}\r\n\r\n", "b".repeat(40 << 10))), Protocol),
        // Broken off.
        ("the end at once", vec![], Connection),
        ("the end after the question", vec![Step::Head], Connection),
        ("the end within the head", whole(OK), Connection),
        ("a reset", vec![Step::Head, Step::Reset], Connection),
        ("a reset within the body", then(&format!("{OK}content-length: 9\r\n\r\nx"), Step::Reset), Connection),
        // Of a type that is not granted.
        ("a page", with("content-type: text/html\r\ncontent-length: 1\r\n\r\nx"), ContentType),
        (
            "two types",
            with("content-type: text/plain\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\nx"),
            ContentType,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_in_its_own_fault_and_a_neighbour_gets_its_answer() {
    let world = World::new().await;
    let good = Server::plain(ok("fine")).await;
    world.dns.here("bad.test");
    world.dns.here("good.test");
    let mut wrong = Vec::new();
    for (name, steps, expected) in table() {
        let bad = Server::plain(steps).await;
        let mut grant = http("bad.test", &bad);
        (grant.first_byte_ms, grant.total_ms) = (400, 800);
        // A type is looked at only where a row is about one.
        grant.content_types = (expected == ContentType).then(|| ["text/plain".to_owned()].into());
        let desk = Desk::new([grant, http("good.test", &good)]);
        let guest = Guest::new(&world, &desk);
        let hostile = guest.begin(&Ask::get(format!("http://bad.test:{}/", bad.address.port()))).await;
        let neighbour = guest.ask(&Ask::get(format!("http://good.test:{}/", good.address.port()))).await;
        assert_eq!((neighbour.status, neighbour.text().as_str()), (Some(200), "fine"), "beside {name}");
        let reply = hostile.reply().await;
        if reply.fault != Some(expected) {
            wrong.push(format!("{name}: {reply:?}, since {}", desk.why()));
        }
        guest.close().await;
        let last = desk.told().into_iter().rfind(|told| told.request == 1).unwrap();
        assert!(matches!(last.ended, Ended::Failed(fault, _) if Some(fault) == reply.fault), "{name}: {last:?}");
        // The connection is closed, not kept.
        bad.until(|all| all.iter().all(|one| one.over)).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is right, or odd and harmless.
#[tokio::test]
async fn what_is_well_said_is_passed_on() {
    let world = World::new().await;
    world.dns.here("a.test");
    for (name, answer, status, body) in [
        ("a length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", 200, "ok"),
        ("to the end", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok"),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nok", 200, "ok"),
        (
            "interim answers",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            200,
            "ok",
        ),
        ("nothing", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("an error", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno", 503, "no"),
        (
            "another place, which nobody goes to",
            "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
            302,
            "",
        ),
        (
            "an encoding, where no secret is in play",
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx",
            200,
            "xx",
        ),
    ] {
        let server = Server::plain(vec![Step::Head, say(answer)]).await;
        let desk = Desk::new([http("a.test", &server)]);
        let guest = Guest::new(&world, &desk);
        let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!((reply.status, reply.text().as_str(), reply.fault), (Some(status), body, None), "{name}");
        assert!(matches!(desk.ends().as_slice(), [Ended::Requested, Ended::Answered(s)] if *s == status), "{name}");
    }
}

#[tokio::test]
async fn trailers_come_after_the_body_without_what_is_the_connections() {
    let world = World::new().await;
    world.dns.here("a.test");
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\nset-cookie: a=b\r\n\r\n";
    let server = Server::plain(answers(answer)).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
    assert_eq!((reply.text().as_str(), reply.trailers), ("ok", vec![("x-sum".to_owned(), b"1".to_vec())]));
    assert_eq!(reply.headers, vec![]);
}

#[tokio::test]
async fn types_are_granted_by_name_or_by_kind() {
    let world = World::new().await;
    world.dns.here("a.test");
    for (given, passes) in [
        ("content-type: text/plain; charset=utf-8\r\ncontent-length: 1\r\n\r\nx", true),
        ("content-type: image/png\r\ncontent-length: 1\r\n\r\nx", true),
        ("content-type: text/html\r\ncontent-length: 1\r\n\r\nx", false),
        ("content-length: 1\r\n\r\nx", false),
        ("content-length: 0\r\n\r\n", true),
    ] {
        let server = Server::plain(answers(&format!("HTTP/1.1 200 OK\r\n{given}"))).await;
        let mut grant = http("a.test", &server);
        grant.content_types = Some(["text/plain".to_owned(), "image/*".to_owned()].into());
        let guest = Guest::new(&world, &Desk::new([grant]));
        let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!(reply.fault, (!passes).then_some(ContentType), "{given}");
    }
}

/// What is left of an answer on a connection is nobody's next one.
#[tokio::test]
async fn an_answer_that_is_longer_than_it_says_is_cut_and_its_connection_is_not_kept() {
    let world = World::new().await;
    world.dns.here("a.test");
    let forged = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
    let server = Server::plain(answers(forged)).await;
    let guest = Guest::new(&world, &Desk::new([http("a.test", &server)]));
    for _ in 0..3 {
        let reply = guest.ask(&Ask::get(format!("http://a.test:{}/", server.address.port()))).await;
        assert_eq!(reply.text(), "ok");
    }
    assert_eq!(server.connections().len(), 3);
}
