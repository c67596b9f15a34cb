//! Names of imports: which are linked, which a grant lets trap, and how they are told to an operator.

use manifest::linked;
use std::collections::BTreeSet;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How many names a refusal lists; the component chose them, and how many there are.
const LISTED: usize = 20;

/// The most characters of one name that are told.
const NAME: usize = 120;

/// The half of `wasi:http` that asks; the other half, which serves, is nobody's.
const HTTP: [&str; 2] = ["wasi:http/outgoing-handler", "wasi:http/types"];

/// Whether it is linked: since every grant has it, or since this one has HTTP.
#[must_use]
pub(crate) fn known(name: &str, http: bool) -> bool {
    linked::always(name) || (http && is_http(name))
}

/// Whether a grant of HTTP would link it.
#[must_use]
pub(crate) fn is_http(name: &str) -> bool {
    name.split_once('@').is_some_and(|(interface, version)| HTTP.contains(&interface) && version.starts_with("0.2."))
}

/// Whether a manifest lists it, with its version or without.
#[must_use]
pub(crate) fn listed(name: &str, trap_imports: &BTreeSet<String>) -> bool {
    trap_imports.contains(name) || name.split_once('@').is_some_and(|(interface, _)| trap_imports.contains(interface))
}

/// What a component imports.
#[must_use]
pub(crate) fn names(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// What a component exports.
#[cfg(feature = "compiler")]
#[must_use]
pub(crate) fn exports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect()
}

/// What a component imports and is not granted, and the lines of a manifest that would change that.
#[must_use]
pub(crate) fn refusal(names: &[String]) -> String {
    let http = names.iter().filter(|name| is_http(name)).count();
    let lines = match (http, names.len().saturating_sub(http)) {
        (0, _) => "a manifest can only let it link to a trap (`trap_imports`)",
        (_, 0) => "`[[tools.NAME.http]]` in the manifest grants it, or `trap_imports` lets it link to a trap",
        _ => "`[[tools.NAME.http]]` in the manifest grants `wasi:http`, `trap_imports` lets any of them link to a trap",
    };
    format!("it imports {}, which is not granted: {lines}", list(names))
}

/// Names for a message, bounded.
#[must_use]
pub(crate) fn list(names: &[String]) -> String {
    let mut shown: Vec<String> =
        names.iter().take(LISTED).map(|name| format!("`{}`", name.chars().take(NAME).collect::<String>())).collect();
    if names.len() > LISTED {
        shown.push(format!("and {} more", names.len().saturating_sub(LISTED)));
    }
    shown.join(", ")
}
