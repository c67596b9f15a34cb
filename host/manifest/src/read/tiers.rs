//! Tiers: ceilings, rates, and the defaults of their tools.

use super::{Sections, fs, http, limits, uses};
use crate::bounds;
use crate::diagnostics::quote;
use crate::http::HttpGrant;
use crate::model::{Access, Ceiling, ContainerSize, FsGrant, RunnerScope, Runtime, Tier, TierRules};
use crate::names::{ApproverName, MountName};
use crate::origin::{Origin, TierOrigins};
use crate::raw::{Count, Field, List, Located, Millis, RawTier, Reading};
use crate::room;
use crate::source::Spot;
use crate::units;
use std::collections::{BTreeMap, BTreeSet};

/// A tier and the places that its tools' messages name.
pub(super) struct TierRead {
    pub(super) rules: TierRules,
    pub(super) origins: TierOrigins,
    /// Nothing was wrong in it, so that its tools can be held against it.
    pub(super) sound: bool,
    pub(super) fs: Vec<Located<FsGrant>>,
    pub(super) http: Vec<Located<HttpGrant>>,
    pub(super) spots: CeilingSpots,
}

/// Where the parts of a ceiling are written; what is not written grants nothing, by the tier's line.
pub(super) struct CeilingSpots {
    pub(super) fs: Spot,
    pub(super) http: Spot,
    pub(super) env: Spot,
    pub(super) clocks: Spot,
    pub(super) size: Spot,
    pub(super) runner: Spot,
    pub(super) limits: BTreeMap<&'static str, Spot>,
}

/// Every tier that is defined; `None` is one too broken to be held against anything.
pub(super) fn read(
    reading: &mut Reading<'_>,
    sections: Sections<Tier, RawTier>,
    mounts: &BTreeSet<MountName>,
) -> BTreeMap<Tier, Option<TierRead>> {
    let mut tiers = BTreeMap::new();
    for (tier, section) in sections {
        let before = reading.errors();
        let mut read = one(reading, tier, section.raw, section.spot, mounts);
        if let Some(read) = &mut read {
            read.sound = section.sound && reading.errors() == before;
            if read.sound {
                check_order_and_room(reading, read);
            }
        }
        tiers.insert(tier, read);
    }
    tiers
}

