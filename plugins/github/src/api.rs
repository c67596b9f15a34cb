//! One request to the API, and what its documented errors mean to an agent.

use crate::limits::{ANSWER_BYTES, ERROR_BYTES};
use safeclaw_sdk::http::{Request, Response};
use safeclaw_sdk::prelude::*;
use safeclaw_sdk::serde::Deserialize;
use safeclaw_sdk::serde::de::DeserializeOwned;

/// The version of the API that the shapes in this crate are of.
const VERSION: &str = "2022-11-28";
const JSON: &str = "application/vnd.github+json";
/// Search results with the lines that were found.
pub(crate) const MATCHES: &str = "application/vnd.github.text-match+json";

/// A request to the API: `path` begins with `/`.
pub(crate) fn request(method: &str, path: &str) -> Request {
    request_as(method, path, JSON)
}

/// The same, for an answer of another media type.
pub(crate) fn request_as(method: &str, path: &str, accept: &str) -> Request {
    let base = std::env::var("GITHUB_API_URL").unwrap_or_else(|_| "https://api.github.com".to_owned());
    Request::new(method, &format!("{}{path}", base.trim_end_matches('/')))
        .header("accept", accept)
        .header("x-github-api-version", VERSION)
        .header("user-agent", "safeclaw-github")
}

/// What came back.
pub(crate) enum Answered<T> {
    /// The thing, and the headers that go with it.
    Fresh(T, Headers),
    /// It is as the caller knows it.
    NotModified,
}

/// Headers of an answer that a tool passes on.
pub(crate) struct Headers {
    pub(crate) etag: Option<String>,
    pub(crate) next_page: Option<u32>,
}

/// Reads something, unless it is as `known` says.
pub(crate) fn read<T: DeserializeOwned>(mut request: Request, known: Option<&str>) -> Result<Answered<T>> {
    if let Some(etag) = known {
        let fits = etag.len() <= 256 && etag.bytes().all(|b| (0x21..=0x7e).contains(&b));
        ensure!(fits, "if_none_match is the etag of an earlier answer, as it was");
        request = request.header("if-none-match", etag);
    }
    let mut response = request.send()?;
    if response.status() == 304 && known.is_some() {
        return Ok(Answered::NotModified);
    }
    check(&mut response)?;
    let etag = response.header("etag").map(ToOwned::to_owned);
    let next_page = crate::page::next(response.header("link"));
    Ok(Answered::Fresh(response.json(ANSWER_BYTES)?, Headers { etag, next_page }))
}

/// Changes something, and reads what it has become.
pub(crate) fn change<T: DeserializeOwned>(request: Request) -> Result<T> {
    let mut response = request.send()?;
    check(&mut response)?;
    response.json(ANSWER_BYTES)
}

/// Deletes something.
pub(crate) fn delete(path: &str) -> Result<()> {
    check(&mut request("DELETE", path).send()?)
}

/// As GitHub writes an error.
#[derive(Deserialize, Default)]
#[serde(crate = "safeclaw_sdk::serde", default)]
struct Problem {
    message: String,
    errors: Vec<Detail>,
    documentation_url: Option<String>,
}

/// One of its details: an object, or words.
#[derive(Deserialize)]
#[serde(crate = "safeclaw_sdk::serde", untagged)]
enum Detail {
    Words(String),
    Field { resource: Option<String>, field: Option<String>, code: Option<String>, message: Option<String> },
}

impl Detail {
    fn words(&self) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Field { resource, field, code, message } => {
                [resource, field, code, message].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
            }
        }
    }
}

fn check(response: &mut Response) -> Result<()> {
    if response.is_success() {
        return Ok(());
    }
    let status = response.status();
    if (300..400).contains(&status) {
        // The hub follows what its grant says; a repository that was renamed answers so.
        let to = response.header("location").unwrap_or("somewhere it does not say");
        bail!("GitHub answered {status}: it has moved to {to}. Ask for it by its new name");
    }
    let (body, _) = response.up_to(ERROR_BYTES)?;
    // Another server than GitHub's may answer with anything.
    let problem: Problem = safeclaw_sdk::serde_json::from_slice(&body).unwrap_or_default();
    let mut said = match problem.message.is_empty() {
        true => format!("GitHub answered {status}"),
        false => format!("GitHub answered {status}: {}", problem.message),
    };
    let details: Vec<String> = problem.errors.iter().map(Detail::words).collect();
    if !details.is_empty() {
        said.push_str(&format!(" ({})", details.join("; ")));
    }
    if let Some(wait) = limited(response, &problem) {
        bail!("{said}. {wait}");
    }
    let hint = match status {
        401 => "The credential that the hub added is not accepted; its operator has to renew it",
        403 => "The credential may not do this",
        404 => "It does not exist, or the credential may not see it",
        410 => "It was here and is gone, or is turned off for this repository",
        422 => "Correct what is named and ask again",
        500.. => "This is GitHub's own trouble; try again later",
        _ => "",
    };
    let more = problem.documentation_url.filter(|url| url.len() < 300).map(|url| format!(" See {url}"));
    bail!("{said}.{}{hint}{}", if hint.is_empty() { "" } else { " " }, more.unwrap_or_default());
}

/// When a request may be made again, of one that was one too many.
fn limited(response: &Response, problem: &Problem) -> Option<String> {
    if !matches!(response.status(), 403 | 429) {
        return None;
    }
    let number = |name: &str| response.header(name).and_then(|value| value.trim().parse::<u64>().ok());
    if let Some(seconds) = number("retry-after") {
        return Some(format!("Too many requests in a short time: wait {seconds} seconds before the next one"));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let limit = number("x-ratelimit-limit").map(|limit| format!(" of {limit}")).unwrap_or_default();
        let when = number("x-ratelimit-reset").and_then(instant);
        let when = when.map_or_else(|| "later".to_owned(), |when| format!("from {when} on"));
        let what = response.header("x-ratelimit-resource").unwrap_or("core");
        return Some(format!("The rate limit{limit} requests ({what}) is used up: ask again {when}"));
    }
    // The documents: without these headers, at least a minute.
    let said = problem.message.to_ascii_lowercase();
    let is_limit = response.status() == 429 || said.contains("rate limit");
    is_limit.then(|| "Too many requests in a short time: wait at least 60 seconds before the next one".to_owned())
}

fn instant(seconds: u64) -> Option<String> {
    let instant = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(instant.to_string())
}
