//! Why a request comes to its end before its answer does.

use crate::governor::Refused;
use crate::leaks::{Found, Leak};
use protocol::HttpFault;

/// What ends it.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The guest learns the fault, the operator the words.
    Fault(HttpFault, String),
    /// A secret was found.
    Leak(Found),
    /// Nobody wants it any more.
    Gone,
}

impl Stop {
    /// A fault and its reason.
    pub(crate) fn fault(fault: HttpFault, operator: impl ToString) -> Self {
        Self::Fault(fault, operator.to_string())
    }

    /// Nothing that can be asked for.
    pub(crate) fn bad(operator: impl ToString) -> Self {
        Self::fault(HttpFault::BadRequest, operator)
    }

    /// No HTTP.
    pub(crate) fn protocol(operator: impl ToString) -> Self {
        Self::fault(HttpFault::Protocol, operator)
    }
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Fault(refused.fault, refused.operator)
    }
}

impl From<Leak> for Stop {
    fn from(Leak(found): Leak) -> Self {
        Self::Leak(found)
    }
}

impl From<crate::Gone> for Stop {
    fn from(_: crate::Gone) -> Self {
        Self::Gone
    }
}
