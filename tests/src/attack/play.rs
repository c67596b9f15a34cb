//! Plays the rows of a file: each is tried, each of its words compared, and afterwards the same runners serve
//! an innocent call as if nothing had happened.

use super::stage::{STAGE, Stage};
use super::{Row, Theme, host, json, said};
use hub::{CallEnd, CallNote, CallOutcome, Caller};
use std::collections::BTreeSet;

/// Plays all rows of `tests/attacks/NAME.toml`, and then fails with every one that was not as it should be.
pub fn play(name: &str) {
    let theme = Theme::read(name);
    let stage = &*STAGE;
    theme.plant.iter().for_each(|plant| plant.plant(&stage.workspace));
    host::opened(&stage.workspace, name);
    let mut player = Player { stage, theme: &theme, sessions: Vec::new() };
    let mut failures = Vec::new();
    for row in &theme.attack {
        if let Err(why) = player.play(row) {
            failures.push(format!("{name}: {}: {why}", row.name));
        }
    }
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), theme.attack.len(), failures.join("\n"));
}

struct Player<'a> {
    stage: &'a Stage,
    theme: &'a Theme,
    /// One of each profile: what a row leaves behind, the next one would meet.
    sessions: Vec<(String, Caller, String)>,
}

/// What an attack must not change.
#[derive(PartialEq)]
struct Before {
    runners: BTreeSet<String>,
    tools: Vec<(String, Option<String>, String)>,
    kept: Vec<(std::path::PathBuf, String)>,
}

impl Player<'_> {
    fn play(&mut self, row: &Row) -> Result<(), String> {
        let (attacker, token) = self.session(&row.profile);
        let (innocent, _) = self.session("attacker");
        let before = self.before(&attacker, &innocent)?;
        for round in 0..row.rounds {
            self.round(row, &attacker, &token).map_err(|why| match row.rounds {
                1 => why,
                _ => format!("round {round}: {why}"),
            })?;
        }
        for (path, text) in &row.left {
            let found = std::fs::read_to_string(self.stage.workspace.join(path)).unwrap_or_else(|_| "-".to_owned());
            equal(path, &found, text)?;
        }
        let after = self.before(&attacker, &innocent)?;
        equal("what was kept", &after.kept, &before.kept)?;
        equal("the tools", &after.tools, &before.tools)?;
        equal("the runners", &after.runners, &before.runners)
    }

    fn session(&mut self, profile: &str) -> (Caller, String) {
        if let Some((_, caller, token)) = self.sessions.iter().find(|(of, ..)| of == profile) {
            return (caller.clone(), token.clone());
        }
        let (caller, token) = self.stage.attacker(profile);
        self.sessions.push((profile.to_owned(), caller.clone(), token.clone()));
        (caller, token)
    }

    /// Calls an innocent tool in each tier, and looks at what an attack must not change. What tools say of
    /// themselves is clean by then, though `attack_list_changes` does its best.
    fn before(&self, attacker: &Caller, innocent: &Caller) -> Result<Before, String> {
        for (tool, arguments) in [
            ("files_stat", r#"{"path":"README.md"}"#),
            ("files_write", r#"{"path":"open/innocent.txt","content":"x","mode":"overwrite"}"#),
        ] {
            let (end, _) = self.stage.block_on(self.stage.call(innocent, tool, arguments.to_owned()));
            if !matches!(&end.outcome, CallOutcome::Answer(answer) if !answer.is_error) {
                return Err(format!("an innocent {tool}: {end:?}"));
            }
        }
        let tools = self.stage.tools(attacker);
        for (tool, title, description) in &tools {
            for text in title.iter().chain([description]) {
                equal(&format!("what {tool} says of itself"), &hub::clean::text(text), text)?;
            }
        }
        Ok(Before { runners: self.stage.runners(innocent), tools, kept: self.stage.kept() })
    }

    fn round(&self, row: &Row, attacker: &Caller, token: &str) -> Result<(), String> {
        let (tool, sent) = (self.theme.tool(row), row.sent());
        let calls = || {
            self.stage.block_on(async {
                let calls = (0..row.together).map(|_| {
                    let (attacker, tool, sent) = (attacker.clone(), tool.to_owned(), sent.clone());
                    tokio::spawn(async move { STAGE.call(&attacker, &tool, sent).await })
                });
                let mut ends = Vec::new();
                for call in calls.collect::<Vec<_>>() {
                    ends.push(call.await.expect("the call's task"));
                }
                ends
            })
        };
        let ends = match &row.race {
            None => calls(),
            Some(race) => race.beside(&self.stage.workspace, calls),
        };
        for (end, notes) in &ends {
            self.compare(row, attacker, &sent, end, notes)?;
        }
        if let Some(wanted) = &row.mcp {
            let result = self.stage.call_by_mcp(token, tool, &sent)?;
            let wanted = serde_json::to_value(wanted).expect("TOML is JSON");
            for (key, value) in wanted.as_object().expect("a table") {
                equal(&format!("MCP's {key}"), &result[key], value)?;
            }
        }
        let Some(then) = &row.then else { return Ok(()) };
        let (end, _) = self.stage.block_on(self.stage.call(attacker, &then.tool, json(&then.arguments)));
        match said::told(&end) {
            Some(told) if said::is(&told, &then.sees) => Ok(()),
            told => Err(format!("afterwards it saw {told:?}, not {:?}: {end:?}", then.sees)),
        }
    }

    fn compare(
        &self,
        row: &Row,
        attacker: &Caller,
        sent: &str,
        end: &CallEnd,
        notes: &[CallNote],
    ) -> Result<(), String> {
        let lines = self.stage.audit_of(&end.call_id.to_string());
        equal("the hub", &said::hub(&end.outcome), &row.hub).map_err(|why| format!("{why}: {}", brief(end)))?;
        equal("the audit log", &said::audit(&lines, &attacker.session.to_string(), sent)?, &row.audit)?;
        match (said::told(end), &row.sees) {
            (None, None) => {}
            (Some(told), Some(wanted)) if said::is(&told, wanted) => {}
            (told, wanted) => return Err(format!("the guest saw {told:?}, not {wanted:?}")),
        }
        if let Some(wanted) = &row.notes {
            equal("the notes", &notes.iter().map(said::note).collect(), wanted)?;
        }
        if let Some(dropped) = row.dropped {
            equal("what was dropped", &end.usage.as_ref().map(|usage| usage.log_dropped_bytes), &Some(dropped))?;
        }
        Ok(())
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found:?} and not {wanted:?}")) }
}

fn brief(end: &CallEnd) -> String {
    format!("{end:?}").chars().take(600).collect()
}
