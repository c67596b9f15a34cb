//! From a name to addresses, once per request. In this process, by DNS alone: no `/etc/hosts`, which is this machine's
//! view of itself, no search domains, which would turn `internal` into `internal.corp`, and no NSS.

mod unbound;

use crate::stop::Stop;
use hickory_resolver::Resolver as Hickory;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use manifest::http::Name;
use protocol::HttpFault;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use unbound::Unbound;

/// Whom names are asked of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Servers {
    /// Whom `/etc/resolv.conf` names, when the hub starts.
    #[default]
    System,
    /// These.
    Named(Vec<SocketAddr>),
}

/// There is nobody to ask.
#[derive(Debug, thiserror::Error)]
pub enum NoResolver {
    /// The system's configuration cannot be used.
    #[error("the system names no DNS server that can be asked; name one with `resolver`")]
    System(#[source] NetError),
    /// An empty list.
    #[error("`resolver` names no server")]
    Nobody,
    /// They cannot be asked.
    #[error("the DNS servers cannot be used")]
    Build(#[source] NetError),
}

/// One try, of one server.
const TRY: Duration = Duration::from_secs(2);
/// An answer is kept no longer, whatever it says of itself: whoever takes a service away waits for so long.
const KEEP: Duration = Duration::from_secs(60);
/// Names whose answers are kept.
const KEPT: u64 = 1_024;
/// The most addresses of one name. Each is checked; nobody's service needs more.
const MAX_ADDRESSES: usize = 32;

/// Resolves names.
///
/// A machine that names no server has a hub all the same, whose tools reach addresses and no names.
pub(crate) struct Resolver(Result<Hickory<Unbound>, NoResolver>);

impl Resolver {
    pub(crate) fn new(servers: &Servers) -> Result<Self, NoResolver> {
        let servers = match servers {
            Servers::System => {
                // Its servers, and nothing else of what it says.
                match hickory_resolver::system_conf::read_system_conf() {
                    Ok((config, _)) => config.name_servers().to_vec(),
                    Err(error) => return Ok(Self(Err(NoResolver::System(error)))),
                }
            }
            Servers::Named(servers) if servers.is_empty() => return Err(NoResolver::Nobody),
            Servers::Named(servers) => servers.iter().copied().map(server).collect(),
        };
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = Hickory::builder_with_config(config, Unbound::default());
        *builder.options_mut() = options();
        Ok(Self(Ok(builder.build().map_err(NoResolver::Build)?)))
    }

    /// All addresses of a host.
    pub(crate) async fn addresses(&self, name: &Name) -> Result<Vec<IpAddr>, Stop> {
        let domain = match name {
            Name::Address(address) => return Ok(vec![*address]),
            Name::Domain(domain) => domain,
        };
        let none = |why: String| Stop::Fault(HttpFault::NoAddress, why);
        // With a dot at its end a name is whole.
        let resolver = self.0.as_ref().map_err(|error| none(crate::chain(error)))?;
        let lookup = resolver.lookup_ip(format!("{domain}.")).await;
        let lookup = lookup.map_err(|error| none(format!("{domain} cannot be resolved: {error}")))?;
        let mut addresses: Vec<IpAddr> = lookup.iter().take(MAX_ADDRESSES + 1).collect();
        addresses.dedup();
        match addresses.len() {
            0 => Err(none(format!("{domain} has no address"))),
            1..=MAX_ADDRESSES => Ok(addresses),
            _ => Err(none(format!("{domain} has more than {MAX_ADDRESSES} addresses"))),
        }
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = TRY;
    options.attempts = 2;
    options.cache_size = KEPT;
    options.positive_max_ttl = Some(KEEP);
    options.negative_max_ttl = Some(KEEP);
    // Harder to answer in another's place.
    options.case_randomization = true;
    options
}
