//! Sentences about one subject, and the decision whether each widens.

use super::{Change, Subject};
use std::fmt::Display;

/// Whether more may be done after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// More, or perhaps more.
    Widens,
    /// Certainly not more.
    Not,
}

impl Effect {
    /// Of a bound, or of anything whose greater value allows more.
    pub(super) fn grown<T: PartialOrd>(old: &T, new: &T) -> Self {
        // Not `new > old`: values that cannot be compared have not certainly shrunk.
        if new <= old { Self::Not } else { Self::Widens }
    }

    /// Widens unless this is known.
    pub(super) fn unless(certain: bool) -> Self {
        if certain { Self::Not } else { Self::Widens }
    }
}

/// What is told of one subject.
pub(super) struct Story<'a> {
    changes: &'a mut Vec<Change>,
    subject: Subject,
    who: String,
}

impl<'a> Story<'a> {
    pub(super) fn new(changes: &'a mut Vec<Change>, subject: Subject) -> Self {
        let who = match &subject {
            Subject::Manifest => "the manifest".to_owned(),
            Subject::Tier(tier) => format!("tier `{tier}`"),
            Subject::Mount(name) => format!("mount `{name}`"),
            Subject::Component(name) => format!("component `{name}`"),
            Subject::Tool(name) => format!("`{name}`"),
            Subject::Container(class) => format!("containers of class `{class}`"),
            Subject::Profile(name) => format!("profile `{name}`"),
        };
        Self { changes, subject, who }
    }

    /// Adds a sentence, of which the subject is the beginning.
    pub(super) fn tell(&mut self, effect: Effect, predicate: impl Display) {
        let text = format!("{} {predicate}", self.who);
        self.changes.push(Change { subject: self.subject.clone(), text, widens: effect == Effect::Widens });
    }

    /// Adds a sentence if a value changed; a greater one widens.
    pub(super) fn bound<T: PartialOrd>(&mut self, old: &T, new: &T, what: &str, show: impl Fn(&T) -> String) {
        if old != new {
            self.tell(Effect::grown(old, new), format!("{what} {}", before(show(new), show(old))));
        }
    }

    /// Adds a sentence if the reason changed, which changes nothing else.
    pub(super) fn reason(&mut self, old: &str, new: &str) {
        if old != new {
            self.tell(Effect::Not, format!("now has the reason {}", before(quoted(new), quoted(old))));
        }
    }
}

/// The new value and, in brackets, the one before.
pub(super) fn before(new: impl Display, old: impl Display) -> String {
    format!("{new} (before: {old})")
}

/// A text of the operator's, whole: two that differ only at the end must not look alike. Escaped, since a version
/// may have been kept from before a check was made stricter, and a backtick could end the quotation and go on in our
/// words.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for c in text.chars() {
        match c {
            '"' | '\'' => shown.push(c),
            '`' => shown.extend(c.escape_unicode()),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown.push('`');
    shown
}

/// Names one after the other.
pub(super) fn names<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
