//! What one hop asks for, and what an answer that points elsewhere makes of it (RFC 9110 §15.4).

use super::body::GuestBody;
use crate::headers;
use crate::stop::Stop;
use http::{HeaderMap, StatusCode, header};
use manifest::http::{Method, Target};
use protocol::HttpFault;

/// One hop.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    pub(super) body: GuestBody,
    /// It has left the origin that the guest asked. From there on no credential is added, even where a grant names
    /// one: who asks there is whoever sent the answer, and not the guest.
    pub(super) strayed: bool,
}

/// Where an answer points, if it does.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Result<Option<String>, Stop> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut all = headers.get_all(header::LOCATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => {
            one.to_str().map(|text| Some(text.to_owned())).map_err(|_| Stop::protocol("a `location` that is no text"))
        }
        (Some(_), Some(_)) => Err(Stop::protocol("`location` twice")),
    }
}

impl Step {
    /// The next one.
    pub(super) fn on_to(self, status: StatusCode, location: &str) -> Result<Self, Stop> {
        let Self { mut method, target, mut headers, mut body, mut strayed } = self;
        let next = target.join(location).map_err(|bad| Stop::fault(HttpFault::Redirects, bad))?;
        let becomes_get = match status.as_u16() {
            303 => method != Method::Head,
            // Whoever follows these repeats every method but `POST`, by long habit.
            301 | 302 => method == Method::Post,
            _ => false,
        };
        if becomes_get {
            method = Method::Get;
            body = GuestBody::None;
            headers::without_body(&mut headers);
        }
        if matches!(body, GuestBody::Spent) {
            let why = "it points elsewhere, and the request's body is not there to be sent again";
            return Err(Stop::fault(HttpFault::Redirects, why));
        }
        if !next.same_origin(&target) {
            strayed = true;
            headers::authorised_elsewhere(&mut headers);
        }
        Ok(Self { method, target: next, headers, body, strayed })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn step(method: Method, body: GuestBody) -> Step {
        let target = Target::parse("https://a.test/x?y=1").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "a/b".parse().unwrap());
        headers.insert("if-match", "x".parse().unwrap());
        Step { method, target, headers, body, strayed: false }
    }

    #[test]
    fn methods_and_bodies_follow_the_rules() {
        let rows = [
            (303, Method::Post, Method::Get, false),
            (303, Method::Put, Method::Get, false),
            (303, Method::Head, Method::Head, true),
            (301, Method::Post, Method::Get, false),
            (302, Method::Post, Method::Get, false),
            (302, Method::Put, Method::Put, true),
            (307, Method::Post, Method::Post, true),
            (308, Method::Patch, Method::Patch, true),
        ];
        for (status, before, after, keeps) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            let next = step(before, GuestBody::Whole(Bytes::from_static(b"x"))).on_to(status, "/z").unwrap();
            assert_eq!(next.method, after, "{status} {before}");
            assert_eq!(matches!(next.body, GuestBody::Whole(_)), keeps, "{status} {before}");
            assert_eq!(next.headers.contains_key("content-type"), keeps, "{status} {before}");
            assert!(next.headers.contains_key("if-match") && !next.strayed);
            let spent = step(before, GuestBody::Spent).on_to(status, "/z");
            assert_eq!(spent.is_ok(), !keeps, "{status} {before}");
        }
    }

    #[test]
    fn another_origin_is_told_less_and_never_forgotten() {
        let found = StatusCode::FOUND;
        for elsewhere in ["//b.test/", "https://a.test:8443/", "http://a.test/"] {
            let next = step(Method::Get, GuestBody::None).on_to(found, elsewhere).unwrap();
            assert!(next.strayed && !next.headers.contains_key("if-match"), "{elsewhere}");
            let back = next.on_to(found, "https://a.test/x").unwrap();
            assert!(back.strayed, "{elsewhere} and back");
        }
    }

    #[test]
    fn what_is_no_url_of_ours_is_not_gone_to() {
        for bad in ["ftp://a.test/", "file:///etc/passwd", "javascript:1", "https://u@b.test/", "https://b.test/a%2fb"]
        {
            let next = step(Method::Get, GuestBody::None).on_to(StatusCode::FOUND, bad);
            assert!(matches!(next, Err(Stop::Fault(HttpFault::Redirects, _))), "{bad}: {next:?}");
        }
    }
}
