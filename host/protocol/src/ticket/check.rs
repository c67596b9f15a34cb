//! What a runner asks of each ticket before it obeys it.

use super::{HubPublicKey, Ticket, TicketError};
use manifest::Digest;

/// A runner's side of the ticket: what it was born with, and the last ticket it took. Reads no clock.
#[derive(Debug)]
pub struct TicketCheck {
    key: HubPublicKey,
    container: String,
    nonce: String,
    posture: Digest,
    last: Option<Taken>,
}

#[derive(Debug)]
struct Taken {
    serial: u64,
    session: String,
}

impl TicketCheck {
    /// For the runner of this container, that said this nonce in its hello.
    #[must_use]
    pub fn new(key: HubPublicKey, container: String, nonce: &[u8; 32], posture: Digest) -> Self {
        Self { key, container, nonce: hex::encode(nonce), posture, last: None }
    }

    /// The ticket, if the hub signed it for this runner, it is still good and newer than any before it.
    ///
    /// # Errors
    /// The first thing that is wrong; the ticket in force then stays in force.
    pub fn accept(&mut self, jws: &str, now_unix_s: u64) -> Result<Ticket, TicketError> {
        let ticket = self.key.verify(jws)?;
        if ticket.container != self.container {
            return Err(TicketError::Container);
        }
        if ticket.nonce != self.nonce {
            return Err(TicketError::Nonce);
        }
        if ticket.posture != self.posture {
            return Err(TicketError::Posture);
        }
        if ticket.expires <= now_unix_s {
            return Err(TicketError::Expired { expires: ticket.expires, now_unix_s });
        }
        if let Some(last) = &self.last {
            if ticket.serial <= last.serial {
                return Err(TicketError::Serial { serial: ticket.serial, last: last.serial });
            }
            // A runner serves one session and is never used for another.
            if ticket.session != last.session {
                return Err(TicketError::Session);
            }
        }
        self.last = Some(Taken { serial: ticket.serial, session: ticket.session.clone() });
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests;
