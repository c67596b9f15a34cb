//! Scopes: which tiers' tools a token lets its holder call. One for each tier, and none of them contains another.

use crate::policy::word;
use manifest::Tier;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const TIERS: [Tier; 4] = [Tier::User, Tier::Write, Tier::Admin, Tier::Critical];
const PREFIX: &str = "tools:";

/// A set of scopes. As text they are separated by spaces (RFC 6749 §3.3), in the order of the tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Scopes(u8);

/// A word that is no scope of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is one of tools:user, tools:write, tools:admin, tools:critical")]
pub struct BadScope;

impl Scopes {
    /// All four: the profile alone then decides.
    #[must_use]
    pub fn all() -> Self {
        TIERS.into_iter().collect()
    }

    /// Whether tools of this tier may be called.
    #[must_use]
    pub fn contains(self, tier: Tier) -> bool {
        self.0 & bit(tier) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    #[must_use]
    pub fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    /// Those of ours among other words, as an issuer mixes them: what we do not know grants nothing here.
    pub(crate) fn among<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        words.into_iter().filter_map(tier).collect()
    }

    /// The scope that a tool of this tier needs.
    #[must_use]
    pub fn of(tier: Tier) -> Self {
        Self(bit(tier))
    }
}

fn bit(tier: Tier) -> u8 {
    match tier {
        Tier::User => 1,
        Tier::Write => 2,
        Tier::Admin => 4,
        Tier::Critical => 8,
    }
}

fn tier(scope: &str) -> Option<Tier> {
    let name = scope.strip_prefix(PREFIX)?;
    TIERS.into_iter().find(|tier| word(*tier) == name)
}

impl FromIterator<Tier> for Scopes {
    fn from_iter<I: IntoIterator<Item = Tier>>(tiers: I) -> Self {
        Self(tiers.into_iter().fold(0, |set, tier| set | bit(tier)))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = TIERS.into_iter().filter(|tier| self.contains(*tier)).map(|tier| format!("{PREFIX}{}", word(tier)));
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = BadScope;

    /// Every word must be one.
    fn from_str(text: &str) -> Result<Self, BadScope> {
        text.split(' ').filter(|word| !word.is_empty()).map(|word| tier(word).ok_or(BadScope)).collect()
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

impl TryFrom<String> for Scopes {
    type Error = BadScope;

    fn try_from(text: String) -> Result<Self, BadScope> {
        text.parse()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_one_tiers_and_contains_no_other() {
        for tier in TIERS {
            let one = Scopes::of(tier);
            assert_eq!(TIERS.into_iter().filter(|other| one.contains(*other)).collect::<Vec<_>>(), [tier]);
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert_eq!(Scopes::all().to_string(), "tools:user tools:write tools:admin tools:critical");
        assert_eq!("tools:write tools:user".parse::<Scopes>().unwrap().to_string(), "tools:user tools:write");
    }

    #[test]
    fn what_is_no_scope_is_refused_or_grants_nothing() {
        for text in
            ["tools", "tools:", "tools:*", "TOOLS:USER", "tools:user,tools:write", "tools:user x", "tools:user\t"]
        {
            assert_eq!(text.parse::<Scopes>(), Err(BadScope), "{text:?}");
        }
        assert!(Scopes::among(["openid", "tools:all", "user"]).is_empty());
        assert_eq!(Scopes::among(["openid", "tools:user"]), Scopes::of(Tier::User));
    }
}
