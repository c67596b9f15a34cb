//! What the hub adds, and what must not come back or go elsewhere.

use super::support::desk::behalf;
use super::support::server::{Server, Step, answers, ok, say};
use super::support::{Ask, Desk, Guest, OTHER, TOKEN, World, http};
use base64::Engine;
use egress::Ended;
use manifest::http::HttpGrant;
use protocol::HttpFault::{BadRequest, Denied, Encoding, Secret};

fn file(server: &Server, more: &str) -> String {
    let port = server.address.port();
    format!(
        "[credentials.one]\nsource = {{ env = \"TOKEN\" }}\nhosts = [\"a.test\"]\nports = [{port}]\nplain = true\n\
         methods = [\"GET\", \"POST\"]\npaths = [\"/**\"]\ntiers = [\"user\"]\nadd = \"bearer\"\n{more}\n\
         [credentials.two]\nsource = {{ env = \"OTHER\" }}\nhosts = [\"a.test\"]\nports = [{port}]\nplain = true\n\
         methods = [\"GET\", \"POST\"]\npaths = [\"/two\"]\ntiers = [\"user\"]\nadd = {{ header = \"x-key\" }}\n"
    )
}

fn with(grant: HttpGrant, name: &str) -> HttpGrant {
    HttpGrant { credential: Some(name.to_owned().try_into().unwrap()), ..grant }
}

struct Scene {
    world: World,
    server: Server,
    desk: std::sync::Arc<Desk>,
    url: String,
}

impl Scene {
    async fn new(steps: Vec<Step>, more: &str) -> Self {
        let server = Server::plain(steps).await;
        let world = World::with(Vec::new(), &file(&server, more)).await;
        world.dns.here("a.test");
        let desk = Desk::new([with(http("a.test", &server), "one")]);
        let url = format!("http://a.test:{}/x", server.address.port());
        Self { world, server, desk, url }
    }

    fn guest(&self) -> Guest {
        Guest::new(&self.world, &self.desk)
    }

    /// Nothing that anybody is told has the value.
    fn told_nothing(&self) {
        let told = format!("{:?}", self.desk.told());
        assert!(!told.contains(TOKEN) && !told.contains(OTHER), "{told}");
    }
}

#[tokio::test]
async fn the_hub_adds_it_and_the_guest_cannot() {
    let scene = Scene::new(ok("fine"), "").await;
    let reply = scene.guest().ask(&Ask::get(&scene.url)).await;
    assert_eq!(reply.text(), "fine", "{}", scene.desk.why());
    assert!(scene.server.heard().contains(&format!("\r\nauthorization: Bearer {TOKEN}\r\n")));
    assert_eq!(scene.desk.told()[1].credential.as_ref().map(ToString::to_string).as_deref(), Some("one"));
    let reply = scene.guest().ask(&Ask::get(&scene.url).header("authorization", "Bearer mine")).await;
    assert_eq!(reply.fault, Some(BadRequest));
    scene.told_nothing();
}

#[tokio::test]
async fn a_credential_goes_where_its_own_rule_says_and_not_where_a_manifest_does() {
    let scene = Scene::new(ok("fine"), "").await;
    *scene.desk.grants.lock().unwrap() = vec![with(http("a.test", &scene.server), "two")];
    assert_eq!(scene.guest().ask(&Ask::get(&scene.url)).await.fault, Some(Denied));
    *scene.desk.grants.lock().unwrap() = vec![with(http("a.test", &scene.server), "nobody-s")];
    assert_eq!(scene.guest().ask(&Ask::get(&scene.url)).await.fault, Some(Denied));
    assert!(scene.server.connections().is_empty());
}

#[tokio::test]
async fn a_server_that_repeats_it_is_cut_off() {
    let b64 = base64::engine::general_purpose::STANDARD.encode(format!("x{TOKEN}"));
    let head = "HTTP/1.1 200 OK\r\n";
    for (name, answer, place) in [
        ("body", format!("{head}content-length: {}\r\n\r\nis {TOKEN}", TOKEN.len() + 3), "answer body"),
        ("base64", format!("{head}content-length: {}\r\n\r\n{b64}", b64.len()), "answer body"),
        ("header", format!("{head}x-echo: Bearer {TOKEN}\r\ncontent-length: 0\r\n\r\n"), "answer header"),
        (
            "trailer",
            format!("{head}transfer-encoding: chunked\r\ntrailer: x-echo\r\n\r\n0\r\nx-echo: {TOKEN}\r\n\r\n"),
            "answer trailer",
        ),
    ] {
        let scene = Scene::new(answers(&answer), "").await;
        let reply = scene.guest().ask(&Ask::get(&scene.url)).await;
        assert_eq!(reply.fault, Some(Secret), "{name}");
        assert!(!format!("{reply:?}").contains(TOKEN) && !reply.text().contains(TOKEN), "{name}");
        let leak = scene.desk.until(|told| matches!(told.ended, Ended::Leak { .. })).await;
        assert!(matches!(leak.ended, Ended::Leak { of, place: there, .. } if of == "one" && there == place), "{name}");
        scene.told_nothing();
    }
}

