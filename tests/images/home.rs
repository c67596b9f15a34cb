//! The directories of the services, as docs/images.md has an operator make them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use tests::handed;

/// The user of the hub's image.
const USER: u32 = 10_001;

/// Makes them, and one that is mounted where it should not be.
pub(super) fn fill(home: &Path) {
    let at = |name: &str| home.join(name);
    for name in ["data", "data-launcher", "run", "manifest", "workspace", "tools", "tls", "secrets", "elsewhere"] {
        fs::create_dir(at(name)).unwrap();
    }
    for name in ["tiers.toml", "tools.toml"] {
        fs::copy(handed::repository().join("manifests/default").join(name), at("manifest").join(name)).unwrap();
    }
    for name in ["files", "json", "time"] {
        fs::write(at("tools").join(format!("{name}.wasm")), handed::guest(name)).unwrap();
    }
    fs::write(at("workspace/README.md"), "# a workspace of tests\n").unwrap();
    let made = rcgen::generate_simple_self_signed(["hub.example".to_owned()]).unwrap();
    fs::write(at("tls/hub.pem"), made.cert.pem()).unwrap();
    fs::write(at("tls/hub.key"), made.signing_key.serialize_pem()).unwrap();
    fs::write(at("secrets/admin_escalation_secret"), "0123456789abcdef0123456789abcdef0123456789abcdef").unwrap();
    for name in ["tls/hub.key", "secrets/admin_escalation_secret"] {
        fs::set_permissions(at(name), Permissions::from_mode(0o600)).unwrap();
        chown(at(name), Some(USER), Some(USER)).unwrap();
    }
    for name in ["data", "data-launcher", "run", "tls", "secrets"] {
        fs::set_permissions(at(name), Permissions::from_mode(0o700)).unwrap();
        chown(at(name), Some(USER), Some(USER)).unwrap();
    }
    // Tools are user 1000.
    chown(at("workspace"), Some(1000), Some(1000)).unwrap();
}
