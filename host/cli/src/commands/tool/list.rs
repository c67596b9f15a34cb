//! Lists components and tools, of the running hub or of its files.

use crate::commands::token::profile;
use crate::operator::OperatorAt;
use crate::output::{self, Form};
use ::hub::Registration;
use ::hub::operator::ClientError;
use manifest::ProfileName;
use std::path::Path;
use std::process::ExitCode;

/// List registered components and their tools.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// List what this profile of the running hub shows instead
    #[arg(long, value_name = "NAME", value_parser = profile)]
    profile: Option<ProfileName>,
    #[command(flatten)]
    hub: OperatorAt,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let hub = arguments.hub.client()?;
    if let Some(profile) = &arguments.profile {
        let tools = hub.tools(profile).await?;
        if arguments.form.json {
            output::json(&tools)?;
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = tools
            .iter()
            .map(|tool| {
                let title = tool.title.clone().unwrap_or_default();
                vec![tool.name.clone(), tool.tier.to_string(), title, tool.reason.clone()]
            })
            .collect();
        output::line(&output::table(&["TOOL", "TIER", "TITLE", "REASON"], &rows))?;
        return Ok(ExitCode::SUCCESS);
    }
    let components = match hub.components().await {
        Err(ClientError::NoHub { .. }) => from_files(&arguments.hub.data.directory()?)?,
        other => other?,
    };
    if arguments.form.json {
        output::json(&components)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&output::table(&["COMPONENT", "DIGEST", "TOOL", "TITLE"], &rows(&components)))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(components: &[Registration]) -> Vec<Vec<String>> {
    let row = |component: &Registration, tool: &::hub::RegisteredTool| {
        let digest: String = component.component.as_str().chars().take(12).collect();
        vec![component.name.to_string(), digest, tool.name.to_string(), tool.title.clone().unwrap_or_default()]
    };
    components.iter().flat_map(|component| component.tools.iter().map(|tool| row(component, tool))).collect()
}

/// What a hub of this data directory has registered; there may be none yet. A record that this hub did not seal
/// is named and not shown: whoever wrote it could write whatever he likes to this terminal.
fn from_files(data: &Path) -> anyhow::Result<Vec<Registration>> {
    let mut found = Vec::new();
    for (name, record) in ::hub::registered(data)? {
        match record {
            Ok(registration) => found.push(registration),
            Err(error) => eprintln!("warning: component `{name}`: {error}"),
        }
    }
    Ok(found)
}
