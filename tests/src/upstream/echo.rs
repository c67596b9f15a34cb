//! Echoes: the credential that was sent, in every place and spelling that a server could hand it back in.

use super::reply::Content;
use super::{Received, Reply};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

/// The last part of the path says how.
pub(super) fn answer(asked: &Received) -> Reply {
    let sent = asked.header("authorization");
    let bare = sent.strip_prefix("Bearer ").unwrap_or(sent);
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    match asked.place().rsplit('/').next().unwrap_or_default() {
        "body" => Reply::text(200, &format!("you sent {sent}, did you not")),
        "header" => Reply::text(200, "look above").header("x-echo", sent),
        "base64" => Reply::text(200, &STANDARD.encode(format!("Authorization: {sent}"))),
        "base64-shifted" => Reply::text(200, &STANDARD.encode(format!("x{sent}"))),
        "base64-url" => Reply::text(200, &URL_SAFE_NO_PAD.encode(bare)),
        "hex" => Reply::text(200, &hex::encode(bare)),
        "percent" => Reply::text(200, &percent(bare)),
        "json" => Reply::json(200, &json!({ "authorization": sent })),
        "unicode" => {
            let escaped: String = bare.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            Reply::empty(200)
                .header("content-type", "application/json")
                .body(format!("{{\"a\":\"{escaped}\"}}").as_bytes())
        }
        // Cut inside the token, once and at every byte.
        "halves" => {
            let text = format!("you sent {sent}, did you not");
            let (first, second) = text.split_at(text.len() - bare.len() / 2 - ", did you not".len());
            Reply::text(200, "").chunks(vec![first.into(), second.into()])
        }
        "chunks" => Reply::text(200, "").chunks(format!("you sent {sent}!").bytes().map(|byte| vec![byte]).collect()),
        "trailer" => {
            let mut reply = Reply::empty(200).header("content-type", "text/plain").header("trailer", "x-echo");
            reply.content = Content::Chunks(vec![b"look below".to_vec()], vec![("x-echo".into(), sent.into())]);
            reply
        }
        "redirect" => Reply::empty(302).header("location", format!("/echo/body?token={bare}")),
        "error" => Reply::json(500, &json!({ "message": format!("no {sent} here") })),
        // As it came, of whoever wants to know what left the hub.
        "request" => {
            let headers: Vec<_> =
                asked.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap_or("?"))).collect();
            Reply::json(
                200,
                &json!({ "method": asked.method, "path": asked.path, "headers": headers,
                "body": String::from_utf8_lossy(&asked.body) }),
            )
        }
        _ => Reply::text(404, "no such echo"),
    }
}
