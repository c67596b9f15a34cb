#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::runner::testing::parked;
use std::sync::atomic::{AtomicUsize, Ordering};

fn manifest() -> Digest {
    Digest::of(b"manifest")
}

fn class(name: &str) -> ClassId {
    ClassId(name.into())
}

/// A pool whose runners live as long as the test wants, and how many it has started.
fn pool(starts: &Arc<AtomicUsize>, alive: &CancellationToken) -> Arc<Pool> {
    pool_where(starts, alive, |_| true)
}

/// The same, with a word on whether the so-manieth runner that is looked at still stands.
fn pool_where(
    starts: &Arc<AtomicUsize>,
    alive: &CancellationToken,
    stands: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Arc<Pool> {
    let (starts, alive, looks) = (starts.clone(), alive.clone(), AtomicUsize::new(0));
    let start: Start = Box::new(move |_, _| {
        starts.fetch_add(1, Ordering::SeqCst);
        let alive = alive.clone();
        Box::pin(async move { Ok(parked(alive).await) })
    });
    let stands: Stands = Box::new(move |_, _| {
        let stands = stands(looks.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move { stands })
    });
    Pool::with(manifest(), start, stands, Arc::default())
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that");
}

#[test]
fn shares_are_fair_and_within_the_total() {
    let classes = ["a", "b", "c"].map(class);
    let of = |per, total| shares(&classes, per, total).into_values().collect::<Vec<_>>();
    assert_eq!(of(2, 16), [2, 2, 2]);
    assert_eq!(of(2, 4), [2, 1, 1]);
    assert_eq!(of(2, 2), [1, 1]);
    assert!(of(0, 16).is_empty());
    assert!(shares(&[], 2, 16).is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_fills_gives_each_runner_once_and_fills_again() {
    let (starts, alive, stop) = (Arc::default(), CancellationToken::new(), CancellationToken::new());
    let pool = pool(&starts, &alive);
    let filling = tokio::spawn(pool.clone().fill(stop.clone()));
    pool.want(&[(class("user"), 2)].into());
    until(|| pool.parked() == 2).await;
    let one = pool.runner(&manifest(), &class("user")).await.unwrap();
    let other = pool.runner(&manifest(), &class("user")).await.unwrap();
    assert!(one.lives() && other.lives());
    until(|| pool.parked() == 2).await;
    assert_eq!(starts.load(Ordering::SeqCst), 4);
    stop.cancel();
    filling.await.unwrap();
    assert_eq!(pool.parked(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_pool_is_a_cold_start() {
    let (starts, alive) = (Arc::default(), CancellationToken::new());
    let pool = pool(&starts, &alive);
    assert!(pool.runner(&manifest(), &class("user")).await.unwrap().lives());
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn parked_runners_that_die_are_replaced_ever_more_slowly() {
    let (starts, dead, stop) = (Arc::default(), CancellationToken::new(), CancellationToken::new());
    dead.cancel();
    let pool = pool(&starts, &dead);
    tokio::spawn(pool.clone().fill(stop.clone()));
    pool.want(&[(class("user"), 1)].into());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let tries = starts.load(Ordering::SeqCst);
    assert!((5..=20).contains(&tries), "{tries} starts in ten minutes");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_fails_is_not_asked_in_a_loop() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let start: Start = Box::new(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(StartFailure::Runner(crate::runner::RunnerEnd::default())) })
    });
    let pool = Pool::with(manifest(), start, Box::new(|_, _| Box::pin(async { true })), Arc::default());
    let stop = CancellationToken::new();
    tokio::spawn(pool.clone().fill(stop.clone()));
    pool.want(&[(class("user"), 2)].into());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let tries = starts.load(Ordering::SeqCst);
    assert!((5..=20).contains(&tries), "{tries} starts in ten minutes");
    assert!(pool.runner(&manifest(), &class("user")).await.is_err());
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn one_whose_mounts_have_changed_is_ended_and_not_given() {
    let (starts, alive) = (Arc::default(), CancellationToken::new());
    // Of the two that are parked the first does not stand, and the second does.
    let pool = pool_where(&starts, &alive, |look| look == 1);
    for _ in 0..2 {
        pool.step_for(&class("user"), 2).await;
    }
    assert_eq!((pool.parked(), starts.load(Ordering::SeqCst)), (2, 2));
    assert!(pool.runner(&manifest(), &class("user")).await.unwrap().lives());
    assert_eq!((pool.parked(), starts.load(Ordering::SeqCst)), (0, 2));
    // Nothing is parked any more, so this one is new, and needs no second look.
    assert!(pool.runner(&manifest(), &class("user")).await.unwrap().lives());
    assert_eq!(starts.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn none_waits_for_ever() {
    let (starts, alive, stop) = (Arc::default(), CancellationToken::new(), CancellationToken::new());
    let pool = pool(&starts, &alive);
    tokio::spawn(pool.clone().fill(stop.clone()));
    pool.want(&[(class("user"), 2)].into());
    until(|| pool.parked() == 2).await;
    tokio::time::sleep(PARKED_MOST - Duration::from_secs(60)).await;
    assert_eq!(starts.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!((pool.parked(), starts.load(Ordering::SeqCst)), (2, 4));
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn one_that_waited_too_long_is_not_given_even_if_nobody_has_replaced_it() {
    let (starts, alive) = (Arc::default(), CancellationToken::new());
    let pool = pool(&starts, &alive);
    pool.step_for(&class("user"), 1).await;
    tokio::time::advance(PARKED_MOST).await;
    assert!(pool.runner(&manifest(), &class("user")).await.unwrap().lives());
    assert_eq!(starts.load(Ordering::SeqCst), 2);
}

impl Pool {
    /// Parks one runner of a class that is to have so many, with nobody else at it.
    async fn step_for(self: &Arc<Self>, class: &ClassId, wanted: usize) {
        self.want(&[(class.clone(), wanted)].into());
        self.step().await;
    }
}
