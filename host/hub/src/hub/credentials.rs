//! Credentials are looked at and replaced while the hub serves.

use super::Hub;
use crate::audit::{AuditError, Decided, Decision, Entry};
use ::egress::credentials::{CredentialView, Fresh, NotReplaced, Store, Value};
use manifest::CredentialName;
use uuid::Uuid;

/// Why a credential was not replaced; the one in force stays.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The value cannot be had, or is none.
    #[error(transparent)]
    NotReplaced(#[from] NotReplaced),
    /// Nobody would know of it.
    #[error("the credential was not replaced, since it cannot be recorded: {0}")]
    Unrecorded(String),
}

impl From<AuditError> for CredentialError {
    fn from(error: AuditError) -> Self {
        Self::Unrecorded(error.to_string())
    }
}

impl Hub {
    /// Every credential, without its value.
    #[must_use]
    pub fn credentials(&self) -> Vec<CredentialView> {
        self.0.egress.credentials.list()
    }

    /// Puts another value of a credential in force, which an operator has handed over.
    ///
    /// # Errors
    /// What is in force stays.
    pub async fn set_credential(&self, name: &CredentialName, value: Value, by: &str) -> Result<(), CredentialError> {
        let fresh = self.0.egress.credentials.fresh(name, value)?;
        self.put_credential(name, fresh, by).await
    }

    /// Reads a credential's file again, and puts what is in it in force.
    ///
    /// # Errors
    /// What is in force stays.
    pub async fn reload_credential(&self, name: &CredentialName, by: &str) -> Result<(), CredentialError> {
        let (store, again): (Store, _) = (self.0.egress.credentials.clone(), name.clone());
        // A file may lie on a disk that hangs.
        let read = tokio::task::spawn_blocking(move || store.read_again(&again)).await;
        let fresh = read.map_err(|error| CredentialError::Unrecorded(error.to_string()))??;
        self.put_credential(name, fresh, by).await
    }

    async fn put_credential(&self, name: &CredentialName, fresh: Fresh, by: &str) -> Result<(), CredentialError> {
        let what = Decision::CredentialReloaded { name: name.clone(), by: by.to_owned() };
        let decided = Decided { decision: Uuid::new_v4(), what };
        self.0.audit.write_durable(Entry::Decided(decided)).await?;
        self.0.egress.credentials.put(fresh);
        tracing::info!(credential = %name, "another value is in force");
        Ok(())
    }
}
