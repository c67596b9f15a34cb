//! gVisor for the tests, as one program below `target/`: nothing of the machine's is changed. Where it cannot
//! be had, the tests that need it say in one line that they were not run.

use crate::place::Place;
use crate::step::{self, Output};
use anyhow::Context;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The release of Debian that has it. Its program is static, so that it runs on any other one.
const RELEASE: &str = "trixie";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// How it is started: the container's seccomp profile holds, and it has no network stack of its own.
const ARGUMENTS: [&str; 3] = ["--platform=systrap", "--network=none", "--oci-seccomp"];

fn home(place: &Place) -> PathBuf {
    place.target.join("gvisor")
}

/// The program, if it has been fetched.
fn program(place: &Place) -> Option<PathBuf> {
    Some(home(place).join("usr/bin/runsc")).filter(|path| path.is_file())
}

/// Fetches it; where that cannot be, says why in one line, and the rest goes on.
pub(crate) async fn fetch(place: &Place) {
    if program(place).is_some() {
        return;
    }
    if let Err(error) = from_debian(place).await {
        let _ = std::fs::remove_dir_all(home(place));
        eprintln!("NOT RUN: the tests under gVisor, since runsc cannot be had: {error:#}");
    }
}

/// From Debian's archive, by its own client and under its keys, with lists and downloads of our own.
async fn from_debian(place: &Place) -> anyhow::Result<()> {
    if !Path::new(KEYRING).is_file() {
        anyhow::bail!("this is no Debian, whose package it is taken from");
    }
    let home = home(place);
    eprintln!("setup     will fetch gVisor (package runsc of Debian {RELEASE}) into {}", home.display());
    for dir in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(home.join(dir)).with_context(|| format!("{} cannot be made", home.display()))?;
    }
    let sources = home.join("sources.list");
    let mirror = mirror().context("the machine's own package sources name no Debian archive")?;
    let line = format!("deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n");
    std::fs::write(&sources, line).with_context(|| format!("{} cannot be written", sources.display()))?;
    apt(place, "gvisor-lists", &["update"]).await?;
    apt(place, "gvisor-download", &["download", "runsc"]).await?;
    let package = std::fs::read_dir(&home)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("nothing was downloaded")?;
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(&package).arg(&home);
    step::run(place, "gvisor-unpack", Output::Logged, &mut unpack).await?;
    program(place).context("the package has no runsc").map(drop)
}

/// The archive that this machine takes its packages from: which mirror that is, is its administrator's choice.
fn mirror() -> Option<String> {
    let folder = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = folder.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
    // Only these are apt's; what has another ending was put aside.
    files.retain(|path| path.extension().is_some_and(|extension| extension == "list" || extension == "sources"));
    files.sort();
    files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).find_map(|text| archive(&text))
}

/// The first address in a list of sources, in either of apt's two forms, that ends as Debian's archive does: the
/// one of security updates has no whole release.
fn archive(sources: &str) -> Option<String> {
    let lines = sources.lines().map(str::trim).filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
    let mut addresses = lines.flat_map(str::split_whitespace).filter(|word| word.contains("://"));
    addresses.find(|address| address.trim_end_matches('/').ends_with("/debian")).map(str::to_owned)
}

async fn apt(place: &Place, name: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let home = home(place);
    let mut command = Command::new("apt-get");
    command.current_dir(&home).env("DEBIAN_FRONTEND", "noninteractive");
    for option in [
        format!("Dir::Etc::sourcelist={}", home.join("sources.list").display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={}", home.join("lists").display()),
        format!("Dir::Cache={}", home.join("cache").display()),
        "Acquire::Languages=none".to_owned(),
        // It runs as we do: an unprivileged helper cannot write below target/.
        "APT::Sandbox::User=".to_owned(),
        "Acquire::Retries=1".to_owned(),
        "Acquire::http::Timeout=20".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    step::run(place, name, Output::Logged, command.args(arguments)).await
}

/// What a private engine is configured with.
pub(crate) fn daemon_json(place: &Place) -> String {
    let Some(program) = program(place) else { return "{}".to_owned() };
    serde_json::json!({"runtimes": {"runsc": {"path": program, "runtimeArgs": ARGUMENTS}}}).to_string()
}

/// Whether a private engine has it.
pub(crate) fn is_there(place: &Place) -> bool {
    program(place).is_some()
}

#[cfg(test)]
mod tests {
    use super::archive;

    #[test]
    fn the_archive_is_found_in_both_forms_and_that_of_updates_is_none() {
        let list = "# deb http://old/debian x main\ndeb [arch=amd64] http://mirror.test/debian bookworm main\n";
        assert_eq!(archive(list).as_deref(), Some("http://mirror.test/debian"));
        let sources = "Types: deb\nURIs: https://mirror.test/debian/\nSuites: bookworm\n";
        assert_eq!(archive(sources).as_deref(), Some("https://mirror.test/debian/"));
        assert_eq!(archive("deb http://mirror.test/debian-security bookworm-security main"), None);
        assert_eq!(archive(""), None);
    }
}
