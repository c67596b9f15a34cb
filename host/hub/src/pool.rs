//! Runners that wait: started, locked down, knowing nothing. Taking one saves a caller the start of a
//! container; when none waits, one is started, never a weaker one.

use crate::launch::{StartFailure, Starter};
use crate::metrics::{Origin, RunnerMetrics, Started};
use crate::runner::Runner;
use container::ContainerName;
use futures_util::future::BoxFuture;
use manifest::{ClassId, Digest};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// After a first failure to park, until the next try; doubles with each.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(60);
/// A runner that waited for longer is replaced: what it was made from was looked at that long ago.
const PARKED_MOST: Duration = Duration::from_secs(8 * 60);
/// Parking waits for this long after a runner was taken: whoever took it goes first on the processors.
const POLITENESS: Duration = Duration::from_millis(50);

/// Starts a runner of a class, as it was admitted.
pub(crate) type Start = Box<dyn Fn(Digest, ClassId) -> BoxFuture<'static, Result<Runner, StartFailure>> + Send + Sync>;

/// Whether a runner's container is still what a new one of its class would be.
pub(crate) type Stands = Box<dyn Fn(ContainerName, Digest) -> BoxFuture<'static, bool> + Send + Sync>;

/// Parked runners, by class.
pub(crate) struct Pool {
    start: Start,
    stands: Stands,
    parking: Mutex<Parking>,
    wake: Notify,
    metrics: Arc<RunnerMetrics>,
}

/// What is parked, all of it of classes that the launcher admitted at once.
struct Parking {
    admission: Digest,
    classes: BTreeMap<ClassId, Class>,
}

#[derive(Default)]
struct Class {
    wanted: usize,
    parked: VecDeque<Parked>,
    failures: u32,
    not_before: Option<Instant>,
}

struct Parked {
    runner: Runner,
    since: Instant,
}

impl Pool {
    /// An empty one, for runners of these classes.
    pub(crate) fn new(starter: Starter, admission: Digest) -> Arc<Self> {
        let (launcher, metrics) = (starter.launcher().clone(), starter.metrics().clone());
        let start: Start = Box::new(move |admission, class| {
            let starter = starter.clone();
            Box::pin(async move { starter.runner(&admission, &class).await })
        });
        let stands: Stands = Box::new(move |container, admission| {
            let launcher = launcher.clone();
            Box::pin(async move {
                launcher.stands(&container, &admission).await.unwrap_or_else(|error| {
                    // The one that is started instead is refused for the same reason, and that is told.
                    tracing::warn!(%container, error = &error as &dyn std::error::Error, "not used any more");
                    false
                })
            })
        });
        Self::with(admission, start, stands, metrics)
    }

    pub(crate) fn with(admission: Digest, start: Start, stands: Stands, metrics: Arc<RunnerMetrics>) -> Arc<Self> {
        let parking = Mutex::new(Parking { admission, classes: BTreeMap::new() });
        Arc::new(Self { start, stands, parking, wake: Notify::new(), metrics })
    }

    /// From here on other classes of containers are in force: what was parked of the last ones is ended.
    pub(crate) fn turn(&self, admission: &Digest) {
        let mut parking = self.lock();
        if parking.admission != *admission {
            // A runner that is being started for the old one is not parked when it comes.
            *parking = Parking { admission: admission.clone(), classes: BTreeMap::new() };
        }
    }

    /// Sets how many are parked; what is too much is ended.
    pub(crate) fn want(&self, wanted: &BTreeMap<ClassId, usize>) {
        let mut parking = self.lock();
        for (class, count) in wanted {
            parking.classes.entry(class.clone()).or_default().wanted = *count;
        }
        for (name, class) in &mut parking.classes {
            class.wanted = wanted.get(name).copied().unwrap_or(0);
            class.parked.truncate(class.wanted);
        }
        drop(parking);
        self.wake.notify_one();
    }

    /// A runner of a class as it was admitted, parked or new. It is the caller's, and never comes back.
    pub(crate) async fn runner(&self, admission: &Digest, class: &ClassId) -> Result<Runner, StartFailure> {
        while let Some(runner) = self.take(admission, class) {
            if self.stands(admission, &runner).await {
                self.metrics.unparked();
                return Ok(runner);
            }
            tracing::info!(container = %runner.born.container, "a parked runner's mounts have changed: it is not used");
        }
        self.start(admission, class, Origin::Cold).await
    }

    async fn start(&self, admission: &Digest, class: &ClassId, origin: Origin) -> Result<Runner, StartFailure> {
        let begun = Instant::now();
        let runner = (self.start)(admission.clone(), class.clone()).await;
        let result = if runner.is_ok() { Started::Ok } else { Started::Failed };
        self.metrics.started(origin, result, begun.elapsed());
        runner
    }

