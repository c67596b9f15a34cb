//! What a call says while it runs, as notifications: progress if the request has a token for it, log
//! messages if the client wants them.

use crate::api::CallNote;
use protocol::{Log, LogSource, Progress};
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Notes that wait for a slow client; the hub drops what does not fit.
const WAITING_NOTES: usize = 64;

/// A client that does not take a notification for this long gets no more of them: its answer must not wait
/// for ever behind them.
const PATIENCE: Duration = Duration::from_secs(5);

/// What this request's client wants to hear.
pub(super) struct Wanted {
    pub(super) progress: Option<ProgressToken>,
    pub(super) level: Option<LoggingLevel>,
}

/// A note in MCP's words.
#[derive(Debug, PartialEq)]
enum Notification {
    Progress(ProgressNotificationParam),
    Log(LoggingMessageNotificationParam),
}

pub(super) fn channel() -> (mpsc::Sender<CallNote>, mpsc::Receiver<CallNote>) {
    mpsc::channel(WAITING_NOTES)
}

/// When there is nothing more to forward.
#[derive(Clone, Copy)]
pub(super) struct Until<'a> {
    /// The call has ended: what came before its end is still sent.
    pub(super) ended: &'a CancellationToken,
    /// Nothing is sent any more. The library takes no notification after the end of its input, but still
    /// waits for answers, which then must not wait for notifications.
    pub(super) stop: &'a CancellationToken,
}

/// Sends notes until the call has ended.
pub(super) async fn forward(
    notes: mpsc::Receiver<CallNote>,
    wanted: Wanted,
    peer: &Peer<RoleServer>,
    until: Until<'_>,
) {
    tokio::select! {
        () = until.stop.cancelled() => {}
        () = forward_all(notes, wanted, peer, until.ended) => {}
    }
}

async fn forward_all(
    mut notes: mpsc::Receiver<CallNote>,
    wanted: Wanted,
    peer: &Peer<RoleServer>,
    ended: &CancellationToken,
) {
    loop {
        let note = tokio::select! {
            biased;
            note = notes.recv() => note,
            () = ended.cancelled() => None,
        };
        let Some(note) = note else { return };
        let Some(notification) = notification(note, &wanted) else { continue };
        if !timeout(PATIENCE, send(notification, peer)).await.unwrap_or(false) {
            return;
        }
    }
}

async fn send(notification: Notification, peer: &Peer<RoleServer>) -> bool {
    match notification {
        Notification::Progress(progress) => peer.notify_progress(progress).await.is_ok(),
        Notification::Log(log) => peer.notify_logging_message(log).await.is_ok(),
    }
}

fn notification(note: CallNote, wanted: &Wanted) -> Option<Notification> {
    match note {
        CallNote::Progress(Progress { progress, total, message, .. }) => {
            let mut param = ProgressNotificationParam::new(wanted.progress.clone()?, progress);
            param.total = total;
            param.message = message;
            Some(Notification::Progress(param))
        }
        CallNote::Log(Log { source, text, .. }) => {
            let (level, logger) = level_and_logger(source);
            if severity(level) < severity(wanted.level?) {
                return None;
            }
            let param = LoggingMessageNotificationParam::new(level, Value::String(text));
            Some(Notification::Log(param.with_logger(logger)))
        }
    }
}

/// What a guest prints is for its author; what it logs is for whoever asked for that level.
fn level_and_logger(source: LogSource) -> (LoggingLevel, &'static str) {
    match source {
        LogSource::Stdout => (LoggingLevel::Debug, "stdout"),
        LogSource::Stderr => (LoggingLevel::Debug, "stderr"),
        LogSource::Message(0 | 1) => (LoggingLevel::Debug, "tool"),
        LogSource::Message(2) => (LoggingLevel::Info, "tool"),
        LogSource::Message(3) => (LoggingLevel::Warning, "tool"),
        LogSource::Message(_) => (LoggingLevel::Error, "tool"),
    }
}

fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmcp::model::NumberOrString;

    fn token() -> ProgressToken {
        ProgressToken(NumberOrString::Number(7))
    }

    fn log(source: LogSource) -> CallNote {
        CallNote::Log(Log { id: 1, source, text: "x".to_owned() })
    }

    #[test]
    fn so_many_notes_wait_and_the_rest_is_dropped() {
        let (notes, _waiting) = channel();
        let taken = (0..1_000).filter(|_| notes.try_send(log(LogSource::Stdout)).is_ok()).count();
        assert_eq!(taken, WAITING_NOTES);
    }

    #[test]
    fn progress_is_sent_only_to_who_gave_a_token() {
        let progress = Progress { id: 1, progress: 1.0, total: Some(2.0), message: Some("half".to_owned()) };
        let silent = Wanted { progress: None, level: Some(LoggingLevel::Debug) };
        assert_eq!(notification(CallNote::Progress(progress.clone()), &silent), None);
        let wanted = Wanted { progress: Some(token()), level: None };
        let mut expected = ProgressNotificationParam::new(token(), 1.0);
        expected.total = Some(2.0);
        expected.message = Some("half".to_owned());
        let sent = notification(CallNote::Progress(progress), &wanted);
        assert_eq!(sent, Some(Notification::Progress(expected)));
    }

    #[test]
    fn logs_are_sent_only_when_asked_for_and_severe_enough() {
        let sources = [LogSource::Stdout, LogSource::Stderr, LogSource::Message(0), LogSource::Message(2)];
        for source in sources {
            let silent = Wanted { progress: Some(token()), level: None };
            assert_eq!(notification(log(source), &silent), None);
            let severe = Wanted { progress: None, level: Some(LoggingLevel::Warning) };
            assert_eq!(notification(log(source), &severe), None);
            let all = Wanted { progress: None, level: Some(LoggingLevel::Debug) };
            assert!(notification(log(source), &all).is_some());
        }
        let severe = Wanted { progress: None, level: Some(LoggingLevel::Warning) };
        assert!(notification(log(LogSource::Message(3)), &severe).is_some());
        assert!(notification(log(LogSource::Message(4)), &severe).is_some());
    }
}
