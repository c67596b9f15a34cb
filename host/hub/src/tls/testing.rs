//! An authority, and certificates of its making, in a directory.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::{ClientFiles, ServerFiles, ServerTls};
use crate::data::write_atomic;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) dir: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write_atomic(&dir.path().join("ca.pem"), issuer.pem().as_bytes(), 0o644).unwrap();
        Self { issuer, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `NAME.pem` and `NAME.key`, in force until this many days from now; for `localhost` and 127.0.0.1.
    pub(crate) fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose, days: i64) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let end = jiff::Timestamp::now().as_second() + days * 86_400;
        let date = jiff::Timestamp::from_second(end).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(date.year().into(), month, day);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        write_atomic(&self.path(&format!("{name}.pem")), certificate.pem().as_bytes(), 0o644).unwrap();
        write_atomic(&self.path(&format!("{name}.key")), key.serialize_pem().as_bytes(), 0o600).unwrap();
    }

    /// A server's, by its file names.
    pub(crate) fn server_files(&self, name: &str, client_ca: Option<&Path>) -> ServerFiles {
        ServerFiles {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
            client_ca: client_ca.map(Path::to_owned),
        }
    }

    /// A server's, issued for a year.
    pub(crate) fn server(&self, client_ca: Option<&Path>) -> Arc<ServerTls> {
        self.issue("server", ExtendedKeyUsagePurpose::ServerAuth, 365);
        ServerTls::load(self.server_files("server", client_ca)).unwrap()
    }

    /// A client's, issued for a year, that believes this authority.
    pub(crate) fn client(&self, name: &str) -> ClientFiles {
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, 365);
        ClientFiles {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
            ca: self.path("ca.pem"),
        }
    }
}
