//! What an operator would write for an upstream: its CA, the token in a file of the operator's alone, and the file that
//! `--egress` names.

use super::Upstream;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with `egress.toml` and what that names.
pub struct Outside {
    folder: TempDir,
}

impl Outside {
    /// The credential `github` is the upstream's token: for its GitHub and its echoes, from tiers `user` and `write`.
    pub fn of(upstream: &Upstream) -> Self {
        let outside =
            Self { folder: tempfile::Builder::new().prefix("safeclaw-outside-").tempdir().expect("a folder") };
        fs::write(outside.path("ca.pem"), upstream.ca()).expect("a file");
        outside.rotate(upstream.token());
        let text = format!(
            r#"[egress]
roots = ["ca.pem"]

[credentials.github]
source = {{ file = "{}" }}
hosts = ["127.0.0.1"]
ports = [{}]
methods = ["GET", "POST", "DELETE"]
paths = ["/repos/**", "/search/**", "/echo/**"]
tiers = ["user", "write"]
add = "bearer"
"#,
            outside.path("token").display(),
            upstream.address().port()
        );
        fs::write(outside.path("egress.toml"), text).expect("a file");
        outside
    }

    /// Another token is in the file from now on.
    pub fn rotate(&self, token: &str) {
        let path = self.path("token");
        fs::write(&path, format!("{token}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    }

    /// What `--egress` takes.
    pub fn file(&self) -> PathBuf {
        self.path("egress.toml")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
