//! Whether a call may happen at all: manifest, profile and name in, a decision out. Pure.

use crate::identity::Scopes;
use manifest::{Manifest, Profile, ProfileName, Tier, Tool, ToolName};
use std::collections::BTreeSet;

/// What policy says to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision<'m> {
    /// It may go on; the tool brings its grants.
    Allow(&'m Tool),
    /// It may not.
    Deny(Denial),
}

/// What a denial comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The manifest has no such tool.
    Tool,
    /// The profile does not show it, or the manifest has no such profile.
    Profile,
    /// The hub was started without its tier.
    Tier,
    /// The token lacks its tier's scope.
    Scope,
}

/// Why not, for each reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What decided.
    pub rule: Rule,
    /// For the agent. `None`: it must not learn that the tool exists.
    pub agent: Option<&'static str>,
    /// For the operator: the line that decided, and what would change it.
    pub operator: String,
}

/// Decides on a call by name. What is listed nowhere is denied.
#[must_use]
pub fn decide<'m>(
    manifest: &'m Manifest,
    profile: &ProfileName,
    scopes: Scopes,
    denied: &BTreeSet<Tier>,
    tool: &str,
) -> Decision<'m> {
    let unknown = |rule, operator| Decision::Deny(Denial { rule, agent: None, operator });
    let Ok(name) = ToolName::try_from(tool) else {
        return unknown(Rule::Tool, "the agent named something that is no tool name".into());
    };
    let Some(tool) = manifest.tools.get(&name) else {
        return unknown(
            Rule::Tool,
            format!("the manifest lists no tool `{name}`: add a [tools.{name}] table to allow it"),
        );
    };
    let Some(profile) = manifest.profiles.get(profile) else {
        let operator = format!("the manifest has no profile `{profile}`: add a [profiles.{profile}] table");
        return unknown(Rule::Profile, operator);
    };
    if let Some((rule, operator)) = hidden(profile, denied, tool) {
        return unknown(rule, operator);
    }
    if !scopes.contains(tool.tier) {
        return Decision::Deny(lacking(tool));
    }
    // Whether a person has allowed it is the gate's to say, which has the arguments.
    Decision::Allow(tool)
}

/// Why a token whose profile has a tool may not call it all the same: the tool is shown, since a wider token of the
/// same principal could, and a client has to learn which.
#[must_use]
pub fn lacking(tool: &Tool) -> Denial {
    let agent = match tool.tier {
        Tier::User => "this token lacks the scope tools:user",
        Tier::Write => "this token lacks the scope tools:write",
        Tier::Admin => "this token lacks the scope tools:admin",
        Tier::Critical => "this token lacks the scope tools:critical",
    };
    let operator = format!("{agent}, which `{}` needs: give its holder another token", tool.name);
    Denial { rule: Rule::Scope, agent: Some(agent), operator }
}

/// Whether a caller with this profile is shown a tool.
#[must_use]
pub fn lists(profile: &Profile, denied: &BTreeSet<Tier>, tool: &Tool) -> bool {
    hidden(profile, denied, tool).is_none()
}

/// A tier's word in the manifest.
#[must_use]
pub fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::User => "user",
        Tier::Write => "write",
        Tier::Admin => "admin",
        Tier::Critical => "critical",
    }
}

