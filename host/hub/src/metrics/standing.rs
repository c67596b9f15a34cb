//! How things stand when somebody asks: what is read then, and counted nowhere.

use super::PREFIX;
use manifest::ClassId;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// How the hub is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) sessions: usize,
    /// Calls that have begun and not ended.
    pub(crate) calls: usize,
    /// Runners that serve a session.
    pub(crate) runners: usize,
    /// Runners that wait, by class. The manifest says which classes there are.
    pub(crate) parked: BTreeMap<ClassId, usize>,
    /// None where no version can be applied, or nothing is in force.
    pub(crate) manifest_version: Option<u64>,
    /// Tools that can be called.
    pub(crate) tools: usize,
    pub(crate) healthy: bool,
    pub(crate) problems: usize,
}

impl Standing {
    pub(super) fn registry(self, started: SystemTime) -> Registry {
        let mut registry = Registry::default();
        let since = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let help = "When this hub was started, UNIX time";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, ConstGauge::new(since));

        let ours = registry.sub_registry_with_prefix(PREFIX);
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "Which program this is", version);
        let mut gauge = |name: &str, help: &str, value: usize| ours.register(name, help, count(value));
        gauge("healthy", "1 if every tool of the manifest can be called, otherwise 0", self.healthy.into());
        gauge("problems", "What an operator should look at: `safeclaw health` says what", self.problems);
        gauge("sessions", "Sessions that live", self.sessions);
        gauge("calls_running", "Calls that have begun and not ended", self.calls);
        gauge("runners", "Runners that serve a session", self.runners);
        gauge("tools", "Tools that can be called", self.tools);
        let version = usize::try_from(self.manifest_version.unwrap_or(0)).unwrap_or(usize::MAX);
        gauge("manifest_version", "The version of the manifest in force; 0 if there are no versions", version);
        let parked = Family::<Vec<(&'static str, String)>, Gauge>::default();
        for (class, waiting) in self.parked {
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            parked.get_or_create(&vec![("class", class.0)]).set(waiting);
        }
        ours.register("runners_parked", "Runners that wait, by their class", parked);
        registry
    }
}

fn count(value: usize) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
