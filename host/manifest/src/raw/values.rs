//! The values that a field can have: texts, counts, sizes, durations, names, lists and named entries.

use super::{FromToml, Located, Reading, below};
use crate::bounds;
use crate::diagnostics::{nearest, quote};
use crate::http::{self, HostPattern, MediaType, Method, PathPattern, PathRecord, Scheme};
use crate::model::{Access, ArgumentsRecord, Clock, ContainerSize, Gate, RunnerScope, Runtime, Tier};
use crate::names::{
    ApproverName, BadName, ComponentName, CredentialName, Digest, EnvName, MountName, ProfileName, ToolName,
};
use crate::units;
use ipnet::IpNet;
use toml::Spanned;
use toml::de::DeValue;

/// A size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);
/// A duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Millis(pub(crate) u64);
/// A whole number, not negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(pub(crate) u64);
/// A number of identical calls, or the word for none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LoopAfter {
    Calls(u64),
    Never,
}
/// A text that can be shown: bounded, and without characters that steer a terminal or a reviewer's eye.
#[derive(Debug, Clone)]
pub(crate) struct Text(pub(crate) String);
/// The manifest's own name.
#[derive(Debug, Clone)]
pub(crate) struct ManifestName(pub(crate) String);
/// An array without two equal elements.
pub(crate) type List<T> = Vec<Located<T>>;
/// A table whose keys are names that the operator chose.
pub(crate) type Entries<K, V> = Vec<Entry<K, V>>;

/// One of them.
#[derive(Debug)]
pub(crate) struct Entry<K, V> {
    pub(crate) key: Located<K>,
    pub(crate) value: V,
    /// Nothing in it was wrong.
    pub(crate) sound: bool,
}

/// A value that is written as a string, or as a key. The error is a message and a help.
pub(crate) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, (String, String)>;
}

impl<T: FromText> FromToml for T {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            reading.wrong_type(value, at, "a string", "write it in double quotes");
            return None;
        };
        let parsed = T::from_text(text);
        parsed.map_err(|(message, help)| reading.report(reading.spot(value), message, help)).ok()
    }
}

macro_rules! name {
    ($($type:ty),*) => {$(
        impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, (String, String)> {
                Self::try_from(text).map_err(|BadName { kind, text, rule }| {
                    (format!("{} is not a valid {kind}", quote(&text)), format!("write {rule}"))
                })
            }
        }
    )*};
}
name!(ToolName, MountName, ComponentName, ProfileName, ApproverName, CredentialName, EnvName, Digest);

macro_rules! words {
    ($type:ty, $kind:literal, $($text:literal => $value:expr),*) => {
        impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, (String, String)> {
                match text {
                    $($text => Ok($value),)*
                    _ => Err(not_one_of(text, $kind, &[$($text),*])),
                }
            }
        }
    };
}
words!(Tier, "tier", "user" => Self::User, "write" => Self::Write, "admin" => Self::Admin, "critical" => Self::Critical);
words!(Access, "access", "read" => Self::Read, "write" => Self::Write);
words!(Clock, "clock", "monotonic" => Self::Monotonic, "wall" => Self::Wall);
words!(RunnerScope, "runner", "session" => Self::Session, "call" => Self::Call);
words!(ContainerSize, "size", "small" => Self::Small, "large" => Self::Large);
words!(Gate, "gate", "profile" => Self::Profile, "approval" => Self::Approval);
words!(ArgumentsRecord, "record", "digest" => Self::Digest, "arguments" => Self::Arguments);
words!(Scheme, "scheme", "https" => Self::Https, "http" => Self::Http);
words!(PathRecord, "record", "digest" => Self::Digest, "path" => Self::Path);
words!(Runtime, "runtime", "runc" => Self::Runc, "runsc" => Self::Runsc);

impl FromText for Method {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        Self::read(text).ok_or_else(|| not_one_of(text, "method", &Self::ALL.map(Self::as_str)))
    }
}

impl FromText for HostPattern {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        Self::try_from(text.to_owned()).map_err(|bad| {
            let help = "write a name in lower case, such as \"api.example.com\", \"*.example.com\" for any one label \
                        in front of it, or an address; the port has a field of its own";
            (format!("{} is not a host: {}", quote(text), bad.why), help.to_owned())
        })
    }
}

impl FromText for PathPattern {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        Self::try_from(text.to_owned()).map_err(|bad| {
            let help = "write it from the root: \"/repos/*/*/issues\", where `*` is one segment and `/**` at the end \
                        whatever follows";
            (format!("{} is not a path pattern: {}", quote(text), bad.why), help.to_owned())
        })
    }
}

impl FromText for MediaType {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        let help = "write type/subtype or type/*, in lower case and without parameters: \"application/json\"";
        Self::try_from(text.to_owned()).map_err(|_| (format!("{} is not a media type", quote(text)), help.to_owned()))
    }
}

impl FromText for IpNet {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        http::range(text).map_err(|bad| (format!("{} is not a private range", quote(text)), bad.to_string()))
    }
}