/// Why a profile does not have a tool.
fn hidden(profile: &Profile, denied: &BTreeSet<Tier>, tool: &Tool) -> Option<(Rule, String)> {
    let (name, tier) = (&tool.name, word(tool.tier));
    if denied.contains(&tool.tier) {
        let operator =
            format!("this hub was started without tier {tier}: use one that was started with it for `{name}`");
        return Some((Rule::Tier, operator));
    }
    if !profile.tiers.contains(&tool.tier) {
        let operator = format!("`{name}` is of tier {tier}: add it to `tiers` in [profiles.{}]", profile.name);
        return Some((Rule::Profile, operator));
    }
    if profile.tools.as_ref().is_some_and(|tools| !tools.contains(name)) {
        return Some((Rule::Profile, format!("add `{name}` to `tools` in [profiles.{}]", profile.name)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{manifest, profile, tool};

    fn check(profile_name: &str, denied: &[Tier], tool_name: &str) -> Result<(), Denial> {
        let mut manifest =
            manifest([tool("read", Tier::User), tool("edit", Tier::Write), tool("wipe", Tier::Critical)]);
        for p in [
            profile("reader", &[Tier::User], None),
            profile("all", &[Tier::User, Tier::Write, Tier::Admin, Tier::Critical], None),
            profile("few", &[Tier::User, Tier::Write], Some(&["edit"])),
            profile("none", &[], None),
        ] {
            manifest.profiles.insert(p.name.clone(), p);
        }
        let name = ProfileName::try_from(profile_name).map_err(|_| Denial {
            rule: Rule::Profile,
            agent: None,
            operator: String::new(),
        })?;
        match decide(&manifest, &name, Scopes::all(), &denied.iter().copied().collect(), tool_name) {
            Decision::Allow(tool) => {
                assert_eq!(tool.name.as_str(), tool_name);
                Ok(())
            }
            Decision::Deny(denial) => Err(denial),
        }
    }

    #[test]
    fn the_profile_is_the_gate() {
        assert_eq!(check("reader", &[], "read"), Ok(()));
        assert_eq!(check("all", &[], "edit"), Ok(()));
        assert_eq!(check("few", &[], "edit"), Ok(()));
        for (profile, tool) in [("reader", "edit"), ("few", "read"), ("none", "read"), ("nobody", "read")] {
            assert!(check(profile, &[], tool).is_err(), "{profile} {tool}");
        }
    }

    #[test]
    fn a_hidden_tool_cannot_be_told_from_one_that_is_not_there() {
        for tool in ["edit", "nothing", "", "../etc/passwd", "read\n", "READ"] {
            let denial = check("reader", &[], tool).map_or_else(|d| d.agent, |()| Some("allowed"));
            assert_eq!(denial, None, "{tool:?}");
        }
    }

    #[test]
    fn the_operator_learns_the_line() {
        let reason = |p, d: &[Tier], t| check(p, d, t).map_or_else(|d| d.operator, |()| String::new());
        assert!(reason("reader", &[], "edit").contains("[profiles.reader]"));
        assert!(reason("reader", &[], "nothing").contains("[tools.nothing]"));
        assert!(reason("few", &[], "read").contains("`tools` in [profiles.few]"));
        assert!(reason("all", &[Tier::Write], "edit").contains("started without tier write"));
    }

    #[test]
    fn a_scope_narrows_a_profile_and_never_widens_it() {
        let manifest = manifest([tool("read", Tier::User), tool("edit", Tier::Write), tool("wipe", Tier::Critical)]);
        let all: ProfileName = manifest.profiles.keys().next().cloned().unwrap_or_else(|| unreachable!());
        let tools = [("read", Tier::User), ("edit", Tier::Write), ("wipe", Tier::Critical)];
        for (has, scope) in tools {
            for (name, tier) in tools {
                match decide(&manifest, &all, Scopes::of(scope), &BTreeSet::new(), name) {
                    Decision::Allow(_) => assert_eq!((has, scope), (name, tier)),
                    Decision::Deny(denial) => {
                        let scope = Scopes::of(tier).to_string();
                        assert!(denial.agent.is_some_and(|text| text.ends_with(&scope)));
                    }
                }
            }
        }
        // What the profile hides stays hidden, whatever the scopes are.
        assert_eq!(check("reader", &[], "edit").map_err(|denial| denial.agent), Err(None));
    }

    #[test]
    fn escalated_tools_are_those_of_two_tiers() {
        let tiers = [Tier::User, Tier::Write, Tier::Admin, Tier::Critical];
        assert_eq!(tiers.map(|tier| tool("any", tier).is_escalated()), [false, false, true, true]);
        // A hub that was started without them does not even show them.
        let solo = check("all", &[Tier::Admin, Tier::Critical], "wipe").map_or_else(|d| d.agent, |()| Some("allowed"));
        assert_eq!(solo, None);
    }
}
