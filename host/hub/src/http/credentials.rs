//! The bearer token of a request (RFC 6750 §2.1): in one header and nowhere else.

use http::header::{AUTHORIZATION, HeaderMap};

/// The token, if there is one that could be: `b64token`, of any length that a header may have. Who it is for bounds
/// it before anything of it is decoded.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let token = offered(headers)?.trim_matches(' ');
    let plausible = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    (!token.is_empty() && plausible).then_some(token)
}

/// Whether a bearer token is offered at all, whatever it looks like.
pub(super) fn is_bearer(headers: &HeaderMap) -> bool {
    offered(headers).is_some()
}

fn offered(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn token(header: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(header));
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn only_a_bearer_token_is_one() {
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Basic YTpi",
            "token",
            "Bearer\ttoken",
            "Bearer a,b",
            "Bearer \"a\"",
        ] {
            assert_eq!(token(header), None, "{header}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
        for header in ["Bearer token", "bearer token", "BEARER  token"] {
            assert_eq!(token(header).as_deref(), Some("token"), "{header}");
        }
    }

    #[test]
    fn one_that_cannot_be_a_token_was_offered_all_the_same() {
        let mut headers = HeaderMap::new();
        for (header, offered) in [("Bearer a b", true), ("Bearer ", true), ("Basic YTpi", false), ("Bearer", false)] {
            headers.insert(AUTHORIZATION, HeaderValue::from_static(header));
            assert_eq!((is_bearer(&headers), bearer(&headers)), (offered, None), "{header}");
        }
    }
}
