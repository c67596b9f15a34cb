//! The bearer token of a request (RFC 6750 §2.1): in one header and nowhere else.

use http::header::{AUTHORIZATION, HeaderMap};

/// Longer than any token of ours; bounds what is hashed for a stranger.
const MAX_TOKEN_BYTES: usize = 512;

/// The token, if there is one that could be.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let plausible = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && plausible).then_some(token)
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
        for header in ["", "Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "token", "Bearer\ttoken"] {
            assert_eq!(token(header), None, "{header}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
        for header in ["Bearer token", "bearer token", "BEARER  token"] {
            assert_eq!(token(header).as_deref(), Some("token"), "{header}");
        }
    }

    #[test]
    fn an_endless_token_is_not_looked_at() {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", "x".repeat(513))) {
            headers.insert(AUTHORIZATION, value);
        }
        assert!(!headers.is_empty());
        assert_eq!(bearer(&headers), None);
    }
}
