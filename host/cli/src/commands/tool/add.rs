//! Registers a component, in the running hub or in one that is started for it.

use crate::output::{self, Form};
use crate::started::{self, HubIs, Whom};
use ::hub::Registration;
use ::hub::operator::{Client, ClientError};
use anyhow::Context;
use manifest::ComponentName;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Register a component.
///
/// The running hub does it; where none runs, one is started for it, and then --manifest and the other
/// options are needed. What it prints at the end goes into a manifest: a component that no manifest names
/// can do nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The component's name, as manifests name it
    #[arg(value_parser = component)]
    name: ComponentName,
    /// A Wasm component
    file: PathBuf,
    #[command(flatten)]
    hub: HubIs,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { name, file, hub, form } = arguments;
    let wasm = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let running = Client::new(hub.data.directory()?.join("operator.sock"));
    let registration = match running.add_component(&name, wasm.clone()).await {
        Ok(registration) => registration,
        Err(ClientError::NoHub { .. }) => {
            eprintln!("no hub runs on this data directory; starting one for this command");
            for_the_moment(&hub, &name, wasm).await?
        }
        Err(error) => return Err(error).with_context(|| format!("{} was not registered", file.display())),
    };
    if form.json {
        output::json(&registration)?;
    } else {
        eprint!("{}", said(&registration));
        output::line(&manifest_lines(&registration))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn for_the_moment(hub: &HubIs, name: &ComponentName, wasm: Vec<u8>) -> anyhow::Result<Registration> {
    let hub = hub.start(Whom::TheOperator, 0).await?;
    let added = hub.add_component(name, wasm).await;
    started::stop(&hub).await;
    added.context("the component was not registered")
}

fn said(registration: &Registration) -> String {
    let mut text = String::new();
    let imports = if registration.imports.is_empty() { "nothing".to_owned() } else { registration.imports.join(", ") };
    let _ = writeln!(text, "component {}", registration.component);
    let _ = writeln!(text, "artefact  {} ({} KiB)", registration.artefact, registration.artefact_bytes / 1024);
    let _ = writeln!(text, "imports   {imports}");
    for tool in &registration.tools {
        let _ = writeln!(text, "tool      {:<24} {}", tool.name, tool.title.as_deref().unwrap_or_default());
    }
    let _ = writeln!(text, "\nFor the manifest; a tool that is not in it is denied:\n");
    text
}

/// What an operator pastes, and then decides: the lowest tier and the empty grant.
fn manifest_lines(registration: &Registration) -> String {
    let mut text = format!("[components.{}]\ndigest = \"{}\"\n", registration.name, registration.component);
    for tool in &registration.tools {
        // A tool's name may have dots, and a quoted key takes them all.
        let name = &tool.name;
        let _ = write!(
            text,
            "\n[tools.\"{name}\"]\ncomponent = \"{}\"\ntier = \"user\"\nreason = \"say why\"\n",
            registration.name
        );
    }
    text
}

pub(super) fn component(text: &str) -> Result<ComponentName, String> {
    ComponentName::try_from(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_to_be_pasted_grants_nothing() {
        let digest = "a".repeat(64);
        let registration: Registration = serde_json::from_value(json!({
            "name": "hello", "component": digest, "component_bytes": 1, "artefact": digest, "artefact_bytes": 1,
            "compatibility": "", "imports": [], "trap_imports": [], "registered": "", "made_with": "",
            "tools": [{ "name": "say.hello", "title": null, "description": "", "input_schema": "{}", "output_schema": null,
                "hints": { "read_only": null, "destructive": null, "idempotent": null, "open_world": null } }],
        }))
        .unwrap();
        let tiers = "name = \"x\"\n[tiers.user]\nconcurrent_calls = 1\ncalls_per_hour = 1\nidle = \"1min\"\n\
            [tiers.user.ceiling]\nsize = \"small\"\nrunner = \"session\"\n[tiers.user.ceiling.limits]\n\
            memory = \"16MiB\"\ncpu = \"1s\"\ndeadline = \"2s\"\narguments = \"1KiB\"\nresult = \"1KiB\"\nlog = \"1KiB\"\nhandles = 16\n";
        let text = format!("{tiers}\n{}", manifest_lines(&registration));
        let read = manifest::read(&[manifest::SourceFile { name: "m.toml".to_owned(), text }]).unwrap();
        let tool = read.manifest.tools.values().next().unwrap();
        assert_eq!(tool.name.as_str(), "say.hello");
        assert!(tool.grants.fs.is_empty() && tool.grants.env.is_empty() && tool.grants.clocks.is_empty());
    }
}
