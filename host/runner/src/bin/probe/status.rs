//! What can be seen from inside. User and group ids are among the facts: the container's profile has
//! no `getuid`.

use crate::Attempt;
use std::fs;

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("facts", |_| {
        let facts: serde_json::Map<_, _> =
            runner::inside::facts().into_iter().map(|(name, value)| (name, serde_json::Value::String(value))).collect();
        serde_json::Value::Object(facts).to_string()
    }),
    // With values: no secret is put into a test's container, and the test looks for what is there.
    ("environment", |_| std::env::vars().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")),
    ("setuid bits", |_| {
        let found: Vec<_> = ["/runner", "/compile", "/probe"].iter().filter(|path| has_bit(path)).copied().collect();
        if found.is_empty() { "none".to_owned() } else { found.join(" ") }
    }),
    ("end cleanly", |_| "0".to_owned()),
];

fn has_bit(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o6000 != 0)
}
