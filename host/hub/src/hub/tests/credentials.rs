//! The operator's routes for credentials: values come in, and none goes out.

use super::*;
use crate::operator::{Who, router, routes};
use crate::testing::{manifest, registration};
use ::egress::Declared;
use ::egress::config::{Config as Egress, Environment};
use ::egress::credentials::Store as Credentials;
use http_body_util::BodyExt as _;
use manifest::CredentialName;
use manifest::http::{Method, Target};
use std::os::unix::fs::PermissionsExt as _;
use tower::ServiceExt as _;

const FIRST: &str = "first-value-0123456789";
const SECOND: &str = "second-value-abcdefghi";

/// A hub with two credentials: `github` of a file, `printed` of a command.
struct Scene {
    hub: Hub,
    data: tempfile::TempDir,
    keys: tempfile::TempDir,
}

async fn scene(full: Option<&Path>) -> Scene {
    let (data, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let force = InForce::fixed(manifest([tool("read", Tier::User)]), Default::default());
    let force = force.including(&registration(&["read"]));
    let act: Act = Arc::new(|_| answer("hi"));
    let (mut inner, _) = hub_in(data.path(), force, act, Fate::default(), full).await;
    write(&keys, FIRST);
    let one = |name: &str, source: &str| {
        format!(
            "[credentials.{name}]\nsource = {source}\nhosts = [\"example.com\"]\nmethods = [\"GET\"]\npaths = [\"/**\"]\n\
             tiers = [\"user\"]\nadd = \"bearer\"\n"
        )
    };
    let text =
        one("github", "{ file = \"token\" }") + &one("printed", &format!("{{ command = [\"echo\", \"{FIRST}\"] }}"));
    let config = Arc::new(Egress::parse(&text, keys.path()).unwrap());
    let credentials = Credentials::load(&config, &Environment::default()).unwrap();
    inner.egress = Declared { config, credentials };
    Scene { hub: Hub(Arc::new(inner)), data, keys }
}

fn write(keys: &tempfile::TempDir, text: &str) {
    let path = keys.path().join("token");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Scene {
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = ::http::Request::builder().method(method).uri(path);
        let request = request.body(axum::body::Body::from(body.to_owned())).unwrap();
        let response = router(self.hub.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap();
        assert!(![FIRST, SECOND].iter().any(|value| text.contains(value)), "{method} {path}: {text}");
        (status, text)
    }

    /// What a request is given now.
    fn sent(&self, name: &str) -> String {
        let (name, target) = (CredentialName::try_from(name).unwrap(), Target::parse("https://example.com/").unwrap());
        let secret = self.hub.0.egress.credentials.grant(&name, Tier::User, Method::Get, &target).unwrap();
        secret.value().to_str().unwrap().to_owned()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("audit.jsonl")).unwrap()
    }
}

#[tokio::test]
async fn a_value_that_is_handed_over_is_in_force_and_written_down_without_itself() {
    let scene = scene(None).await;
    assert_eq!(scene.ask("POST", "/credentials/printed", SECOND).await, (204, String::new()));
    assert_eq!(scene.sent("printed"), format!("Bearer {SECOND}"));
    assert_eq!(scene.sent("github"), format!("Bearer {FIRST}"), "the other one has its own");
    write(&scene.keys, SECOND);
    assert_eq!(scene.ask("POST", "/credentials/github/reload", "").await, (204, String::new()));
    assert_eq!(scene.sent("github"), format!("Bearer {SECOND}"));
    let (status, list) = scene.ask("GET", "/credentials", "").await;
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    assert_eq!((status, list.len(), &list[0]["name"], &list[0]["read_by"]), (200, 2, &"github".into(), &"hub".into()));
    assert_eq!((&list[1]["read_by"], &list[1]["uses"]), (&"operator".into(), &1.into()));
    let log = scene.log();
    for name in ["github", "printed"] {
        let line = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut told = line.filter(|line| line["event"] == "credential_reloaded" && line["name"] == name);
        assert!(told.next().is_some_and(|line| line["by"].is_string()), "{name}: {log}");
    }
    assert!(!log.contains(FIRST) && !log.contains(SECOND));
    assert!(!format!("{:?} {:?}", scene.hub.health(), scene.hub.metrics().unwrap()).contains(SECOND));
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_says_why() {
    let scene = scene(None).await;
    let long = "abcd".repeat(3000);
    for (method, path, body, status, said) in [
        ("POST", "/credentials/nobody", SECOND, 404, "no credential `nobody`"),
        ("POST", "/credentials/nobody/reload", "", 404, "no credential `nobody`"),
        ("POST", "/credentials/printed/reload", "", 409, "credentials reload printed --egress FILE"),
        ("POST", "/credentials/github", "short", 422, "at least 12"),
        ("POST", "/credentials/github", "", 422, "at least 12"),
        ("POST", "/credentials/github", "second-value\r\nX-Injected: 1", 422, "control byte"),
        ("POST", "/credentials/github", long.as_str(), 413, "413"),
        ("POST", "/credentials/..%2Fx", SECOND, 400, "credential name"),
        ("GET", "/credentials/github", "", 405, ""),
    ] {
        let (found, text) = scene.ask(method, path, body).await;
        assert!(found == status && text.contains(said), "{method} {path}: {found} {text}");
    }
    std::fs::remove_file(scene.keys.path().join("token")).unwrap();
    assert_eq!(scene.ask("POST", "/credentials/github/reload", "").await.0, 422);
    assert_eq!((scene.sent("github"), scene.sent("printed")), (format!("Bearer {FIRST}"), format!("Bearer {FIRST}")));
    assert!(!scene.log().contains("credential_reloaded"));
}

#[tokio::test]
async fn a_value_that_cannot_be_written_down_is_not_put_in_force() {
    let scene = scene(Some(Path::new("/dev/full"))).await;
    assert_eq!(scene.ask("POST", "/credentials/github", SECOND).await.0, 503);
    let name = CredentialName::try_from("github").unwrap();
    let value = ::egress::credentials::Value::copied(SECOND.as_bytes()).unwrap();
    let refused = scene.hub.set_credential(&name, value, "ada").await;
    assert!(matches!(refused, Err(crate::CredentialError::Unrecorded(_))), "{refused:?}");
    assert_eq!(scene.sent("github"), format!("Bearer {FIRST}"));
}

#[test]
fn every_route_of_them_is_the_operators_alone() {
    let of_them: Vec<_> = routes().into_iter().filter(|route| route.path.starts_with("/credentials")).collect();
    assert!(of_them.len() == 3 && of_them.iter().all(|route| route.who == Who::Operator));
}
