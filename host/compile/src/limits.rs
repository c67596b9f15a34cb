//! What this process may use, set by itself before it reads a byte. The container bounds the same once
//! more; these also hold where there is none (`--no-container`).

use rustix::io::Result;
use rustix::process::{Resource, Rlimit, setrlimit};

/// The largest known tool, an interpreter of 18 MB, takes 350 MB; the build container has 2 GiB.
const ADDRESS_SPACE_BYTES: u64 = 1792 << 20;

/// That interpreter takes 14 s; the hub gives up after 120 s of wall time on two cores.
const CPU_S: u64 = 200;

/// Standard streams, and a few for the allocator's and the thread pool's look-ups in /proc and /sys.
const FILES: u64 = 32;

/// Sets all of them.
pub(crate) fn set() -> Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, both(ADDRESS_SPACE_BYTES))?;
    setrlimit(Resource::Cpu, both(CPU_S))?;
    setrlimit(Resource::Nofile, both(FILES))?;
    // It writes to a pipe and to no file; a core would hold the component.
    setrlimit(Resource::Fsize, both(0))?;
    setrlimit(Resource::Core, both(0))
}
