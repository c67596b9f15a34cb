//! What is refused at a door for others, each told from a request that is let in.

use super::*;
use crate::http::PublicUrl;
use axum::body::Body;

fn front(public: Option<&str>, proxied: Proxied) -> Front {
    let public: Option<PublicUrl> = public.map(|url| url.parse().unwrap());
    Front {
        names: Names::of(public.as_ref(), "127.0.0.1:4000".parse().unwrap()),
        proxied,
        inner: HeaderValue::from_static("localhost:4000"),
        refusals: Refusals::unrecorded("tests"),
    }
}

fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn status(front: &Front, uri: &str, headers: &[(&str, &str)]) -> u16 {
    front.admit(request(uri, headers)).map_or_else(|(status, _)| status.as_u16(), |_| 200)
}

#[test]
fn one_name_is_served_and_no_other() {
    let own = front(Some("https://Hub.example"), Proxied::No);
    for host in ["hub.example", "HUB.EXAMPLE", "hub.example:443"] {
        assert_eq!(status(&own, "/mcp", &[("host", host)]), 200, "{host}");
    }
    let others = [
        "evil.example",
        "hub.example:4000",
        "hub.example.evil.example",
        "x@hub.example",
        "localhost:4000",
        "127.0.0.1",
        "",
    ];
    for host in others {
        assert_eq!(status(&own, "/mcp", &[("host", host)]), 403, "{host}");
    }
    assert_eq!(status(&own, "/mcp", &[]), 400);
    assert_eq!(status(&own, "/mcp", &[("host", "hub.example"), ("host", "hub.example")]), 400);
    assert_eq!(status(&own, "https://evil.example/mcp", &[("host", "hub.example")]), 403);
    assert_eq!(status(&own, "https://hub.example/mcp", &[("host", "hub.example")]), 200);

    let port = front(Some("https://hub.example:8443"), Proxied::No);
    assert_eq!(status(&port, "/mcp", &[("host", "hub.example:8443")]), 200);
    assert_eq!(status(&port, "/mcp", &[("host", "hub.example")]), 403);
    let here = front(None, Proxied::No);
    assert_eq!(status(&here, "/mcp", &[("host", "localhost:4000")]), 200);
    assert_eq!(status(&here, "/mcp", &[("host", "evil.example:4000")]), 403);
}

#[test]
fn a_page_from_elsewhere_is_refused() {
    let own = front(Some("https://hub.example"), Proxied::No);
    let with = |origin: &str| status(&own, "/mcp", &[("host", "hub.example"), ("origin", origin)]);
    assert_eq!(with("https://hub.example"), 200);
    for origin in ["http://hub.example", "https://evil.example", "null", "", "https://hub.example.evil.example"] {
        assert_eq!(with(origin), 403, "{origin}");
    }
    let twice = [("host", "hub.example"), ("origin", "https://hub.example"), ("origin", "https://hub.example")];
    assert_eq!(status(&own, "/mcp", &twice), 403);
}

const PROXY: [(&str, &str); 2] = [("host", "hub.example"), ("x-forwarded-proto", "https")];

fn through<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    PROXY.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_proxy_says_https_and_whom_it_saw() {
    let own = front(Some("https://hub.example"), Proxied::By(Places::new(PER_ADDRESS)));
    assert_eq!(status(&own, "/mcp", &through(&[("x-forwarded-for", "192.0.2.1")])), 200);
    assert_eq!(status(&own, "/mcp", &through(&[])), 400);
    for client in ["", "unknown", "192.0.2.1, ", "192.0.2.1, evil", "_hidden"] {
        assert_eq!(status(&own, "/mcp", &through(&[("x-forwarded-for", client)])), 400, "{client}");
    }
    for protocol in ["http", "", "https, https", "http, https", "HTTPS"] {
        let headers = [("host", "hub.example"), ("x-forwarded-proto", protocol), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(status(&own, "/mcp", &headers), 403, "{protocol}");
    }
    let twice = through(&[("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.1")]);
    assert_eq!(status(&own, "/mcp", &twice), 403);
}

/// What stands before it the client itself may have written.
#[test]
fn the_last_hop_is_the_client() {
    let own = front(Some("https://hub.example"), Proxied::By(Places::new(1)));
    let client = |hops: &[(&str, &str)]| {
        let (request, _) = own.admit(request("/mcp", &through(hops))).unwrap();
        request.extensions().get::<Peer>().unwrap().remote.unwrap().to_string()
    };
    assert_eq!(client(&[("x-forwarded-for", "198.51.100.9, 192.0.2.1")]), "192.0.2.1");
    assert_eq!(client(&[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2")]), "192.0.2.2");
    assert_eq!(client(&[("x-forwarded-for", "192.0.2.1:5000")]), "192.0.2.1");
    assert_eq!(client(&[("x-forwarded-for", "[2001:db8::1]:5000")]), "2001:db8::1");
    assert_eq!(client(&[("x-forwarded-for", "[2001:db8::1]")]), "2001:db8::1");
    // So whoever makes up others has one share all the same.
    let _held = own.admit(request("/mcp", &through(&[("x-forwarded-for", "10.1.1.1, 192.0.2.1")]))).unwrap();
    for made_up in ["10.9.9.9", "10.9.9.8"] {
        let hops = format!("{made_up}, 192.0.2.1");
        assert_eq!(status(&own, "/mcp", &through(&[("x-forwarded-for", &hops)])), 429);
    }
    assert_eq!(status(&own, "/mcp", &through(&[("x-forwarded-for", "192.0.2.1, 10.9.9.9")])), 200);
}

#[test]
fn what_is_let_in_looks_like_this_machine_to_what_comes_behind() {
    let own = front(Some("https://hub.example"), Proxied::No);
    let headers = [("host", "hub.example"), ("origin", "https://hub.example"), ("x-forwarded-for", "1.1.1.1")];
    let (request, _) = own.admit(request("https://hub.example/mcp", &headers)).unwrap();
    assert_eq!(request.uri(), "/mcp");
    let names: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(names, [("host", &b"localhost:4000"[..])]);
    // Without a proxy nobody's word is taken for who he is.
    assert!(request.extensions().get::<Peer>().is_none());
}

#[test]
fn a_public_url_is_a_name_with_https() {
    for url in ["https://hub.example", "https://hub.example/", "https://hub.example:8443", "https://192.0.2.1"] {
        assert!(url.parse::<PublicUrl>().is_ok(), "{url}");
    }
    for url in
        ["http://hub.example", "hub.example", "https://hub.example/mcp", "https://", "https://a@b", "https://h?q"]
    {
        assert!(url.parse::<PublicUrl>().is_err(), "{url}");
    }
    assert_eq!("https://Hub.Example:443/".parse::<PublicUrl>().unwrap().to_string(), "https://hub.example");
}
