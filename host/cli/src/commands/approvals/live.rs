//! The live view: one request at a time, whole, and one key for an answer.
//!
//! A key counts only for what has stood on the screen for a while: an agent that has one request expire and another
//! one come in its place as a person presses a key has nothing of it.

use super::signed;
use crate::approving::seen::{Decision, seen};
use ::hub::operator::Client;
use anyhow::Context;
use console::{Key, Term};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How often the hub is asked.
const LOOK: Duration = Duration::from_secs(1);
/// How long a request has to stand before a key counts.
const STANDS: Duration = Duration::from_millis(1500);

/// What a key means.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Answer(Decision),
    Next,
    End,
    /// Nothing: an unknown key, nothing shown, or it was shown a moment ago.
    Nothing,
}

/// What is on the screen.
#[derive(Debug, Default)]
struct Screen {
    shown: Option<(String, Instant)>,
    /// Put aside until the view is started again.
    passed: Vec<String>,
}

impl Screen {
    /// What to show of what waits: what stands as long as it waits. True if that is something else than before.
    fn turn(&mut self, waiting: &[String], now: Instant) -> bool {
        let stands = |(id, _): &(String, Instant)| waiting.contains(id) && !self.passed.contains(id);
        if self.shown.as_ref().is_some_and(stands) {
            return false;
        }
        let next = waiting.iter().find(|id| !self.passed.contains(id)).map(|id| (id.clone(), now));
        let changed = next.is_some() || self.shown.is_some();
        self.shown = next;
        changed
    }

    fn said(&self, key: &Key, now: Instant) -> Said {
        if matches!(key, Key::Char('q' | 'Q') | Key::Escape | Key::CtrlC) {
            return Said::End;
        }
        if self.shown.as_ref().is_none_or(|(_, since)| now.duration_since(*since) < STANDS) {
            return Said::Nothing;
        }
        match key {
            Key::Char('y') => Said::Answer(Decision::Approve),
            Key::Char('n') => Said::Answer(Decision::Deny),
            Key::Char('s') => Said::Next,
            _ => Said::Nothing,
        }
    }
}

pub(super) async fn run(hub: &Client, key: Option<&Path>) -> anyhow::Result<ExitCode> {
    let term = Term::stdout();
    let mut screen = Screen::default();
    let mut pressed = read(&term);
    let mut again = tokio::time::interval(LOOK);
    draw(hub, &term, &screen, key).await?;
    loop {
        tokio::select! {
            _ = again.tick() => {
                let all = hub.approvals().await?;
                let waiting: Vec<String> =
                    all.into_iter().filter(|one| one.state == "pending").map(|one| one.id).collect();
                if screen.turn(&waiting, Instant::now()) {
                    draw(hub, &term, &screen, key).await?;
                }
            }
            read_key = &mut pressed => {
                let read_key = read_key.context("the keyboard was lost")?.context("the keyboard cannot be read")?;
                match (screen.said(&read_key, Instant::now()), screen.shown.clone()) {
                    (Said::End, _) => return Ok(ExitCode::SUCCESS),
                    (Said::Next, Some((id, _))) => screen.passed.push(id),
                    // Nobody else reads the keyboard while ssh-keygen asks.
                    (Said::Answer(decision), Some((id, _))) => {
                        if let Err(error) = answer(hub, key, &id, decision).await {
                            eprintln!("not answered: {error:#}");
                        }
                    }
                    _ => {}
                }
                pressed = read(&term);
            }
        }
    }
}

fn read(term: &Term) -> JoinHandle<std::io::Result<Key>> {
    let term = term.clone();
    tokio::task::spawn_blocking(move || term.read_key())
}

async fn answer(hub: &Client, key: Option<&Path>, id: &str, decision: Decision) -> anyhow::Result<()> {
    let key = key.context("this view has no key: start it with --key KEY")?;
    let seen = seen(&hub.approval(id).await?, id, decision)?;
    eprintln!("signing to {} {id}", decision.word());
    let signature = signed(hub, key, &seen).await?;
    hub.answer(id, decision.word(), &signature, None).await?;
    eprintln!("answered: {}", decision.word());
    Ok(())
}

async fn draw(hub: &Client, term: &Term, screen: &Screen, key: Option<&Path>) -> anyhow::Result<()> {
    let Some((id, _)) = &screen.shown else {
        return term.write_line("nothing waits for an answer. q ends.").context("the terminal cannot be written");
    };
    let view = hub.approval(id).await?;
    // What cannot be shown as it would be signed is not shown as if it could.
    let text = match seen(&view, id, Decision::Approve) {
        Ok(seen) => seen.text,
        Err(error) => format!("approval {id}: {error}"),
    };
    let keys = if key.is_some() { "y allows it, n does not, s passes on, q ends" } else { "s passes on, q ends" };
    term.write_line(&format!("\n{text}\n\n{keys}")).context("the terminal cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_for_what_has_stood_there_and_for_nothing_else() {
        let start = Instant::now();
        let later = |ms: u64| start + Duration::from_millis(ms);
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut screen = Screen::default();
        let yes = Key::Char('y');
        assert_eq!(screen.said(&yes, later(9_000)), Said::Nothing, "nothing is shown");
        assert!(screen.turn(&ids(&["a", "b"]), start));
        assert_eq!(screen.said(&yes, later(1_499)), Said::Nothing, "just drawn");
        assert_eq!(screen.said(&yes, later(1_500)), Said::Answer(Decision::Approve));
        assert_eq!(screen.said(&Key::Char('n'), later(1_500)), Said::Answer(Decision::Deny));
        for other in [Key::Enter, Key::Char('Y'), Key::Char(' '), Key::Unknown] {
            assert_eq!(screen.said(&other, later(1_500)), Said::Nothing, "{other:?}");
        }
        // A new one does not push it away.
        assert!(!screen.turn(&ids(&["c", "a"]), later(2_000)));
        // It is gone, and another one stands in its place: the key comes too early for that.
        assert!(screen.turn(&ids(&["c"]), later(3_000)));
        assert_eq!(screen.said(&yes, later(3_001)), Said::Nothing);
        assert_eq!(screen.said(&Key::Char('q'), later(3_001)), Said::End);
        screen.passed.push("c".into());
        assert!(screen.turn(&ids(&["c"]), later(5_000)) && screen.shown.is_none());
        assert!(!screen.turn(&ids(&["c"]), later(6_000)));
    }
}
