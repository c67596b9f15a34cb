//! Profiles: which tools a principal may ever see.

use super::tiers::TierRead;
use super::{Sections, tools};
use crate::diagnostics::{nearest, quote};
use crate::model::{Profile, Tier};
use crate::names::{ProfileName, ToolName};
use crate::raw::{Field, RawProfile, Reading};
use crate::source::Spot;
use std::collections::BTreeMap;

pub(super) fn read(
    reading: &mut Reading<'_>,
    sections: Sections<ProfileName, RawProfile>,
    tiers: &BTreeMap<Tier, Option<TierRead>>,
    tool_tiers: &BTreeMap<ToolName, (Option<Tier>, Spot)>,
) -> (BTreeMap<ProfileName, Profile>, BTreeMap<ProfileName, Spot>) {
    let mut profiles = BTreeMap::new();
    let mut spots = BTreeMap::new();
    for (name, section) in sections {
        let at = format!("profiles.{name}");
        spots.insert(name.clone(), section.spot);
        let named_tools = !matches!(section.raw.tools, Field::Absent);
        let Some(list) =
            section.raw.tiers.required(reading, section.spot, &at, "tiers", "list its tiers: tiers = [\"user\"]")
        else {
            continue;
        };
        if list.value.is_empty() {
            reading.report(
                list.spot,
                format!("{} has no tier", quote(&at)),
                "list at least one tier, or remove the profile",
            );
        }
        let profile_tiers = tools::set(reading, Some(list), &format!("{at}.tiers"));
        for (tier, spot) in profile_tiers.iter().filter(|(tier, _)| !tiers.contains_key(*tier)) {
            let message = format!("{} names tier `{tier}`, which this manifest does not define", quote(&at));
            reading.report(*spot, message, format!("define [tiers.{tier}], or leave it out"));
        }
        let listed = section.raw.tools.given();
        let chosen = tools::set(reading, listed, &format!("{at}.tools"));
        for (tool, spot) in &chosen {
            check_tool(reading, tool, *spot, &at, &profile_tiers, tool_tiers);
        }
        let tools = named_tools.then(|| chosen.into_keys().collect());
        let tiers = profile_tiers.into_keys().collect();
        profiles.insert(name.clone(), Profile { name, tiers, tools });
    }
    (profiles, spots)
}

fn check_tool(
    reading: &mut Reading<'_>,
    tool: &ToolName,
    spot: Spot,
    at: &str,
    profile_tiers: &BTreeMap<Tier, Spot>,
    tool_tiers: &BTreeMap<ToolName, (Option<Tier>, Spot)>,
) {
    match tool_tiers.get(tool) {
        None => {
            let mut help = "list tools that the manifest defines".to_owned();
            if let Some(meant) = nearest(tool.as_str(), tool_tiers.keys().map(ToolName::as_str)) {
                help = format!("did you mean `{meant}`? {help}");
            }
            reading.report(spot, format!("there is no tool {}", quote(tool.as_str())), help);
        }
        Some((Some(tier), defined)) if !profile_tiers.contains_key(tier) => {
            let place = reading.line(*defined);
            let message = format!("{} lists tool `{tool}` of tier `{tier}` ({place}), and not that tier", quote(at));
            reading.report(spot, message, format!("add `{tier}` to its tiers, or leave the tool out"));
        }
        Some(_) => {}
    }
}
