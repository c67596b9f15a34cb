//! The ticket: only the very token that the hub signed passes, and only for the runner it was signed for.
//!
//! The attack: whoever sits between a hub and a runner alters a token, or replays one meant for another.

use manifest::{Digest, ToolName};
use protocol::{HubKey, Preopen, Ticket, TicketCheck, TicketComponent, TicketTool};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const NOW_UNIX_S: u64 = 1_000_000;
const NONCE: [u8; 32] = [1; 32];
const CONTAINER: &str = "box";

struct Known {
    key: HubKey,
    ticket: Ticket,
    /// Everything that this key ever signed.
    tokens: Vec<String>,
    /// The same ticket, signed with another key.
    of_another_hub: String,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let key = HubKey::from_seed(&[7; 32]);
    let ticket = ticket();
    let elsewhere = Ticket { container: "another".to_owned(), ..ticket.clone() };
    let tokens = [&ticket, &elsewhere].map(|ticket| key.sign(ticket).expect("it signs")).to_vec();
    let of_another_hub = HubKey::from_seed(&[8; 32]).sign(&ticket).expect("it signs");
    Known { key, ticket, tokens, of_another_hub }
});

/// A text is either a token or the claims of one.
pub fn check(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if let Ok(claims) = serde_json::from_str::<Ticket>(text) {
        signed(&claims);
        return true;
    }
    let known = &*KNOWN;
    match known.key.public().verify(text) {
        Ok(ticket) => {
            assert!(known.tokens.iter().any(|token| token == text), "a token that nobody signed passes");
            assert_eq!(accepts(&ticket, text), fits(&ticket));
            true
        }
        Err(error) => {
            assert!(!known.tokens.iter().any(|token| token == text), "a good token does not pass: {error}");
            // The check asks the key first, at the price of another signature: asked for some is asked for all.
            assert!(!bytes.len().is_multiple_of(16) || !accepts(&known.ticket, text));
            false
        }
    }
}

/// What is signed comes back as it was, and is obeyed by the runner it names and by no other.
fn signed(claims: &Ticket) {
    let known = &*KNOWN;
    let token = known.key.sign(claims).expect("it signs");
    assert_eq!(known.key.public().verify(&token).ok().as_ref(), Some(claims));
    assert_eq!(accepts(claims, &token), fits(claims));
}

fn fits(ticket: &Ticket) -> bool {
    let ours = &KNOWN.ticket;
    ticket.container == CONTAINER
        && ticket.nonce == ours.nonce
        && ticket.posture == ours.posture
        && ticket.expires > NOW_UNIX_S
}

/// Once, and not a second time.
fn accepts(ticket: &Ticket, token: &str) -> bool {
    let known = &*KNOWN;
    let mut check = TicketCheck::new(known.key.public(), CONTAINER.to_owned(), &NONCE, known.ticket.posture.clone());
    let first = check.accept(token, NOW_UNIX_S);
    if let Ok(first) = &first {
        assert_eq!(first, ticket);
        assert!(check.accept(token, NOW_UNIX_S).is_err(), "a ticket serves twice");
    }
    first.is_ok()
}

fn ticket() -> Ticket {
    let digest = |text: &str| Digest::of(text.as_bytes());
    let read = manifest::read(&[manifest::SourceFile { name: "t.toml".to_owned(), text: MANIFEST.to_owned() }]);
    let limits = read.expect("a manifest").manifest.tiers[&manifest::Tier::User].ceiling.limits.clone();
    Ticket {
        hub: "hub".to_owned(),
        container: CONTAINER.to_owned(),
        nonce: hex::encode(NONCE),
        session: "session".to_owned(),
        manifest: digest("manifest"),
        epoch: 3,
        expires: NOW_UNIX_S + 60,
        serial: 1,
        posture: digest("posture"),
        concurrent_calls: 4,
        components: vec![TicketComponent {
            component: digest("wasm"),
            artefact: digest("artefact"),
            trap_imports: BTreeSet::from(["wasi:sockets/tcp".to_owned()]),
            http: false,
        }],
        tools: vec![TicketTool {
            name: ToolName::try_from("files_read").expect("a name"),
            component: digest("wasm"),
            limits,
            preopens: vec![Preopen {
                root: "/mnt/work".to_owned(),
                path: ".".to_owned(),
                guest: "/work".to_owned(),
                access: manifest::Access::Read,
            }],
            env: BTreeMap::new(),
            clocks: BTreeSet::from([manifest::Clock::Wall]),
            http: false,
            input_schema: "{\"type\":\"object\"}".to_owned(),
            output_schema: None,
        }],
    }
}

const MANIFEST: &str = r#"
name = "t"
[tiers.user]
concurrent_calls = 4
calls_per_hour = 600
idle = "15min"
[tiers.user.ceiling]
limits = { memory = "64MiB", cpu = "2s", deadline = "10s", arguments = "64KiB", result = "1MiB", log = "64KiB", handles = 1000 }
"#;

/// Tokens and claims: the corpus.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let known = &*KNOWN;
    let claims = serde_json::to_vec(&known.ticket).expect("JSON");
    let small = Ticket { components: Vec::new(), tools: Vec::new(), ..known.ticket.clone() };
    let small = serde_json::to_vec(&small).expect("JSON");
    vec![
        ("token", known.tokens[0].clone().into_bytes()),
        ("token-for-another", known.tokens[1].clone().into_bytes()),
        ("token-of-another-hub", known.of_another_hub.clone().into_bytes()),
        ("claims", claims),
        ("claims-small", small),
    ]
}
