//! Secrets that a hub is started with in its environment: of a service, from `ADMIN_ESCALATION_SECRET` or the file that
//! `ADMIN_ESCALATION_SECRET_FILE` names, and of credentials whose source is a variable.
//!
//! What stands in a process's environment stays there, for everybody who may read `/proc/PID/environ`, whatever
//! the process does afterwards, and goes on to its children. So a hub that finds a secret there becomes the same
//! program once more, with an environment without it, and reads it from a pipe.

use ::egress::config::Environment;
use ::hub::service::Secret;
use anyhow::Context;
use rustix::fs::{OFlags, fcntl_setfl};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const VARIABLE: &str = "ADMIN_ESCALATION_SECRET";
const FILE: &str = "ADMIN_ESCALATION_SECRET_FILE";
/// Set for the second of the two programs: the secrets are on standard input, as an environment has them.
const ON_INPUT: &str = "SAFECLAW_SECRET_ON_STDIN";
/// A pipe holds at least a page without a reader, and most hold sixteen.
const MAX_BYTES: usize = 64 << 10;
/// The longest secret of a service.
const MAX_SECRET_BYTES: usize = 4096;

/// What was handed over.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// The secret of a service, if there is one.
    pub(crate) secret: Option<Secret>,
    /// Variables that are not in this process's environment any more.
    pub(crate) environment: Environment,
}

/// Becomes this program again without secrets in its environment, if there are some: the service's, and `variables`.
/// To be called before there is a second thread, and before anything was opened.
pub(crate) fn leave_environment(variables: &[String]) -> anyhow::Result<()> {
    let names = std::iter::once(VARIABLE).chain(variables.iter().map(String::as_str));
    let found: Vec<(&str, OsString)> = names.filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    if found.is_empty() {
        return Ok(());
    }
    let names = found.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    Err(again(&found)?).with_context(|| format!("{names} cannot be taken out of the environment; use files"))
}

/// Returns only what kept it from becoming that program. What is in memory now is gone with it.
fn again(found: &[(&str, OsString)]) -> anyhow::Result<std::io::Error> {
    if let Some((_, secret)) = found.iter().find(|(name, _)| *name == VARIABLE) {
        anyhow::ensure!(std::env::var_os(FILE).is_none(), "{VARIABLE} and {FILE} are both set: which one?");
        anyhow::ensure!(secret.len() <= MAX_SECRET_BYTES, "{VARIABLE} has more than {MAX_SECRET_BYTES} bytes");
    }
    let mut block = Vec::new();
    for (name, value) in found {
        block.extend_from_slice(name.as_bytes());
        block.push(b'=');
        block.extend_from_slice(value.as_bytes());
        block.push(0);
    }
    let (reader, mut writer) = std::io::pipe().context("no pipe can be had")?;
    // Nobody reads it yet: what does not fit is an error, and not for ever waited for.
    fcntl_setfl(&writer, OFlags::NONBLOCK).context("a pipe cannot be set up")?;
    anyhow::ensure!(block.len() <= MAX_BYTES, "the secrets in the environment have more than {MAX_BYTES} bytes");
    writer.write_all(&block).context("the secrets in the environment do not fit into a pipe; use files")?;
    drop(writer);
    let mut program = Command::new("/proc/self/exe");
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    for (name, _) in found {
        program.env_remove(name);
    }
    Ok(program.args(arguments).env(ON_INPUT, "1").stdin(reader).exec())
}

/// The file that has a service's secret, if one was named: to be within reach of a hub that limits its files before it
/// reads it.
pub(crate) fn file() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

/// What this process was handed, on standard input or in the service's file. To be called once.
pub(crate) fn read() -> anyhow::Result<Handed> {
    if std::env::var_os(ON_INPUT).is_none() {
        let read = |path: PathBuf| Secret::from_file(&path).with_context(|| format!("{FILE} cannot be used"));
        return Ok(Handed { secret: file().map(read).transpose()?, environment: Environment::default() });
    }
    let mut block = Vec::with_capacity(MAX_BYTES + 1);
    let read = std::io::stdin().take(MAX_BYTES as u64 + 1).read_to_end(&mut block);
    read.context("secrets cannot be read from standard input")?;
    let environment = Environment::of_block(&block);
    block.fill(0);
    let made = |bytes: &[u8]| Secret::new(bytes).with_context(|| format!("{VARIABLE} cannot be used"));
    let secret = match environment.value(VARIABLE) {
        Some(bytes) => Some(made(&bytes)?),
        None => {
            file().map(|path| Secret::from_file(&path).with_context(|| format!("{FILE} cannot be used"))).transpose()?
        }
    };
    Ok(Handed { secret, environment })
}
