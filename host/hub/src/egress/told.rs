//! A request in the words of the audit log.

use crate::api::Caller;
use crate::audit::{self, Audit, EgressEnd};
use crate::clean;
use egress::{Egress, Ended};
use manifest::Tool;
use manifest::http::PathRecord;
use uuid::Uuid;

/// The longest method or origin that is written: both may be a guest's words that are neither.
const WORD_BYTES: usize = 300;
/// The longest reason.
const REASON_BYTES: usize = 512;

pub(super) fn entry(call: Uuid, caller: &Caller, tool: &Tool, audit: &Audit, egress: Egress) -> audit::Egress {
    let ended = match egress.ended {
        Ended::Requested => EgressEnd::Requested,
        Ended::Answered(status) => EgressEnd::Answered { status },
        Ended::Failed(fault, reason) => {
            EgressEnd::Failed { fault: format!("{fault:?}"), reason: clean::line(&reason, REASON_BYTES) }
        }
        Ended::Dropped => EgressEnd::Dropped,
        Ended::Leak { of, place, done } => EgressEnd::Leak { of: clean::line(&of, WORD_BYTES), place, done },
    };
    audit::Egress {
        call,
        session: caller.session.clone(),
        tool: tool.name.clone(),
        request: egress.request,
        method: clean::line(&egress.method, WORD_BYTES),
        origin: clean::line(&egress.origin, WORD_BYTES),
        path: audit.digest(&egress.path),
        path_text: (egress.record == PathRecord::Path).then(|| audit::in_clear(&egress.path)),
        address: egress.address,
        credential: egress.credential,
        hop: egress.hop,
        ended,
        sent: egress.sent,
        received: egress.received,
        wall_us: egress.wall_us,
    }
}
