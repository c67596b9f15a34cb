//! The doors of `safeclaw hub` besides its sockets: where they are, and who may come in.

use ::hub::Hub;
use ::hub::http::{self, HttpListener, McpDoor, PublicUrl};
use ::hub::operator::{self, OperatorListener};
use ::hub::service::{self, Secret, ServiceAddress, ServiceConfig, ServiceListener};
use ::hub::tls::{ServerFiles, ServerTls};
use anyhow::Context;
use clap::Args;
use manifest::Tier;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Who reaches the hub from elsewhere, and how.
#[derive(Debug, Args)]
pub(crate) struct Listeners {
    /// TLS for agents: the certificate (PEM); read anew when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Agents on other machines")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Agents on other machines")]
    tls_key: Option<PathBuf>,
    /// Agents must show a certificate of this authority (PEM), besides a token
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Agents on other machines")]
    client_ca: Option<PathBuf>,
    /// A proxy does TLS: its addresses, and nobody else may connect
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', help_heading = "Agents on other machines")]
    behind_tls_proxy: Vec<IpAddr>,
    /// The name by which agents reach it, such as https://hub.example; requests for another are refused
    #[arg(long, value_name = "URL", help_heading = "Agents on other machines")]
    public_url: Option<PublicUrl>,
    /// Where operators with a certificate reach it, besides the socket
    #[arg(
        long, value_name = "ADDRESS", help_heading = "Operators on other machines",
        requires_all = ["operator_tls_cert", "operator_tls_key", "operator_client_ca"]
    )]
    operator_listen: Option<SocketAddr>,
    /// The certificate of that address (PEM)
    #[arg(long, value_name = "FILE", requires = "operator_listen", help_heading = "Operators on other machines")]
    operator_tls_cert: Option<PathBuf>,
    /// Its key (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "operator_listen", help_heading = "Operators on other machines")]
    operator_tls_key: Option<PathBuf>,
    /// The authority that signs operators' certificates (PEM), and nobody else's
    #[arg(long, value_name = "FILE", requires = "operator_listen", help_heading = "Operators on other machines")]
    operator_client_ca: Option<PathBuf>,
    /// Where a service that acts for people reaches it, ADDRESS:PORT or unix:/PATH; it signs with the secret in
    /// ADMIN_ESCALATION_SECRET, or in the file that ADMIN_ESCALATION_SECRET_FILE names
    #[arg(long, value_name = "ADDRESS", requires = "service_tiers", help_heading = "A service that acts for people")]
    service_listen: Option<ServiceAddress>,
    /// The tiers that it may touch: user, write, admin; never critical
    #[arg(
        long, value_name = "TIERS", value_delimiter = ',', value_parser = tier, requires = "service_listen",
        help_heading = "A service that acts for people"
    )]
    service_tiers: Vec<Tier>,
    /// Its name: the `keyid` of its signatures, and what the audit log calls it
    #[arg(long, value_name = "NAME", default_value = "service", help_heading = "A service that acts for people")]
    service_id: String,
    /// The certificate of its address (PEM); not needed on loopback
    #[arg(
        long, value_name = "FILE", requires_all = ["service_listen", "service_tls_key"],
        help_heading = "A service that acts for people"
    )]
    service_tls_cert: Option<PathBuf>,
    /// Its key (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "service_tls_cert", help_heading = "A service that acts for people")]
    service_tls_key: Option<PathBuf>,
}

const NO_SECRET: &str = "--service-listen needs the secret that the service signs with: set \
     ADMIN_ESCALATION_SECRET_FILE, or ADMIN_ESCALATION_SECRET; `openssl rand -hex 32` makes one";

/// Bound, and not yet served.
pub(crate) struct Doors {
    mcp: HttpListener,
    operator: Option<OperatorListener>,
    service: Option<ServiceListener>,
}

impl Listeners {
    /// Takes every address. To be done before anything that takes time, so that a mistake is told at once.
    pub(crate) async fn open(&self, listen: SocketAddr, secret: Option<Secret>) -> anyhow::Result<Doors> {
        let mcp = McpDoor {
            address: listen,
            tls: tls(self.tls_cert.as_ref(), self.tls_key.as_ref(), self.client_ca.as_ref())?,
            proxies: self.behind_tls_proxy.iter().map(IpAddr::to_canonical).collect(),
            public_url: self.public_url.clone(),
        };
        let mcp = http::open(mcp).await?;
        let (certificate, key) = (self.operator_tls_cert.as_ref(), self.operator_tls_key.as_ref());
        let operator = match (self.operator_listen, tls(certificate, key, self.operator_client_ca.as_ref())?) {
            (Some(address), Some(tls)) => Some(operator::bind(address, tls).await?),
            (Some(_), None) => anyhow::bail!("--operator-listen needs --operator-tls-cert and --operator-tls-key"),
            (None, _) => None,
        };
        Ok(Doors { mcp, operator, service: self.service(secret).await? })
    }

    /// What a service signs with, if that was handed over.
    pub(crate) fn secret(&self, secret: Option<Secret>) -> anyhow::Result<Option<Secret>> {
        if secret.is_some() && self.service_listen.is_none() {
            tracing::warn!(target: "safeclaw", "ADMIN_ESCALATION_SECRET is not used without --service-listen");
        }
        anyhow::ensure!(secret.is_some() || self.service_listen.is_none(), NO_SECRET);
        Ok(secret)
    }

    async fn service(&self, secret: Option<Secret>) -> anyhow::Result<Option<ServiceListener>> {
        let Some(listen) = self.service_listen.clone() else { return Ok(None) };
        let secret = secret.context(NO_SECRET)?;
        let tls = tls(self.service_tls_cert.as_ref(), self.service_tls_key.as_ref(), None)?;
        let (id, tiers) = (self.service_id.clone(), self.service_tiers.iter().copied().collect());
        Ok(Some(service::bind(ServiceConfig { id, tiers, secret, listen, tls }).await?))
    }

