//! The secret of a service, from `ADMIN_ESCALATION_SECRET` or the file that `ADMIN_ESCALATION_SECRET_FILE` names.
//!
//! What stands in a process's environment stays there, for everybody who may read `/proc/PID/environ`, whatever
//! the process does afterwards, and goes on to its children. So a hub that finds its secret there becomes the same
//! program once more, with an environment without it, and reads it from a pipe.

use ::hub::service::Secret;
use anyhow::Context;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const VARIABLE: &str = "ADMIN_ESCALATION_SECRET";
const FILE: &str = "ADMIN_ESCALATION_SECRET_FILE";
/// Set for the second of the two programs: the secret is on standard input.
const ON_INPUT: &str = "SAFECLAW_SECRET_ON_STDIN";
/// A pipe holds this much without a reader.
const MAX_BYTES: usize = 4096;

/// Becomes this program again without the secret in its environment, if it is there. To be called before there is
/// a second thread, and before anything was opened.
pub(crate) fn leave_environment() -> anyhow::Result<()> {
    let Some(secret) = std::env::var_os(VARIABLE) else { return Ok(()) };
    Err(again(&secret)?).with_context(|| format!("{VARIABLE} cannot be taken out of the environment; use {FILE}"))
}

/// Returns only what kept it from becoming that program.
fn again(secret: &OsStr) -> anyhow::Result<std::io::Error> {
    anyhow::ensure!(std::env::var_os(FILE).is_none(), "{VARIABLE} and {FILE} are both set: which one?");
    anyhow::ensure!(secret.len() <= MAX_BYTES, "{VARIABLE} has more than {MAX_BYTES} bytes");
    let (reader, mut writer) = std::io::pipe().context("no pipe can be had")?;
    writer.write_all(secret.as_bytes()).context("a pipe cannot be written")?;
    drop(writer);
    let mut program = Command::new("/proc/self/exe");
    let mut arguments = std::env::args_os();
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    Ok(program.args(arguments).env_remove(VARIABLE).env(ON_INPUT, "1").stdin(reader).exec())
}

/// The file that has it, if one was named: to be within reach of a hub that limits its files before it reads it.
pub(crate) fn file() -> Option<PathBuf> {
    std::env::var_os(FILE).map(PathBuf::from)
}

/// The secret, if there is one.
pub(crate) fn read() -> anyhow::Result<Option<Secret>> {
    if std::env::var_os(ON_INPUT).is_some() {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.context("the secret cannot be read from standard input")?;
        return Secret::new(&bytes).map(Some).with_context(|| format!("{VARIABLE} cannot be used"));
    }
    match file() {
        Some(path) => Secret::from_file(&path).map(Some).with_context(|| format!("{FILE} cannot be used")),
        None => Ok(None),
    }
}
