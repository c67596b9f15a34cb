//! The seccomp profile: the one that is built in, and a file that others start containers with.

use super::check::Check;
use super::reading;
use container::drift::profile;
use container::posture::SECCOMP;
use std::path::Path;

const CHECK: &str = "profile";

pub(super) fn check(file: Option<&Path>) -> Check {
    let built_in = profile(SECCOMP);
    let Some(file) = file else { return Check::ok(CHECK, format!("{built_in} is built in")) };
    let shown = file.display();
    match reading::text(file) {
        Ok(text) if profile(&text) == built_in => {
            Check::ok(CHECK, format!("{shown} is the one that is built in: {built_in}"))
        }
        Ok(_) => {
            let remedy = format!("write it anew: safeclaw posture --format seccomp > {shown}");
            Check::differs(CHECK, format!("{shown} is not the one that is built in, {built_in}"), remedy)
        }
        Err(why) => Check::unknown(CHECK, format!("{shown}: {why}"), "say --profile FILE"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::check::State;
    use super::*;

    #[test]
    fn one_call_more_is_another_profile() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("seccomp.json");
        let state = |text: &str| {
            std::fs::write(&file, text).unwrap();
            check(Some(&file)).state
        };
        assert_eq!(state(SECCOMP), State::Ok);
        let tight: serde_json::Value = serde_json::from_str(SECCOMP).unwrap();
        assert_eq!(state(&tight.to_string()), State::Ok);
        assert_eq!(state(&SECCOMP.replacen("\"read\"", "\"read\", \"ptrace\"", 1)), State::Differs);
        assert_eq!(state(&SECCOMP.replace("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW")), State::Differs);
        assert_eq!(state(""), State::Differs);
        assert_eq!(check(Some(&dir.path().join("none"))).state, State::Unknown);
        assert_eq!(check(None).state, State::Ok);
    }
}
