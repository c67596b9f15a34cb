//! Many sessions: all in one moment, and waiting for their next call.

use super::audit::Mark;
use super::client::Era;
use super::ground::Ground;
use super::plan::Amount;
use super::report::{Cost, Memory, Report, Row};
use super::servers::{Hub, Setting};
use super::{sessions, tools, usage};

/// Two, and nothing else.
pub(crate) const PARKED: &str = "2 parked runners, no session";

/// Measures both.
pub(crate) async fn measure(setting: &Setting, amount: &Amount, report: &mut Report) -> anyhow::Result<()> {
    let add = tools::add(Era::Modern);
    for (sessions, what) in [(amount.crowd, "sessions at once, one call each"), (amount.idle, "sessions, then idle")] {
        let ground = Ground::for_sessions()?;
        let hub = Hub::start(setting, &ground, 2).await?;
        hub.wait_until_parked().await?;
        let (before, mark) = (usage::now()?, Mark::now(&ground.audit())?);
        let (figures, took, _open) = sessions::at_once(&hub, &add, sessions).await?;
        let (after, audit) = (usage::now()?, mark.cpu()?);
        let what = format!("{sessions} {what}");
        eprintln!("bench     {what}: all answered after {:.1} s", took.as_secs_f64());
        if sessions == amount.idle {
            hub.wait_until_parked().await?;
            report.memory.push(Memory { when: PARKED.to_owned(), usage: before.clone() });
            report.memory.push(Memory { when: format!("{sessions} idle sessions"), usage: usage::now()? });
        }
        let calls = sessions as u64;
        report.sessions.push(Row { server: "both walls".into(), what: what.clone(), at_once: sessions, figures });
        report.costs.push(Cost { what, calls, before, after, audit });
    }
    Ok(())
}
