//! One request of a call, allowed as a person allows it: the call ends where it would make that request, the person is
//! shown what it is, and the call that is repeated makes it once.

use super::{Scene, shown};
use serde_json::{Value, json};
use std::fs;
use tests::handed;
use tests::hubs::MANIFEST;
use tests::upstream::outside::Outside;
use tests::upstream::{Script, Upstream};

const TOOL: &str = "attack_request";

/// A tool that reads pages, and removes one when a person allows that.
fn manifest(port: u16) -> String {
    let table = |of: &str| {
        format!(
            "[[{of}]]\nhost = \"127.0.0.1\"\nport = {port}\nmethods = [\"GET\", \"DELETE\"]\npaths = [\"/pages/**\"]\n\
             private = [\"127.0.0.1/32\"]\napprove = [\"DELETE\"]\n"
        )
    };
    format!(
        "{MANIFEST}\n{}\n[components.hostile-http]\n\n[tools.{TOOL}]\ncomponent = \"hostile-http\"\ntier = \"user\"\n\
         reason = \"asks for what it is told\"\n\n{}",
        table("tiers.user.ceiling.http"),
        table(&format!("tools.{TOOL}.http"))
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_is_made_once_when_a_person_has_signed_for_it() {
    let upstream = Upstream::start(Script::default()).await;
    let outside = Outside::of(&upstream);
    let Some(scene) = Scene::with(&manifest(upstream.address().port()), Some(&outside.file())).await else { return };
    let component = scene.keys.path().join("hostile-http.wasm");
    fs::write(&component, handed::guest("hostile-http")).expect("a file");
    scene.done(&["tool", "add", "hostile-http", &shown(&component)]).await;
    let ana = scene.key("ana").await;
    scene.done(&["approver", "add", "ana", "--key", &shown(&ana.with_extension("pub")), "--passphrase"]).await;
    let ana = shown(&ana);

    let authority = upstream.address().to_string();
    let ask = |method: &str, page: &str| {
        json!({ "method": method, "scheme": "https", "authority": authority, "path": format!("/pages/{page}"),
                "tell_bytes": 0 })
    };
    let made =
        || -> Vec<String> { upstream.log().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect() };
    // What nobody has to allow is made at once.
    scene.runs(TOOL, &ask("GET", "plain.html")).await;
    let before = made();
    assert_eq!(before, ["GET /pages/plain.html"]);

    let id = scene.waits(TOOL, &ask("DELETE", "plain.html")).await;
    let answer = scene.call(TOOL, &ask("DELETE", "plain.html")).await;
    assert!(answer.to_string().contains("It had begun to run"), "nobody is told that nothing ran: {answer}");
    assert_eq!(made(), before, "it was not made");
    let said = scene.done(&["approve", &id, "--key", &ana]).await;
    let url = format!("https://{authority}/pages/plain.html");
    assert!(said.contains("DELETE") && said.contains(&url), "what is signed is shown: {said}");

    // Another page is another question, also while the first one is allowed.
    let other = scene.waits(TOOL, &ask("DELETE", "data.json")).await;
    assert_ne!(other, id);
    assert_eq!(made(), before);
    scene.runs(TOOL, &ask("DELETE", "plain.html")).await;
    assert_eq!(made(), ["GET /pages/plain.html", "DELETE /pages/plain.html"]);
    // Once: the next time somebody is asked again.
    assert_ne!(scene.waits(TOOL, &ask("DELETE", "plain.html")).await, id);
    scene.done(&["deny", &other, "--why", "it is needed", "--key", &ana]).await;
    let answer = scene.call(TOOL, &ask("DELETE", "data.json")).await;
    assert!(answer["isError"] == true && answer.to_string().contains("did not allow"), "{answer}");
    assert_eq!(made().len(), 2);

    let log = fs::read_to_string(scene.place.data().join("audit.jsonl")).expect("a log");
    let of = |event: &str| -> Vec<Value> {
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
        lines.filter(|line| line["event"] == event && line["method"] == "DELETE").collect()
    };
    assert_eq!(of("egress").iter().filter(|line| line["outcome"] == "requested").count(), 1, "{log}");
    assert!(log.contains("\"event\":\"approval_claimed\"") && log.contains("\"event\":\"approval_denied\""));
    assert!(scene.hub.stop().await.success());
}
