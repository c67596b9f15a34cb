//! `safeclaw token`: who may call. A running hub sees a change at once.

use crate::data::Data;
use crate::output::{self, Form};
use ::hub::{SessionId, tokens};
use anyhow::Context;
use manifest::ProfileName;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it, this once: only its digest is kept
    Create {
        /// Who will hold it, for the audit log
        #[arg(long, value_name = "NAME")]
        principal: String,
        /// Which tools its holder may ever see: a profile of the manifest
        #[arg(long, value_name = "NAME", value_parser = profile)]
        profile: ProfileName,
        /// How long it lets in, such as 12h or 30d [default: until it is revoked]
        #[arg(long, value_name = "TIME", value_parser = time)]
        ttl: Option<Duration>,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        form: Form,
    },
    /// List the tokens by their ids
    List {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        form: Form,
    },
    /// Revoke a token; its session ends
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
        #[command(flatten)]
        data: Data,
    },
}

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create { principal, profile, ttl, data, form } => {
            let token = tokens::create(&data.directory()?, &principal, &profile, ttl).context("no token was made")?;
            if form.json {
                output::json(&serde_json::json!({ "token": token }))?;
            } else {
                eprintln!("This token lets its holder in as `{principal}`. It is shown only now:");
                output::line(&token)?;
            }
        }
        Command::List { data, form } => list(&data, form)?,
        Command::Revoke { id, data } => {
            if !tokens::revoke(&data.directory()?, &SessionId(id.clone())).context("nothing was revoked")? {
                anyhow::bail!("there is no token {id}; `safeclaw token list` shows those there are");
            }
            eprintln!("revoked {id}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(data: &Data, form: Form) -> anyhow::Result<()> {
    let tokens = tokens::list(&data.directory()?)?;
    if form.json {
        return output::json(&tokens);
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let expires = token.expires.map_or_else(|| "never".to_owned(), |at| at.to_string());
            vec![
                token.session.to_string(),
                token.principal.clone(),
                token.profile.to_string(),
                token.created.to_string(),
                expires,
            ]
        })
        .collect();
    output::line(&output::table(&["ID", "PRINCIPAL", "PROFILE", "CREATED", "EXPIRES"], &rows))
}

pub(crate) fn profile(text: &str) -> Result<ProfileName, String> {
    ProfileName::try_from(text).map_err(|error| error.to_string())
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
}
