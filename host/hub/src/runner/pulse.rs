//! The heartbeat: a runner that says nothing is asked to, and one that does not answer is killed. Whoever owns a
//! runner's process may keep a guest's call going for as long as it likes and never come back; a host call may hang.
//!
//! Silence is counted in turns of the hub's own pump, not read off a clock: a hub that was stopped, or a laptop that
//! slept, finds its runners as it left them.

use super::{Shared, Why};
use protocol::ToRunner;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// One turn.
const TURN: Duration = Duration::from_secs(5);
/// Turns of silence after which one that serves somebody is asked.
const IN_USE: u32 = 2;
/// The same for one that waits: it knows nothing yet, and is replaced after minutes.
const PARKED: u32 = 12;
/// Turns that it has for its answer.
const ANSWER: u32 = 4;

/// How long one that serves somebody can be silent before it is killed, in seconds.
pub(crate) const SILENCE_S: u64 = TURN.as_secs() * (IN_USE + ANSWER) as u64;

/// What is known of a runner's pulse.
#[derive(Default)]
pub(super) struct Pulse {
    heard: AtomicBool,
    in_use: AtomicBool,
    answered: Notify,
}

impl Pulse {
    /// It said something.
    pub(super) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// It answered a ping.
    pub(super) fn answered(&self) {
        self.answered.notify_one();
    }

    /// It serves somebody from here on.
    pub(super) fn used(&self) {
        self.in_use.store(true, Ordering::Relaxed);
    }

    /// After how many turns of silence it is asked.
    fn patience(&self) -> u32 {
        if self.in_use.load(Ordering::Relaxed) { IN_USE } else { PARKED }
    }
}

/// Runs until the runner has been silent for too long.
pub(super) async fn watch(shared: &Shared) -> Why {
    let mut turn = interval_at(Instant::now() + TURN, TURN);
    // After a stop of the hub's own, one turn and not all that were missed.
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = 0;
    loop {
        turn.tick().await;
        silent = if shared.pulse.heard.swap(false, Ordering::Relaxed) { 0 } else { silent + 1 };
        if silent < shared.pulse.patience() {
            continue;
        }
        // Who has not said hello is waited for by somebody else.
        let Some(number) = shared.talk().ping() else { continue };
        // One that does not even take the frame is as silent as one that does not answer it.
        let answer = async {
            drop(shared.send(&ToRunner::Ping(number)).await);
            shared.pulse.answered.notified().await;
        };
        tokio::select! {
            biased;
            () = answer => silent = 0,
            () = turns(&mut turn, ANSWER) => return Why::Silent,
        }
    }
}

async fn turns(turn: &mut Interval, many: u32) {
    for _ in 0..many {
        turn.tick().await;
    }
}
