//! The header of a JWT, as far as it decides anything. It is read before the signature is checked, and so every
//! word of it is a stranger's.

use super::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The parameters that are looked at (RFC 7515 §4.1). `jku`, `jwk`, `x5u` and `x5c` say where a key is to be had:
/// they are not read, so that nobody brings his own.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl Header {
    /// Reads it, of a token that is short enough.
    pub(crate) fn of(token: &str) -> Result<Self, Refused> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refused::Malformed);
        };
        let text = URL_SAFE_NO_PAD.decode(header).map_err(|_| Refused::Malformed)?;
        let header: Self = serde_json::from_slice(&text).map_err(|_| Refused::Malformed)?;
        match header.crit {
            Some(_) => Err(Refused::Critical),
            None => Ok(header),
        }
    }

    /// Whether its `typ` is one of these media types; `application/` may stand before each (RFC 7515 §4.1.9).
    pub(crate) fn is_type<T: AsRef<str>>(&self, types: &[T]) -> bool {
        let Some(typ) = self.typ.as_deref() else { return false };
        let prefix = "application/";
        let short = match typ.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest,
            _ => typ,
        };
        types.iter().any(|known| known.as_ref().eq_ignore_ascii_case(short))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Header, Refused> {
        Header::of(&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header)))
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for token in ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.AA", "!!.e30.AA", "e30=.e30.AA"] {
            assert_eq!(Header::of(token).unwrap_err(), Refused::Malformed, "{token:?}");
        }
        for header in [r#"{"alg":"EdDSA","alg":"none"}"#, r#"{"alg":1}"#, r#"{"alg":"x"}{"#, "[]", r#"{"ALG":"EdDSA"}"#]
        {
            assert_eq!(read(header).unwrap_err(), Refused::Malformed, "{header}");
        }
    }

    #[test]
    fn whatever_is_critical_is_not_understood() {
        for crit in [r#"["b64"]"#, "[]", r#"["exp"]"#, "{}", "true"] {
            let header = format!(r#"{{"alg":"EdDSA","b64":false,"crit":{crit}}}"#);
            assert_eq!(read(&header).unwrap_err(), Refused::Critical, "{header}");
        }
    }

    #[test]
    fn a_type_is_a_media_type() {
        let is = |typ: &str| read(&format!(r#"{{"alg":"EdDSA","typ":"{typ}"}}"#)).unwrap().is_type(&["at+jwt"]);
        assert!(is("at+jwt") && is("AT+JWT") && is("application/at+jwt") && is("Application/at+jwt"));
        for typ in ["JWT", "", "at", "at+jwt ", "application/JWT", "application/application/at+jwt", "text/at+jwt"] {
            assert!(!is(typ), "{typ:?}");
        }
        assert!(!read(r#"{"alg":"EdDSA"}"#).unwrap().is_type(&["at+jwt"]));
    }
}
