//! What a lying hub says, in the order in which a conversation could come to it, and what the runner does.

use super::{LyingHub, Row, framed, raw};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{HttpFault, HubKey, Ticket, ToHttp, ToRunner};
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
        "refuses the ticket and ends: the ticket names another key than the hub's",
    ),
    row(
        "a ticket whose signature is another one's",
        |hub| {
            hub.forged(|header, claims, _| {
                let other = super::key().sign(&Ticket { serial: 9, ..hub.ticket() }).unwrap();
                format!("{header}.{claims}.{}", other.rsplit('.').next().unwrap())
            })
        },
        "refuses the ticket and ends: the ticket's signature is wrong",
    ),
    row(
        "a ticket whose claims were changed",
        |hub| {
            hub.forged(|header, _, signature| {
                let claims = serde_json::to_string(&Ticket { session: "other".into(), ..hub.ticket() }).unwrap();
                format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
            })
        },
        "refuses the ticket and ends: the ticket's signature is wrong",
    ),
    row(
        "a ticket without a signature",
        |hub| hub.forged(|header, claims, _| format!("{header}.{claims}.")),
        "refuses the ticket and ends: the ticket's signature is wrong",
    ),
    row(
        "a ticket that wants no signature",
        |hub| hub.with_header(|header| header["alg"] = json!("none")),
        "refuses the ticket and ends: the ticket wants another algorithm than EdDSA",
    ),
    row(
        "a ticket signed with a shared secret",
        |hub| hub.with_header(|header| header["alg"] = json!("HS256")),
        "refuses the ticket and ends: the ticket wants another algorithm than EdDSA",
    ),
    row(
        "a ticket that brings its own key",
        |hub| hub.with_header(|header| header["jwk"] = json!({"kty": "OKP"})),
        "refuses the ticket and ends: the ticket is malformed",
    ),
    row(
        "a token of another kind",
        |hub| hub.with_header(|header| header["typ"] = json!("JWT")),
        "refuses the ticket and ends: the ticket is malformed",
    ),
    row(
        "a ticket that is no token",
        |hub| [framed(&ToRunner::Ticket("let me in".into())), hub.call()].concat(),
        "refuses the ticket and ends: the ticket is malformed",
    ),
    row(
        "an empty ticket",
        |hub| [framed(&ToRunner::Ticket(String::new())), hub.call()].concat(),
        "refuses the ticket and ends: the ticket is malformed",
    ),
    // For whom, and when.
    row(
        "a ticket that answers another hello",
        |hub| hub.wrong(|ticket| ticket.nonce = "00".repeat(32)),
        "refuses the ticket and ends: the ticket answers another hello",
    ),
    row(
        "a ticket for another container",
        |hub| hub.wrong(|ticket| ticket.container = "other".into()),
        "refuses the ticket and ends: the ticket is for another container",
    ),
    row(
        "a ticket for another posture",
        |hub| hub.wrong(|ticket| ticket.posture = super::digest('1')),
        "refuses the ticket and ends: the ticket is for another posture",
    ),
    row(
        "a ticket that has expired",
        |hub| hub.wrong(|ticket| ticket.expires = 1),
        "refuses the ticket and ends: the ticket expired at 1, it is NOW",
    ),
    // What it names.
    row(
        "an artefact that is not there",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = super::digest('c')),
        "refuses the ticket and ends: component COMPONENT cannot be loaded: artefact cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.cwasm cannot be opened: No such file or directory (os error 2)",
    ),
    row(
        "an artefact under another one's name",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = hub.ground.swapped.clone()),
        "refuses the ticket and ends: component COMPONENT cannot be loaded: artefact ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5.cwasm has the digest ARTEFACT: it was changed, nothing of it was mapped",
    ),
    row(
        "random bytes for an artefact, under their own digest",
        |hub| hub.wrong(|ticket| ticket.components[0].artefact = hub.ground.random.clone()),
        "refuses the ticket and ends: component COMPONENT cannot be loaded: artefact 3cad4dac0871e656000d39774c13a988c46fc120f5edca8091f43b74eb38b2ba.cwasm does not fit this engine",
    ),
    row(
        "a component twice",
        |hub| hub.wrong(|ticket| ticket.components.push(ticket.components[0].clone())),
        "refuses the ticket and ends: the ticket names a component twice",
    ),
    row(
        "a tool twice",
        |hub| hub.wrong(|ticket| ticket.tools.push(ticket.tools[0].clone())),
        "refuses the ticket and ends: the ticket names a tool twice",
    ),
    row(
        "a tool of a component that is not named",
        |hub| hub.wrong_tool(|tool| tool.component = super::digest('d')),
        "refuses the ticket and ends: the ticket does not name the component of `files_write`",
    ),
    row(
        "no call at once",
        |hub| hub.wrong(|ticket| ticket.concurrent_calls = 0),
        "refuses the ticket and ends: the ticket wants 0 calls at once; 1 to 64 are possible",
    ),
    row(
        "more calls at once than there is room for",
        |hub| hub.wrong(|ticket| ticket.concurrent_calls = u32::MAX),
        "refuses the ticket and ends: the ticket wants 4294967295 calls at once; 1 to 64 are possible",
    ),
    row(
        "a directory outside of every mount",
        |hub| hub.wrong_tool(|tool| tool.preopens[0].root = "/etc".into()),
        "denies the call: a directory of this tool cannot be granted: `/etc` is not below a mount of this container",
    ),
    row(
        "a directory above its mount",
        |hub| hub.wrong_tool(|tool| tool.preopens[0].path = "../..".into()),
        "denies the call: a directory of this tool cannot be granted: `../..` of `DIR/mnt/work` cannot be opened: it leads out of the mount",
    ),
    row(
        "a schema that reads a file",
        |hub| {
            hub.wrong_tool(|tool| {
                tool.input_schema = r#"{"type":"object","$ref":"file:///etc/passwd"}"#.into();
            })
        },
        "denies the call: a schema of this tool is refused: the schema's `$ref` at `` leads outside of the schema; nothing is ever fetched",
    ),
    row(
        "a schema that is no JSON",
        |hub| hub.wrong_tool(|tool| tool.input_schema = "{".into()),
        "denies the call: a schema of this tool is refused: the schema is not JSON: EOF while parsing an object at line 1 column 1",
    ),
    // A newer ticket.
    row(
        "the same ticket twice",
        |hub| hub.renewed(|ticket| ticket.serial = 5),
        "refuses the ticket and ends: the ticket's serial 5 is not above 5",
    ),
    row(
        "a ticket with a lower serial",
        |hub| hub.renewed(|ticket| ticket.serial = 4),
        "refuses the ticket and ends: the ticket's serial 4 is not above 5",
    ),
    row(
        "a ticket of an older epoch",
        |hub| hub.renewed(|ticket| ticket.epoch = 4),
        "refuses the ticket and ends: the ticket is of an older epoch",
    ),
    row(
        "a ticket of another session",
        |hub| hub.renewed(|ticket| ticket.session = "other".into()),
        "refuses the ticket and ends: the ticket is for another session",
    ),
    row(
        "a newer ticket of another hub's name",
        |hub| hub.renewed(|ticket| ticket.hub = "other".into()),
        "refuses the ticket and ends: the ticket is of another hub",
    ),
    row(
        "a newer ticket that has expired",
        |hub| hub.renewed(|ticket| ticket.expires = 1),
        "refuses the ticket and ends: the ticket expired at 1, it is NOW",
    ),
    row(
        "a newer ticket with one more component",
        |hub| {
            hub.renewed(|ticket| {
                let more = protocol::TicketComponent { component: super::digest('d'), ..ticket.components[0].clone() };
                ticket.components.push(more);
            })
        },
        "refuses the ticket and ends: the ticket adds a component; that takes another runner",
    ),
    row(
        "a newer ticket with another artefact",
        |hub| hub.renewed(|ticket| ticket.components[0].artefact = hub.ground.random.clone()),
        "refuses the ticket and ends: the ticket adds a component; that takes another runner",
    ),
    row(
        "a newer ticket with one more tool",
        |hub| {
            hub.renewed(|ticket| {
                let name = "files_delete".try_into().unwrap();
                ticket.tools.push(protocol::TicketTool { name, ..ticket.tools[0].clone() });
            })
        },
        "refuses the ticket and ends: the ticket adds or changes the tool `files_delete`; that takes another runner",
    ),
    row(
        "a newer ticket with a wider grant",
        |hub| {
            hub.renewed(|ticket| {
                ticket.tools[0].env.insert("SECRET".try_into().unwrap(), "x".into());
            })
        },
        "refuses the ticket and ends: the ticket adds or changes the tool `files_write`; that takes another runner",
    ),
    row(
        "a call of a tool that a newer ticket took away",
        |hub| hub.renewed(|ticket| ticket.tools.clear()),
        "denies the call: the ticket does not name this tool",
    ),
    // Calls.
    row(
        "a call before any ticket",
        |hub| hub.call(),
        "ends: the hub broke the protocol: the hub asked for work before it sent a ticket",
    ),
    row(
        "a question before any ticket",
        |hub| {
            let component = hub.ground.registration.component.clone();
            [framed(&ToRunner::Describe(1, component)), hub.good(), hub.call()].concat()
        },
        "ends: the hub broke the protocol: the hub asked for work before it sent a ticket",
    ),
    row(
        "a question under a ticket for calls",
        |hub| {
            let component = hub.ground.registration.component.clone();
            [hub.good(), framed(&ToRunner::Describe(1, component)), hub.call()].concat()
        },
        "ends: the hub broke the protocol: the hub asked for a description under a ticket that is not for registration",
    ),
    row(
        "a call of a tool that the ticket does not name",
        |hub| [hub.good(), hub.call_of("files_delete", r#"{"path":"."}"#)].concat(),
        "denies the call: the ticket does not name this tool",
    ),
    row(
        "two calls under one id",
        |hub| [hub.good(), hub.call(), hub.call()].concat(),
        "ends: the hub broke the protocol: the hub used the id of a call that still runs",
    ),
    row(
        "arguments above their bound",
        |hub| {
            let long = json!({"path": "proof", "content": "x".repeat(2000), "mode": "overwrite"});
            [hub.good(), hub.call_of("files_write", &long.to_string())].concat()
        },
        "denies the call: Arguments = 1000",
    ),
    row(
        "arguments that are no JSON",
        |hub| [hub.good(), hub.call_of("files_write", "{")].concat(),
        "fails the call: the arguments do not fit the tool's schema: not JSON: EOF while parsing an object at line 1 column 1",
    ),
    row(
        "arguments that do not fit the schema",
        |hub| [hub.good(), hub.call_of("files_write", "{}")].concat(),
        "fails the call: the arguments do not fit the tool's schema: the whole: \"path\" is a required property; the whole: \"content\" is a required property",
    ),
    row(
        "an end to a call that never was",
        |hub| [hub.good(), framed(&ToRunner::Cancel(77)), hub.call()].concat(),
        RUNS,
    ),
    // Requests.
    row(
        "an answer before any ticket",
        |hub| [framed(&ToRunner::Http(ToHttp::Credit(1, 1))), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: the hub answered a request that was never made",
    ),
    row(
        "the end of a request that was never made",
        |hub| [hub.good(), framed(&ToRunner::Http(ToHttp::Failed(1, HttpFault::Denied))), hub.call()].concat(),
        "ends: the hub broke the protocol: the hub answered a request that was never made",
    ),
    row(
        "a ticket that lets a tool ask for HTTP whose component links without it",
        |hub| hub.wrong_tool(|tool| tool.http = true),
        "refuses the ticket and ends: the ticket lets `files_write` ask for HTTP, and its component links without it",
    ),
    // Bytes.
    row(
        "random bytes",
        |hub| [raw(&[0xf3, 0xa1, 0xd7, 0x00]), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame that holds no known message: Serde Deserialization Error",
    ),
    row(
        "a message of another version",
        |hub| [raw(&[9, 1]), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame that holds no known message: Serde Deserialization Error",
    ),
    row(
        "a frame of nothing",
        |hub| [raw(&[]), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame that holds no known message: Hit the end of buffer, expected more data",
    ),
    row(
        "a frame of four gibibytes",
        |hub| [vec![0xff; 4], hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame of 4294967295 bytes, where the most is 8388608",
    ),
    row(
        "bytes after a message",
        |hub| [raw(&[2, 1, 0]), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame with 1 bytes after its message",
    ),
    row(
        "a text that is not UTF-8",
        |hub| [raw(&[0, 2, 0xc3, 0x28]), hub.good(), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame that holds no known message: Tried to parse invalid utf-8",
    ),
    row(
        "garbage between a ticket and a call",
        |hub| [hub.good(), raw(&[0xff; 9]), hub.call()].concat(),
        "ends: the hub broke the protocol: a frame that holds no known message: Found a varint that didn't terminate. Is the usize too big for this platform?",
    ),
];
