//! STAND-IN
use crate::{Asked, Behalf, Governor};
use std::sync::Arc;
use tokio::sync::mpsc;
/// Broker.
pub struct Broker;
impl Broker {
    /// Serves.
    pub async fn serve(&self, _behalf: Behalf, _governor: Arc<dyn Governor>, mut asked: mpsc::Receiver<Asked>) {
        while asked.recv().await.is_some() {}
    }
}
