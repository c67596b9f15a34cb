//! What a session has used up for its whole life. Nothing of it comes back.

use super::Refusal;
use manifest::Budget;

/// By the hub's own figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    /// Calls that were let through.
    pub(super) calls: u64,
    /// Their wall time in runners, microseconds.
    pub(super) wall_us: u64,
    /// Bytes that their requests sent and received.
    pub(super) egress: u64,
}

impl Total {
    /// Whether another call may begin.
    pub(super) fn within(self, budget: &Budget) -> Result<(), Refusal> {
        let Budget { calls, wall_s, egress_bytes } = budget;
        if let Some(most) = *calls
            && self.calls >= u64::from(most)
        {
            return Err(Refusal::Budget { limit: Refusal::BUDGET_CALLS, most: most.into() });
        }
        if let Some(most) = *wall_s
            && self.wall_us >= u64::from(most).saturating_mul(1_000_000)
        {
            return Err(Refusal::Budget { limit: Refusal::BUDGET_WALL, most: most.into() });
        }
        if let Some(most) = *egress_bytes
            && self.egress >= most
        {
            return Err(Refusal::Budget { limit: Refusal::BUDGET_EGRESS, most });
        }
        Ok(())
    }
}