    /// What is read again while the hub runs: a process that gives up its rights keeps this one.
    pub(crate) fn reads(&self) -> Vec<PathBuf> {
        let files = [
            &self.tls_cert,
            &self.tls_key,
            &self.client_ca,
            &self.operator_tls_cert,
            &self.operator_tls_key,
            &self.operator_client_ca,
            &self.service_tls_cert,
            &self.service_tls_key,
        ];
        // A new file in its place is another file: the directory is what stays.
        let mut directories: Vec<_> = files
            .into_iter()
            .flatten()
            .flat_map(|file| [Some(file.clone()), file.canonicalize().ok()])
            .flatten()
            .filter_map(|file| std::path::absolute(file).ok()?.parent().map(Path::to_owned))
            .collect();
        directories.sort();
        directories.dedup();
        directories
    }
}

impl Listeners {
    /// Where a socket is made: its directory.
    pub(crate) fn writes(&self) -> Option<PathBuf> {
        match &self.service_listen {
            Some(ServiceAddress::Unix(path)) => path.parent().map(Path::to_owned),
            _ => None,
        }
    }
}

impl Doors {
    /// Each with the word for it and where it is, the agents' first, and where that one listens if its name does not
    /// tell.
    pub(crate) fn said(&self) -> Vec<(&'static str, String)> {
        let operator = self.operator.as_ref().map(|operator| ("operator", format!("https://{}", operator.address())));
        let service = self.service.as_ref().and_then(ServiceListener::address);
        let service = service.map(|address| ("service", address.to_string()));
        let (url, listen) = (self.mcp.mcp_url(), self.mcp.address().to_string());
        let listen = (!url.contains(&listen)).then_some(("listen", listen));
        std::iter::once(("mcp", url)).chain(listen).chain(operator).chain(service).collect()
    }

    /// Serves them until `stop`.
    pub(crate) fn serve(self, hub: &Hub, stop: &CancellationToken, faces: &mut JoinSet<()>) -> anyhow::Result<()> {
        if let Some(service) = self.service {
            faces.spawn(service::serve(hub, service, stop.clone())?);
        }
        if let Some(operator) = self.operator {
            faces.spawn(operator::serve_tls(hub.clone(), operator, stop.clone()));
        }
        faces.spawn(http::serve(hub.clone(), self.mcp.of(hub), stop.clone()));
        Ok(())
    }
}

fn tls(
    certificate: Option<&PathBuf>,
    key: Option<&PathBuf>,
    client_ca: Option<&PathBuf>,
) -> anyhow::Result<Option<Arc<ServerTls>>> {
    let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
    let (certificate, key, client_ca) = (certificate.clone(), key.clone(), client_ca.cloned());
    Ok(Some(ServerTls::load(ServerFiles { certificate, key, client_ca })?))
}

fn tier(text: &str) -> Result<Tier, String> {
    match text {
        "user" => Ok(Tier::User),
        "write" => Ok(Tier::Write),
        "admin" => Ok(Tier::Admin),
        "critical" => Ok(Tier::Critical),
        _ => Err("a tier is user, write, admin or critical".to_owned()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        listeners: Listeners,
    }

    async fn said(line: &str) -> String {
        let parsed = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()));
        let Ok(parsed) = parsed else { return format!("usage: {}", parsed.unwrap_err()) };
        match parsed.listeners.open("127.0.0.1:0".parse().unwrap(), None).await {
            Ok(_) => "opened".to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn half_of_a_door_is_none() {
        assert_eq!(said("").await, "opened");
        for (line, remedy) in [
            ("--tls-cert /c", "--tls-key"),
            ("--tls-key /k", "--tls-cert"),
            ("--client-ca /a", "--tls-cert"),
            ("--tls-cert /none --tls-key /none", "/none cannot be read"),
            ("--behind-tls-proxy 10.0.0.2", "--public-url"),
            ("--behind-tls-proxy everybody", "invalid"),
            ("--public-url https://hub.example", "--tls-cert"),
            ("--public-url http://hub.example", "https://NAME"),
            ("--operator-listen 127.0.0.1:0", "--operator-tls-cert"),
            ("--operator-listen 127.0.0.1:0 --operator-tls-cert /c --operator-tls-key /k", "--operator-client-ca"),
            ("--operator-client-ca /a", "--operator-listen"),
            ("--service-listen 127.0.0.1:0", "--service-tiers"),
            ("--service-listen relative --service-tiers user", "unix:/PATH"),
            ("--service-listen unix:relative --service-tiers user", "absolute"),
            ("--service-listen 127.0.0.1:0 --service-tiers root", "a tier is"),
            ("--service-listen 127.0.0.1:0 --service-tiers user", "ADMIN_ESCALATION_SECRET_FILE"),
            ("--service-tiers user", "--service-listen"),
        ] {
            let text = said(line).await;
            assert!(text != "opened" && text.contains(remedy), "{line}: {text}");
        }
    }

    #[test]
    fn what_is_read_again_is_named_by_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("live")).unwrap();
        std::fs::write(dir.path().join("cert-2.pem"), "x").unwrap();
        let link = dir.path().join("live/cert.pem");
        std::os::unix::fs::symlink("../cert-2.pem", &link).unwrap();
        let link = link.to_str().unwrap();
        let line = Line::try_parse_from(["x", "--tls-cert", link, "--tls-key", link]).unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut wanted = vec![dir.path().join("live"), root];
        wanted.sort();
        assert_eq!(line.listeners.reads(), wanted);
    }
}
