//! The assertion that a service account signs (RFC 7523): a JSON web token by RS256.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flue_core::{Error, ErrorKind, Result};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use serde_json::json;

use super::file::bad;
use super::{SCOPE, TOKEN_URL};

/// How long an assertion is good, in seconds: the longest that Google takes.
const LIFETIME: u64 = 3600;

/// A private key. What TLS calls `RSA_PKCS1_SHA256` is RS256, so that what signs in handshakes signs here.
#[derive(Clone)]
pub(super) struct Key(Arc<dyn SigningKey>);

impl Key {
    /// The RSA key of a PEM text.
    pub(super) fn from_pem(text: &str) -> Result<Self> {
        let no_key = || bad("its private_key is no RSA key in PEM; make a new key of the account".to_owned());
        // Not their reasons: they may quote the text.
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| no_key())?;
        let key = any_supported_type(&key).map_err(|_| no_key())?;
        key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(no_key)?;
        Ok(Self(key))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>> {
        let failed = || Error::new(ErrorKind::Internal, "sign a JSON web token", "the key does not sign");
        let signer = self.0.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(failed)?;
        signer.sign(text).map_err(|error| failed().with_source(error))
    }
}

/// What `email` hands to the token endpoint now.
pub(super) fn assertion(email: &str, key_id: Option<&str>, key: &Key) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    // The audience is Google's own address whatever the endpoint is, as in Google's libraries.
    let claims = json!({"iss": email, "scope": SCOPE, "aud": TOKEN_URL, "iat": now, "exp": now + LIFETIME});
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
