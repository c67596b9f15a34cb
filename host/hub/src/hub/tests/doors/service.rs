//! The attacks on a service's signature, one a row, each told from the request that it was made of; and what a
//! service may touch.

use super::*;
use crate::service::testing::{Draft, Signed, digest_of, nonce, parameters};

async fn send(doors: &Doors, signed: &Signed) -> (u16, String) {
    asked(TcpStream::connect(doors.service).await.unwrap(), &signed.text()).await
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// What an attacker makes of an honest request, what the answer is and what it says.
struct Row {
    name: &'static str,
    attack: Signed,
    status: u16,
    says: &'static str,
}

fn row(name: &'static str, attack: Signed, status: u16, says: &'static str) -> Row {
    Row { name, attack, status, says }
}

fn honest() -> Draft {
    Draft::new("GET", "/sessions")
}

/// With other parameters, and signed with them.
fn with_parameters(change: impl Fn(String) -> String) -> Signed {
    let draft = honest();
    Draft { parameters: change(draft.parameters.clone()), ..draft }.sign()
}

fn covering(components: &str) -> Signed {
    Draft { components: components.to_owned(), ..honest() }.sign()
}

/// Changed after it was signed.
fn changed() -> Vec<Row> {
    let mismatch = "does not match";
    let input = |from: &'static str, to: &'static str| {
        honest().sign().with("signature-input", move |text| text.replace(from, to))
    };
    let other_method = Signed { method: "DELETE".to_owned(), ..honest().sign() };
    let other_path = Signed { target: "/health".to_owned(), ..honest().sign() };
    let other_escape = Signed { target: "/%73essions".to_owned(), ..honest().sign() };
    let more_query = Signed { target: "/sessions?all=1".to_owned(), ..honest().sign() };
    let query = Draft::new("GET", "/sessions?a=1").sign();
    let other_query = Signed { target: "/sessions?a=2".to_owned(), ..query.clone() };
    let less_query = Signed { target: "/sessions".to_owned(), ..query };
    let other_body = Signed { body: r#"{"on_behalf_of": "eve"}"#.to_owned(), ..honest().sign() };
    let both = r#"{"on_behalf_of": "eve"}"#;
    let other_digest = Signed { body: both.to_owned(), ..honest().sign() }.with("content-digest", |_| digest_of(both));
    vec![
        row("another method", other_method, 401, mismatch),
        row("another path", other_path, 401, mismatch),
        row("the same path, written otherwise", other_escape, 401, mismatch),
        row("a query is added", more_query, 401, "other components"),
        row("another query", other_query, 401, mismatch),
        row("the query is taken away", less_query, 401, "other components"),
        row("another body", other_body, 401, "not the one that was signed"),
        row("another body with its digest", other_digest, 401, mismatch),
        row("another time", input("created=1", "created=2"), 401, mismatch),
        row(
            "another nonce",
            honest().sign().with("signature-input", |text| {
                let (before, rest) = text.split_once("nonce=\"").unwrap();
                let (_, after) = rest.split_once('"').unwrap();
                format!("{before}nonce=\"{}\"{after}", nonce())
            }),
            401,
            mismatch,
        ),
        row("another key's name", input("chat", "chap"), 401, "no key has this keyid"),
        row("another algorithm", input("hmac-sha256", "hmac-sha512"), 401, "algorithm"),
        row("another purpose", input("safeclaw-operator", "safeclaw-other"), 401, "tag"),
        row(
            "parameters in another order",
            honest().sign().with("signature-input", |text| {
                let moved = r#";tag="safeclaw-operator""#;
                text.replace(moved, "").replace(";created", &format!("{moved};created"))
            }),
            401,
            mismatch,
        ),
        row(
            "a bit of the signature",
            honest().sign().with("signature", |text| {
                let flipped = if text.contains(":A") {
                    text.replacen(":A", ":B", 1)
                } else {
                    let (start, end) = text.split_at(5);
                    format!("{start}A{}", &end[1..])
                };
                flipped
            }),
            401,
            mismatch,
        ),
        row("half of the signature", honest().sign().with("signature", |text| format!("{}=:", &text[..29])), 401, ""),
        row("an empty signature", honest().sign().with("signature", |_| "sig=::".to_owned()), 401, mismatch),
    ]
}

/// Signed with the secret, in a form that is not taken.
fn formed() -> Vec<Row> {
    let (form, params) = ("RFC 8941", "created, nonce");
    let all = r#"("@method" "@path" "content-digest")"#;
    vec![
        row("nothing covered", covering("()"), 401, "other components"),
        row("no method", covering(r#"("@path" "content-digest")"#), 401, "other components"),
        row("no path", covering(r#"("@method" "content-digest")"#), 401, "other components"),
        row("no digest", covering(r#"("@method" "@path")"#), 401, "other components"),
        row("one more", covering(r#"("@method" "@path" "content-digest" "host")"#), 401, "other components"),
        row("another order", covering(r#"("@path" "@method" "content-digest")"#), 401, "other components"),
        row("one twice", covering(r#"("@method" "@method" "@path" "content-digest")"#), 401, "other components"),
        row("the answer's request", covering(r#"("@method";req "@path" "content-digest")"#), 401, "other components"),
        row(
            "a query that is not there",
            covering(r#"("@method" "@path" "@query" "content-digest")"#),
            401,
            "other components",
        ),
        row("as a token", covering(r#"(method "@path" "content-digest")"#), 401, "other components"),
        row("needless spaces", covering(r#"( "@method" "@path" "content-digest")"#), 401, form),
        row("no time", with_parameters(|p| p[p.find(";nonce").unwrap()..].to_owned()), 401, params),
        row(
            "no nonce",
            with_parameters(|p| {
                let (start, end) = (p.find(";nonce").unwrap(), p.find(";keyid").unwrap());
                format!("{}{}", &p[..start], &p[end..])
            }),
            401,
            params,
        ),
        row("no key's name", with_parameters(|p| p.replace(r#";keyid="chat""#, "")), 401, params),
        row("no algorithm", with_parameters(|p| p.replace(r#";alg="hmac-sha256""#, "")), 401, params),
        row("no purpose", with_parameters(|p| p.replace(r#";tag="safeclaw-operator""#, "")), 401, params),
        row("an end of its own", with_parameters(|p| format!("{p};expires=99999999999")), 401, params),
        row("a parameter twice", with_parameters(|p| format!("{p};tag=\"safeclaw-operator\"")), 401, form),
        row("two times", with_parameters(|p| format!(";created=1{p}")), 401, form),
        row(
            "a time as text",
            with_parameters(|p| p.replace("created=", "created=\"").replace(";nonce", "\";nonce")),
            401,
            params,
        ),
        row("a time with zeros before it", with_parameters(|p| p.replace("created=", "created=00")), 401, form),
        row("a short nonce", with_parameters(|_| parameters(now(), "x")), 401, params),
        row("an endless nonce", with_parameters(|_| parameters(now(), &"x".repeat(65))), 401, params),
        row("a weaker algorithm", with_parameters(|p| p.replace("hmac-sha256", "hmac-sha1")), 401, "algorithm"),
        row("no algorithm at all", with_parameters(|p| p.replace("hmac-sha256", "none")), 401, "algorithm"),
        row("a public key's algorithm", with_parameters(|p| p.replace("hmac-sha256", "ed25519")), 401, "algorithm"),
        row("another purpose", with_parameters(|p| p.replace("safeclaw-operator", "web-bot-auth")), 401, "tag"),
        row("another key's name", with_parameters(|p| p.replace("chat", "other")), 401, "keyid"),
        row("a secret of another", Draft { secret: vec![b'x'; 32], ..honest() }.sign(), 401, "does not match"),
        row("the same text, longer header", with_parameters(|_| parameters(now(), &"x".repeat(3_000))), 401, "2048"),
        row(
            "the components alone",
            Draft { parameters: String::new(), components: all.to_owned(), ..honest() }.sign(),
            401,
            params,
        ),
    ]
}

/// Headers that come twice, not at all, or with more in them.
fn headers() -> Vec<Row> {
    let form = "RFC 8941";
    let again = |name: &str| {
        let signed = honest().sign();
        let value = signed.headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
        signed.and(name, &value)
    };
    let two = honest().sign();
    let second = Draft { label: "more", ..honest() }.sign();
    let joined = |name: &str| {
        let find = |signed: &Signed| signed.headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
        format!("{}, {}", find(&two), find(&second))
    };
    let (inputs, signatures) = (joined("signature-input"), joined("signature"));
    let two =
        two.clone().with("signature-input", move |_| inputs.clone()).with("signature", move |_| signatures.clone());
    vec![
        row("unsigned", honest().sign().without("signature").without("signature-input"), 401, "not signed"),
        row("no signature", honest().sign().without("signature"), 401, "not signed"),
        row("no input", honest().sign().without("signature-input"), 401, "not signed"),
        row("no digest", honest().sign().without("content-digest"), 401, "not signed"),
        row("two signature headers", again("signature"), 401, "twice"),
        row("two input headers", again("signature-input"), 401, "twice"),
        row("two digest headers", again("content-digest"), 401, "twice"),
        row("two signatures", two, 401, form),
        row("another label", honest().sign().with("signature", |text| text.replace("sig=", "gis=")), 401, "labels"),
        row("a label that is none", honest().sign().with("signature", |text| text.replace("sig=", "=")), 401, form),
        row("a signature as text", honest().sign().with("signature", |text| text.replace(':', "\"")), 401, form),
        row("a signature with parameters", honest().sign().with("signature", |text| format!("{text};a=1")), 401, form),
        row(
            "a weaker digest",
            honest().sign().with("content-digest", |text| text.replace("sha-256", "sha")),
            401,
            form,
        ),
        row(
            "a second digest",
            honest().sign().with("content-digest", |text| format!("{text}, sha-512=:AA==:")),
            401,
            form,
        ),
        row(
            "a digest that is none",
            honest().sign().with("content-digest", |_| "sha-256=:AA==:".to_owned()),
            401,
            form,
        ),
        row(
            "a bearer token in its place",
            honest().sign().without("signature").and("authorization", "Bearer token"),
            401,
            "not signed",
        ),
        // A line feed in a value ends the header for us too: what comes behind it is another header.
        row(
            "a header in a header",
            honest().sign().with("signature-input", |text| text.replace(";created", "\r\nx-injected: 1;created")),
            401,
            "",
        ),
        row(
            "a folded header",
            honest().sign().with("signature-input", |text| text.replace(";created", "\r\n ;created")),
            400,
            "",
        ),
    ]
}

/// Signed well, and wrong in what is said.
fn bodies() -> Vec<Row> {
    let saying = |body: &str| Draft { body: body.to_owned(), ..honest() }.sign();
    let at = |seconds: i64| with_parameters(move |_| parameters(now() + seconds, &nonce()));
    let person = "on_behalf_of";
    let large = format!(r#"{{"on_behalf_of": "{}"}}"#, "x".repeat(70_000));
    // Its length is announced, and nothing of it comes.
    let endless = honest().sign().and("content-length", "1000000000");
    let unsigned = endless.clone().without("signature");
    vec![
        row("old", at(-302), 401, "time"),
        row("from the future", at(302), 401, "time"),
        row("before all times", with_parameters(|_| parameters(-1, &nonce())), 401, "time"),
        row("after all times", with_parameters(|_| parameters(999_999_999_999_999, &nonce())), 401, "time"),
        row("nobody", saying(""), 422, person),
        row("nobody's name", saying(r#"{"on_behalf_of": ""}"#), 422, person),
        row("a null", saying(r#"{"on_behalf_of": null}"#), 422, person),
        row("a name with an escape", saying(r#"{"on_behalf_of": "ada\u001b[2J"}"#), 422, person),
        row("a name of many letters", saying(&format!(r#"{{"on_behalf_of": "{}"}}"#, "x".repeat(65))), 422, person),
        row("two people", saying(r#"{"on_behalf_of": "ada", "on_behalf_of": "eve"}"#), 422, person),
        row("something besides", saying(r#"{"on_behalf_of": "ada", "tiers": ["critical"]}"#), 422, person),
        row("no JSON", saying("on_behalf_of=ada"), 422, person),
        row("a large body", saying(&large), 413, "65536"),
        row("a body that is announced too large", endless, 413, "65536"),
        row("the same, unsigned: nothing is waited for", unsigned, 401, "not signed"),
    ]
}

#[tokio::test]
async fn each_attack_on_a_signature_is_refused() {
    let doors = Doors::open().await;
    doors.session("reader").await;
    let rows: Vec<Row> = [changed(), formed(), headers(), bodies()].into_iter().flatten().collect();
    assert!(rows.len() > 70, "{}", rows.len());
    let mut wrong = Vec::new();
    for Row { name, attack, status, says } in &rows {
        let (got, answer) = send(&doors, attack).await;
        if got != *status || !answer.contains(says) || answer.contains("principal") {
            wrong.push(format!("{name}: {got} for {status}, {says:?} in {answer}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    // The control; and of so many refusals not all are written down.
    let (status, answer) = send(&doors, &honest().sign()).await;
    assert!(status == 200 && answer.contains("principal"), "{answer}");
    doors.refused("service", "does not match").await;
    let written = doors.events("refused").len();
    assert!((10..=61).contains(&written), "{written} of {} refusals", rows.len());
    assert!(doors.events("operator_acted").is_empty());
}

#[tokio::test]
async fn a_request_is_good_for_one_use_and_not_after_a_restart() {
    let doors = Doors::open().await;
    let signed = honest().sign();
    assert_eq!(send(&doors, &signed).await.0, 200);
    let (status, answer) = send(&doors, &signed).await;
    assert!(status == 401 && answer.contains("made before"), "{answer}");
    // Another door of the same hub's data, as after a restart.
    let again = crate::service::bind(service_config(&[Tier::User])).await.unwrap();
    let (address, stop) = (again.address().unwrap(), CancellationToken::new());
    let _stopped = stop.clone().drop_guard();
    tokio::spawn(crate::service::serve(&doors.bench.hub, again, stop).unwrap());
    let (status, answer) = asked(TcpStream::connect(address).await.unwrap(), &signed.text()).await;
    assert!(status == 401 && answer.contains("sign again"), "{answer}");
    let later = with_parameters(|_| parameters(now() + 5, &nonce()));
    assert_eq!(asked(TcpStream::connect(address).await.unwrap(), &later.text()).await.0, 200);
}

#[tokio::test]
async fn a_service_sees_and_ends_what_lies_within_its_tiers() {
    let doors = Doors::open().await;
    let (reader, everyone) = (doors.session("reader").await, doors.session("everyone").await);
    let (status, answer) = send(&doors, &honest().sign()).await;
    assert!(status == 200 && answer.contains(&reader.0) && !answer.contains(&everyone.0), "{answer}");
    for path in ["/sessions", "/tokens"] {
        let (status, answer) = send(&doors, &Draft::new("DELETE", &format!("{path}/{everyone}")).sign()).await;
        assert!(status == 403 && answer.contains("may not touch"), "{answer}");
        assert_eq!(send(&doors, &Draft::new("DELETE", &format!("{path}/none")).sign()).await.0, 404);
    }
    assert_eq!(doors.bench.hub.sessions().len(), 2);
    assert_eq!(send(&doors, &Draft::new("DELETE", &format!("/sessions/{reader}")).sign()).await.0, 204);
    assert_eq!(doors.bench.hub.sessions().len(), 1);
    assert_eq!(send(&doors, &Draft::new("DELETE", &format!("/tokens/{reader}")).sign()).await.0, 204);
    let tokens = crate::tokens::list(doors.bench.data.path()).unwrap();
    assert_eq!(tokens.into_iter().map(|token| token.session).collect::<Vec<_>>(), [everyone]);
    let acted = doors.events("operator_acted").pop().unwrap();
    assert_eq!(acted["who"], "service chat for ada");
    assert_eq!(acted["what"], format!("DELETE /tokens/{reader}"));
}

/// From the table: what is the operator's alone is not there for a service, however well it signs.
#[tokio::test]
async fn a_service_has_the_routes_that_the_table_gives_it() {
    let doors = Doors::open().await;
    let mut own = Vec::new();
    for route in routes() {
        let method = match route.method {
            Method::GET => "GET",
            Method::PUT => "PUT",
            Method::POST => "POST",
            Method::DELETE => "DELETE",
            ref other => unreachable!("{other}"),
        };
        let (status, answer) = send(&doors, &Draft::new(method, &filled(route.path)).sign()).await;
        match route.who {
            operator::Who::Operator => assert_eq!(status, 404, "{} {answer}", route.path),
            operator::Who::Service(_) => own.push((route.path, status)),
        }
    }
    let expected = [("/health", 200), ("/sessions", 200), ("/sessions/{id}", 404), ("/tokens/{id}", 404)];
    assert_eq!(own, expected);
}

#[tokio::test]
async fn a_configuration_that_gives_a_service_too_much_is_refused() {
    for (config, said) in [
        (service_config(&[Tier::User, Tier::Critical]), "never touch the tier `critical`"),
        (service_config(&[]), "may touch no tier"),
        (ServiceConfig { id: "a b".to_owned(), ..service_config(&[Tier::User]) }, "name"),
        (ServiceConfig { id: String::new(), ..service_config(&[Tier::User]) }, "name"),
        (
            ServiceConfig {
                listen: ServiceAddress::Tcp("0.0.0.0:0".parse().unwrap()),
                ..service_config(&[Tier::User])
            },
            "--service-tls-cert",
        ),
    ] {
        let error = crate::service::bind(config).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let listen = ServiceAddress::Unix(dir.path().join("service.sock"));
    let tls = Some(Authority::new().server(None));
    let both = crate::service::bind(ServiceConfig { listen, tls, ..service_config(&[Tier::User]) }).await;
    assert!(matches!(both, Err(ServiceError::TlsOnUnix)));
}

#[tokio::test]
async fn a_service_of_this_machine_may_come_by_a_socket_that_is_its_users_alone() {
    let doors = Doors::open().await;
    let path = doors.bench.data.path().join("service.sock");
    let config = ServiceConfig { listen: ServiceAddress::Unix(path.clone()), ..service_config(&[Tier::User]) };
    let listener = crate::service::bind(config).await.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let stop = CancellationToken::new();
    let _stopped = stop.clone().drop_guard();
    tokio::spawn(crate::service::serve(&doors.bench.hub, listener, stop).unwrap());
    let connect = || UnixStream::connect(&path);
    assert_eq!(asked(connect().await.unwrap(), &honest().sign().text()).await.0, 200);
    let unsigned = honest().sign().without("signature");
    assert_eq!(asked(connect().await.unwrap(), &unsigned.text()).await.0, 401);
}

/// The example of the document, as it stands there.
#[tokio::test]
async fn the_documents_example_ends_a_session() {
    let document = include_str!("../../../../../../docs/doors.md");
    let example = document.split("```bash\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let doors = Doors::open().await;
    let (reader, everyone) = (doors.session("reader").await, doors.session("everyone").await);
    let secret = doors.bench.data.path().join("secret");
    crate::data::write_atomic(&secret, [SECRET, b"\n"].concat().as_slice(), 0o600).unwrap();
    let run = |session: &SessionId, change: fn(&str) -> String| {
        let mut bash = tokio::process::Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &change(example)]).env("SESSION", &session.0);
        bash.env("HUB", format!("http://{}", doors.service)).env("SECRET_FILE", &secret).output()
    };
    // Changed on the way: another session than the one that was signed for.
    let changed = |text: &str| text.replace("\"$HUB$path\"", "\"$HUB/sessions/other\"");
    let output = run(&reader, changed).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("does not match"), "{said} {output:?}");
    assert_eq!(doors.bench.hub.sessions().len(), 2);
    let output = run(&reader, str::to_owned).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let left: Vec<_> = doors.bench.hub.sessions().into_iter().map(|session| session.id).collect();
    assert_eq!(left, [everyone]);
}
