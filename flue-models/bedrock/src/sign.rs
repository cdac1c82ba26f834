//! AWS Signature Version 4 for one kind of request: a POST of JSON to Bedrock.
//!
//! After "Create a signed AWS API request" in AWS's documentation. AWS's own signing crate brings fifty packages for what
//! is three hashes and a page of text.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use flue_core::Result;
use flue_models_kit::{Secret, Signer, Unsigned, path_segment};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::keys::Keys;

/// The variable with the id of the access key.
pub const ACCESS_KEY_VARIABLE: &str = "AWS_ACCESS_KEY_ID";
/// The variable with the secret of the access key.
pub const SECRET_KEY_VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
/// The variable with the token of temporary credentials.
pub const SESSION_TOKEN_VARIABLE: &str = "AWS_SESSION_TOKEN";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service that requests are signed for.
const SERVICE: &str = "bedrock";

/// An access key, with its session token where it is temporary. Debug shows the id alone.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: Secret,
    session_token: Option<Secret>,
}

impl AccessKey {
    /// The key of this id and secret.
    pub fn new(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { id: id.into().trim().to_owned(), secret: secret.into(), session_token: None }
    }

    /// Adds the token of temporary credentials.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<Secret>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// The key in the variables that `env` looks up; `None` without id or secret.
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let key = Self::new(env(ACCESS_KEY_VARIABLE)?, env(SECRET_KEY_VARIABLE)?);
        Some(match env(SESSION_TOKEN_VARIABLE) {
            Some(token) => key.session_token(token),
            None => key,
        })
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Signs requests to Bedrock in one region.
#[derive(Debug, Clone)]
pub struct SigV4 {
    keys: Keys,
    region: String,
}

impl SigV4 {
    /// With this key, in this region.
    pub fn new(key: AccessKey, region: impl Into<String>) -> Self {
        Self::with_keys(Keys::Fixed(key), region)
    }

    pub(crate) fn with_keys(keys: Keys, region: impl Into<String>) -> Self {
        Self { keys, region: region.into() }
    }

    fn headers(&self, key: &AccessKey, request: Unsigned<'_>, now: SystemTime) -> Vec<(&'static str, Secret)> {
        let time = DateTime::<Utc>::from(now).format("%Y%m%dT%H%M%SZ").to_string();
        let date = &time[..8];
        let token = key.session_token.as_ref();
        let mut signed = vec![("content-type", "application/json"), ("host", request.host), ("x-amz-date", &time)];
        signed.extend(token.map(|token| ("x-amz-security-token", token.expose())));
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        // The path is encoded once more than it is sent, as for every service but S3.
        let path: Vec<String> = request.path.split('/').map(path_segment).collect();
        let canonical = format!(
            "POST\n{}\n{}\n{lines}\n{names}\n{}",
            path.join("/"),
            request.query,
            hex(&Sha256::digest(request.body))
        );
        let scope = format!("{date}/{}/{SERVICE}/aws4_request", self.region);
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let secret = format!("AWS4{}", key.secret.expose());
        let signing = [date, &self.region, SERVICE, "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| keyed(&key, part.as_bytes()));
        let signature = hex(&keyed(&signing, text.as_bytes()));
        let authorization =
            format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id);
        let mut headers = vec![("authorization", authorization.into()), ("x-amz-date", time.as_str().into())];
        headers.extend(token.map(|token| ("x-amz-security-token", token.clone())));
        headers
    }
}

#[async_trait]
impl Signer for SigV4 {
    async fn sign(&self, request: Unsigned<'_>) -> Result<Vec<(&'static str, Secret)>> {
        let key = self.keys.get().await?;
        Ok(self.headers(&key, request, SystemTime::now()))
    }
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What botocore 1.44.5, AWS's own library, signs for the same requests.
    #[test]
    fn signatures_are_those_of_the_vendors_library() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000);
        let path = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream";
        let host = "bedrock-runtime.eu-west-1.amazonaws.com";
        let body = r#"{"messages":[]}"#;
        let key = AccessKey::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        for (key, expected) in [(key.clone(), BARE), (key.session_token("token/with+signs=="), TEMPORARY)] {
            let request = Unsigned::new(host, path, "", body.as_bytes());
            let headers = SigV4::new(key.clone(), "eu-west-1").headers(&key, request, now);
            assert_eq!(headers[0].1.expose(), expected);
            assert_eq!(headers[1].1.expose(), "20261130T005320Z");
        }
    }

    const BARE: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261130/eu-west-1/bedrock/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date, \
        Signature=e86619e22d19aea8193592637d6d76c36b83497a0e9fbece36e4649c7e09420a";
    const TEMPORARY: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261130/eu-west-1/bedrock/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
        Signature=3cbbaacc65e832b85b768c04ac2d8292de36d299a9199790ed369853bc797585";

    #[test]
    fn nothing_shows_a_secret() {
        let key = AccessKey::new("AKID", "planted-secret").session_token("planted-token");
        let shown = format!("{:?}", SigV4::new(key, "r"));
        assert!(!shown.contains("planted") && shown.contains("AKID"), "{shown}");
    }
}
