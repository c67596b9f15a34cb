//! The smallest plugin: one tool, typed in and out.
#![forbid(unsafe_code)]

use safeclaw_sdk::prelude::*;

/// Whom to greet.
#[arguments]
struct Greet {
    /// The name, at most 100 bytes.
    name: String,
}

/// A greeting.
#[result]
struct Greeting {
    /// What to say.
    text: String,
}

/// Greets somebody by name.
#[tool(title = "Greet", read_only, idempotent)]
fn greet(args: Greet) -> Result<Greeting> {
    ensure!(args.name.len() <= 100, "a name has at most 100 bytes");
    log::info!("greeting {}", args.name);
    Ok(Greeting { text: format!("Hello, {}!", args.name) })
}

plugin!(greet);

#[test]
fn greets() {
    let greeting = greet(Greet { name: "Ada".into() });
    assert_eq!(greeting.map(|g| g.text).ok().as_deref(), Some("Hello, Ada!"));
}

#[test]
fn readme_shows_this_file() {
    let (readme, file) = (include_str!("../../README.md"), include_str!("lib.rs"));
    let plugin = file.split("\n#[test]\nfn readme").next().unwrap_or_default();
    assert!(readme.contains(plugin.trim_end()), "plugins/README.md shows another first plugin");
}