fn not_one_of(text: &str, kind: &str, known: &[&str]) -> (String, String) {
    let mut help = format!("one of {}", known.join(", "));
    if let Some(meant) = nearest(text, known.iter().copied()) {
        help = format!("did you mean `{meant}`? {help}");
    }
    (format!("there is no {kind} {}", quote(text)), help)
}

impl FromText for Text {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        if text.len() > bounds::MAX_TEXT_BYTES {
            let help = format!("a text has at most {} bytes", bounds::MAX_TEXT_BYTES);
            return Err((format!("the text {} is too long: {} bytes", quote(text), text.len()), help));
        }
        if text.chars().any(steers) {
            let help = "write it on one line, without tabs, escapes, marks of direction or other control characters";
            return Err((format!("the text {} has a control character", quote(text)), help.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Control characters, and those that have no width or turn the direction of text, so that a line reads as
/// another one, or two lines that differ read alike.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl FromText for ManifestName {
    fn from_text(text: &str) -> Result<Self, (String, String)> {
        // A manifest's name has the form of a profile's.
        let name = ProfileName::try_from(text).map_err(|BadName { text, rule, .. }| {
            (format!("{} is not a valid manifest name", quote(&text)), format!("write {rule}"))
        })?;
        Ok(Self(name.into()))
    }
}

impl FromToml for Bytes {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        with_unit(reading, value, at, "size", units::SIZE_HELP, units::bytes).map(Self)
    }
}

impl FromToml for Millis {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        with_unit(reading, value, at, "duration", units::DURATION_HELP, units::millis).map(Self)
    }
}

fn with_unit(
    reading: &mut Reading<'_>,
    value: &Spanned<DeValue<'_>>,
    at: &str,
    kind: &str,
    help: &str,
    parse: fn(&str) -> Option<u64>,
) -> Option<u64> {
    let Some(text) = value.get_ref().as_str() else {
        reading.wrong_type(value, at, &format!("a string with a {kind}"), help);
        return None;
    };
    let parsed = parse(text);
    if parsed.is_none() {
        reading.report(reading.spot(value), format!("{} is not a {kind}", quote(text)), help);
    }
    parsed
}

impl FromToml for Count {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        let Some(integer) = value.get_ref().as_integer() else {
            reading.wrong_type(value, at, "an integer", "write a whole number without quotes");
            return None;
        };
        let parsed = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        if parsed.is_none() {
            let message = format!("{} is not a count: {}", quote(at), quote(integer.as_str()));
            reading.report(reading.spot(value), message, "write a whole number from 1");
        }
        parsed.map(Self)
    }
}

impl FromToml for LoopAfter {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        match value.get_ref().as_str() {
            None => Count::from_toml(reading, value, at).map(|count| Self::Calls(count.0)),
            Some("never") => Some(Self::Never),
            Some(other) => {
                let message = format!("{} cannot be {}", quote(at), quote(other));
                reading.report(reading.spot(value), message, "write a whole number without quotes, or \"never\"");
                None
            }
        }
    }
}

impl<T: FromToml> FromToml for Located<T> {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        let spot = reading.spot(value);
        Some(Self { value: T::from_toml(reading, value, at)?, spot })
    }
}

impl<T: FromToml> FromToml for List<T> {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        let Some(array) = value.get_ref().as_array() else {
            reading.wrong_type(value, at, "an array", "write [ ... ], also around a single value");
            return None;
        };
        if array.len() > bounds::MAX_LIST {
            let message = format!("{} has too many elements: {}", quote(at), array.len());
            reading.report(reading.spot(value), message, format!("a list has at most {} elements", bounds::MAX_LIST));
            return None;
        }
        let before = reading.errors();
        let list: Self = array.iter().filter_map(|element| Located::from_toml(reading, element, at)).collect();
        // A list with a wrong element is no list: what is left of it could pass for a narrower one.
        (reading.errors() == before).then_some(list)
    }
}

impl<K: FromText, V: FromToml> FromToml for Entries<K, V> {
    fn from_toml(reading: &mut Reading<'_>, value: &Spanned<DeValue<'_>>, at: &str) -> Option<Self> {
        let table = reading.table(value, at)?;
        if table.len() > bounds::MAX_ENTRIES {
            let message = format!("{} has too many entries: {}", quote(at), table.len());
            reading.report(
                reading.spot(value),
                message,
                format!("a table has at most {} entries", bounds::MAX_ENTRIES),
            );
            return None;
        }
        let mut entries = Vec::new();
        for (key, value) in table {
            let name: &str = key.get_ref().as_ref();
            let spot = reading.spot(key);
            let before = reading.errors();
            let key = K::from_text(name).map_err(|(message, help)| reading.report(spot, message, help));
            let value = V::from_toml(reading, value, &below(at, name));
            let sound = reading.errors() == before;
            if let (Ok(key), Some(value)) = (key, value) {
                entries.push(Entry { key: Located { value: key, spot }, value, sound });
            }
        }
        Some(entries)
    }
}
