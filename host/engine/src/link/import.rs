//! Names of imports: which are linked, which a grant lets trap, and how they are told to an operator.

use manifest::linked;
use std::collections::BTreeSet;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How many names a refusal lists; the component chose them, and how many there are.
const LISTED: usize = 20;

/// The most characters of one name that are told.
const NAME: usize = 120;

/// Whether every grant has it.
#[must_use]
pub(crate) fn known(name: &str) -> bool {
    linked::always(name)
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
