//! The cryptography behind the JOSE library: Ed25519 and nothing else.
//!
//! The library's own providers bring RSA, ECDSA and HMAC into the runner. With this one a token that
//! asks for another algorithm finds none, whatever its header says. A hub that takes other issuers' tokens adds
//! their algorithms with [`also`]: the library has one provider a process, and so it does not matter whose is first.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use std::sync::OnceLock;

/// Makes the verifier of an algorithm from a key.
pub type Verifiers = fn(&Algorithm, &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error>;

/// What a process that must verify more than Ed25519 has said. A runner says nothing.
static OTHERS: OnceLock<Verifiers> = OnceLock::new();

/// Used by every call to the library in this process. Keys are the bare 32 bytes, not DER.
static ED25519_ONLY: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Makes the library use [`ED25519_ONLY`]; only the first call does anything. Where another provider
/// was first, it cannot read our keys, and nothing is signed or accepted.
pub fn install() {
    let _ = ED25519_ONLY.install_default();
}

/// Lets the library verify other algorithms than EdDSA in this process. Only the first call does anything.
/// Nothing that a ticket says reaches these: its algorithm is its key's.
pub fn also(verifiers: Verifiers) {
    let _ = OTHERS.set(verifiers);
    install();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let seed = bare(algorithm, key.as_bytes())?;
    Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(&seed))))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if let (true, Some(others)) = (*algorithm != Algorithm::EdDSA, OTHERS.get()) {
        return others(algorithm, key);
    }
    let public = bare(algorithm, key.try_get_as_bytes()?)?;
    let public = VerifyingKey::from_bytes(&public).map_err(|_| new_error(ErrorKind::InvalidEddsaKey))?;
    Ok(Box::new(Ed25519Verifier(public)))
}

fn bare(algorithm: &Algorithm, key: &[u8]) -> Result<[u8; 32], Error> {
    if *algorithm != Algorithm::EdDSA {
        return Err(new_error(ErrorKind::UnsupportedAlgorithm));
    }
    key.try_into().map_err(|_| new_error(ErrorKind::InvalidEddsaKey))
}

struct Ed25519Signer(SigningKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.sign(message).to_bytes().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier(VerifyingKey);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let signature = Signature::from_slice(signature).map_err(|_| SignatureError::new())?;
        // Strict: small-order points would let one signature fit several messages.
        self.0.verify_strict(message, &signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
