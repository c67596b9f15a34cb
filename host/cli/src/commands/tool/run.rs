//! Runs one tool once: through both walls, or, for authors, through the first alone.

use super::author;
use crate::commands::{manifest::tool, token::profile};
use crate::output::{self, Form};
use crate::programs::Programs;
use crate::started::{self, HubIs, Whom};
use ::hub::{CallNote, CallOutcome, Hub};
use manifest::{ProfileName, ToolName};
use protocol::{Answer, Content, ResourceBody};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Run one tool once.
///
/// Through both walls, as --manifest grants it, in a hub that is started for this call. For tool authors,
/// --no-container runs a component without wall 2 and needs no container engine: with --manifest as that
/// grants it, without one with the mounts of --mount, read-only at /NAME, and nothing else.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tool
    #[arg(value_parser = tool)]
    tool: ToolName,
    /// Its arguments: a JSON object
    #[arg(default_value = "{}")]
    arguments: String,
    /// WALL 2 IS OFF: run this Wasm component in a child process, without a container
    #[arg(long, value_name = "FILE.wasm")]
    no_container: Option<PathBuf>,
    /// Which profile calls it [default: the first that has it]
    #[arg(long, value_name = "NAME", value_parser = profile)]
    profile: Option<ProfileName>,
    #[command(flatten)]
    programs: Programs,
    #[command(flatten)]
    hub: HubIs,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { tool, arguments, no_container, profile, programs, hub, form } = arguments;
    match no_container {
        Some(component) => {
            eprintln!("WARNING: wall 2 is off: no container is around this tool, only WebAssembly. For authors.");
            let bench = author::Bench::start(&component, &tool, &programs, &hub).await?;
            let result = call(&bench.hub, &bench.profile, &tool, arguments, form).await;
            started::stop(&bench.hub).await;
            result
        }
        None => {
            let manifest = crate::manifests::read(&hub.manifest.directory()?)?.manifest;
            let profile = author::profile_for(profile, &manifest, &tool)?;
            let hub = hub.start(Whom::TheOperator, 0).await?;
            let result = call(&hub, &profile, &tool, arguments, form).await;
            started::stop(&hub).await;
            result
        }
    }
}

async fn call(
    hub: &Hub,
    profile: &ProfileName,
    tool: &ToolName,
    arguments: String,
    form: Form,
) -> anyhow::Result<ExitCode> {
    let caller = hub.local_caller("operator", profile)?;
    let (notes, mut said) = mpsc::channel(64);
    let shown = tokio::spawn(async move {
        while let Some(note) = said.recv().await {
            show(&note);
        }
    });
    let cancel = CancellationToken::new();
    let calling = hub.call(&caller, tool.as_str(), arguments, notes, cancel.clone());
    tokio::pin!(calling);
    let end = tokio::select! {
        end = &mut calling => end,
        asked = started::asked_to_stop() => {
            asked?;
            cancel.cancel();
            calling.await
        }
    };
    let _ = shown.await;
    eprintln!("{:.1} ms", std::time::Duration::from_micros(end.wall_us).as_secs_f64() * 1e3);
    match end.outcome {
        CallOutcome::Answer(answer) => answered(answer, form),
        CallOutcome::UnknownTool => anyhow::bail!(
            "no tool `{tool}`: its component is not registered (`safeclaw tool add`), or has no tool of this name (`safeclaw tool list`)"
        ),
        CallOutcome::Denied { reason, .. } => anyhow::bail!("denied: {reason}"),
        CallOutcome::Limit { limit, value, text } => anyhow::bail!("limit: {text} ({limit} = {value})"),
        CallOutcome::Broken { id } => anyhow::bail!("broken: run again with --log info, and look for {id}"),
        CallOutcome::Cancelled => anyhow::bail!("cancelled"),
    }
}

fn show(note: &CallNote) {
    match note {
        CallNote::Log(log) => eprintln!("log       {}", log.text),
        CallNote::Progress(progress) => {
            let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
            eprintln!("progress  {}{of} {}", progress.progress, progress.message.as_deref().unwrap_or_default());
        }
    }
}

/// The structured result where a script asked for it, else the blocks as text.
fn answered(answer: Answer, form: Form) -> anyhow::Result<ExitCode> {
    if let (true, Some(structured)) = (form.json, &answer.structured) {
        output::line(structured)?;
    } else {
        for block in &answer.content {
            output::line(&text(block))?;
        }
        if let (true, Some(structured)) = (answer.content.is_empty(), &answer.structured) {
            output::line(structured)?;
        }
    }
    if answer.is_error {
        eprintln!("failed: the tool says so");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn text(block: &Content) -> String {
    match block {
        Content::Text(text) => text.clone(),
        Content::Image(bytes, kind) | Content::Audio(bytes, kind) => format!("[{kind}, {} bytes]", bytes.len()),
        Content::Resource(resource) => match &resource.body {
            ResourceBody::Text(text) => text.clone(),
            ResourceBody::Blob(bytes) => format!("[{}, {} bytes]", resource.uri, bytes.len()),
        },
    }
}
