//! What a lying hub says, in the order in which a conversation could come to it, and what the runner does.

use super::{LyingHub, Row, framed, raw};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{HubKey, Ticket, ToRunner};
use serde_json::json;

const RUNS: &str = "runs the tool";

const fn row(lie: &'static str, says: fn(&LyingHub) -> Vec<u8>, runner: &'static str) -> Row {
    Row { lie, says, runner }
}

pub(crate) const ROWS: &[Row] = &[
    // The first two show that an honest hub is obeyed, so that the others can fail.
    row("nothing but the truth", |hub| [hub.good(), hub.call()].concat(), RUNS),
    row("a newer ticket that takes nothing away", |hub| hub.renewed(|_| {}), RUNS),
    // Signatures.
    row(
        "a ticket signed by another hub",
        |hub| {
            [framed(&ToRunner::Ticket(HubKey::from_seed(&[8; 32]).sign(&hub.ticket()).unwrap())), hub.call()].concat()
        },
        "",
    ),
    row(
        "a ticket whose signature is another one's",
        |hub| {
            hub.forged(|header, claims, _| {
                let other = super::key().sign(&Ticket { serial: 9, ..hub.ticket() }).unwrap();
                format!("{header}.{claims}.{}", other.rsplit('.').next().unwrap())
            })
        },
        "",
    ),
    row(
        "a ticket whose claims were changed",
        |hub| {
            hub.forged(|header, _, signature| {
                let claims = serde_json::to_string(&Ticket { session: "other".into(), ..hub.ticket() }).unwrap();
                format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
            })
        },
        "",
    ),
    row("a ticket without a signature", |hub| hub.forged(|header, claims, _| format!("{header}.{claims}.")), ""),
    row("a ticket that wants no signature", |hub| hub.with_header(|header| header["alg"] = json!("none")), ""),
    row("a ticket signed with a shared secret", |hub| hub.with_header(|header| header["alg"] = json!("HS256")), ""),
    row("a ticket that brings its own key", |hub| hub.with_header(|header| header["jwk"] = json!({"kty": "OKP"})), ""),
    row("a token of another kind", |hub| hub.with_header(|header| header["typ"] = json!("JWT")), ""),
    row("a ticket that is no token", |hub| [framed(&ToRunner::Ticket("let me in".into())), hub.call()].concat(), ""),
    row("an empty ticket", |hub| [framed(&ToRunner::Ticket(String::new())), hub.call()].concat(), ""),
    // For whom, and when.
    row("a ticket that answers another hello", |hub| hub.wrong(|ticket| ticket.nonce = "00".repeat(32)), ""),
    row("a ticket for another container", |hub| hub.wrong(|ticket| ticket.container = "other".into()), ""),
    row("a ticket for another posture", |hub| hub.wrong(|ticket| ticket.posture = super::digest('1')), ""),
    row("a ticket that has expired", |hub| hub.wrong(|ticket| ticket.expires = 1), ""),
    // What it names.
    row(
        "an artefact that is not there",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = super::digest('c')),
        "",
    ),
    row(
        "an artefact under another one's name",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = hub.ground.swapped.clone()),
        "",
    ),
    row(
        "random bytes for an artefact, under their own digest",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = hub.ground.random.clone()),
        "",
    ),
    row("a component twice", |hub| hub.wrong(|ticket| ticket.components.push(ticket.components[0].clone())), ""),
    row("a tool twice", |hub| hub.wrong(|ticket| ticket.tools.push(ticket.tools[0].clone())), ""),
    row(
        "a tool of a component that is not named",
        |hub| hub.wrong_tool(|tool| tool.component = super::digest('d')),
        "",
    ),
    row("no call at once", |hub| hub.wrong(|ticket| ticket.concurrent_calls = 0), ""),
    row("more calls at once than there is room for", |hub| hub.wrong(|ticket| ticket.concurrent_calls = u32::MAX), ""),
    row("a directory outside of every mount", |hub| hub.wrong_tool(|tool| tool.preopens[0].root = "/etc".into()), ""),
    row("a directory above its mount", |hub| hub.wrong_tool(|tool| tool.preopens[0].path = "../..".into()), ""),
    row(
        "a schema that reads a file",
        |hub| {
            hub.wrong_tool(|tool| {
                tool.input_schema = r#"{"type":"object","$ref":"file:///etc/passwd"}"#.into();
            })
        },
        "",
    ),
    row("a schema that is no JSON", |hub| hub.wrong_tool(|tool| tool.input_schema = "{".into()), ""),
    // A newer ticket.
    row("the same ticket twice", |hub| hub.renewed(|ticket| ticket.serial = 5), ""),
    row("a ticket with a lower serial", |hub| hub.renewed(|ticket| ticket.serial = 4), ""),
    row("a ticket of an older epoch", |hub| hub.renewed(|ticket| ticket.epoch = 4), ""),
    row("a ticket of another session", |hub| hub.renewed(|ticket| ticket.session = "other".into()), ""),
    row("a newer ticket of another hub's name", |hub| hub.renewed(|ticket| ticket.hub = "other".into()), ""),
    row("a newer ticket that has expired", |hub| hub.renewed(|ticket| ticket.expires = 1), ""),
    row(
        "a newer ticket with one more component",
        |hub| {
            hub.renewed(|ticket| {
                let more = protocol::TicketComponent { component: super::digest('d'), ..ticket.components[0].clone() };
                ticket.components.push(more);
            })
        },
        "",
    ),
    row(
        "a newer ticket with another artefact",
        |hub| hub.renewed(|ticket| ticket.components[0].artefact = hub.ground.random.clone()),
        "",
    ),
    row(
        "a newer ticket with one more tool",
        |hub| {
            hub.renewed(|ticket| {
                let name = "files_delete".try_into().unwrap();
                ticket.tools.push(protocol::TicketTool { name, ..ticket.tools[0].clone() });
            })
        },
        "",
    ),
    row(
        "a newer ticket with a wider grant",
        |hub| {
            hub.renewed(|ticket| {
                ticket.tools[0].env.insert("SECRET".try_into().unwrap(), "x".into());
            })
        },
        "",
    ),
    row("a call of a tool that a newer ticket took away", |hub| hub.renewed(|ticket| ticket.tools.clear()), ""),
    // Calls.
    row("a call before any ticket", |hub| hub.call(), ""),
    row(
        "a question before any ticket",
        |hub| {
            let component = hub.ground.registration.component.clone();
            [framed(&ToRunner::Describe(1, component)), hub.good(), hub.call()].concat()
        },
        "",
    ),
    row(
        "a question under a ticket for calls",
        |hub| {
            let component = hub.ground.registration.component.clone();
            [hub.good(), framed(&ToRunner::Describe(1, component)), hub.call()].concat()
        },
        "",
    ),
    row(
        "a call of a tool that the ticket does not name",
        |hub| [hub.good(), hub.call_of("files_delete", r#"{"path":"."}"#)].concat(),
        "",
    ),
    row("two calls under one id", |hub| [hub.good(), hub.call(), hub.call()].concat(), ""),
    row(
        "arguments above their bound",
        |hub| {
            let long = json!({"path": "proof", "content": "x".repeat(2000), "mode": "overwrite"});
            [hub.good(), hub.call_of("files_write", &long.to_string())].concat()
        },
        "",
    ),
    row("arguments that are no JSON", |hub| [hub.good(), hub.call_of("files_write", "{")].concat(), ""),
    row("arguments that do not fit the schema", |hub| [hub.good(), hub.call_of("files_write", "{}")].concat(), ""),
    row(
        "an end to a call that never was",
        |hub| [hub.good(), framed(&ToRunner::Cancel(77)), hub.call()].concat(),
        RUNS,
    ),
    // Bytes.
    row("random bytes", |hub| [raw(&[0xf3, 0xa1, 0xd7, 0x00]), hub.good(), hub.call()].concat(), ""),
    row("a message of another version", |hub| [raw(&[9, 1]), hub.good(), hub.call()].concat(), ""),
    row("a frame of nothing", |hub| [raw(&[]), hub.good(), hub.call()].concat(), ""),
    row("a frame of four gibibytes", |hub| [vec![0xff; 4], hub.good(), hub.call()].concat(), ""),
    row("bytes after a message", |hub| [raw(&[2, 1, 0]), hub.good(), hub.call()].concat(), ""),
    row("a text that is not UTF-8", |hub| [raw(&[0, 2, 0xc3, 0x28]), hub.good(), hub.call()].concat(), ""),
    row("garbage between a ticket and a call", |hub| [hub.good(), raw(&[0xff; 9]), hub.call()].concat(), ""),
];
