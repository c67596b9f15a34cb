//! `safeclaw`: the table of contents. Arguments in, one command, an exit code: 0 it was done, 1 it
//! failed, 2 it was asked for wrongly. Standard output is for results, standard error for people.
mod admission;
mod approving;
mod archive;
mod commands;
mod data;
mod engine;
mod identity;
mod listeners;
mod logs;
mod manifests;
mod operator;
mod output;
mod panics;
mod programs;
mod rendered;
mod secret;
mod started;
mod store;
mod versions;
mod who;
mod work_tree;

use clap::{Parser, Subcommand};
use commands::{
    approvals, approver, audit, button, config, credentials, doctor, health, hub, image, launcher, leases, manifest,
    mcp, posture, sessions, token, tool, verify,
};
use std::process::ExitCode;

/// Runs the tools of AI agents behind two walls: WebAssembly inside a hardened container.
///
/// Start a hub with `safeclaw hub`, give it tools with `safeclaw tool add`, make a token with
/// `safeclaw token create`, and point an MCP client at the address that the hub prints.
/// When something does not work, ask `safeclaw doctor`.
#[derive(Parser)]
#[command(name = "safeclaw", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    logs: logs::Logs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the hub: MCP for agents on loopback, and a socket for the operator
    Hub(hub::Arguments),
    /// Start containers for a hub that has no access to the container engine
    Launcher(launcher::Arguments),
    /// Speak MCP on standard input and output, through the running hub
    Mcp(mcp::Arguments),
    /// Add, list or run tools
    #[command(subcommand)]
    Tool(tool::Command),
    /// The red button: take back at once whatever a person has allowed
    RevokeAll(button::RevokeAll),
    /// Let tools be called again after `revoke-all --panic`
    Resume(button::Resume),
    /// Make, list or revoke the tokens that let agents in
    #[command(subcommand)]
    Token(token::Command),
    /// List the sessions of the running hub, end one, or let one go on that was paused
    Sessions(sessions::Arguments),
    /// Enrol, list or revoke those who may approve calls of the tiers admin and critical
    #[command(subcommand)]
    Approver(approver::Command),
    /// List the secrets that the hub adds to requests of tools, or put another value of one in force
    #[command(subcommand)]
    Credentials(credentials::Command),
    Approvals(approvals::Arguments),
    Approve(approvals::Approve),
    Deny(approvals::Deny),
    Leases(leases::Arguments),
    Revoke(leases::Revoke),
    /// Check or explain a manifest, put it in force, go back to an older one
    #[command(subcommand)]
    Manifest(manifest::Command),
    /// Pack, name or load the runner image
    #[command(subcommand)]
    Image(image::Command),
    /// Ask the running hub how it is
    Health(health::Arguments),
    /// Show a tool's container from outside and inside, or print one for those who start containers otherwise
    Posture(posture::Arguments),
    /// Compare containers, files and workflows with what was rendered; exit code 0, 1 or 2
    Verify(verify::Arguments),
    /// Verify, follow or export the audit log, or tell a call of it
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print what to paste into other programs
    #[command(subcommand)]
    Config(config::Command),
    /// Check this machine in five steps, each failure with its remedy
    Doctor(doctor::Arguments),
}

fn main() -> ExitCode {
    panics::end_the_process();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            let code = if usage.use_stderr() { 2 } else { 0 };
            let _ = usage.print();
            return ExitCode::from(code);
        }
    };
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    arguments.logs.start();
    if let Command::Hub(hub) = &arguments.command {
        secret::leave_environment(&hub.variables()?)?;
    }
    match arguments.command {
        // It gives up rights, which has to be done before there is a second thread.
        Command::Hub(hub) => hub::run(hub, &arguments.logs),
        command => block_on(perform(command)),
    }
}

/// Runs to the end on as many threads as there are processors.
fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(work);
    // Standard input may still be waited for in a thread that nothing can wake.
    runtime.shutdown_background();
    code
}

async fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Hub(_) => anyhow::bail!("the hub is started before there is a runtime"),
        Command::Launcher(arguments) => launcher::run(arguments).await,
        Command::Mcp(arguments) => mcp::run(arguments).await,
        Command::Tool(command) => tool::run(command).await,
        Command::RevokeAll(arguments) => button::revoke_all(arguments).await,
        Command::Resume(arguments) => button::resume(arguments).await,
        Command::Token(command) => token::run(command),
        Command::Sessions(arguments) => sessions::run(arguments).await,
        Command::Approver(command) => approver::run(command).await,
        Command::Credentials(command) => credentials::run(command).await,
        Command::Approvals(arguments) => approvals::run(arguments).await,
        Command::Approve(arguments) => approvals::approve(arguments).await,
        Command::Deny(arguments) => approvals::deny(arguments).await,
        Command::Leases(arguments) => leases::run(arguments).await,
        Command::Revoke(arguments) => leases::revoke(arguments).await,
        Command::Manifest(command) => manifest::run(command).await,
        Command::Image(command) => image::run(command).await,
        Command::Health(arguments) => health::run(arguments).await,
        Command::Posture(arguments) => posture::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Config(command) => config::run(command),
        Command::Doctor(arguments) => doctor::run(arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {} has no help", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
