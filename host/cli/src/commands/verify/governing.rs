//! What a hub does besides calls: the red button's state, whether its upkeep comes round, whether its runners live.

use super::check::Check;
use ::hub::Health;

const BUTTON: &str = "button";
const UPKEEP: &str = "upkeep";
const RUNNERS: &str = "runners";

/// A turn comes every second; one that is this late waits for something that hangs, in seconds.
const LATE_S: u64 = 60;

/// By what a running hub says of itself.
pub(super) fn check(health: &Health) -> [Check; 3] {
    [button(health), upkeep(health.upkeep_s), runners(health)]
}

fn button(health: &Health) -> Check {
    let epoch = health.epoch;
    if health.panic {
        let found = format!("epoch {epoch}; everything is stopped, and no tool is called");
        return Check::differs(BUTTON, found, "safeclaw audit show says who stopped it; then: safeclaw resume");
    }
    Check::ok(BUTTON, format!("epoch {epoch}; nothing is stopped"))
}

fn upkeep(ago: Option<u64>) -> Check {
    let Some(ago) = ago else {
        let found = "it has not come round yet: what is idle, revoked or too old is ended by nobody";
        return Check::unknown(UPKEEP, found, "ask again in a few seconds; if it stays so, restart the hub");
    };
    if ago > LATE_S {
        let found = format!("it has not come round for {ago} s: what is idle, revoked or too old is ended late");
        return Check::differs(UPKEEP, found, "safeclaw health says what hangs; then restart the hub");
    }
    Check::ok(UPKEEP, format!("came round {ago} s ago"))
}

fn runners(health: &Health) -> Check {
    let (all, silent) = (health.runners, health.silent_runners);
    if silent > 0 {
        let found = format!("{silent} of {all} have not answered a ping yet");
        return Check::unknown(RUNNERS, found, "one that is silent for 30 s is killed: ask again after that");
    }
    Check::ok(RUNNERS, format!("{all} serve somebody; each has said something in the last 30 s, or is asked to"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
mod tests {
    use super::super::check::{State, code};
    use super::*;

    fn health(change: impl FnOnce(&mut serde_json::Value)) -> Health {
        let mut value = serde_json::json!({
            "ok": true, "draining": false, "manifest": "m", "manifest_version": 1,
            "manifest_digest": manifest::Digest::of(b""), "wall2": "engine", "tools": 1, "sessions": 1, "runners": 2,
            "parked": 0, "epoch": 4, "panic": false, "upkeep_s": 1, "silent_runners": 0,
            "problems": [],
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn states(health: &Health) -> Vec<State> {
        check(health).iter().map(|check| check.state).collect()
    }

    #[test]
    fn each_of_them_can_be_wrong() {
        assert_eq!(states(&health(|_| {})), [State::Ok; 3]);
        let late = health(|value| value["upkeep_s"] = 61.into());
        assert_eq!(states(&late), [State::Ok, State::Differs, State::Ok]);
        let stopped = health(|value| value["panic"] = true.into());
        assert_eq!(states(&stopped), [State::Differs, State::Ok, State::Ok]);
        assert!(check(&stopped)[0].to_string().contains("safeclaw resume"));
        let never = health(|value| value["upkeep_s"] = serde_json::Value::Null);
        assert_eq!(states(&never), [State::Ok, State::Unknown, State::Ok]);
        let silent = health(|value| value["silent_runners"] = 1.into());
        assert_eq!(code(&check(&silent)), 2);
    }
}