#[tokio::test]
async fn one_that_is_to_be_removed_is_removed_even_in_two_pieces() {
    let (one, two) = TOKEN.split_at(7);
    let steps = vec![
        Step::Head,
        say(format!("HTTP/1.1 200 OK\r\nx-echo: {TOKEN}\r\ncontent-length: {}\r\n\r\nis {one}", TOKEN.len() + 8)),
        say(format!("{two} here")),
    ];
    let scene = Scene::new(steps, "leaks = \"remove\"").await;
    let reply = scene.guest().ask(&Ask::get(&scene.url)).await;
    let stars = "*".repeat(TOKEN.len());
    assert_eq!((reply.text(), reply.header("x-echo")), (format!("is {stars} here"), Some(stars)));
    scene.desk.until(|told| matches!(told.ended, Ended::Leak { done: "removed", .. })).await;
    scene.told_nothing();
}

#[tokio::test]
async fn it_is_sent_nowhere_by_a_guest() {
    for more in ["", "leaks = \"remove\""] {
        let scene = Scene::new(vec![Step::Head, Step::Hold], more).await;
        let good = Server::plain(ok("fine")).await;
        scene.world.dns.here("b.test");
        let elsewhere = http("b.test", &good);
        // The session has used it.
        let first = scene.guest().begin(&Ask::get(&scene.url)).await;
        scene.server.until(|all| all.iter().any(|one| !one.heard.is_empty())).await;
        drop(first);
        *scene.desk.grants.lock().unwrap() = vec![elsewhere];
        let url = format!("http://b.test:{}/", good.address.port());
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (name, ask) in [
            ("URL", Ask::get(format!("{url}?t={TOKEN}"))),
            ("path", Ask::get(format!("{url}{hex}"))),
            ("header", Ask::get(&url).header("accept", format!("a/{TOKEN}"))),
            ("body", Ask::post(&url, format!("is {TOKEN}"))),
            ("body with its length", Ask::post(&url, TOKEN).header("content-length", TOKEN.len().to_string())),
            ("long body", Ask::post(&url, format!("{}{TOKEN}", "x".repeat((16 << 10) - 5)))),
        ] {
            let reply = scene.guest().ask(&ask).await;
            assert_eq!(reply.fault, Some(Secret), "{name}: {}", scene.desk.why());
        }
        assert!(!good.heard().contains(TOKEN) && !good.heard().contains(&hex));
        // Another session has not used it, and cannot know it: nobody looks for it there.
        let other = Guest::of(&scene.world, &scene.desk, "other", "principal");
        assert_eq!(other.ask(&Ask::get(format!("{url}?t={TOKEN}"))).await.fault, None);
    }
}

/// What a server makes the hub say of it, and what a guest asks for that it may not: none of it is written down with a
/// value in it.
#[tokio::test]
async fn no_record_has_a_value_whoever_put_it_there() {
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let typed = format!("HTTP/1.1 200 OK\r\ncontent-type: text/{hex}\r\ncontent-length: 1\r\n\r\nx");
    for more in ["", "leaks = \"remove\""] {
        for (name, answer) in [
            ("a path that nobody is granted", redirect(&format!("/not/{TOKEN}"))),
            ("a host that nobody is granted", redirect(&format!("http://{hex}.test/"))),
            ("a place that is none", redirect(&format!("http://{TOKEN}@a.test/"))),
            ("a type", typed.clone()),
        ] {
            let scene = Scene::new(answers(&answer), more).await;
            *scene.desk.grants.lock().unwrap() = vec![HttpGrant {
                redirects: 2,
                paths: ["/x".to_owned().try_into().unwrap()].into(),
                content_types: Some(["text/plain".to_owned()].into()),
                ..with(http("a.test", &scene.server), "one")
            }];
            let reply = scene.guest().ask(&Ask::get(&scene.url)).await;
            assert!(reply.fault.is_some(), "{name}");
            assert!(matches!(scene.desk.ends().last(), Some(Ended::Failed(..))), "{name}: {:?}", scene.desk.ends());
            scene.told_nothing();
            assert!(!format!("{:?}", scene.desk.told()).contains(&hex), "{name}: {:?}", scene.desk.told());
        }
        // Of a session that has never used it, too.
        let scene = Scene::new(ok("fine"), more).await;
        let stranger = Guest::of(&scene.world, &scene.desk, "stranger", "principal");
        for url in [format!("http://b.test/{TOKEN}"), format!("http://{hex}.test/"), format!("no URL {TOKEN}")] {
            assert!(stranger.ask(&Ask::get(url)).await.fault.is_some());
        }
        assert!(stranger.ask(&Ask::get(&scene.url).method("tok-0123456789-abcdefghij")).await.fault.is_some());
        scene.told_nothing();
        assert!(!format!("{:?}", scene.desk.told()).contains(&hex), "{:?}", scene.desk.told());
    }
}

