//! Requests as a service signs them, and as an attacker would have them.

use super::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub(crate) const SECRET: &[u8] = b"a-secret-of-at-least-thirty-two-bytes";

/// A request before it is signed; each part can be changed before or after that.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: String,
    pub(crate) secret: Vec<u8>,
    /// As they stand in `Signature-Input`.
    pub(crate) components: String,
    pub(crate) parameters: String,
    pub(crate) label: &'static str,
}

/// A request on the wire.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) fn digest_of(body: &str) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body.as_bytes())))
}

/// A nonce that nobody had.
pub(crate) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) fn parameters(created: i64, nonce: &str) -> String {
    format!(r#";created={created};nonce="{nonce}";keyid="chat";alg="hmac-sha256";tag="safeclaw-operator""#)
}

impl Draft {
    /// As an honest service makes one, at this moment.
    pub(crate) fn new(method: &'static str, target: &str) -> Self {
        let query = if target.contains('?') { r#" "@query""# } else { "" };
        Self {
            method,
            target: target.to_owned(),
            body: r#"{"on_behalf_of": "ada"}"#.to_owned(),
            secret: SECRET.to_vec(),
            components: format!(r#"("@method" "@path"{query} "content-digest")"#),
            parameters: parameters(jiff::Timestamp::now().as_second(), &nonce()),
            label: "sig",
        }
    }

    /// Signs what the components name, as RFC 9421 says; unknown ones have no value.
    pub(crate) fn sign(&self) -> Signed {
        let digest = digest_of(&self.body);
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut base = String::new();
        for name in self.components.split('"').skip(1).step_by(2) {
            let value = match name {
                "@method" => self.method.to_owned(),
                "@path" => path.to_owned(),
                "@query" => format!("?{query}"),
                "content-digest" => digest.clone(),
                "host" => "hub".to_owned(),
                _ => String::new(),
            };
            base.push_str(&format!("\"{name}\": {value}\n"));
        }
        let input = format!("{}{}", self.components, self.parameters);
        base.push_str(&format!("\"@signature-params\": {input}"));
        let signature = STANDARD.encode(Secret::new(&self.secret).unwrap().sign(&base));
        let label = self.label;
        Signed {
            method: self.method.to_owned(),
            target: self.target.clone(),
            headers: vec![
                ("content-digest".to_owned(), digest),
                ("signature-input".to_owned(), format!("{label}={input}")),
                ("signature".to_owned(), format!("{label}=:{signature}:")),
            ],
            body: self.body.clone(),
        }
    }
}

impl Signed {
    /// With a header's text changed, wherever it is.
    pub(crate) fn with(mut self, name: &str, change: impl Fn(&str) -> String) -> Self {
        for (own, value) in &mut self.headers {
            if own == name {
                *value = change(value);
            }
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request as text, for a connection of its own.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: hub\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "content-length") {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{text}\r\n{}", self.body)
    }
}
