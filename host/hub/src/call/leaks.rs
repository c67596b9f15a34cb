//! What a tool answers and logs, searched for the secrets that its session has used. A guest never has one; a server
//! may have sent it one back in a spelling that was not known then, and a runner in hostile hands says what it likes.

use super::denied;
use crate::api::{CallNote, CallOutcome};
use egress::leaks::{Found, Leak, Seen};
use protocol::{Answer, Content, ResourceBody};
use std::borrow::Cow;
use tokio::sync::mpsc;

/// Said to the agent.
const WITHHELD: &str = "its answer held a secret, and is withheld";

/// What was found, for the log.
#[derive(Debug, Default)]
pub(super) struct Finds(Vec<Found>);

impl Finds {
    pub(super) fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.0)
    }

    fn text(&mut self, seen: &Seen, place: &'static str, text: &mut String) -> Result<(), Leak> {
        let (clean, found) = seen.text(place, text)?;
        self.0.extend(found);
        if let Cow::Owned(clean) = clean {
            *text = clean;
        }
        Ok(())
    }

    fn bytes(&mut self, seen: &Seen, bytes: &mut Vec<u8>) -> Result<(), Leak> {
        let mut searcher = seen.searcher("result");
        let mut clean = searcher.push(bytes)?.to_vec();
        clean.extend_from_slice(&searcher.finish()?);
        self.0.extend(searcher.found());
        *bytes = clean;
        Ok(())
    }

    /// The same outcome without what it must not hold; or none of it.
    pub(super) fn outcome(&mut self, seen: &Seen, outcome: CallOutcome) -> CallOutcome {
        let searched = match outcome {
            CallOutcome::Answer(mut answer) => self.answer(seen, &mut answer).map(|()| CallOutcome::Answer(answer)),
            CallOutcome::Denied { mut reason, approvable } => {
                self.text(seen, "result", &mut reason).map(|()| CallOutcome::Denied { reason, approvable })
            }
            // Words of the hub's own.
            other @ (CallOutcome::UnknownTool
            | CallOutcome::Limit { .. }
            | CallOutcome::Broken { .. }
            | CallOutcome::Cancelled) => Ok(other),
        };
        searched.unwrap_or_else(|Leak(found)| {
            self.0.push(found);
            denied(WITHHELD)
        })
    }

    fn answer(&mut self, seen: &Seen, answer: &mut Answer) -> Result<(), Leak> {
        if let Some(structured) = &mut answer.structured {
            self.text(seen, "result", structured)?;
        }
        answer.content.iter_mut().try_for_each(|content| match content {
            Content::Text(text) => self.text(seen, "result", text),
            Content::Image(data, mime) | Content::Audio(data, mime) => {
                self.bytes(seen, data)?;
                self.text(seen, "result", mime)
            }
            Content::Resource(resource) => {
                self.text(seen, "result", &mut resource.uri)?;
                resource.mime_type.iter_mut().try_for_each(|mime| self.text(seen, "result", mime))?;
                match &mut resource.body {
                    ResourceBody::Text(text) => self.text(seen, "result", text),
                    ResourceBody::Blob(data) => self.bytes(seen, data),
                }
            }
        })
    }

    /// A note, or none where it held what ends an exchange.
    fn note(&mut self, seen: &Seen, mut note: CallNote) -> Option<CallNote> {
        let searched = match &mut note {
            CallNote::Progress(progress) => {
                progress.message.iter_mut().try_for_each(|text| self.text(seen, "progress", text))
            }
            CallNote::Log(log) => self.text(seen, "log", &mut log.text),
        };
        match searched {
            Ok(()) => Some(note),
            Err(Leak(found)) => {
                self.0.push(found);
                None
            }
        }
    }
}

/// Passes on what a call says while it runs, until it says no more.
pub(super) async fn sieve(
    seen: impl Fn() -> Option<Seen>,
    mut from: mpsc::Receiver<CallNote>,
    to: mpsc::Sender<CallNote>,
) -> Finds {
    let mut finds = Finds::default();
    while let Some(note) = from.recv().await {
        let note = match seen() {
            Some(seen) => finds.note(&seen, note),
            None => Some(note),
        };
        if let Some(note) = note {
            // A face that does not keep up loses notes, as without this.
            drop(to.try_send(note));
        }
    }
    finds
}
