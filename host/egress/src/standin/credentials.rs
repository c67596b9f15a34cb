//! Stand-in until the real one is merged.
use manifest::http::{Method, Target};
use manifest::{CredentialName, Tier};
use std::sync::Arc;
/// None.
#[derive(Debug, Default)]
pub struct Store;
/// None.
#[derive(Debug, thiserror::Error)]
#[error("no credential is configured")]
pub struct NotGranted;
/// None.
pub struct Secret(std::convert::Infallible);
impl Store {
    /// None.
    #[must_use]
    pub fn empty() -> Self {
        Self
    }
    /// None.
    ///
    /// # Errors
    /// Always.
    pub fn grant(&self, _: &CredentialName, _: Tier, _: Method, _: &Target) -> Result<Arc<Secret>, NotGranted> {
        Err(NotGranted)
    }
}
impl Secret {
    /// None.
    #[must_use]
    pub fn name(&self) -> &CredentialName {
        match self.0 {}
    }
    /// None.
    #[must_use]
    pub fn header(&self) -> &http::HeaderName {
        match self.0 {}
    }
    /// None.
    #[must_use]
    pub fn value(&self) -> http::HeaderValue {
        match self.0 {}
    }
}
