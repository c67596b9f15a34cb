//! References (RFC 3986): what an agent asks for, where an answer points, where the links of a page lead.

use fluent_uri::{Iri, IriRef, Uri, UriRef};
use safeclaw_sdk::prelude::*;

/// The longest link that is worth showing.
const LINK_BYTES: usize = 2_048;

/// What is asked for, in the one spelling that the hub lets through (RFC 3986, 6.2.2): upper-case escapes, none that is
/// not needed, no `..`. Without the fragment, which is not sent to anybody.
pub(crate) fn asked(text: &str) -> Result<String> {
    let place = Iri::parse(text).map_err(|error| anyhow!("{text:?} is not a URL: {error}"))?;
    let is_web = matches!(place.scheme().as_str().to_ascii_lowercase().as_str(), "https" | "http");
    ensure!(is_web && place.authority().is_some(), "{text:?} is not a URL of the web; it begins with `https://`");
    Ok(place.strip_fragment().to_uri().normalize().into_string())
}

/// Where `location` leads from `base`.
pub(crate) fn join(base: &str, location: &str) -> Result<String> {
    let from = Uri::parse(base).map_err(|error| anyhow!("{base:?} is not a URL: {error}"))?;
    let to = IriRef::parse(location).map_err(|error| anyhow!("it points to {location:?}, which is no URL: {error}"))?;
    let to = to.to_uri_ref().resolve_against(&from).map_err(|error| anyhow!("it points to {location:?}: {error}"))?;
    asked(to.as_str())
}

/// Where a link of a page leads; nothing for one that is no place: a script, data, or anything overlong.
pub(crate) fn link(base: &Uri<&str>, text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > LINK_BYTES {
        return None;
    }
    if text.starts_with('#') {
        return Some(text.to_owned());
    }
    let reference = IriRef::parse(text).ok()?.to_uri_ref();
    let reference = UriRef::parse(reference.as_str()).ok()?;
    let place = reference.resolve_against(base).ok()?;
    matches!(place.scheme().as_str(), "https" | "http" | "mailto").then(|| place.into_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{asked, join, link};
    use fluent_uri::Uri;

    #[test]
    fn only_the_web_is_asked() {
        assert_eq!(asked("https://h/a?b#c").unwrap(), "https://h/a?b");
        assert_eq!(asked("https://h/ä").unwrap(), "https://h/%C3%A4");
        assert_eq!(asked("HTTPS://H.example/%c3%a4%7Ex/../y").unwrap(), "https://h.example/y");
        assert_eq!(asked("https://h/%c3%a4%7Ex%2fy").unwrap(), "https://h/%C3%A4~x%2Fy", "what is escaped stays so");
        for no in ["", "h", "/a", "file:///etc/passwd", "ftp://h/", "https:h", "data:text/html,x", "https://h/a b"] {
            assert!(asked(no).is_err(), "{no}");
        }
    }

    #[test]
    fn a_redirect_is_read_from_where_it_was_said() {
        for (location, to) in [
            ("/x", "https://h/x"),
            ("y", "https://h/a/y"),
            ("//other/z", "https://other/z"),
            ("http://169.254.169.254/", "http://169.254.169.254/"),
            ("../../../up", "https://h/up"),
        ] {
            assert_eq!(join("https://h/a/b", location).unwrap(), to);
        }
        assert!(join("https://h/", "file:///etc/passwd").is_err() && join("https://h/", "javascript:x").is_err());
    }

    #[test]
    fn a_link_that_is_no_place_is_left_out() {
        let base = Uri::parse("https://h/a/b").unwrap();
        assert_eq!(link(&base, " c?d ").as_deref(), Some("https://h/a/c?d"));
        assert_eq!(link(&base, "#top").as_deref(), Some("#top"));
        for no in ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "java\tscript:x", &"a".repeat(3_000)] {
            assert_eq!(link(&base, no), None, "{no}");
        }
    }
}
