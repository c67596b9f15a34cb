//! `safeclaw tool`: components in, tools out.

mod add;
mod author;
mod list;
mod run;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Register a Wasm component: compiled in a container, asked for its tools in another
    Add(add::Arguments),
    /// List the registered components and their tools, or what a profile shows
    List(list::Arguments),
    /// Run one tool once
    Run(run::Arguments),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(arguments) => add::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Run(arguments) => run::run(arguments).await,
    }
}