    /// Whether a runner's mounts are those that a new one would get. A protected path that appears, or is
    /// replaced, after its container was made is not held read-only in it.
    pub(crate) async fn stands(&self, admission: &Digest, runner: &Runner) -> bool {
        (self.stands)(runner.born.container.clone(), admission.clone()).await
    }

    fn take(&self, admission: &Digest, class: &ClassId) -> Option<Runner> {
        let mut parking = self.lock();
        if parking.admission != *admission {
            return None;
        }
        let class = parking.classes.get_mut(class)?;
        let now = Instant::now();
        let alive = std::iter::from_fn(|| class.parked.pop_front()).find(|parked| parked.usable(now));
        if alive.is_some() {
            class.failures = 0;
        }
        drop(parking);
        self.wake.notify_one();
        alive.map(|parked| parked.runner)
    }

    /// How many wait.
    pub(crate) fn parked(&self) -> usize {
        self.parked_by_class().values().sum()
    }

    /// How many wait, by class.
    pub(crate) fn parked_by_class(&self) -> BTreeMap<ClassId, usize> {
        self.lock().classes.iter().map(|(name, class)| (name.clone(), class.parked.len())).collect()
    }

    /// Keeps the pool full until it is told to stop, then ends all that wait.
    pub(crate) async fn fill(self: Arc<Self>, stop: CancellationToken) {
        // Cancelled in the middle of a start, that container is reaped by its owner's drop.
        let forever = async {
            loop {
                self.step().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = forever => {}
        }
        self.want(&BTreeMap::new());
    }

    /// Parks one runner, or waits until one may be missing.
    async fn step(self: &Arc<Self>) {
        let (admission, missing) = match self.missing(Instant::now()) {
            Ok(missing) => missing,
            Err(retry) => {
                let due = async {
                    match retry {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = due => {}
                }
                return;
            }
        };
        sleep(POLITENESS).await;
        match self.start(&admission, &missing, Origin::Parked).await {
            Ok(runner) => self.park(&admission, &missing, runner),
            Err(error) => {
                let wait = self.back_off(&missing);
                tracing::warn!(class = %missing, error = &error as &dyn std::error::Error, ?wait, "no runner could be parked");
            }
        }
    }

    fn park(self: &Arc<Self>, admission: &Digest, name: &ClassId, runner: Runner) {
        let (pool, ended) = (Arc::downgrade(self), runner.ended());
        let mut parking = self.lock();
        if parking.admission != *admission {
            return;
        }
        let wants = |class: &&mut Class| class.parked.len() < class.wanted;
        let Some(class) = parking.classes.get_mut(name).filter(wants) else { return };
        class.parked.push_back(Parked { runner, since: Instant::now() });
        drop(parking);
        // Ends with the runner, wherever that is by then.
        tokio::spawn(async move {
            ended.cancelled().await;
            if let Some(pool) = pool.upgrade() {
                pool.wake.notify_one();
            }
        });
    }

    /// A class with a gap that may be filled now; or when to look again. Runners that died while they were
    /// parked count as failures to park, so that a broken one is not started over and over; those that waited
    /// too long just go.
    fn missing(&self, now: Instant) -> Result<(Digest, ClassId), Option<Instant>> {
        let mut retry: Option<Instant> = None;
        let mut parking = self.lock();
        let admission = parking.admission.clone();
        for (name, class) in &mut parking.classes {
            let before = class.parked.len();
            class.parked.retain(|parked| parked.runner.lives());
            if class.parked.len() < before {
                class.back_off(now);
            }
            class.parked.retain(|parked| parked.usable(now));
            let due = if class.parked.len() < class.wanted {
                match class.not_before {
                    Some(at) if at > now => Some(at),
                    _ => return Ok((admission, name.clone())),
                }
            } else {
                class.parked.iter().map(|parked| parked.since + PARKED_MOST).min()
            };
            retry = retry.into_iter().chain(due).min();
        }
        Err(retry)
    }

    fn back_off(&self, class: &ClassId) -> Duration {
        self.lock().classes.entry(class.clone()).or_default().back_off(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Parking> {
        self.parking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parked {
    fn usable(&self, now: Instant) -> bool {
        self.runner.lives() && now < self.since + PARKED_MOST
    }
}

impl Class {
    fn back_off(&mut self, now: Instant) -> Duration {
        let wait = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(6)).min(LAST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + wait);
        wait
    }
}

/// How many to park of each class, fairly, within a total.
pub(crate) fn shares(classes: &[ClassId], per_class: usize, total: usize) -> BTreeMap<ClassId, usize> {
    let mut shares: BTreeMap<ClassId, usize> = BTreeMap::new();
    for place in 0..per_class.saturating_mul(classes.len()).min(total) {
        if let Some(class) = classes.get(place % classes.len()) {
            *shares.entry(class.clone()).or_default() += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests;
