//! A record of the log, for people. Whoever reads it cannot know who wrote the file: all of it is cleaned.

use ::hub::clean;
use serde_json::{Map, Value};

/// Longest value shown in a line.
const VALUE_BYTES: usize = 200;
/// What a line does not repeat: the chain is for machines, and these have places of their own.
const LEFT_OUT: [&str; 4] = ["seq", "prev", "time", "event"];
/// Digests are told by their first digits where they are not asked for.
const DIGEST_BYTES: usize = 19;

/// One record.
pub(super) struct Told(Map<String, Value>);

impl Told {
    /// None for what is no record.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().map(Self)
    }

    /// A field as text; nothing if it is not there.
    pub(super) fn text(&self, name: &str) -> String {
        self.0.get(name).map(|value| shown(value, clean::NOTE_BYTES)).unwrap_or_default()
    }

    /// A field below others.
    pub(super) fn at(&self, pointer: &str) -> Option<String> {
        let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
        let value = self.0.get(first)?;
        let value = if rest.is_empty() { value } else { value.pointer(&format!("/{rest}"))? };
        (!value.is_null()).then(|| shown(value, clean::NOTE_BYTES))
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.0.get(name).and_then(Value::as_str) == Some(value)
    }

    /// Whether it says something of the log and nothing of what was done.
    pub(super) fn is_of_the_chain(&self) -> bool {
        self.is("event", "head")
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let mut line = format!("{}  {:<18}", self.text("time"), self.text("event"));
        for (name, value) in self.0.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
            let long =
                if shown(value, VALUE_BYTES).starts_with("hmac-sha256:") { DIGEST_BYTES + 5 } else { VALUE_BYTES };
            let digest =
                value.as_str().is_some_and(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()));
            let value = shown(value, if digest { DIGEST_BYTES } else { long });
            line += &format!(" {}={value}", clean::line(name, 64));
        }
        line
    }

    /// What it asked of the outside, in one line; nothing for records of something else.
    pub(super) fn of_outside(&self) -> Option<String> {
        let of = |name: &str| self.text(name);
        let (place, done) = (of("place"), of("done"));
        if self.is("event", "leaked") {
            return Some(format!("{}  {place}: the value of {}, {done}", of("time"), of("of")));
        }
        if !self.is("event", "egress") {
            return None;
        }
        let path = self.at("path_text").unwrap_or_else(|| format!(" {}", short(&of("path"))));
        let hop = self.at("hop").filter(|hop| hop != "0").map(|hop| format!(" (redirect {hop})")).unwrap_or_default();
        let ended = match of("outcome").as_str() {
            "requested" => "about to leave, and no end of it is known".to_owned(),
            "answered" => format!("answered {}", of("status")),
            "failed" => format!("failed: {}, {}", of("fault"), of("reason")),
            "leak" => format!("{place}: the value of {}, {done}", of("of")),
            other => other.to_owned(),
        };
        let address = self.at("address").map(|address| format!(", {address}")).unwrap_or_default();
        let credential = self.at("credential").map(|name| format!(", credential {name}")).unwrap_or_default();
        let ms = of("wall_us").parse::<u64>().map_or(0, |us| us / 1000);
        Some(format!(
            "{}  {} {}{path}{hop}  {ended}{address}{credential}, {} bytes sent, {} received, {ms} ms",
            of("time"),
            of("method"),
            of("origin"),
            of("sent"),
            of("received"),
        ))
    }

    /// As JSON on one line, which escapes what could move a terminal.
    pub(super) fn json(&self) -> String {
        clean::text(&Value::Object(self.0.clone()).to_string())
    }
}

/// The beginning of a digest.
fn short(digest: &str) -> String {
    clean::line(digest, DIGEST_BYTES + 3)
}

fn shown(value: &Value, most_bytes: usize) -> String {
    match value {
        Value::String(text) => clean::line(text, most_bytes),
        Value::Null => "none".to_owned(),
        other => clean::line(&other.to_string(), most_bytes),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn nothing_in_a_record_moves_a_terminal() {
        let line = "{\"seq\":1,\"time\":\"t\\u001b[2J\",\"event\":\"e\\u202e\",\"na\\u001b[1mme\":\"v\\u001b[0m\",\"b\":{\"c\":\"\\u0007\"}}";
        let told = Told::of(line.as_bytes()).unwrap();
        for shown in [told.line(), told.json(), told.text("time"), told.at("b/c").unwrap()] {
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
        }
        assert!(Told::of(b"[1]").is_none() && Told::of(b"{").is_none());
    }

    #[test]
    fn a_line_says_what_happened_and_not_how_it_is_chained() {
        let digest = "a".repeat(64);
        let line = format!(
            "{{\"seq\":1,\"prev\":\"{digest}\",\"time\":\"T\",\"event\":\"requested\",\"tool\":\"read\",\"component\":\"{digest}\"}}"
        );
        assert_eq!(
            Told::of(line.as_bytes()).unwrap().line(),
            format!("T  requested          component={}… tool=read", "a".repeat(16))
        );
    }
}
