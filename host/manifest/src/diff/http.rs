//! What may be asked of the outside: of tools and of ceilings.

use super::directories::Whose;
use super::story::{Effect, Story};
use crate::http::HttpGrant;

/// Tells what changed. A table that lies within one that was there before does not widen; the first that covers a
/// request decides, so another order counts as one that does.
pub(super) fn compare(story: &mut Story<'_>, old: &[HttpGrant], new: &[HttpGrant], whose: Whose) {
    let (may, may_not) = match whose {
        Whose::Tool => ("may now ask for", "may no longer ask for"),
        Whose::Ceiling => ("now lets tools ask for", "no longer lets tools ask for"),
    };
    let mut moved = old.iter().filter(|one| new.contains(one)).ne(new.iter().filter(|one| old.contains(one)));
    for grant in new.iter().filter(|one| !old.contains(one)) {
        // Beside another one that covers the same, what it takes over may be more than it was.
        let alone = !new.iter().any(|other| other != grant && overlap(other, grant));
        let within = alone && old.iter().any(|was| narrower(grant, was));
        story.tell(Effect::unless(within), format!("{may} {grant}"));
    }
    for grant in old.iter().filter(|one| !new.contains(one)) {
        story.tell(Effect::Not, format!("{may_not} {grant}"));
        // What stood behind it is asked for now.
        moved |= new.iter().any(|one| old.contains(one) && overlap(one, grant)) && new.len() > 1;
    }
    if moved {
        story.tell(Effect::Widens, "asks for what several of its tables cover by another one than before");
    }
}

/// Whether all that `one` lets through went through `was`, and was written down no less.
fn narrower(one: &HttpGrant, was: &HttpGrant) -> bool {
    one.beyond(was).is_none() && one.credential == was.credential && one.record == was.record
}

/// Whether one request may fit both.
fn overlap(one: &HttpGrant, other: &HttpGrant) -> bool {
    one.scheme == other.scheme && one.port == other.port && one.methods.intersection(&other.methods).next().is_some()
}

/// All of it, of a tool or a tier that is new.
pub(super) fn list(grants: &[HttpGrant]) -> Vec<String> {
    grants.iter().map(|grant| format!("ask for {grant}")).collect()
}
