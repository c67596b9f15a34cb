//! A request's body: from the guest, within its bounds, searched, and onto the wire.

use crate::exchange::{Piece, RequestBody};
use crate::governor::Governor;
use crate::leaks::{Found, Searcher, Seen};
use crate::stop::Stop;
use crate::wire::Feed;
use bytes::{Bytes, BytesMut};
use protocol::HttpFault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// The largest body that a person is asked about: it is held as a whole.
pub(super) const APPROVED_BYTES: u64 = 1 << 20;
/// The largest body that is kept, in case an answer points elsewhere.
const KEPT_BYTES: usize = 64 << 10;
const PLACE: &str = "request body";

/// A body as one hop finds it.
#[derive(Debug)]
pub(super) enum GuestBody {
    /// There is none.
    None,
    /// All of it.
    Whole(Bytes),
    /// It comes from the guest: what was read of it, what is to follow, and how long it says it is.
    Coming(Bytes, RequestBody, Option<u64>),
    /// It was sent, and not kept.
    Spent,
}

/// What a body may be, and who is told of it.
pub(super) struct Rules<'a> {
    pub(super) governor: &'a dyn Governor,
    pub(super) seen: &'a Seen,
    pub(super) sent: Arc<AtomicU64>,
    /// The most bytes.
    pub(super) most: u64,
    /// Whether an answer may point elsewhere.
    pub(super) keep: bool,
}

/// How a body's sending ended.
pub(super) struct Fed {
    /// All of it was taken. Otherwise the server had answered before.
    pub(super) whole: bool,
    /// For the next hop.
    pub(super) kept: GuestBody,
    /// In it.
    pub(super) found: Vec<Found>,
}

impl GuestBody {
    /// Waits for its first piece, where its length is not known: many a guest opens a body and puts nothing in, and
    /// what has no body must not look as if it had one.
    pub(super) async fn begun(self) -> Result<Self, Stop> {
        match self {
            Self::Coming(read, mut guest, None) if read.is_empty() => match guest.next().await {
                None => Err(Stop::Gone),
                Some(Piece::Data(bytes)) => Ok(Self::Coming(bytes, guest, None)),
                Some(Piece::End(trailers)) => no_trailers(&trailers).map(|()| Self::None),
            },
            other => Ok(other),
        }
    }

    /// Reads it to its end.
    pub(super) async fn whole(self, most: u64) -> Result<Self, Stop> {
        let (read, mut guest, length) = match self {
            Self::Coming(read, guest, length) => (read, guest, length),
            other => return Ok(other),
        };
        let mut all = BytesMut::from(read);
        loop {
            within(all.len() as u64, length, most)?;
            match guest.next().await {
                None => return Err(Stop::Gone),
                Some(Piece::Data(bytes)) => all.extend_from_slice(&bytes),
                Some(Piece::End(trailers)) => {
                    no_trailers(&trailers)?;
                    ended(all.len() as u64, length)?;
                    return Ok(Self::Whole(all.freeze()));
                }
            }
        }
    }
}

/// Searches a body that is there as a whole. What goes out is never mended: a server would act on what nobody said.
pub(super) fn search(seen: &Seen, place: &'static str, bytes: &[u8]) -> Result<Vec<Found>, Stop> {
    let mut searcher = seen.searcher(place);
    searcher.push(bytes)?;
    searcher.finish()?;
    refuse_removed(searcher.found())
}

/// Passes a body on, piece by piece, until its end or until the wire takes no more.
pub(super) async fn feed(
    read: Bytes,
    mut guest: RequestBody,
    length: Option<u64>,
    wire: mpsc::Sender<Feed>,
    rules: Rules<'_>,
) -> Result<Fed, Stop> {
    let mut passing = Passing { wire, rules, searcher: None, kept: BytesMut::new(), found: Vec::new() };
    let mut total = 0_u64;
    let mut piece = Some(Piece::Data(read));
    loop {
        match piece {
            None => return Err(Stop::Gone),
            Some(Piece::Data(bytes)) => {
                total = total.saturating_add(bytes.len() as u64);
                within(total, length, passing.rules.most)?;
                if !passing.pass(bytes).await? {
                    return Ok(Fed { whole: false, kept: GuestBody::Spent, found: passing.found });
                }
            }
            Some(Piece::End(trailers)) => {
                no_trailers(&trailers)?;
                ended(total, length)?;
                return passing.end(total, length).await;
            }
        }
        piece = guest.next().await;
    }
}

struct Passing<'a> {
    wire: mpsc::Sender<Feed>,
    rules: Rules<'a>,
    searcher: Option<Searcher>,
    kept: BytesMut,
    found: Vec<Found>,
}

impl Passing<'_> {
    /// Whether the wire has taken it.
    async fn pass(&mut self, bytes: Bytes) -> Result<bool, Stop> {
        let searcher = self.searcher.get_or_insert_with(|| self.rules.seen.searcher(PLACE));
        let clean = searcher.push(&bytes)?;
        self.found.extend(refuse_removed(searcher.found())?);
        self.send(clean).await
    }

    async fn end(mut self, total: u64, length: Option<u64>) -> Result<Fed, Stop> {
        let mut taken = true;
        if let Some(searcher) = &mut self.searcher {
            let rest = searcher.finish()?;
            let found = refuse_removed(searcher.found())?;
            self.found.extend(found);
            taken = self.send(rest).await?;
        }
        // Under a length the wire lets go of the body with its last byte, and hears of no end.
        let whole = self.wire.send(Feed::End).await.is_ok() || (taken && length == Some(total));
        let keeps = self.rules.keep && self.kept.len() as u64 == total;
        let kept = if keeps { GuestBody::Whole(self.kept.freeze()) } else { GuestBody::Spent };
        Ok(Fed { whole, kept, found: self.found })
    }

    async fn send(&mut self, bytes: Bytes) -> Result<bool, Stop> {
        if bytes.is_empty() {
            return Ok(true);
        }
        let count = bytes.len() as u64;
        self.rules.governor.spend(count)?;
        self.rules.sent.fetch_add(count, Ordering::Relaxed);
        if self.rules.keep && self.kept.len().saturating_add(bytes.len()) <= KEPT_BYTES {
            self.kept.extend_from_slice(&bytes);
        }
        Ok(self.wire.send(Feed::Data(bytes)).await.is_ok())
    }
}

fn refuse_removed(found: Vec<Found>) -> Result<Vec<Found>, Stop> {
    match found.iter().find(|found| found.done != "warned") {
        Some(one) => Err(Stop::Leak(Found { done: "ended", ..one.clone() })),
        None => Ok(found),
    }
}

fn within(bytes: u64, length: Option<u64>, most: u64) -> Result<(), Stop> {
    if bytes > most || length.is_some_and(|length| length > most) {
        return Err(Stop::Fault(HttpFault::RequestTooLarge(most), format!("its body has more than {most} bytes")));
    }
    match length {
        Some(length) if bytes > length => Err(Stop::bad("its body is longer than its `content-length`")),
        _ => Ok(()),
    }
}

fn ended(bytes: u64, length: Option<u64>) -> Result<(), Stop> {
    match length {
        Some(length) if bytes != length => Err(Stop::bad("its body is shorter than its `content-length`")),
        _ => Ok(()),
    }
}

/// Servers read them as they read headers, or not at all; nobody who asks for something needs them.
fn no_trailers(trailers: &protocol::Fields) -> Result<(), Stop> {
    if trailers.is_empty() { Ok(()) } else { Err(Stop::bad("a request has no trailers")) }
}
