//! What a tool may do, in words for whoever approves a call of it. From the manifest alone: nothing that a component
//! says of itself is in here.

use crate::force::InForce;
use manifest::http::HttpGrant;
use manifest::{FsGrant, RunnerScope, Tool};

/// What it may ask of the outside, and with whose name.
fn http(grant: &HttpGrant) -> String {
    match &grant.credential {
        Some(name) => format!("{grant}, with the credential {name}"),
        None => format!("{grant}, with no credential"),
    }
}

/// One line a grant, and what holds whether it is granted or not.
pub(crate) fn words(force: &InForce, tool: &Tool) -> Vec<String> {
    let (grants, directories) = (&tool.grants, force.directories());
    let directory = |grant: &FsGrant| {
        let mount = force.manifest.mounts.get(&grant.mount);
        let guest = mount.map_or("", |mount| mount.path.as_str());
        let host = directories.get(&grant.mount).map_or_else(|| "unknown".into(), |host| host.display().to_string());
        let below = if grant.path == "." { String::new() } else { format!("/{}", grant.path) };
        format!("{} {guest}{below}, which is {host}{below} on this machine (mount {})", grant.access, grant.mount)
    };
    let mut words: Vec<String> = grants.fs.iter().map(directory).collect();
    if words.is_empty() {
        words.push("no directory".to_owned());
    }
    words.extend(grants.env.iter().map(|(name, value)| format!("the variable {name}={value}")));
    words.extend(grants.clocks.iter().map(|clock| format!("the {clock} clock")));
    words.extend(
        grants.trap_imports.iter().map(|import| format!("the import {import}, which ends a call that uses it")),
    );
    words.extend(grants.http.iter().map(http));
    if grants.http.is_empty() {
        words.push("no network".to_owned());
    }
    let limits = &grants.limits;
    words.push(format!(
        "at most {} ms, {} ms of CPU and {} bytes of memory; {} bytes of result",
        limits.deadline_ms, limits.cpu_ms, limits.memory_bytes, limits.result_bytes
    ));
    words.push(match tool.runner {
        RunnerScope::Call => "a container of its own, for this call alone".to_owned(),
        RunnerScope::Session => "a container that it shares with other calls of this session".to_owned(),
    });
    words
}
