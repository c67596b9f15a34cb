//! `safeclaw token`: who may call. A running hub sees a change at once.

use crate::data::Data;
use crate::output::{self, Form};
use crate::store::StoreAt;
use ::hub::SessionId;
use ::hub::identity::Scopes;
use ::hub::store::Location;
use ::hub::tokens::{Ledger, New};
use anyhow::Context;
use manifest::ProfileName;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it, this once: the hub keeps its name and not the token
    Create(Create),
    /// List the tokens by their ids
    List {
        /// Those too that have expired or were revoked, for 30 days
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        store: StoreAt,
        #[command(flatten)]
        form: Form,
    },
    /// Revoke a token; its session ends
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        store: StoreAt,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// Who will hold it, for the audit log
    #[arg(long, value_name = "NAME")]
    principal: String,
    /// Which tools its holder may ever see: a profile of the manifest
    #[arg(long, value_name = "NAME", value_parser = profile)]
    profile: ProfileName,
    /// What it lets call of that: tools:user, tools:write, tools:admin or tools:critical; may be repeated
    /// [default: all that the profile has]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scopes>,
    /// How long it lets in, such as 12h or 30d; `never` for a token that ends only when it is revoked
    #[arg(long, value_name = "TIME", value_parser = ttl, default_value = "30d")]
    ttl: Ttl,
    /// A manifest to check for the profile, before there is one in force
    #[arg(long, value_name = "DIR", env = "SAFECLAW_MANIFEST")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    store: StoreAt,
    #[command(flatten)]
    form: Form,
}

/// How long a token is good; `None`: until it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ttl(Option<Duration>);

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(arguments) => create(&arguments)?,
        Command::List { all, data, store, form } => list(&ledger(&data, &store)?, all, form)?,
        Command::Revoke { id, data, store } => {
            if !ledger(&data, &store)?.revoke(&SessionId(id.clone())).context("nothing was revoked")? {
                anyhow::bail!("there is no token {id} in force; `safeclaw token list` shows those there are");
            }
            eprintln!("revoked {id}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(arguments: &Create) -> anyhow::Result<()> {
    let Create { principal, profile, scopes, ttl: Ttl(ttl), manifest, data, store, form } = arguments;
    if let Some(directory) = manifest {
        let manifest = crate::manifests::read(directory)?.manifest;
        if !manifest.profiles.contains_key(profile) {
            let known: Vec<_> = manifest.profiles.keys().map(ProfileName::as_str).collect();
            anyhow::bail!("the manifest has no profile `{profile}`; it has: {}", known.join(", "));
        }
    }
    let scopes = match scopes.as_slice() {
        [] => Scopes::all(),
        some => some.iter().fold(Scopes::default(), |all, one| all.with(*one)),
    };
    let new = New { principal, profile, scopes, ttl: *ttl };
    let token = ledger(data, store)?.create(new).context("no token was made")?;
    if form.json {
        return output::json(&serde_json::json!({ "token": token }));
    }
    let until = match ttl {
        Some(ttl) => format!("for {}", words(*ttl)),
        None => "until it is revoked".to_owned(),
    };
    eprintln!("This token lets its holder in as `{principal}`, {until}. It is shown only now:");
    output::line(&token)
}

/// The tokens of the hub that is meant.
fn ledger(data: &Data, store: &StoreAt) -> anyhow::Result<Ledger> {
    let directory = data.directory()?;
    let within = || Location::within(&directory);
    Ok(Ledger::at(&directory, store.location()?.unwrap_or_else(within)))
}

fn list(ledger: &Ledger, all: bool, form: Form) -> anyhow::Result<()> {
    let tokens = if all { ledger.list()? } else { ledger.list_in_force()? };
    if form.json {
        return output::json(&tokens);
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let expires = match (token.revoked, token.expires) {
                (Some(at), _) => format!("revoked {at}"),
                (None, Some(at)) => at.to_string(),
                (None, None) => "never".to_owned(),
            };
            vec![
                token.session.to_string(),
                token.principal.clone(),
                token.profile.to_string(),
                scopes_of(token.scopes),
                token.created.to_string(),
                expires,
            ]
        })
        .collect();
    output::line(&output::table(&["ID", "PRINCIPAL", "PROFILE", "SCOPES", "CREATED", "EXPIRES"], &rows))
}

/// All of them is the common case, and four words long.
fn scopes_of(scopes: Scopes) -> String {
    if scopes == Scopes::all() { "all".to_owned() } else { scopes.to_string() }
}

/// Whole days where it is that, else seconds.
fn words(time: Duration) -> String {
    match time.as_secs() {
        86_400 => "a day".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        seconds => format!("{seconds} s"),
    }
}

pub(crate) fn profile(text: &str) -> Result<ProfileName, String> {
    ProfileName::try_from(text).map_err(|error| error.to_string())
}

/// Takes a time, or `never`: a token without an end must be asked for aloud.
fn ttl(text: &str) -> Result<Ttl, String> {
    if text == "never" { Ok(Ttl(None)) } else { time(text).map(|time| Ttl(Some(time))) }
}

/// Takes a whole number and one of s, m, h, d.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "give a number and a unit: 90s, 30m, 12h or 30d".to_owned();
    let (number, unit) = text.char_indices().last().and_then(|(at, _)| text.split_at_checked(at)).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(0) => Err("a token that lets nobody in is of no use".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "30", "d", "0h", "-1h", "1.5h", "30w", "99999999999999999999d", "9999999999999999d", "3é"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_ends_unless_its_maker_says_never() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            create: Create,
        }
        let ttl = |more: &[&str]| {
            let line = ["x", "--principal", "ada", "--profile", "read_only"].iter().chain(more);
            <Line as clap::Parser>::try_parse_from(line).map(|line| line.create.ttl.0).ok()
        };
        assert_eq!(ttl(&[]), Some(Some(Duration::from_secs(30 * 86_400))));
        assert_eq!(ttl(&["--ttl", "never"]), Some(None));
        for wrong in ["", "0", "forever", "Never"] {
            assert_eq!(ttl(&["--ttl", wrong]), None, "{wrong}");
        }
    }
}
