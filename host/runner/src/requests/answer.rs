//! The body of an answer as the engine reads it for its guest.

use super::Asked;
use super::ledger::Part;
use crate::translate;
use engine::http::{Fault, Piece, ResponseBody};
use protocol::{FromHttp, FromRunner};
use std::task::{Context, Poll, ready};

/// Dropped, it drops the request.
pub(super) struct Answer(pub(super) Asked);

impl ResponseBody for Answer {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Fault>> {
        let Asked { requests, id } = &self.0;
        let part = ready!(requests.ledger().poll_part(*id, cx)).map_err(translate::fault)?;
        Poll::Ready(Ok(match part {
            Part::Data(bytes) => {
                // What the guest has taken it may have again; after the end nobody needs credit.
                if requests.ledger().goes_on(*id) {
                    let read = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    // A dozen bytes for each piece that came: the hub decides how many there are.
                    drop(requests.outbox.push(&FromRunner::Http(FromHttp::Credit(*id, read))));
                }
                Piece::Data(bytes.into())
            }
            Part::End(trailers) => Piece::End(trailers),
        }))
    }
}
