//! The machines, driven by text: a scenario is a file, and adding one is adding a file. And by chance.
//!
//! A line is `TIME EVENT [with CHANGE…] -> WHAT`, time in seconds. What follows is the approval's state and, once there
//! is one, its lease's, then what the event came to: `run`, or the reason of the refusal.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod book;
mod properties;

use super::approval::{Action, Answer, Approval, Event, State};
use super::binding::Binding;
use super::lease::{Lease, LeaseAction, LeaseEvent};
use super::testing::{binding, digest};
use crate::api::SessionId;
use jiff::{SignedDuration, Timestamp};
use manifest::{Tier, ToolName};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// An approval with its lease, as the book keeps them: a call runs when both let it.
pub(super) struct Both {
    pub(super) approval: Approval,
    pub(super) lease: Option<Lease>,
}

impl Both {
    pub(super) fn new(binding: Binding) -> Self {
        Self { approval: Approval::requested(binding, at(0)), lease: None }
    }

    /// What an event came to: `run`, a refusal's words, or nothing.
    pub(super) fn approval(&mut self, event: Event) -> String {
        let (next, actions) = self.approval.clone().step(event);
        self.approval = next;
        let mut came = String::new();
        for action in actions {
            match action {
                Action::Store(state) => assert_eq!(state, self.approval.state),
                Action::Grant(lease) => assert!(self.lease.replace(lease).is_none(), "one lease"),
                Action::Run => came = "run".into(),
                Action::Refuse(why) => came = why.to_string(),
            }
        }
        came
    }

    pub(super) fn lease(&mut self, event: LeaseEvent) -> String {
        let Some(lease) = self.lease.clone() else { return String::new() };
        let (next, action) = lease.step(event);
        self.lease = Some(next);
        match action {
            LeaseAction::Run => "run".into(),
            LeaseAction::Refuse(why) => why.to_string(),
            LeaseAction::BreakOff => "broken off".into(),
            LeaseAction::Nothing => String::new(),
        }
    }

    /// A call, as the book lets it through.
    pub(super) fn call(&mut self, now: Timestamp, by: &Binding) -> String {
        if self.approval.state == State::Claimed || self.approval.state == State::Executed {
            return self.lease(LeaseEvent::Called(now, by.clone()));
        }
        let came = self.approval(Event::Claimed(now, by.clone()));
        if came == "run" { self.lease(LeaseEvent::Called(now, by.clone())) } else { came }
    }
}

/// `tool=other` and the like.
fn changed(binding: &Binding, changes: &str) -> Binding {
    let mut changed = binding.clone();
    for change in changes.split_whitespace() {
        let (what, value) = change.split_once('=').unwrap();
        match what {
            "principal" => changed.principal = value.into(),
            "session" => changed.session = SessionId(value.into()),
            "tool" => changed.tool = ToolName::try_from(value).unwrap(),
            "component" => changed.component = digest(value),
            "arguments" => changed.arguments = digest(value),
            "manifest" => changed.manifest = digest(value),
            "epoch" => changed.epoch = value.parse().unwrap(),
            _ => panic!("{what}"),
        }
    }
    changed
}

fn check(name: &str, text: &str) {
    let tier = if text.contains("\ntier admin\n") { Tier::Admin } else { Tier::Critical };
    let asked = Binding { tier, ..binding() };
    let mut both = Both::new(asked.clone());
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', 't'])) {
        lines += 1;
        let (event, expected) = line.split_once(" -> ").unwrap_or_else(|| panic!("{name}: {line}"));
        let (event, changes) = event.split_once(" with ").unwrap_or((event, ""));
        let (seconds, event) = event.split_once(' ').unwrap();
        let (now, by) = (at(seconds.parse().unwrap()), changed(&asked, changes));
        let came = match event.trim() {
            "approve" => both.approval(Event::Answered(now, Answer::Approve)),
            "deny" => both.approval(Event::Answered(now, Answer::Deny)),
            "call" => both.call(now, &by),
            "look" => {
                both.lease(LeaseEvent::Looked(now));
                both.approval(Event::Looked(now))
            }
            "take back" => {
                both.approval(Event::TakenBack);
                both.lease(LeaseEvent::TakenBack)
            }
            "ended" => both.approval(Event::Ended { known: true }),
            "lost" => both.approval(Event::Ended { known: false }),
            "not run" => both.approval(Event::NotRun),
            "restart" => {
                // Leases are in memory alone.
                both.lease = None;
                both.approval(Event::Restarted(now))
            }
            other => panic!("{name}: {other}"),
        };
        let lease = both.lease.as_ref().map(|lease| format!(" lease {:?}", lease.state)).unwrap_or_default();
        let came = if came.is_empty() { came } else { format!(": {came}") };
        assert_eq!(format!("{:?}{lease}{came}", both.approval.state), expected, "{name}: {line}");
    }
    assert!(lines > 0, "{name} has no line");
}

#[test]
fn scenarios() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/escalation/tests");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let scenarios: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    assert!(scenarios.len() >= 12, "{scenarios:?}");
    for path in scenarios {
        check(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
    }
}
