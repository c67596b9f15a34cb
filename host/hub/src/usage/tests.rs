//! Sessions and principals, under a clock that the test moves, and through restarts.
#![expect(clippy::unwrap_used, reason = "tests")]

mod kills;
mod restarts;

use super::keeping::Standing;
use super::*;
use crate::identity::Scopes;
use crate::store::Location;
use manifest::{Budget, LoopAfter, ProfileName};
use std::time::Duration;

/// A moment so many seconds after the beginning.
fn at(seconds: u64) -> Moment {
    let unix_ms = 1_800_000_000_000 + i64::try_from(seconds).unwrap() * 1_000;
    Moment { since: Duration::from_secs(seconds), unix_ms }
}

fn caller(session: &str, principal: &str) -> Caller {
    Caller {
        session: SessionId(session.into()),
        principal: principal.into(),
        profile: ProfileName::try_from("everyone").unwrap(),
        scopes: Scopes::all(),
    }
}

fn rules(tier: Tier) -> TierRules {
    crate::testing::manifest([]).tiers.remove(&tier).unwrap()
}

/// The end of a call of `edit` with this answer.
fn answered(text: &str) -> Option<Repeat> {
    let content = vec![protocol::Content::Text(text.into())];
    let answer = protocol::Answer { content, structured: None, is_error: false };
    Asked::of(&"edit".to_owned().try_into().unwrap(), "{}").ended(&crate::CallOutcome::Answer(answer))
}

fn spent(wall_us: u64, text: &str) -> Spent {
    Spent { wall_us, repeat: answered(text) }
}

async fn store(data: &std::path::Path) -> Store {
    Store::open(&Location::within(data)).await.unwrap()
}

fn in_force(_: &SessionId) -> Standing {
    Standing::InForce
}

