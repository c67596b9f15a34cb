//! Requests that tools make of the outside.

use super::by::By;
use super::labels::{Direction, Leak, Request};
use egress::{Egress, Ended};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};
use protocol::HttpFault;

/// Requests, bytes and leaks.
#[derive(Default)]
pub(crate) struct EgressMetrics {
    requests: By<Request, Counter>,
    bytes: By<Direction, Counter>,
    leaks: By<Leak, Counter>,
}

impl EgressMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests that tools asked the hub to make, by how they ended";
        registry.register("egress_requests", help, self.requests.family());
        let help = "Bytes of bodies that such requests sent and received";
        registry.register_with_unit("egress_body", help, Unit::Bytes, self.bytes.family());
        let help = "Secrets, or what looks like one, found on the way, by what was done";
        registry.register("egress_leaks", help, self.leaks.family());
    }

    /// Something that looks like a secret was found.
    pub(crate) fn leaked(&self, done: &str) {
        self.leaks.inc(match done {
            "removed" => Leak::Removed,
            "warned" => Leak::Warned,
            _ => Leak::Ended,
        });
    }

    /// Something became of a request.
    pub(crate) fn count(&self, egress: &Egress) {
        let request = match &egress.ended {
            // Counted when it has come to its end.
            Ended::Requested => return,
            Ended::Leak { done, .. } => {
                self.leaked(done);
                return;
            }
            Ended::Answered(_) => Request::Answered,
            Ended::Dropped => Request::Dropped,
            Ended::Failed(HttpFault::Denied | HttpFault::AddressProhibited | HttpFault::BadRequest, _) => {
                Request::Denied
            }
            Ended::Failed(..) => Request::Failed,
        };
        self.requests.inc(request);
        self.bytes.add(Direction::Sent, egress.sent);
        self.bytes.add(Direction::Received, egress.received);
    }
}
