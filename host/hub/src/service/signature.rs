//! A signature on a request (RFC 9421), of the one form that is taken here: so many components in this order, these
//! five parameters, HMAC-SHA-256. What could be read in two ways is refused, whatever it is signed with.

use super::{Secret, Service};
use axum::http::request::Parts;
use http::header::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, FieldType, InnerList, ListEntry, Parser, Version};

/// How far a signature's time may be from ours, either way, in seconds.
pub(super) const FRESH_S: i64 = 300;
/// The longest header that is read, in bytes.
const MAX_HEADER_BYTES: usize = 2048;
/// Of a nonce, in characters.
const NONCE: std::ops::RangeInclusive<usize> = 16..=64;
/// What a signature is made for; one that was made for something else is none here.
const TAG: &str = "safeclaw-operator";
const ALGORITHM: &str = "hmac-sha256";
const PARAMETERS: [&str; 5] = ["created", "nonce", "keyid", "alg", "tag"];

const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Why a request is not the service's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error("the request is not signed: {0} is missing (RFC 9421)")]
    Missing(HeaderName),
    #[error("{0} comes twice, or is longer than {MAX_HEADER_BYTES} bytes, or is no text")]
    Header(HeaderName),
    #[error("{0} is not written as RFC 8941 writes it: one member, nothing twice, no needless spaces")]
    Form(HeaderName),
    #[error("Signature and Signature-Input have different labels")]
    Labels,
    #[error(
        "the signature covers other components than \"@method\" \"@path\", then \"@query\" if there is one, then \
         \"content-digest\""
    )]
    Components,
    #[error("the signature's parameters are not created, nonce (16 to 64 characters), keyid, alg, tag, each once")]
    Parameters,
    #[error("the signature's algorithm is not hmac-sha256")]
    Algorithm,
    #[error("the signature was made for something else: its tag is not {TAG}")]
    Tag,
    #[error("no key has this keyid")]
    Key,
    #[error("the signature does not match")]
    Mismatch,
    #[error("the signature's time is more than {FRESH_S} s from ours")]
    Stale,
}

/// What a signature says, and its body must still prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    /// Unix time, in seconds.
    pub(super) created: i64,
    pub(super) nonce: String,
    /// The SHA-256 of the body.
    pub(super) digest: Vec<u8>,
}

impl Service {
    /// Checks everything but the body and whether it came before. `now` is Unix time in seconds.
    pub(super) fn check(&self, request: &Parts, now: i64) -> Result<Signed, SignatureError> {
        check(&self.id, &self.secret, request, now)
    }
}

fn check(id: &str, secret: &Secret, request: &Parts, now: i64) -> Result<Signed, SignatureError> {
    let headers = &request.headers;
    let (input_text, label, input) = member(headers, &SIGNATURE_INPUT)?;
    let ListEntry::InnerList(input) = input else { return Err(SignatureError::Form(SIGNATURE_INPUT)) };
    let (_, signed_label, signature) = member(headers, &SIGNATURE)?;
    if label != signed_label {
        return Err(SignatureError::Labels);
    }
    let signature = bytes(signature).ok_or(SignatureError::Form(SIGNATURE))?;
    let (digest_text, algorithm, digest) = member(headers, &CONTENT_DIGEST)?;
    let digest = bytes(digest).filter(|digest| algorithm == "sha-256" && digest.len() == 32);
    let digest = digest.ok_or(SignatureError::Form(CONTENT_DIGEST))?;

    let lines = covered(request, &digest_text);
    if !covers(&input, &lines) {
        return Err(SignatureError::Components);
    }
    let parameters = parameters(&input).ok_or(SignatureError::Parameters)?;
    if parameters.algorithm != ALGORITHM {
        return Err(SignatureError::Algorithm);
    }
    if parameters.tag != TAG {
        return Err(SignatureError::Tag);
    }
    if parameters.id != id {
        return Err(SignatureError::Key);
    }
    // As it stands: it was seen to be written in the one way there is.
    let params = input_text.get(label.len() + 1..).unwrap_or_default();
    if !secret.signed(&base(&lines, params), &signature) {
        return Err(SignatureError::Mismatch);
    }
    if now.abs_diff(parameters.created) > FRESH_S.unsigned_abs() {
        return Err(SignatureError::Stale);
    }
    Ok(Signed { created: parameters.created, nonce: parameters.nonce, digest })
}

/// What must be covered, in this order, with its value (RFC 9421 §2).
fn covered(request: &Parts, digest: &str) -> Vec<(&'static str, String)> {
    let mut lines = vec![("@method", request.method.as_str().to_owned()), ("@path", request.uri.path().to_owned())];
    if let Some(query) = request.uri.query() {
        lines.push(("@query", format!("?{query}")));
    }
    lines.push(("content-digest", digest.to_owned()));
    lines
}

fn covers(input: &InnerList, lines: &[(&'static str, String)]) -> bool {
    input.items.len() == lines.len()
        && input.items.iter().zip(lines).all(|(item, (name, _))| {
            let said = if let BareItem::String(said) = &item.bare_item { said.as_str() } else { "" };
            said == *name && item.params.is_empty()
        })
}

struct Parameters {
    created: i64,
    nonce: String,
    id: String,
    algorithm: String,
    tag: String,
}

fn parameters(input: &InnerList) -> Option<Parameters> {
    let all_known = input.params.keys().all(|name| PARAMETERS.contains(&name.as_str()));
    if input.params.len() != PARAMETERS.len() || !all_known {
        return None;
    }
    let text = |name: &str| match input.params.get(name)? {
        BareItem::String(text) => Some(text.as_str().to_owned()),
        _ => None,
    };
    let BareItem::Integer(created) = input.params.get("created")? else { return None };
    let nonce = text("nonce").filter(|nonce| NONCE.contains(&nonce.len()))?;
    Some(Parameters {
        created: (*created).into(),
        nonce,
        id: text("keyid")?,
        algorithm: text("alg")?,
        tag: text("tag")?,
    })
}

/// The signature base (RFC 9421 §2.5).
fn base(lines: &[(&'static str, String)], params: &str) -> String {
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("\"{name}\": {value}\n"));
    }
    text.push_str("\"@signature-params\": ");
    text.push_str(params);
    text
}

/// The one member of a header that is a dictionary, with the header's text. A parser takes the last of two equal
/// names, and spaces in many places; what it writes again in other words could be read in another way by others.
fn member(headers: &HeaderMap, name: &HeaderName) -> Result<(String, String, ListEntry), SignatureError> {
    let mut all = headers.get_all(name).iter();
    let value = all.next().ok_or_else(|| SignatureError::Missing(name.clone()))?;
    let text = value.to_str().ok().filter(|text| text.len() <= MAX_HEADER_BYTES);
    let (Some(text), None) = (text, all.next()) else { return Err(SignatureError::Header(name.clone())) };
    let form = || SignatureError::Form(name.clone());
    let parsed: Dictionary = Parser::new(text).with_version(Version::Rfc8941).parse().map_err(|_| form())?;
    if parsed.serialize().as_deref() != Some(text) {
        return Err(form());
    }
    let mut members = parsed.into_iter();
    match (members.next(), members.next()) {
        (Some((label, entry)), None) => Ok((text.to_owned(), label.as_str().to_owned(), entry)),
        _ => Err(form()),
    }
}

/// A member that is bytes and nothing else.
fn bytes(entry: ListEntry) -> Option<Vec<u8>> {
    match entry {
        ListEntry::Item(item) if item.params.is_empty() => match item.bare_item {
            BareItem::ByteSequence(bytes) => Some(bytes),
            _ => None,
        },
        _ => None,
    }
}