fn limit_of(refusal: Option<Refusal>) -> (&'static str, u64) {
    match refusal {
        Some(Refusal::Rate { limit, most, .. }) => (limit, most.into()),
        Some(Refusal::Budget { limit, most }) => (limit, most),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn many_sessions_of_a_principal_have_its_rate_and_another_has_its_own() {
    let rules = TierRules { calls_per_hour: 10, principal_calls_per_hour: 10, ..rules(Tier::User) };
    let usage = Usage::new();
    let calls = |principal: &str| {
        let sessions = (0..32).map(|n| caller(&format!("{principal}-{n}"), principal));
        sessions.filter(|caller| usage.pass_at(caller, &rules, at(0)).is_ok()).count()
    };
    assert_eq!((calls("ada"), calls("bob")), (10, 10));
    let refusal = usage.pass_at(&caller("ada-0", "ada"), &rules, at(600)).err();
    let expected = Refusal::Rate { limit: "principal_calls_per_hour", most: 10, again_s: 3000 };
    assert_eq!(refusal, Some(expected));
}

#[test]
fn who_is_refused_for_its_principal_has_lost_nothing_of_its_own() {
    let budget = Budget { calls: Some(3), wall_s: None, egress_bytes: None };
    let rules = TierRules { calls_per_hour: 2, principal_calls_per_hour: 2, budget, ..rules(Tier::User) };
    let usage = Usage::new();
    let (one, other) = (caller("one", "ada"), caller("other", "ada"));
    usage.pass_at(&one, &rules, at(0)).unwrap();
    usage.pass_at(&one, &rules, at(1)).unwrap();
    for second in 2..20 {
        let refusal = usage.pass_at(&other, &rules, at(second)).err();
        assert_eq!(limit_of(refusal), ("principal_calls_per_hour", 2));
    }
    for second in [3600, 3601, 7300] {
        usage.pass_at(&other, &rules, at(second)).unwrap();
    }
    assert_eq!(limit_of(usage.pass_at(&other, &rules, at(7301)).err()), ("budget_calls", 3));
}

#[test]
fn a_tier_is_counted_by_itself() {
    let usage = Usage::new();
    let ada = caller("a", "ada");
    for tier in [Tier::User, Tier::Write, Tier::Admin, Tier::Critical] {
        let rules = TierRules { calls_per_hour: 1, principal_calls_per_hour: 1, ..rules(tier) };
        assert!(usage.pass_at(&ada, &rules, at(0)).is_ok() && usage.pass_at(&ada, &rules, at(0)).is_err());
    }
}

#[test]
fn what_a_budget_had_does_not_come_back() {
    let budget = Budget { calls: Some(2), wall_s: None, egress_bytes: None };
    let rules = TierRules { budget, ..rules(Tier::User) };
    let usage = Usage::new();
    let ada = caller("a", "ada");
    for day in [0, 1] {
        usage.pass_at(&ada, &rules, at(day * 86_400)).unwrap();
    }
    for day in 2..40 {
        let refusal = usage.pass_at(&ada, &rules, at(day * 86_400)).err().unwrap();
        assert_eq!(refusal, Refusal::Budget { limit: "budget_calls", most: 2 });
        assert!(refusal.operator(Tier::User).starts_with("calls = 2 in [tiers.user.budget] is used up"));
    }
    // Another authorization has its own, and a greater budget has room.
    assert!(usage.pass_at(&caller("b", "ada"), &rules, at(0)).is_ok());
    let greater = TierRules { budget: Budget { calls: Some(3), wall_s: None, egress_bytes: None }, ..rules };
    assert!(usage.pass_at(&ada, &greater, at(0)).is_ok());
}

#[test]
fn wall_time_is_added_up_and_the_call_that_uses_it_up_is_the_last() {
    let budget = Budget { calls: None, wall_s: Some(2), egress_bytes: None };
    let rules = TierRules { budget, ..rules(Tier::User) };
    let usage = Usage::new();
    let ada = caller("a", "ada");
    for wall_us in [1_000_000, 999_999, 5_000_000] {
        let share = usage.pass_at(&ada, &rules, at(0)).unwrap();
        usage.spend(&share, &rules, Spent { wall_us, repeat: None });
    }
    let refusal = usage.pass_at(&ada, &rules, at(0)).err().unwrap();
    assert_eq!(refusal, Refusal::Budget { limit: "budget_wall_s", most: 2 });
    assert!(refusal.operator(Tier::User).contains("wall = \"2s\" in [tiers.user.budget]"));
}

/// Makes a call and says whether its session waits for an operator from here on.
fn edit(usage: &Usage, rules: &TierRules, text: &str) -> Option<u32> {
    let share = usage.pass_at(&caller("a", "ada"), rules, at(0)).unwrap();
    usage.spend(&share, rules, spent(1, text))
}

#[test]
fn so_many_in_a_row_pause_a_session_and_one_that_differs_begins_anew() {
    let rules = TierRules { loop_after: LoopAfter::Calls(3), calls_per_hour: 100, ..rules(Tier::Write) };
    let usage = Usage::new();
    let seen: Vec<_> =
        ["a", "a", "b", "a", "a", "b", "b", "b"].into_iter().map(|text| edit(&usage, &rules, text)).collect();
    assert_eq!(seen, [None, None, None, None, None, None, None, Some(3)]);
    let refusal = usage.pass_at(&caller("a", "ada"), &rules, at(9_999)).err().unwrap();
    assert_eq!(refusal, Refusal::Paused { session: SessionId("a".into()), calls: 3 });
    let text =
        "paused after 3 identical calls with identical results; an operator can resume it: safeclaw sessions resume a";
    assert_eq!(refusal.outcome(), crate::CallOutcome::Denied { reason: text.into(), approvable: false });
    assert_eq!(refusal.operator(Tier::Write), text);
    // In this tier, and no other session.
    assert!(usage.pass_at(&caller("b", "ada"), &rules, at(0)).is_ok());
    let user = TierRules { tier: Tier::User, ..rules };
    assert!(usage.pass_at(&caller("a", "ada"), &user, at(0)).is_ok());
}

#[test]
fn what_differs_in_any_part_is_not_the_same_and_what_never_ran_is_nothing() {
    use crate::CallOutcome as Outcome;
    let asked = |tool: &str, arguments: &str| Asked::of(&tool.to_owned().try_into().unwrap(), arguments);
    let answer = |text: &str, is_error| {
        let content = vec![protocol::Content::Text(text.into())];
        Outcome::Answer(protocol::Answer { content, structured: None, is_error })
    };
    let limit = |value| Outcome::Limit { limit: "cpu_ms".into(), value, text: "in words".into() };
    let broken = || Outcome::Broken { id: uuid::Uuid::new_v4() };
    let different = [
        asked("a", "{}").ended(&answer("x", false)),
        asked("b", "{}").ended(&answer("x", false)),
        asked("a", "{ }").ended(&answer("x", false)),
        asked("a", "{}").ended(&answer("y", false)),
        asked("a", "{}").ended(&answer("x", true)),
        asked("a", "{}").ended(&limit(1)),
        asked("a", "{}").ended(&limit(2)),
        asked("a", "{}").ended(&broken()),
    ];
    let kinds: std::collections::BTreeSet<_> = different.iter().map(|repeat| repeat.unwrap().0).collect();
    assert_eq!(kinds.len(), different.len());
    assert_eq!(asked("a", "{}").ended(&broken()), asked("a", "{}").ended(&broken()));
    let denied = Outcome::Denied { reason: "no".into(), approvable: true };
    for nothing in [Outcome::UnknownTool, Outcome::Cancelled, denied] {
        assert_eq!(asked("a", "{}").ended(&nothing), None);
    }
}

#[test]
fn a_full_table_refuses_who_is_new_and_nobody_else() {
    let usage = Usage::new();
    let rules = rules(Tier::User);
    for n in 0..MOST - 1 {
        let key = Key { whose: Whose::Principal(n.to_string()), tier: Tier::User };
        usage.lock().insert(key, Arc::new(Account::new(at(0))));
    }
    // Its session still fits, and then its principal does not.
    assert_eq!(usage.pass_at(&caller("a", "ada"), &rules, at(0)).err(), Some(Refusal::Full));
    assert!(usage.pass_at(&caller("a", "7"), &rules, at(0)).is_ok());
}
