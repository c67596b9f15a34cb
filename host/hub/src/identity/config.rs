//! The identity file: which issuers are trusted, and what their claims are worth. Parsed once, every fault at once.

use super::fetch::Source;
use super::issuer::{Row, ScopesOf, Settings};
use http::Uri;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file of a few issuers is a few kilobytes.
const MAX_BYTES: u64 = 64 << 10;
/// Issuers: each is asked for its keys again and again.
const MAX_ISSUERS: usize = 16;

/// The issuers that a hub trusts; none by default.
#[derive(Debug, Clone, Default)]
pub struct Config {
    resource: Option<String>,
    issuers: Vec<Settings>,
}

/// Why an identity file is not used.
#[derive(Debug, thiserror::Error)]
pub enum BadIdentity {
    /// It cannot be read.
    #[error("the identity file {path} cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Whoever writes it decides who is let in.
    #[error("the identity file {path} can be written by others than this user and root; chmod go-w it")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// What it says cannot be done; a line for each fault.
    #[error("the identity file {path} is not accepted\n{}", .faults.join("\n"))]
    Faults {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to write instead.
        faults: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    resource: Option<String>,
    #[serde(default)]
    issuers: BTreeMap<String, RawIssuer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIssuer {
    issuer: String,
    jwks: String,
    ca: Option<PathBuf>,
    algorithms: Option<Vec<String>>,
    types: Option<Vec<String>>,
    principal: Option<String>,
    scopes: Option<ScopesOf>,
    #[serde(default)]
    profile: Vec<Row>,
}

impl Config {
    /// Reads a file. Paths in it are relative to its directory.
    ///
    /// # Errors
    /// See [`BadIdentity`].
    pub fn read(path: &Path) -> Result<Self, BadIdentity> {
        let io = |source| BadIdentity::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let found = file.metadata().map_err(io)?;
        let trusted = [0, rustix::process::geteuid().as_raw()].contains(&found.uid());
        if found.mode() & 0o022 != 0 || !trusted {
            return Err(BadIdentity::Open { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
        let parsed = if text.len() as u64 > MAX_BYTES {
            Err(vec![format!("it has more than {MAX_BYTES} bytes")])
        } else {
            Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
        };
        parsed.map_err(|faults| BadIdentity::Faults { path: path.to_owned(), faults })
    }

    /// The same from a text; every fault of it, a sentence each.
    pub(crate) fn parse(text: &str, beside: &Path) -> Result<Self, Vec<String>> {
        let raw: Raw = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
        let mut faults = Vec::new();
        let resource = raw.resource.filter(|resource| {
            let fault = uri(resource).err().map(|why| format!("resource = \"{resource}\": it {why}"));
            faults.extend(fault.clone());
            fault.is_none()
        });
        if raw.issuers.len() > MAX_ISSUERS {
            faults.push(format!("there are more than {MAX_ISSUERS} issuers"));
        }
        if !raw.issuers.is_empty() && resource.is_none() && faults.is_empty() {
            faults.push(
                "resource is missing: the URI by which clients call this hub, such as \
                 \"https://tools.example.com/mcp\"; an issuer's token must be for it"
                    .to_owned(),
            );
        }
        let mut issuers: Vec<Settings> = Vec::new();
        for (name, raw) in raw.issuers {
            match settings(&name, raw, beside) {
                Ok(settings) if issuers.iter().any(|other| other.issuer == settings.issuer) => {
                    faults.push(format!("[issuers.{name}]: another issuer has the same `issuer`"));
                }
                Ok(settings) => issuers.push(settings),
                Err(found) => faults.extend(found.into_iter().map(|fault| format!("[issuers.{name}]: {fault}"))),
            }
        }
        if faults.is_empty() { Ok(Self { resource, issuers }) } else { Err(faults) }
    }

    /// Names the resource by the address that clients use, where the file does not say it.
    #[must_use]
    pub fn or_resource(mut self, url: &str) -> Self {
        self.resource.get_or_insert_with(|| url.to_owned());
        self
    }

    /// What is read again while the hub runs: a process that gives up its rights keeps this one. Directories, since a
    /// new file in a file's place is another file.
    #[must_use]
    pub fn reads(&self) -> Vec<PathBuf> {
        let files = self.issuers.iter().filter_map(|issuer| match &issuer.source {
            Source::File(path) => path.parent().map(Path::to_owned),
            Source::Http(..) => None,
        });
        files.collect()
    }

    pub(super) fn into_parts(self) -> (Option<String>, Vec<Settings>) {
        (self.resource, self.issuers)
    }
}

fn settings(name: &str, raw: RawIssuer, beside: &Path) -> Result<Settings, Vec<String>> {
    let mut faults = Vec::new();
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if !(1..=32).contains(&name.len()) || !plain {
        faults.push("its name is not 1 to 32 of `a-z 0-9 _ -`".to_owned());
    }
    if let Err(why) = uri(&raw.issuer) {
        faults.push(format!("issuer = \"{}\": it {why}", raw.issuer));
    }
    let source = source(&raw, beside).map_err(|fault| faults.push(fault)).ok();
    let algorithms = algorithms(raw.algorithms.as_deref()).map_err(|fault| faults.push(fault)).ok();
    let types = raw.types.unwrap_or_else(|| vec!["at+jwt".to_owned()]);
    if types.is_empty() || types.iter().any(String::is_empty) {
        faults.push("types is empty: without a `typ` a token of any kind would do".to_owned());
    }
    if raw.profile.is_empty() {
        faults.push("it has no [[issuers.….profile]] row, so nobody of it could come in".to_owned());
    }
    match (source, algorithms, faults.is_empty()) {
        (Some(source), Some(algorithms), true) => Ok(Settings {
            name: name.to_owned(),
            issuer: raw.issuer,
            source,
            algorithms,
            types,
            principal: raw.principal.unwrap_or_else(|| "sub".to_owned()),
            scopes: raw.scopes.unwrap_or(ScopesOf::Token),
            rows: raw.profile,
        }),
        _ => Err(faults),
    }
}

fn source(raw: &RawIssuer, beside: &Path) -> Result<Source, String> {
    if !raw.jwks.contains("://") {
        if raw.ca.is_some() {
            return Err("ca is for a `jwks` that is fetched, and this one is a file".to_owned());
        }
        return Ok(Source::File(beside.join(&raw.jwks)));
    }
    let url = uri(&raw.jwks).map_err(|why| format!("jwks = \"{}\": it {why}", raw.jwks))?;
    let plain = url.scheme_str() == Some("http");
    if plain {
        tracing::warn!(url = %raw.jwks, "an issuer's keys come without TLS: only for trying things out on one machine");
    }
    let ca = raw.ca.as_ref().map(|ca| beside.join(ca));
    Source::http(url, ca.as_deref(), plain).map_err(|error| error.to_string())
}

fn algorithms(said: Option<&[String]>) -> Result<Vec<Algorithm>, String> {
    let known = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let Some(said) = said else { return Ok(known.into()) };
    let chosen: BTreeSet<&str> = said.iter().map(String::as_str).collect();
    let found: Vec<_> = known.into_iter().filter(|known| chosen.contains(super::issuer::name(*known))).collect();
    if found.is_empty() || found.len() != chosen.len() {
        return Err("algorithms are of \"RS256\", \"ES256\" and \"EdDSA\"".to_owned());
    }
    Ok(found)
}

/// An absolute `https` URI, or an `http` one of this machine.
fn uri(text: &str) -> Result<Uri, &'static str> {
    const ABSOLUTE: &str = "is no absolute https:// address";
    let uri: Uri = text.parse().map_err(|_| ABSOLUTE)?;
    if text.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(ABSOLUTE);
    }
    let host = uri.host().unwrap_or_default();
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if here => Ok(uri),
        _ => Err(ABSOLUTE),
    }
}

#[cfg(test)]
mod tests;