fn one(
    reading: &mut Reading<'_>,
    tier: Tier,
    raw: RawTier,
    spot: Spot,
    mounts: &BTreeSet<MountName>,
) -> Option<TierRead> {
    let at = format!("tiers.{tier}");
    let concurrent_help = "write how many calls of one session run at once: concurrent_calls = 4";
    let concurrent = count(
        reading,
        raw.concurrent_calls,
        spot,
        &at,
        "concurrent_calls",
        concurrent_help,
        bounds::MAX_CONCURRENT_CALLS,
    );
    let rate_help = "write how many calls one session has in an hour: calls_per_hour = 600";
    let rate = count(reading, raw.calls_per_hour, spot, &at, "calls_per_hour", rate_help, bounds::MAX_CALLS_PER_HOUR);
    let principal = uses::principal(reading, raw.principal_calls_per_hour, rate.as_ref(), &at);
    let loop_after = uses::loop_after(reading, raw.loop_after, tier, &at);
    let budget = uses::budget(reading, raw.budget, &at);
    let (after_outside, after_origin) = uses::after_outside(reading, raw.after_outside, tier, &at);
    let (runtime, runtime_origin) = match raw.runtime.given() {
        Some(given) => (given.value, Origin::Written(reading.sources.line(given.spot))),
        None => (Runtime::Runc, Origin::Rule("containers run under runc unless the tier says otherwise".to_owned())),
    };
    let (approvers, approvers_origin) = approvers(reading, raw.approvers, tier, &at);
    let ceiling_help = format!("write [{at}.ceiling]: the most that a tool of this tier can be granted");
    let ceiling_at = format!("{at}.ceiling");
    let ceiling = raw.ceiling.required(reading, spot, &at, "ceiling", &ceiling_help);
    let Some(Located { value: ceiling, spot: ceiling_spot }) = ceiling else {
        idle(reading, raw.idle, tier, None, spot, &at);
        return None;
    };
    let list_spot = |spot: Option<Spot>| spot.unwrap_or(ceiling_spot);

    let fs_list = ceiling.fs.given();
    let fs_spot = list_spot(fs_list.as_ref().map(|list| list.spot));
    let fs = fs::read(reading, fs_list, &ceiling_at, mounts);
    for grant in fs.iter().filter(|grant| tier == Tier::User && grant.value.access == Access::Write) {
        let message = format!("the ceiling of tier `user` grants {}", fs::show(&grant.value));
        reading.report(
            grant.spot,
            message,
            "tier `user` only reads: write access = \"read\", or grant it in tier `write`",
        );
    }
    let env = ceiling.env.given();
    let clocks = ceiling.clocks.given();
    let size = ceiling.size.given();
    let runner_given = ceiling.runner.given();
    let runner = scope(reading, runner_given.as_ref(), tier, &at);
    let (limits, limit_spots) = limits::ceiling(reading, ceiling.limits, ceiling_spot, &ceiling_at);
    let http_list = ceiling.http.given();
    let http_spot = list_spot(http_list.as_ref().map(|list| list.spot));
    let http = http::ceiling(reading, http_list, &ceiling_at, limits.deadline_ms);

    let spots = CeilingSpots {
        fs: fs_spot,
        http: http_spot,
        env: list_spot(env.as_ref().map(|list| list.spot)),
        clocks: list_spot(clocks.as_ref().map(|list| list.spot)),
        size: list_spot(size.as_ref().map(|size| size.spot)),
        runner: list_spot(runner_given.as_ref().map(|runner| runner.spot)),
        limits: limit_spots,
    };
    let (idle_ms, idle_origin) = idle(reading, raw.idle, tier, Some((runner, limits.deadline_ms)), spot, &at)?;
    let ceiling = Ceiling {
        fs: fs.iter().map(|grant| grant.value.clone()).collect(),
        env: super::tools::set(reading, env, &format!("{ceiling_at}.env")).into_keys().collect(),
        clocks: super::tools::set(reading, clocks, &format!("{ceiling_at}.clocks")).into_keys().collect(),
        http: http.iter().map(|grant| grant.value.clone()).collect(),
        size: size.map_or(ContainerSize::Small, |size| size.value),
        runner,
        limits,
    };
    if let Some(spot) = budget.as_ref().and_then(|budget| budget.egress_spot).filter(|_| ceiling.http.is_empty()) {
        let message = format!(
            "{} bounds nothing: no tool of the tier can ask the outside",
            quote(&format!("{at}.budget.egress"))
        );
        reading.warn(spot, message, format!("remove it, or write [[{at}.ceiling.http]]"));
    }
    let (concurrent, rate) = concurrent.zip(rate)?;
    let (principal, loop_after, budget) = (principal?, loop_after?, budget?);
    let origins = TierOrigins {
        tier: reading.sources.line(spot),
        concurrent_calls: reading.sources.line(concurrent.spot),
        calls_per_hour: reading.sources.line(rate.spot),
        principal_calls_per_hour: principal.1,
        loop_after: loop_after.1,
        budget_calls: budget.calls_origin,
        budget_wall: budget.wall_origin,
        budget_egress: budget.egress_origin,
        idle: idle_origin,
        after_outside: after_origin,
        runtime: runtime_origin,
        approvers: approvers_origin,
    };
    let rules = TierRules {
        tier,
        after_outside,
        ceiling,
        calls_per_hour: rate.value,
        principal_calls_per_hour: principal.0,
        budget: budget.budget,
        loop_after: loop_after.0,
        concurrent_calls: concurrent.value,
        idle_s: u32::try_from(idle_ms.div_ceil(1_000)).unwrap_or(u32::MAX),
        runtime,
        approvers,
    };
    Some(TierRead { rules, origins, sound: false, fs, http, spots })
}

fn count(
    reading: &mut Reading<'_>,
    field: Field<Count>,
    owner: Spot,
    at: &str,
    name: &str,
    help: &str,
    most: u64,
) -> Option<Located<u32>> {
    let given = field.required(reading, owner, at, name, help)?;
    let value = given.value.0;
    if !(1..=most).contains(&value) {
        let how = if value == 0 { "small" } else { "large" };
        reading.report(
            given.spot,
            format!("{} is too {how}: {value}", quote(&format!("{at}.{name}"))),
            format!("from 1 to {most}"),
        );
        return None;
    }
    Some(Located { value: u32::try_from(value).unwrap_or(u32::MAX), spot: given.spot })
}

/// Who may answer for a tier's calls. A field that bounds nothing, or that nobody could meet, is refused.
fn approvers(
    reading: &mut Reading<'_>,
    field: Field<List<ApproverName>>,
    tier: Tier,
    at: &str,
) -> (Option<BTreeSet<ApproverName>>, Origin) {
    let Some(list) = field.given() else {
        let rule = if tier.needs_approval() {
            "whoever is enrolled may answer unless the tier says otherwise"
        } else {
            "calls of this tier need no approval"
        };
        return (None, Origin::Rule(rule.to_owned()));
    };
    let (spot, path) = (list.spot, format!("{at}.approvers"));
    let origin = Origin::Written(reading.sources.line(spot));
    if !tier.needs_approval() {
        let message = format!("{} has `approvers`, and none of its calls needs an approval", quote(at));
        reading.report(spot, message, "leave it out, or write it in tier `admin` or `critical`");
    } else if list.value.is_empty() {
        let message = format!("{} names nobody", quote(&path));
        reading.report(spot, message, "name at least one, or leave it out: then whoever is enrolled may answer");
    }
    let names = super::tools::set(reading, Some(list), &path).into_keys().collect();
    (Some(names), origin)
}

