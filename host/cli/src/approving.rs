//! What an approver does: see a request, and sign an answer to it.

pub(crate) mod keygen;
pub(crate) mod seen;
pub(crate) mod signer;
pub(crate) mod visible;
