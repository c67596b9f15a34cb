//! Who may read and write the hub's files: whoever has its key signs tickets, whoever has a socket speaks
//! for the operator.

use super::check::Check;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

const CHECK: &str = "keys";

/// What a file of the data directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    Socket,
}

/// Every file that the hub keeps, what it is, and the widest mode that it may have.
const FILES: [(&str, Kind, u32); 18] = [
    (".", Kind::Directory, 0o700),
    ("hub.id", Kind::File, 0o600),
    ("hub.key", Kind::File, 0o600),
    ("hub.lock", Kind::File, 0o600),
    ("epoch", Kind::File, 0o600),
    ("hub.db", Kind::File, 0o600),
    ("hub.db-wal", Kind::File, 0o600),
    ("hub.db-shm", Kind::File, 0o600),
    ("manifest.version", Kind::File, 0o600),
    ("tokens.stamp", Kind::File, 0o600),
    ("audit.jsonl", Kind::File, 0o600),
    ("audit.key", Kind::File, 0o600),
    ("audit.reserve", Kind::File, 0o600),
    ("arguments.key", Kind::File, 0o600),
    // Whoever verifies needs it, and nobody can sign with it.
    ("audit.pub", Kind::File, 0o644),
    ("components", Kind::Directory, 0o700),
    // Runners read artefacts as another user; only the hub writes them.
    ("artefacts", Kind::Directory, 0o755),
    ("image", Kind::File, 0o644),
];
const SOCKETS: [&str; 2] = ["mcp.sock", "operator.sock"];

/// One line for each file that is there. A hub makes some of them only when they are needed.
pub(super) fn check(data: &Path) -> Vec<Check> {
    let sockets = SOCKETS.iter().map(|name| (*name, Kind::Socket, 0o600));
    let all = FILES.into_iter().chain(sockets).filter_map(|(name, kind, mode)| {
        let path = if name == "." { data.to_owned() } else { data.join(name) };
        one(&path, kind, mode)
    });
    all.collect()
}

fn one(path: &Path, kind: Kind, widest: u32) -> Option<Check> {
    let shown = path.display();
    // A link would be asked about what it points to, and used as what it points to tomorrow.
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(Check::unknown(CHECK, format!("{shown}: {error}"), "run this as the hub's own user"));
        }
    };
    let mode = meta.mode() & 0o7777;
    let is = match kind {
        Kind::File => meta.is_file(),
        Kind::Directory => meta.is_dir(),
        Kind::Socket => meta.file_type().is_socket(),
    };
    let remedy = format!("stop the hub, look at who made it so, then: chmod {widest:o} {shown}");
    Some(if !is {
        Check::differs(CHECK, format!("{shown} is not what the hub makes there"), "stop the hub, and remove it")
    } else if meta.uid() != rustix::process::geteuid().as_raw() {
        Check::differs(CHECK, format!("{shown} belongs to user {}", meta.uid()), "run this as the hub's own user")
    } else if mode & !widest != 0 {
        Check::differs(CHECK, format!("{shown} has mode {mode:04o}, and {widest:04o} is the widest"), remedy)
    } else {
        Check::ok(CHECK, format!("{shown} has mode {mode:04o}"))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::check::State;
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    /// A data directory as a hub makes it.
    fn data() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, kind, mode) in FILES.into_iter().chain(SOCKETS.map(|name| (name, Kind::Socket, 0o600))) {
            let path = dir.path().join(name);
            match kind {
                Kind::File => fs::write(&path, "").unwrap(),
                Kind::Directory if name == "." => {}
                Kind::Directory => fs::create_dir(&path).unwrap(),
                Kind::Socket => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            }
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        dir
    }

    fn differing(dir: &Path) -> Vec<String> {
        check(dir).into_iter().filter(|check| check.state != State::Ok).map(|check| check.found).collect()
    }

    #[test]
    fn each_file_that_others_may_use_is_found() {
        let dir = data();
        assert_eq!(check(dir.path()).len(), FILES.len() + SOCKETS.len());
        assert_eq!(differing(dir.path()), Vec::<String>::new());
        for (name, _, mode) in FILES.into_iter().chain(SOCKETS.map(|name| (name, Kind::Socket, 0o600))) {
            for more in [0o020, 0o002, 0o4000].into_iter().chain((mode & 0o044 == 0).then_some(0o004)) {
                let path = dir.path().join(name);
                fs::set_permissions(&path, Permissions::from_mode(mode | more)).unwrap();
                assert_eq!(differing(dir.path()).len(), 1, "{name} with {more:o}");
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
        }
    }

    #[test]
    fn something_else_in_a_keys_place_is_found() {
        let dir = data();
        fs::remove_file(dir.path().join("hub.key")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("hub.key")).unwrap();
        assert_eq!(differing(dir.path()).len(), 1);
    }
}