fn scope(reading: &mut Reading<'_>, given: Option<&Located<RunnerScope>>, tier: Tier, at: &str) -> RunnerScope {
    let default = if tier.always_per_call() { RunnerScope::Call } else { RunnerScope::Session };
    let Some(given) = given else { return default };
    if tier.always_per_call() && given.value == RunnerScope::Session {
        let message = format!("{} has runner `session`", quote(at));
        reading.report(
            given.spot,
            message,
            format!("tier `{tier}` has one runner per call: write \"call\", or leave it out"),
        );
        return default;
    }
    given.value
}

/// Idle time, and where it came from. A tier whose runners serve one call has none: a field that bounds
/// nothing is refused. Its `idle_s` is then the first second after the deadline.
fn idle(
    reading: &mut Reading<'_>,
    field: Field<Millis>,
    tier: Tier,
    ceiling: Option<(RunnerScope, u32)>,
    owner: Spot,
    at: &str,
) -> Option<(u64, Origin)> {
    let per_call = tier.always_per_call() || ceiling.is_some_and(|(runner, _)| runner == RunnerScope::Call);
    if per_call {
        if let Some(given) = field.given() {
            let message = format!("{} has `idle`, and each of its runners serves one call", quote(at));
            reading.report(given.spot, message, "leave `idle` out: no runner of this tier waits for another call");
        }
        let (_, deadline_ms) = ceiling?;
        let idle_ms = (u64::from(deadline_ms) / 1_000).saturating_add(1).saturating_mul(1_000);
        return Some((idle_ms, Origin::Rule("a runner serves one call, so none is idle".to_owned())));
    }
    let help = "write when a runner that nobody calls is killed: idle = \"15min\"";
    let given = field.required(reading, owner, at, "idle", help)?;
    if !(1_000..=bounds::MAX_IDLE_MS).contains(&given.value.0) || !given.value.0.is_multiple_of(1_000) {
        let message = format!("{} cannot be {}", quote(&format!("{at}.idle")), units::show_millis(given.value.0));
        let most = units::show_millis(bounds::MAX_IDLE_MS);
        reading.report(
            given.spot,
            message,
            format!("whole seconds, from 1s to {most}: a container that is idle longer is never wiped"),
        );
        return None;
    }
    Some((given.value.0, Origin::Written(reading.sources.line(given.spot))))
}

fn check_order_and_room(reading: &mut Reading<'_>, read: &TierRead) {
    let TierRules { tier, ceiling, concurrent_calls, idle_s, .. } = &read.rules;
    let deadline_ms = u64::from(ceiling.limits.deadline_ms);
    if deadline_ms >= u64::from(*idle_s).saturating_mul(1_000)
        && let Some(spot) = read.spots.limits.get("deadline")
    {
        let message = format!(
            "tier `{tier}` has deadline {} and idle {}",
            units::show_millis(deadline_ms),
            units::show_millis(u64::from(*idle_s).saturating_mul(1_000))
        );
        reading.report(
            *spot,
            message,
            "write an idle time longer than the deadline: a runner is not idle while it works",
        );
    }
    if let Some(spot) = read.spots.limits.get("memory") {
        let calls = room::calls_at_once(ceiling.runner, *concurrent_calls);
        let path = format!("tiers.{tier}.ceiling.limits.memory");
        fits(reading, *spot, &path, ceiling.limits.memory_bytes, calls, ceiling.size);
    }
}

/// Reports guests that together do not fit into their container.
pub(super) fn fits(
    reading: &mut Reading<'_>,
    spot: Spot,
    at: &str,
    memory_bytes: u64,
    calls: u64,
    size: ContainerSize,
) {
    let room = size.guest_bytes();
    if memory_bytes.saturating_mul(calls) <= room {
        return;
    }
    let message = format!(
        "{} is {} for {calls} calls at once, and a {size} container has room for {}",
        quote(at),
        units::show_bytes(memory_bytes),
        units::show_bytes(room)
    );
    let each = units::show_bytes((room / calls.max(1)) >> 20 << 20);
    let mut help = format!("write at most {each}");
    if calls > 1 {
        help.push_str(", fewer concurrent_calls, runner = \"call\"");
    }
    if size == ContainerSize::Small {
        help.push_str(", or size = \"large\"");
    }
    reading.report(spot, message, help);
}
