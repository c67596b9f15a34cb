//! A hub that is attacked with components, and a tool beside them that must go on answering.

use crate::hostile_components::forge::{component, listed};
use crate::hostile_components::table::{Told, lasting};
use hub::{CallOutcome, Caller, Registration};
use manifest::ComponentName;
use serde_json::Value;
use std::error::Error;
use tests::own::{Own, Plan};

pub(crate) const MANIFEST: &str = include_str!("manifest.toml");

/// How an attack must end, and words that must be among what the operator is told.
pub(crate) enum Ends {
    Refused(&'static str),
    /// It comes in, and this is what a look at its first tool shows.
    Taken(fn(&Registration) -> String),
}

/// One component that attacks.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) attack: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) ends: Ends,
}

pub(crate) fn refused(name: &'static str, attack: &'static str, file: Vec<u8>, says: &'static str) -> Row {
    Row { name, attack, file, ends: Ends::Refused(says) }
}

pub(crate) fn taken(
    name: &'static str,
    attack: &'static str,
    file: Vec<u8>,
    shows: fn(&Registration) -> String,
) -> Row {
    Row { name, attack, file, ends: Ends::Taken(shows) }
}

/// A hub of a test's own with the control tool in it.
pub(crate) struct Bench {
    pub(crate) own: Own,
    pub(crate) caller: Caller,
}

pub(crate) fn named(name: &str) -> ComponentName {
    ComponentName::try_from(name).unwrap()
}

/// The tool that must go on answering.
pub(crate) fn control() -> Vec<u8> {
    component([listed("control")]).wasm()
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let mut plan = Plan::new(MANIFEST);
        plan.components.push(("control".to_owned(), control()));
        let own = plan.start().await;
        let caller = own.caller("everyone");
        Self { own, caller }
    }

    /// Tries every row, one after the other.
    pub(crate) async fn judge(&self, rows: Vec<Row>) -> Vec<Told> {
        let served_by = self.innocent().await;
        let mut told = Vec::new();
        let mut wrong = Vec::new();
        for row in rows {
            match self.one(row).await {
                Ok(row) => told.push(row),
                Err(why) => wrong.push(why),
            }
            assert_eq!(self.innocent().await, served_by, "the runner of the neighbour lives on");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        told
    }

    async fn one(&self, row: Row) -> Result<Told, String> {
        let Row { name, attack, file, ends } = row;
        let before = self.own.audit().len();
        let component = match ends {
            Ends::Refused(_) => "candidate",
            Ends::Taken(_) => "taken",
        };
        let result = self.own.hub.add_component(&named(component), file).await;
        let mut audit: Vec<Value> = self.own.audit().split_off(before);
        // The end of a container may have a line of its own.
        audit.retain(|line| line["event"].as_str().is_some_and(|event| event.starts_with("component_")));
        let [line] = audit.as_slice() else { panic!("{name}: one record: {audit:?}") };
        assert_eq!(line["name"], component, "{name}");
        let (sees, audit) = match (ends, result) {
            (Ends::Refused(says), Err(error)) => {
                let text = chain(&error);
                if !text.contains(says) {
                    return Err(format!("{name}: {text}"));
                }
                harmless(name, &text);
                assert_eq!(line["event"], "component_refused", "{name}");
                let reason = line["reason"].as_str().unwrap();
                assert_eq!(reason, hub::clean::line(&text, 1 << 10), "{name}");
                (text, "component_refused, for the same reason".to_owned())
            }
            (Ends::Taken(shows), Ok(registration)) => {
                assert_eq!(line["event"], "component_registered", "{name}");
                (shows(&registration), "component_registered".to_owned())
            }
            (_, Ok(registration)) => return Err(format!("{name}: registered: {registration:?}")),
            (_, Err(error)) => return Err(format!("{name}: refused: {}", chain(&error))),
        };
        let problems = self.own.hub.health().problems;
        let about = format!("component `{component}`");
        let problem = problems.into_iter().find(|problem| problem.starts_with(&about));
        let hub = problem.unwrap_or_else(|| "nothing is wrong".to_owned());
        Ok(Told { name: name.to_owned(), attack: attack.to_owned(), sees: lasting(&sees), hub: lasting(&hub), audit })
    }

    /// Calls the control tool, and gives the container that served it.
    pub(crate) async fn innocent(&self) -> String {
        let end = self.own.call(&self.caller, "control", "{}").await;
        let CallOutcome::Answer(answer) = &end.outcome else { panic!("the control tool answers: {end:?}") };
        assert_eq!(tests::running::text(answer), "fine");
        let sessions = self.own.hub.sessions();
        let session = sessions.iter().find(|session| session.id == self.caller.session).expect("the session lives");
        session.runners.iter().map(|runner| runner.container.to_string()).collect()
    }
}

/// An error and its causes, as the operator reads them.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Bounded, and nothing in it that moves a cursor or hides.
pub(crate) fn harmless(name: &str, text: &str) {
    assert!(text.len() <= 8 << 10, "{name}: {} bytes", text.len());
    assert_eq!(hub::clean::text(text), text, "{name}");
}
