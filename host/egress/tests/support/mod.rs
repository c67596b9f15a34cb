//! A world for a broker: its governor, its DNS server, servers to ask, and the runner's end of requests.
#![expect(unreachable_pub, reason = "shared by two programs")]

pub mod desk;
pub mod dns;
pub mod guest;
pub mod server;

pub use desk::Desk;
pub use guest::{Ask, Guest};
pub use server::{Authority, Server};

use egress::config::{Config, Environment};
use egress::credentials::Store;
use egress::{Broker, Forbidden, Servers, Settings};
use manifest::http::{HttpGrant, Method, PathRecord, Scheme};
use std::net::SocketAddr;
use std::sync::Arc;

/// A broker and what is around it.
pub struct World {
    pub broker: Arc<Broker>,
    pub dns: dns::Dns,
    pub authority: Authority,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Vec::new(), "").await
    }

    /// With addresses that are forbidden, and lines of an egress file.
    pub async fn with(forbidden: Vec<Forbidden>, file: &str) -> Self {
        let dns = dns::Dns::new().await;
        let authority = Authority::new();
        let config = Config::parse(file, std::path::Path::new("/")).unwrap();
        let credentials = Store::load(&config, &Environment::of_block(SECRETS)).unwrap();
        let servers = Servers::Named(vec![dns.address]);
        let settings = Settings { roots: authority.roots(), servers, forbidden, credentials };
        Self { broker: Arc::new(Broker::new(settings).unwrap()), dns, authority }
    }
}

/// What the test's credentials are.
pub const TOKEN: &str = "tok-0123456789-abcdefghij";
pub const OTHER: &str = "key-9876543210-jihgfedcba";
const SECRETS: &[u8] = b"TOKEN=tok-0123456789-abcdefghij\0OTHER=key-9876543210-jihgfedcba\0";

/// A grant of everything at a server that stands on this machine.
pub fn grant(scheme: Scheme, host: &str, server: SocketAddr) -> HttpGrant {
    HttpGrant {
        scheme,
        host: host.to_owned().try_into().unwrap(),
        port: server.port(),
        methods: Method::ALL.into(),
        paths: ["/**".to_owned().try_into().unwrap()].into(),
        request_bytes: 64 << 10,
        response_bytes: 64 << 10,
        first_byte_ms: 20_000,
        total_ms: 30_000,
        per_call: 1_000,
        per_minute: 10_000,
        concurrent: 1_000,
        content_types: None,
        credential: None,
        redirects: 0,
        private: ["127.0.0.0/8".parse().unwrap()].into(),
        approve: [].into(),
        record: PathRecord::Path,
    }
}

pub fn http(host: &str, server: &Server) -> HttpGrant {
    grant(Scheme::Http, host, server.address)
}

pub fn https(host: &str, server: &Server) -> HttpGrant {
    grant(Scheme::Https, host, server.address)
}
