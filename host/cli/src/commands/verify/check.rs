//! What a check found: one line, and below it each difference and what to do.

use container::drift::Difference;
use serde::Serialize;
use std::fmt;

/// The longest text of somebody else's that is printed.
const MAX_SHOWN_BYTES: usize = 512;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// It could not be looked at: nobody knows.
    Unknown,
    /// It is not as it should be.
    Differs,
}

/// One check's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Which check.
    pub(crate) check: &'static str,
    /// How it is.
    pub(crate) state: State,
    /// What was looked at, and what was found.
    pub(crate) found: String,
    /// Each setting that is not as rendered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) differences: Vec<Difference>,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

impl Check {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), differences: Vec::new(), remedy: None }
    }

    pub(crate) fn unknown(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Unknown, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    pub(crate) fn differs(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Differs, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    pub(crate) fn with(self, differences: Vec<Difference>) -> Self {
        Self { differences, ..self }
    }

    /// Labels, paths and words of workflows are whoever's: none of them moves a terminal's cursor.
    pub(crate) fn cleaned(self) -> Self {
        let clean = |text: String| hub::clean::line(&text, MAX_SHOWN_BYTES);
        let one = |it: Difference| Difference {
            setting: clean(it.setting),
            wanted: clean(it.wanted),
            found: clean(it.found),
        };
        Self {
            found: clean(self.found),
            differences: self.differences.into_iter().map(one).collect(),
            remedy: self.remedy.map(clean),
            ..self
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.state {
            State::Ok => "ok",
            State::Unknown => "UNKNOWN",
            State::Differs => "DIFFERS",
        };
        write!(f, "{mark:<8} {:<10} {}", self.check, self.found)?;
        for Difference { setting, wanted, found } in &self.differences {
            write!(f, "\n{:19} {setting}: {wanted} is wanted, {found} is there", "")?;
        }
        match &self.remedy {
            Some(remedy) if self.state != State::Ok => write!(f, "\n{:19} remedy: {remedy}", ""),
            _ => Ok(()),
        }
    }
}

/// The exit code of them all: a difference is certain, whatever else could not be seen.
pub(crate) fn code(checks: &[Check]) -> u8 {
    match checks.iter().map(|check| check.state).max() {
        Some(State::Ok) => 0,
        Some(State::Differs) => 1,
        // Nothing looked at is nothing known.
        Some(State::Unknown) | None => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_looked_at_is_never_well() {
        let (ok, unknown) = (Check::ok("a", "b"), Check::unknown("a", "b", "c"));
        let differs = Check::differs("a", "b", "c");
        assert_eq!(code(&[]), 2);
        assert_eq!(code(std::slice::from_ref(&ok)), 0);
        assert_eq!(code(&[ok.clone(), unknown.clone()]), 2);
        assert_eq!(code(&[unknown, differs, ok]), 1);
    }

    #[test]
    fn a_label_cannot_move_the_cursor() {
        let difference = Difference {
            setting: "Labels \u{1b}[2J".to_owned(),
            wanted: "\u{202e}".to_owned(),
            found: "a\nok".to_owned(),
        };
        let text = Check::differs("container", "\u{1b}]0;x", "y").with(vec![difference]).cleaned().to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.lines().count() == 3, "{text}");
    }
}
