//! Which hub a command means, and by which of the operator's doors.

use crate::data::Data;
use ::hub::operator::Client;
use ::hub::tls::{ClientFiles, ClientTls};
use clap::Args;
use std::path::PathBuf;

/// The hub of a data directory, through its socket; or one anywhere, with a certificate.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperatorAt {
    #[command(flatten)]
    pub(crate) data: Data,
    /// A hub's --operator-listen, such as https://hub.example:7301, in place of the socket
    #[arg(
        long, value_name = "URL", env = "SAFECLAW_OPERATOR",
        requires_all = ["operator_cert", "operator_key", "operator_ca"]
    )]
    operator: Option<String>,
    /// With --operator: the certificate to show (PEM)
    #[arg(long, value_name = "FILE", env = "SAFECLAW_OPERATOR_CERT")]
    operator_cert: Option<PathBuf>,
    /// With --operator: the certificate's key (PEM, mode 0600)
    #[arg(long, value_name = "FILE", env = "SAFECLAW_OPERATOR_KEY")]
    operator_key: Option<PathBuf>,
    /// With --operator: the authority that signed the hub's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "SAFECLAW_OPERATOR_CA")]
    operator_ca: Option<PathBuf>,
}

impl OperatorAt {
    /// Nothing is opened yet.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        match (&self.operator, &self.operator_cert, &self.operator_key, &self.operator_ca) {
            (None, ..) => Ok(Client::new(self.data.directory()?.join("operator.sock"))),
            (Some(url), Some(certificate), Some(key), Some(ca)) => {
                let files = ClientFiles { certificate: certificate.clone(), key: key.clone(), ca: ca.clone() };
                Ok(Client::remote(ClientTls::new(url, &files)?))
            }
            (Some(_), ..) => anyhow::bail!("--operator needs --operator-cert, --operator-key and --operator-ca"),
        }
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
        at: OperatorAt,
    }

    #[test]
    fn a_remote_hub_is_asked_with_a_certificate_or_not_at_all() {
        assert!(Line::try_parse_from(["x", "--data", "/d"]).unwrap().at.client().is_ok());
        let url = ["x", "--operator", "https://hub.example:7301"];
        let certificate = ["--operator-cert", "/c", "--operator-key", "/k", "--operator-ca", "/a"];
        for missing in 0..3 {
            let some = certificate.chunks(2).enumerate().filter(|(n, _)| *n != missing).flat_map(|(_, pair)| pair);
            assert!(Line::try_parse_from(url.iter().chain(some)).is_err(), "{missing}");
        }
        let all = Line::try_parse_from(url.iter().chain(&certificate)).unwrap();
        assert!(all.at.client().unwrap_err().to_string().contains("/a cannot be read"));
    }
}