/// What a session used before this broker was there, or before its session was ended and came again.
#[tokio::test]
async fn what_a_session_is_remembered_for_is_looked_for_from_the_first_byte_on() {
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TOKEN}", TOKEN.len());
    let scene = Scene::new(answers(&answer), "").await;
    *scene.desk.grants.lock().unwrap() = vec![http("a.test", &scene.server)];
    let used = vec!["one".to_owned().try_into().unwrap(), "gone".to_owned().try_into().unwrap()];
    // The control: who never used it is not searched for it.
    assert!(scene.world.broker.seen("session", "principal", &[]).is_none());
    assert_eq!(scene.guest().ask(&Ask::get(&scene.url)).await.text(), TOKEN);
    scene.world.broker.forget("session");
    let behalf = egress::Behalf { used: used.clone(), ..behalf("session", "principal") };
    let again = Guest::on_behalf(&scene.world, &scene.desk, behalf);
    assert_eq!(again.ask(&Ask::get(&scene.url)).await.fault, Some(Secret));
    again.close().await;
    // What its other tools say is searched as well, before any of them has asked for something.
    scene.world.broker.forget("session");
    let seen = scene.world.broker.seen("session", "principal", &used).unwrap();
    assert!(seen.text("result", TOKEN).is_err());
}

#[tokio::test]
async fn with_one_in_play_answers_are_whole_and_plain() {
    for (answer, fault) in [
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", Some(Encoding)),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: identity, br\r\ncontent-length: 1\r\n\r\nx", Some(Encoding)),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 1\r\n\r\nx", None),
        ("HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\nx", Some(Encoding)),
        ("HTTP/1.1 200 OK\r\ncontent-range: bytes 0-0/9\r\ncontent-length: 1\r\n\r\nx", Some(Encoding)),
    ] {
        let scene = Scene::new(answers(answer), "").await;
        assert_eq!(scene.guest().ask(&Ask::get(&scene.url)).await.fault, fault, "{answer}");
        let ask = Ask::get(&scene.url).header("range", "bytes=0-1");
        assert_eq!(scene.guest().ask(&ask).await.fault, Some(BadRequest));
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_leaves_it_behind_for_good() {
    let last = Server::plain(ok("there")).await;
    let answer =
        format!("HTTP/1.1 302 Found\r\nlocation: http://b.test:{}/y\r\ncontent-length: 0\r\n\r\n", last.address.port());
    let scene = Scene::new(answers(&answer), "").await;
    scene.world.dns.here("b.test");
    let grants = vec![
        HttpGrant { redirects: 2, ..with(http("a.test", &scene.server), "one") },
        // A grant names it there too; whoever is sent there does not get it.
        with(http("b.test", &last), "one"),
    ];
    *scene.desk.grants.lock().unwrap() = grants;
    let reply = scene.guest().ask(&Ask::get(&scene.url).header("mcp-session-id", "s")).await;
    assert_eq!(reply.text(), "there", "{}", scene.desk.why());
    let heard = last.heard();
    assert!(!heard.contains("authorization") && !heard.contains("mcp-session-id"), "{heard}");
    assert!(scene.server.heard().contains(TOKEN));
}

#[tokio::test]
async fn credentials_share_no_connection() {
    let scene = Scene::new(ok("fine"), "").await;
    let url = scene.url.replace("/x", "/two");
    let grants = |name: Option<&str>| {
        let grant = http("a.test", &scene.server);
        vec![match name {
            Some(name) => with(grant, name),
            None => grant,
        }]
    };
    for (name, connections) in
        [(Some("one"), 1), (Some("two"), 2), (None, 3), (Some("one"), 3), (Some("two"), 3), (None, 3)]
    {
        *scene.desk.grants.lock().unwrap() = grants(name);
        assert_eq!(scene.guest().ask(&Ask::get(&url)).await.text(), "fine", "{}", scene.desk.why());
        assert_eq!(scene.server.connections().len(), connections, "{name:?}");
    }
}
