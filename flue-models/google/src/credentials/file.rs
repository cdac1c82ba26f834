//! What stands in a credentials file. No error here quotes any of it but the file's type.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::Secret;
use serde::Deserialize;

use super::jwt::Key;
use super::{MAX_CREDENTIALS_BYTES, TOKEN_URL};

const OPERATION: &str = "read Google credentials";

/// Who asks.
#[derive(Clone)]
pub(super) enum Account {
    /// A service account, by a key that signs.
    Service { email: String, key_id: Option<String>, key: Key },
    /// A user, by a token that lasts until it is withdrawn.
    User { client_id: String, client_secret: Secret, refresh_token: Secret, quota_project: Option<String> },
}

/// The fields of both types.
#[derive(Deserialize)]
pub(super) struct CredentialsFile {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<Secretly>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secretly>,
    refresh_token: Option<Secretly>,
    quota_project_id: Option<String>,
}

/// A secret as it is read.
#[derive(Deserialize)]
#[serde(transparent)]
struct Secretly(String);

pub(super) fn read(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::Config,
            _ => ErrorKind::Io,
        };
        Error::new(kind, OPERATION, "the credentials file cannot be read").with_source(error)
    };
    let mut text = String::new();
    // One byte more tells a file that is too long.
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_CREDENTIALS_BYTES as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

impl CredentialsFile {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_CREDENTIALS_BYTES {
            return Err(bad(format!("it is longer than {MAX_CREDENTIALS_BYTES} bytes, so it is no credentials file")));
        }
        // Not what the parser says beyond the place: that quotes values.
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            bad(format!(
                "it is not a JSON document with credentials (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// Where tokens come from. A user's are always Google's: what `gcloud` writes for one names no endpoint.
    pub(super) fn token_url(&self) -> String {
        match (self.kind.as_deref(), &self.token_uri) {
            (Some("service_account"), Some(url)) => url.clone(),
            _ => TOKEN_URL.to_owned(),
        }
    }

    pub(super) fn account(self) -> Result<Account> {
        match self.kind.as_deref() {
            Some("service_account") => {
                let kind = "service_account";
                Ok(Account::Service {
                    email: given(self.client_email, kind, "client_email")?,
                    key_id: self.private_key_id,
                    key: Key::from_pem(&given(self.private_key.map(|key| key.0), kind, "private_key")?)?,
                })
            }
            Some("authorized_user") => {
                let kind = "authorized_user";
                Ok(Account::User {
                    client_id: given(self.client_id, kind, "client_id")?,
                    client_secret: given(self.client_secret.map(|key| key.0), kind, "client_secret")?.into(),
                    refresh_token: given(self.refresh_token.map(|key| key.0), kind, "refresh_token")?.into(),
                    quota_project: self.quota_project_id,
                })
            }
            kind => Err(bad(format!(
                "its type is {}; those that are read are service_account and authorized_user. For others set \
                 {} to what `gcloud auth print-access-token` prints",
                kind.map_or("not said".to_owned(), |kind| format!("{kind:?}")),
                crate::VERTEX_TOKEN_VARIABLE
            ))),
        }
    }
}

fn given(value: Option<String>, kind: &str, name: &str) -> Result<String> {
    value.filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        let again = match kind {
            "service_account" => "make a new key of the account and take its file as it is",
            _ => "write it again: gcloud auth application-default login",
        };
        bad(format!("it is of type {kind} and has no {name}; {again}"))
    })
}

pub(super) fn bad(why: String) -> Error {
    Error::new(ErrorKind::Config, OPERATION, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = CredentialsFile::parse(text).and_then(CredentialsFile::account).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        format!("{error:?} {error:#}")
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not_quoted() {
        for (text, said) in [
            ("", "not a JSON document with credentials (line 1, column 0)"),
            ("\"planted\"", "(line 1"),
            (r#"{"client_secret":["planted"]}"#, "(line 1"),
            (r#"{"private_key":"planted"}"#, "its type is not said; those that are read are"),
            (r#"{"type":"external_account"}"#, "its type is \"external_account\""),
            (r#"{"type":"external_account"}"#, "gcloud auth print-access-token"),
            (r#"{"type":"service_account","private_key":"planted"}"#, "no client_email; make a new key"),
            (r#"{"type":"service_account","client_email":"a@b","private_key":" "}"#, "no private_key"),
            (r#"{"type":"service_account","client_email":"a@b","private_key":"planted"}"#, "private_key is no"),
            (r#"{"type":"authorized_user","client_secret":"planted"}"#, "no client_id; write it again"),
            (r#"{"type":"authorized_user","client_secret":"planted","client_id":"i"}"#, "no refresh_token"),
            (&"x".repeat(MAX_CREDENTIALS_BYTES + 1), "longer than 65536 bytes"),
        ] {
            let error = error(text);
            assert!(error.contains(said) && !error.contains("planted"), "{error}");
        }
    }

    #[test]
    fn a_users_tokens_come_from_google_alone() {
        let url = |kind: &str| {
            CredentialsFile::parse(&format!(r#"{{"type":"{kind}","token_uri":"https://elsewhere"}}"#))
                .unwrap()
                .token_url()
        };
        assert_eq!(url("service_account"), "https://elsewhere");
        assert_eq!(url("authorized_user"), TOKEN_URL);
    }
}
