//! Where no mount may be: the hub's own files, the container engine, and what the kernel shows of itself.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// File systems that show the kernel or the machine, wherever somebody mounted them.
const KERNEL_FILE_SYSTEMS: [(u64, &str); 6] = [
    (0x9fa0, "/proc"),
    (0x6265_6572, "/sys"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7363_6673, "securityfs"),
];

/// Directories and files that no mount may contain or lie in.
#[derive(Debug, Clone)]
pub struct Forbidden {
    paths: Vec<PathBuf>,
}

impl Forbidden {
    /// `/proc`, `/sys`, `/dev`, `/run` (sockets of every service) and these.
    #[must_use]
    pub fn with(more: impl IntoIterator<Item = PathBuf>) -> Self {
        let always = ["/proc", "/sys", "/dev", "/run", "/var/run"].map(PathBuf::from);
        Self { paths: always.into_iter().chain(more).collect() }
    }

    /// The forbidden path that a canonical directory contains or lies in. The root directory contains all.
    ///
    /// Paths are compared, and so are the files' identities: the same directory under another name (a bind
    /// mount) is the same directory.
    pub(super) fn touched_by(&self, canonical: &Path) -> io::Result<Option<PathBuf>> {
        let file_system = rustix::fs::statfs(canonical)?.f_type;
        let of_the_kernel = |(magic, _): &&(u64, &str)| u64::try_from(file_system).is_ok_and(|found| found == *magic);
        if let Some((_, name)) = KERNEL_FILE_SYSTEMS.iter().find(of_the_kernel) {
            return Ok(Some(PathBuf::from(*name)));
        }
        let here = identity(&canonical.metadata()?);
        for path in &self.paths {
            let forbidden = match path.canonicalize() {
                Ok(path) => path,
                // What does not exist can still be compared by name: it may be made later.
                Err(error) if error.kind() == io::ErrorKind::NotFound => path.clone(),
                Err(error) => return Err(error),
            };
            if canonical.starts_with(&forbidden) || forbidden.starts_with(canonical) {
                return Ok(Some(forbidden));
            }
            if has_ancestor(&forbidden, here)? {
                return Ok(Some(forbidden));
            }
            match forbidden.metadata() {
                Ok(there) if has_ancestor(canonical, identity(&there))? => return Ok(Some(forbidden)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether `path` or a directory above it is the file with this identity.
fn has_ancestor(path: &Path, wanted: (u64, u64)) -> io::Result<bool> {
    for ancestor in path.ancestors() {
        match ancestor.metadata() {
            Ok(metadata) if identity(&metadata) == wanted => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
