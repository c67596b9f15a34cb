//! Credentials.

use super::{Client, ClientError, percent};
use ::egress::credentials::{CredentialView, Value};
use bytes::Bytes;
use http::Method;
use manifest::CredentialName;

impl Client {
    /// Every credential, without its value.
    ///
    /// # Errors
    /// See [`ClientError`]; as for all that follow.
    pub async fn credentials(&self) -> Result<Vec<CredentialView>, ClientError> {
        self.get("/credentials".to_owned()).await
    }

    /// Puts another value of a credential in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_credential(&self, name: &CredentialName, value: &Value) -> Result<(), ClientError> {
        let path = format!("/credentials/{}", percent(name.as_str()));
        self.ask(Method::POST, path, Bytes::copy_from_slice(value.bytes())).await.map(drop)
    }

    /// Has the hub read a credential's file again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reload_credential(&self, name: &CredentialName) -> Result<(), ClientError> {
        let path = format!("/credentials/{}/reload", percent(name.as_str()));
        self.ask(Method::POST, path, Bytes::new()).await.map(drop)
    }
}
