//! What must be there before anything is built. Says what it will do before it does it.

use crate::place::Place;
use crate::step::{self, Output};
use anyhow::Context;
use std::path::Path;
use tokio::process::Command;

/// Free space that a first run of the whole test suite wants: host, guests, test binaries and images.
pub(crate) const TEST_DISK_GB: u64 = 20;
/// Free space that a first demo wants.
pub(crate) const DEMO_DISK_GB: u64 = 8;
/// What is wanted even when everything has been built before.
const LEAST_DISK_GB: u64 = 3;
const GB: u64 = 1_000_000_000;
const WASM_TARGET: &str = "wasm32-wasip2";

/// Linux on x86-64 is the platform; elsewhere this says so.
pub(crate) fn platform() -> anyhow::Result<()> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(());
    }
    anyhow::bail!("SafeClaw runs on Linux on x86-64 only; on another system, use a Linux virtual machine")
}

/// Stops before a build that would fill the disk.
pub(crate) fn disk(place: &Place, want_gb: u64) -> anyhow::Result<()> {
    let stat = rustix::fs::statvfs(&place.target)
        .with_context(|| format!("{} cannot be asked for free space", place.target.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let built = size(&place.target).saturating_add(size(&place.root.join("plugins/target")));
    let need = still_needed(want_gb, built);
    if free < need {
        anyhow::bail!(
            "{} has {:.1} GB free, and this needs {:.0} GB: make room, or set CARGO_TARGET_DIR to another disk",
            place.target.display(),
            gigabytes(free),
            gigabytes(need)
        );
    }
    eprintln!("disk      {:.0} GB free, {:.0} GB needed", gigabytes(free), gigabytes(need));
    Ok(())
}

/// What has been built need not be built again.
fn still_needed(want_gb: u64, built_bytes: u64) -> u64 {
    want_gb.saturating_mul(GB).saturating_sub(built_bytes).max(LEAST_DISK_GB.saturating_mul(GB))
}

#[expect(clippy::cast_precision_loss, reason = "for display, one decimal")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / GB as f64
}

/// Bytes below a directory; what cannot be read counts as nothing.
fn size(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some(if meta.is_dir() { size(&entry.path()) } else { meta.len() })
        })
        .sum()
}

/// Says so where tests of approvers' keys have no program to sign with: they are then not run.
pub(crate) async fn openssh() {
    let found = Command::new("ssh-keygen").arg("-?").output().await.is_ok();
    if !found {
        eprintln!("setup     there is no ssh-keygen: tests that sign with it say NOT RUN; install OpenSSH's client");
    }
}

/// Adds the guests' target where it is missing.
pub(crate) async fn wasm_target(place: &Place) -> anyhow::Result<()> {
    let sysroot = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(&place.root)
        .output()
        .await
        .context("rustc does not start; install Rust with rustup")?;
    let libdir = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    if sysroot.status.success() && Path::new(&libdir).is_dir() {
        return Ok(());
    }
    eprintln!("setup     the target {WASM_TARGET} is missing; will run: rustup target add {WASM_TARGET}");
    let mut command = Command::new("rustup");
    command.args(["target", "add", WASM_TARGET]).current_dir(&place.root);
    step::run(place, "rustup", Output::Logged, &mut command)
        .await
        .with_context(|| format!("add the target {WASM_TARGET} to this toolchain yourself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_needs_less_room_but_never_none() {
        assert_eq!(still_needed(20, 0), 20 * GB);
        assert_eq!(still_needed(20, 12 * GB), 8 * GB);
        assert_eq!(still_needed(20, 90 * GB), 3 * GB);
    }
}
