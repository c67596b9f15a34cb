//! While one session attacks, calls in another proceed; and when the attack is over, nothing of it is left. What
//! is asserted is the order: the neighbour has its answers while the attack still goes on, which it does until
//! it is told to stop. How long the answers took is written down, for whoever compares.

mod attack;
mod scene;

use attack::{Attack, CALLS_FROM_A_SESSION, FROM_OUTSIDE};
use scene::Scene;

/// Plays each in turn against one neighbour.
async fn withstand(attacks: &[Attack]) {
    let scene = Scene::new().await;
    for attack in attacks {
        scene.withstand(attack).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_proceed_beside_tools_that_use_up_what_there_is() {
    let (first, _) = CALLS_FROM_A_SESSION.split_at(CALLS_FROM_A_SESSION.len() / 2);
    withstand(first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_proceed_beside_tools_that_flood_and_break() {
    let (_, second) = CALLS_FROM_A_SESSION.split_at(CALLS_FROM_A_SESSION.len() / 2);
    withstand(second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_proceed_beside_attacks_from_outside_of_a_session() {
    withstand(&FROM_OUTSIDE).await;
}
