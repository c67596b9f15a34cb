//! Drift: what a container has, against what was rendered. Whatever the posture does not name must be at
//! the engine's harmless default, so a setting that nobody thought of is found when somebody uses it.

mod canonical;
mod reported;

pub use canonical::profile;
pub use reported::of_container;

use canonical::canonical;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The most of a value that is shown.
const SHOWN_CHARS: usize = 200;

/// One setting that is not as rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which, in the engine's words.
    pub setting: String,
    /// As rendered; `nothing` if the posture does not name it.
    pub wanted: String,
    /// As found.
    pub found: String,
}

/// Compares two bodies of "create". Order counts where the engine heeds it, and nowhere else.
#[must_use]
pub fn between(wanted: &Value, found: &Value) -> Vec<Difference> {
    let (wanted, found) = (canonical(wanted), canonical(found));
    let settings: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    settings
        .into_iter()
        .filter(|setting| wanted.get(*setting) != found.get(*setting))
        .map(|setting| difference(setting, wanted.get(setting), found.get(setting)))
        .collect()
}

fn difference(setting: &str, wanted: Option<&Value>, found: Option<&Value>) -> Difference {
    let shown = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            let short: String = text.chars().take(SHOWN_CHARS).collect();
            if short.len() < text.len() { short + "…" } else { short }
        }
    };
    Difference { setting: setting.to_owned(), wanted: shown(wanted), found: shown(found) }
}

#[cfg(test)]
mod tests;
