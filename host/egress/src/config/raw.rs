//! The file as it is written, and what it comes to.

use super::{Config, Source};
use crate::credentials::{Add, Rule, TokenFormat};
use crate::leaks::OnLeak;
use http::HeaderName;
use ipnet::IpNet;
use manifest::http::{HostPattern, Method, PathPattern};
use manifest::{CredentialName, Tier};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Credentials: each is looked for in all that a session sees.
const MAX_CREDENTIALS: usize = 64;
/// The port of DNS.
const DNS: u16 = 53;
/// Headers that say how a request travels, or that the hub decides: a secret in one is a request torn apart.
const NOT_FOR_SECRETS: [&str; 20] = [
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "expect",
    "accept",
    "accept-encoding",
    "range",
    "forwarded",
    "via",
    "origin",
    "referer",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    egress: RawEgress,
    #[serde(default)]
    credentials: BTreeMap<String, RawCredential>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawEgress {
    roots: Vec<PathBuf>,
    resolver: Vec<String>,
    forbidden: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCredential {
    source: RawSource,
    hosts: Vec<String>,
    #[serde(default)]
    ports: BTreeSet<u16>,
    methods: Vec<String>,
    paths: Vec<String>,
    tiers: BTreeSet<Tier>,
    add: RawAdd,
    #[serde(default)]
    leaks: OnLeak,
    #[serde(default)]
    plain: bool,
    format: Option<TokenFormat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSource {
    Env(String),
    File(PathBuf),
    Systemd(String),
    Keyring(String),
    Command(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "add is \"bearer\", { basic = \"USER\" } or { header = \"NAME\", prefix = \"…\" }")]
enum RawAdd {
    Word(RawWord),
    Basic(RawBasic),
    Header(RawHeader),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawWord {
    Bearer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBasic {
    basic: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeader {
    header: String,
    #[serde(default)]
    prefix: String,
}

pub(super) fn read(text: &str, beside: &Path) -> Result<Config, Vec<String>> {
    // Its errors show the line they are about, and no line of this file has a secret in it.
    let raw: Raw = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    let mut config = Config::default();
    for path in &raw.egress.roots {
        match roots(&beside.join(path)) {
            Ok(found) => config.roots.extend(found),
            Err(fault) => faults.push(format!("roots: {} {fault}", path.display())),
        }
    }
    let server = |text: &String| {
        let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS));
        address.or_else(|_| text.parse::<SocketAddr>()).map_err(|_| "it is no address, such as 127.0.0.1:5353")
    };
    config.resolver = every("resolver", &raw.egress.resolver, &mut faults, server);
    let range = |text: &String| {
        let one = text.parse::<IpAddr>().map(IpNet::from);
        one.or_else(|_| text.parse::<IpNet>()).map_err(|_| "it is no range of addresses, such as 192.0.2.0/24")
    };
    config.forbidden = every("forbidden", &raw.egress.forbidden, &mut faults, range);
    if raw.credentials.len() > MAX_CREDENTIALS {
        faults.push(format!("there are more than {MAX_CREDENTIALS} credentials"));
    }
    for (name, raw) in raw.credentials {
        let mut found = Vec::new();
        let parsed = CredentialName::try_from(name.clone()).map_err(|error| found.push(error.to_string()));
        if let (Ok(known), Some(rule)) = (parsed, rule(raw, beside, &mut found)) {
            if rule.plain {
                tracing::warn!(credential = %known, "plain = true: this credential goes over the network in the clear");
            }
            config.credentials.insert(known, Arc::new(rule));
        }
        faults.extend(found.into_iter().map(|fault| format!("[credentials.{name}]: {fault}")));
    }
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

fn rule(raw: RawCredential, beside: &Path, faults: &mut Vec<String>) -> Option<Rule> {
    let hosts = every("hosts", &raw.hosts, faults, |text| HostPattern::try_from(text.clone()));
    let paths = every("paths", &raw.paths, faults, |text| PathPattern::try_from(text.clone()));
    let known = Method::ALL.map(Method::as_str).join(", ");
    let method = |text: &String| Method::read(text).ok_or_else(|| format!("methods are {known}"));
    let methods: BTreeSet<_> = every("methods", &raw.methods, faults, method).into_iter().collect();
    for (empty, what) in [
        (raw.hosts.is_empty(), "hosts"),
        (raw.paths.is_empty(), "paths"),
        (raw.methods.is_empty(), "methods"),
        (raw.tiers.is_empty(), "tiers"),
    ] {
        if empty {
            faults.push(format!("{what} is empty: it could go nowhere"));
        }
    }
    if raw.ports.contains(&0) {
        faults.push("ports: 0 is none".to_owned());
    }
    let source = source(raw.source, beside).map_err(|fault| faults.push(fault));
    let add = add(raw.add).map_err(|fault| faults.push(fault));
    Some(Rule {
        source: source.ok()?,
        hosts,
        ports: raw.ports,
        methods,
        paths,
        tiers: raw.tiers,
        add: add.ok()?,
        on_leak: raw.leaks,
        plain: raw.plain,
        format: raw.format,
    })
}

fn source(raw: RawSource, beside: &Path) -> Result<Source, String> {
    match raw {
        RawSource::Env(name) => {
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
            // Without these a program does not run as before, and the hub is started anew without its variables.
            if ["PATH", "HOME"].contains(&name.as_str()) || !plain || !begins {
                return Err(format!("source: env = \"{}\" is no variable for a secret", name.escape_debug()));
            }
            Ok(Source::Env(name))
        }
        RawSource::File(path) => Ok(Source::File(beside.join(path))),
        RawSource::Systemd(name) => {
            if name.is_empty() || name.contains('/') || [".", ".."].contains(&name.as_str()) {
                return Err("source: systemd is the name of LoadCredential=, without a `/`".to_owned());
            }
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or(
                "source: systemd has handed over nothing: $CREDENTIALS_DIRECTORY is not set; \
                 see LoadCredential= and LoadCredentialEncrypted= of systemd.exec(5)",
            )?;
            Ok(Source::Systemd(Path::new(&directory).join(name)))
        }
        RawSource::Keyring(name) => match name.split_once(':') {
            Some(("user", description)) if !description.is_empty() && !description.contains('\0') => {
                Ok(Source::Keyring(description.to_owned()))
            }
            _ => Err("source: keyring is \"user:DESCRIPTION\", a key of the type `user`".to_owned()),
        },
        RawSource::Command(words) if words.first().is_none_or(String::is_empty) => {
            Err("source: command is a list of words, the program first: [\"gh\", \"auth\", \"token\"]".to_owned())
        }
        RawSource::Command(words) if words.iter().any(|word| word.contains('\0')) => {
            Err("source: command has a word with a zero byte".to_owned())
        }
        RawSource::Command(words) => Ok(Source::Command(words)),
    }
}

fn add(raw: RawAdd) -> Result<Add, String> {
    match raw {
        RawAdd::Word(RawWord::Bearer) => Ok(Add::Bearer),
        RawAdd::Basic(RawBasic { basic: user }) => {
            if user.contains(':') || user.chars().any(char::is_control) {
                return Err("add: a user of `basic` has no `:` and no control character".to_owned());
            }
            Ok(Add::Basic { user })
        }
        RawAdd::Header(RawHeader { header, prefix }) => {
            let Ok(header) = HeaderName::from_bytes(header.as_bytes()) else {
                return Err(format!("add: `{}` is no header", header.escape_debug()));
            };
            if NOT_FOR_SECRETS.contains(&header.as_str()) {
                return Err(format!("add: the header `{header}` is the hub's own to set"));
            }
            if !prefix.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                return Err("add: prefix is visible ASCII and spaces".to_owned());
            }
            Ok(Add::Header { header, prefix })
        }
    }
}

/// The certificates of a file, which has at least one.
fn roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err("has no certificate in it (PEM)".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("cannot be read as certificates (PEM): {error}")),
    }
}

fn every<T, E: Display>(
    field: &str,
    texts: &[String],
    faults: &mut Vec<String>,
    parse: impl Fn(&String) -> Result<T, E>,
) -> Vec<T> {
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        match parse(text) {
            Ok(one) => all.push(one),
            Err(error) => faults.push(format!("{field} = \"{}\": {error}", text.escape_debug())),
        }
    }
    all
}
