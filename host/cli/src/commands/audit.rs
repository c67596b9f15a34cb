//! `safeclaw audit`: whether the log can be believed, and what it says. It reads files and asks no hub.

mod export;
mod show;
mod story;
mod tail;
mod verify;

use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Find what was changed, removed, put in, moved or cut off; exit code 0, 1 or 2
    Verify(verify::Arguments),
    /// Print the last records, and those that come
    Tail(tail::Arguments),
    /// Tell the whole story of one call
    Show(show::Arguments),
    /// Print records as they stand in the log
    Export(export::Arguments),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments).await,
        Command::Show(arguments) => show::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}
