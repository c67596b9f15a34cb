//! A rate: at most so many calls in any hour, whether they come evenly or all at once.
//!
//! Governor's own memory is one time, which refills evenly: with room for a burst of N it lets nearly 2 N calls into
//! the first hour, and with room for less it refuses an agent's first steps. So governor decides, and remembers here:
//! what it is asked about is the call that has to be an hour old before there is room for another one. Calls that came
//! one after the other are remembered together, as if each had come when the last of them did: that is never too early.
//!
//! Pure: whoever asks says what time it is.

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A call counts for so long.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A rate is remembered in about so many parts. A rate of at most this is exact; of a greater one a sixtieth of the
/// calls at most comes back together, when the last of them is an hour old.
const PARTS: u32 = 60;

/// Parts at most, however often the rate was changed: the oldest are then put together.
const MOST_PARTS: usize = 256;

/// What one session or principal has called within the last hour.
pub(super) struct Rate {
    limiter: RateLimiter<NotKeyed, Shared, Hand, NoOpMiddleware<Nanos>>,
    parts: Arc<Parts>,
    hand: Hand,
}

impl Rate {
    /// From calls that are an hour old at these times.
    pub(super) fn new(calls: impl IntoIterator<Item = (Duration, u32)>) -> Self {
        let mut all: Vec<Part> = calls.into_iter().map(|(free, calls)| Part { free: nanos(free), calls }).collect();
        all.sort_by_key(|part| part.free);
        let parts = Arc::new(Parts { all: Mutex::new(all.into()), most: AtomicU32::new(0) });
        let hand = Hand::default();
        let limiter = RateLimiter::new(Quota::per_hour(NonZeroU32::MIN), Shared(parts.clone()), hand.clone());
        Self { limiter, parts, hand }
    }

    /// Counts a call if there is room for it; otherwise says when there will be.
    pub(super) fn call(&mut self, most: u32, now: Duration) -> Result<(), Duration> {
        if most == 0 {
            return Err(HOUR);
        }
        self.parts.most.store(most, Ordering::Relaxed);
        self.hand.0.store(nanos(now), Ordering::Relaxed);
        self.limiter.check().map_err(|not_until| not_until.wait_time_from(Nanos::from(nanos(now))))
    }

    /// Takes the last call back, as one that did not happen.
    pub(super) fn take_back(&mut self) {
        let mut all = self.parts.lock();
        if let Some(last) = all.back_mut() {
            last.calls = last.calls.saturating_sub(1);
        }
        if all.back().is_some_and(|last| last.calls == 0) {
            all.pop_back();
        }
    }

    /// What still counts: after which time, and how many calls.
    pub(super) fn left(&self, now: Duration) -> Vec<(Duration, u32)> {
        let left = |part: &Part| Duration::from_nanos(part.free).checked_sub(now).filter(|left| !left.is_zero());
        self.parts.lock().iter().filter_map(|part| Some((left(part)?, part.calls))).collect()
    }
}

/// Calls that are remembered together.
struct Part {
    /// When they are an hour old, in nanoseconds of the caller's clock.
    free: u64,
    calls: u32,
}

/// All of them, oldest first.
struct Parts {
    all: Mutex<VecDeque<Part>>,
    most: AtomicU32,
}

impl Parts {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Part>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Shared(Arc<Parts>);

impl StateStore for Shared {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let most = self.0.most.load(Ordering::Relaxed);
        let mut all = self.0.lock();
        let (verdict, free) = decide(in_the_way(&all, most).map(Nanos::from))?;
        let free = free.as_u64();
        let now = free.saturating_sub(nanos(HOUR));
        all.retain(|part| part.free > now);
        let together = most.div_ceil(PARTS);
        match all.back_mut() {
            Some(last) if last.calls < together => *last = Part { free, calls: last.calls.saturating_add(1) },
            _ => all.push_back(Part { free, calls: 1 }),
        }
        while all.len() > MOST_PARTS {
            let older = all.pop_front().map_or(0, |part| part.calls);
            if let Some(next) = all.front_mut() {
                next.calls = next.calls.saturating_add(older);
            }
        }
        Ok(verdict)
    }
}

/// When the part is an hour old that has to be, so that there is room for one call more. None if there is room.
fn in_the_way(all: &VecDeque<Part>, most: u32) -> Option<u64> {
    let taken: u64 = all.iter().map(|part| u64::from(part.calls)).sum();
    let mut too_many = (taken + 1).checked_sub(u64::from(most)).filter(|many| *many > 0)?;
    for part in all {
        match too_many.checked_sub(u64::from(part.calls)) {
            Some(rest) if rest > 0 => too_many = rest,
            _ => return Some(part.free),
        }
    }
    None
}

/// A clock that shows what it was set to; it begins at zero, and so does the limiter.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

/// A hub that runs for 584 years counts on from there.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
