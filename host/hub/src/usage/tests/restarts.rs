//! What another process finds again.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// What a process that is started at this moment knows, if the one before had stored everything.
fn restarted(usage: &Usage, before: Moment, after: Moment) -> Usage {
    let next = Usage::new();
    for (key, account) in usage.lock().iter() {
        let (key, account) = Account::restored(account.lock().saved(key.clone(), before), after);
        next.lock().insert(key, Arc::new(account));
    }
    next
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Call { session: usize, tier: Tier, wall_us: u64, text: &'static str },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tier = prop::sample::select(vec![Tier::User, Tier::Write]);
    let text = prop::sample::select(vec!["same", "same", "same", "other"]);
    let call = (0..3_usize, tier, 0..900_000_u64, text).prop_map(|(session, tier, wall_us, text)| Step::Call {
        session,
        tier,
        wall_us,
        text,
    });
    prop::collection::vec(prop_oneof![1 => (0..2_000_u64).prop_map(Step::Wait), 4 => call], 1..80)
}

fn bounded(tier: Tier) -> TierRules {
    let budget = Budget { calls: Some(20), wall_s: Some(8), egress_bytes: None };
    let loop_after = LoopAfter::Calls(6);
    TierRules { calls_per_hour: 5, principal_calls_per_hour: 9, budget, loop_after, ..rules(tier) }
}

/// One call to its end.
fn call(usage: &Usage, step: &Step, moment: Moment) -> Result<Option<u32>, Refusal> {
    let Step::Call { session, tier, wall_us, text } = step else { return Ok(None) };
    // Two of them are one person's.
    let caller = caller(&format!("s{session}"), if *session < 2 { "ada" } else { "bob" });
    let rules = bounded(*tier);
    let share = usage.pass_at(&caller, &rules, moment)?;
    Ok(usage.spend(&share, &rules, spent(*wall_us, text)))
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_restart_after_each_step_changes_nothing(steps in steps()) {
        let (one, mut other) = (Usage::new(), Usage::new());
        let (mut now, mut restarted_at) = (0, 0);
        for step in steps {
            if let Step::Wait(seconds) = step {
                now += seconds;
                continue;
            }
            let of_process = |began: u64| Moment { since: Duration::from_secs(now - began), ..at(now) };
            let (first, second) = (call(&one, &step, at(now)), call(&other, &step, of_process(restarted_at)));
            prop_assert_eq!(first, second);
            other = restarted(&other, of_process(restarted_at), of_process(now));
            restarted_at = now;
        }
    }
}

#[tokio::test]
async fn the_store_has_all_of_it_and_forgets_what_nobody_comes_back_to() {
    let data = tempfile::tempdir().unwrap();
    let (usage, rules) = (Usage::new(), bounded(Tier::Write));
    let of = |name: &str| (caller(&format!("{name}-session"), name), name.to_owned());
    for (caller, _) in [of("ada"), of("bob"), of("local")] {
        for _ in 0..5 {
            let share = usage.pass(&caller, &rules).unwrap();
            usage.spend(&share, &rules, spent(7, "same"));
        }
    }
    let standing = |session: &SessionId| match session.0.as_str() {
        "local-session" => Standing::Local,
        "bob-session" => Standing::Unknown,
        _ => Standing::InForce,
    };
    usage.keep(&store(data.path()).await, standing).await.unwrap();
    let found = Usage::load(&store(data.path()).await).await.unwrap();
    let whose: Vec<_> = found.lock().keys().map(|key| key.whose.clone()).collect();
    let session = |name: &str| Whose::Session(SessionId(format!("{name}-session")));
    let principal = |name: &str| Whose::Principal(name.to_owned());
    // A session of the process itself ends with it; its principal does not.
    assert_eq!(whose, [session("ada"), session("bob"), principal("ada"), principal("bob"), principal("local")]);
    let saved =
        store(data.path()).await.usage().await.unwrap().into_iter().find(|saved| saved.key.whose == session("ada"));
    let saved = saved.unwrap();
    assert_eq!((saved.calls, saved.wall_us, saved.repeats, saved.paused), (5, 35, 5, None));
    assert_eq!(saved.window.iter().map(|(_, calls)| calls).sum::<u32>(), 5);
    assert!(found.pass(&caller("ada-session", "ada"), &rules).is_err());

    // A day and an hour later; nothing is due any more for a session that is in force.
    let later = Moment { since: Duration::from_secs(90_001), unix_ms: Timestamp::now().as_millisecond() + 90_001_000 };
    let (changed, forgotten) = found.due(&standing, later);
    assert_eq!(changed, []);
    let gone: Vec<_> = forgotten.into_iter().map(|key| key.whose).collect();
    assert_eq!(gone, [session("bob"), principal("ada"), principal("bob"), principal("local")]);
}

/// What is forgotten is forgotten in both places, and not if somebody came meanwhile.
#[tokio::test]
async fn who_comes_while_it_is_forgotten_is_not_lost() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let (usage, rules, ada) = (Usage::new(), bounded(Tier::Write), caller("a", "ada"));
    let old = Key { whose: Whose::Principal("old".into()), tier: Tier::Write };
    usage.lock().insert(old.clone(), Arc::new(Account::new(at(0))));
    let share = usage.pass(&ada, &rules).unwrap();
    let gone = |_: &SessionId| Standing::Unknown;
    usage.keep(&store, gone).await.unwrap();
    assert!(!usage.lock().contains_key(&old));
    assert_eq!(usage.lock().len(), 2);
    // It runs: whatever the clock says, it is there.
    let (_, forgotten) = usage.due(&gone, Moment { unix_ms: i64::MAX, ..usage.moment() });
    assert_eq!(forgotten, []);
    drop(share);
    let (_, forgotten) = usage.due(&gone, Moment { unix_ms: i64::MAX, ..usage.moment() });
    assert_eq!(forgotten, [Key { whose: Whose::Session(ada.session), tier: Tier::Write }]);
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_for_more_than_an_hour() {
    let (usage, rules, ada) = (Usage::new(), bounded(Tier::Write), caller("a", "ada"));
    for _ in 0..5 {
        usage.pass_at(&ada, &rules, at(1_000_000)).unwrap();
    }
    let next = restarted(&usage, at(1_000_000), at(0));
    let refusal = next.pass_at(&ada, &rules, at(0)).err();
    assert_eq!(refusal, Some(Refusal::Rate { limit: "calls_per_hour", most: 5, again_s: 3600 }));
    assert!(next.pass_at(&ada, &rules, at(3_600)).is_ok());
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_a_problem_and_loses_nothing_once_it_can() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let (usage, rules, ada) = (Usage::new(), bounded(Tier::Write), caller("a", "ada"));
    usage.pass(&ada, &rules).unwrap();
    sqlx::query("ALTER TABLE usage RENAME TO elsewhere").execute(store.pool()).await.unwrap();
    assert!(usage.keep(&store, in_force).await.is_err());
    assert!(usage.problem().is_some_and(|problem| problem.contains("a restart would give it back")));
    sqlx::query("ALTER TABLE elsewhere RENAME TO usage").execute(store.pool()).await.unwrap();
    usage.keep(&store, in_force).await.unwrap();
    assert_eq!((usage.problem(), store.usage().await.unwrap().len()), (None, 2));
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_nothing_used() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let usage = Usage::new();
    let share = usage.pass(&caller("a", "ada"), &bounded(Tier::Write)).unwrap();
    usage.spend(&share, &bounded(Tier::Write), spent(1, "same"));
    usage.keep(&store, in_force).await.unwrap();
    for (column, value) in [
        ("kind", "'nobody'"),
        ("tier", "'root'"),
        ("calls_in_hour", "'[]]'"),
        ("calls", "-1"),
        ("wall_us", "-1"),
        ("last", "'zz'"),
        ("repeats", "-1"),
        ("paused", "-1"),
    ] {
        let mut damage = store.begin().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("UPDATE usage SET {column} = {value} WHERE kind = 'session'")))
            .execute(&mut *damage)
            .await
            .unwrap();
        damage.commit().await.unwrap();
        let error = Usage::load(&store).await.err().unwrap();
        assert!(matches!(error, StoreError::Damaged(_)), "{column}: {error}");
        sqlx::query("DELETE FROM usage").execute(store.pool()).await.unwrap();
        share.0.lock().changed = true;
        usage.keep(&store, in_force).await.unwrap();
        assert!(Usage::load(&store).await.is_ok(), "{column}");
    }
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let (usage, rules) = (Usage::new(), rules(Tier::Write));
    for n in 0..1_001 {
        usage.pass(&caller(&format!("s{n}"), &format!("p{}", n / 10)), &rules).unwrap();
    }
    usage.keep(&store, in_force).await.unwrap();
    let mut kept = store.usage().await.unwrap();
    kept.sort_by(|a, b| a.key.cmp(&b.key));
    let moment = usage.moment();
    assert_eq!(kept.len(), 1_001 + 101);
    for (saved, (key, account)) in kept.iter().zip(usage.lock().iter()) {
        let now = account.lock().saved(key.clone(), moment);
        assert_eq!((&saved.key, saved.calls), (&now.key, now.calls));
        assert_eq!(
            saved.window.iter().map(|(_, calls)| calls).sum::<u32>(),
            now.window.iter().map(|(_, calls)| calls).sum::<u32>()
        );
    }
}
