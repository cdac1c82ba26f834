//! The control API: machines as the provider describes them.

use std::time::Duration;

use chrono::DateTime;
use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_remote_kit::Labels;
use flue_sandbox_remote_kit::http::{Http, Method};
use serde::Deserialize;
use serde_json::{Value, json};

/// The most pages of a listing that are read.
const MAX_PAGES: usize = 200;
/// The header that names the next page of a listing, and the parameter that asks for it.
const NEXT: (&str, &str) = ("x-next-token", "nextToken");

/// The control API with its credentials.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) http: Http,
}

/// A machine, as far as this library asks. The fields have the interface's names.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Sandbox {
    #[serde(rename = "sandboxID")]
    pub(crate) id: String,
    #[serde(rename = "envdAccessToken")]
    pub(crate) token: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) metadata: Option<Labels>,
    pub(crate) state: Option<String>,
    #[serde(rename = "endAt")]
    end_at: Option<String>,
}

impl Sandbox {
    pub(crate) fn is_paused(&self) -> bool {
        self.state.as_deref() == Some("paused")
    }

    /// When the provider ends it, in seconds since 1970.
    pub(crate) fn ends(&self) -> Option<i64> {
        let at = DateTime::parse_from_rfc3339(self.end_at.as_deref()?).ok()?;
        (!self.is_paused()).then(|| at.timestamp())
    }
}

impl Api {
    pub(crate) async fn create(&self, body: &Value) -> Result<Sandbox> {
        // Sent once: a machine that was made and not told of would be nobody's.
        let request = self.http.request("create", Method::POST, &["v2", "sandboxes"])?.json(body)?.patient();
        request.done().await.map_err(|refused| refused.error)?.json().await
    }

    pub(crate) async fn get(&self, operation: &'static str, id: &str) -> Result<Sandbox> {
        let request = self.http.request(operation, Method::GET, &["sandboxes", id])?;
        request.repeat().await.map_err(named(id))?.json().await
    }

    /// As [`Api::get`], asked once.
    pub(crate) async fn look(&self, id: &str) -> Result<Sandbox> {
        let request = self.http.request("probe", Method::GET, &["sandboxes", id])?;
        request.done().await.map_err(|refused| refused.error)?.json().await
    }

    /// The machines that carry these labels, paused ones too.
    pub(crate) async fn find(&self, labels: &Labels) -> Result<Vec<Sandbox>> {
        let filter = labels.iter().map(|(key, value)| format!("{}={}", twice(key), twice(value)));
        let filter = filter.collect::<Vec<_>>().join("&");
        let (mut found, mut next) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let request = self.http.request("find", Method::GET, &["v2", "sandboxes"])?;
            let mut request = request.query("metadata", &filter).query("state", "running,paused");
            if let Some(next) = &next {
                request = request.query(NEXT.1, next);
            }
            let reply = request.repeat().await?;
            next = reply.header(NEXT.0).filter(|next| !next.is_empty()).map(str::to_owned);
            found.extend(reply.json::<Vec<Sandbox>>().await?);
            if next.is_none() {
                return Ok(found);
            }
        }
        let why = "the account has more machines than are looked through; delete those that are not needed";
        Err(Error::new(ErrorKind::LimitExceeded, "find", why).with("pages", MAX_PAGES))
    }

    /// Resumes a machine that is paused, and has it live for so long from now.
    pub(crate) async fn connect(&self, id: &str, life: Duration) -> Result<Sandbox> {
        let request = self.http.request("attach", Method::POST, &["sandboxes", id, "connect"])?;
        let request = request.json(&json!({"timeout": seconds(life)}))?;
        request.repeat().await.map_err(named(id))?.json().await
    }

    pub(crate) async fn set_life(&self, operation: &'static str, id: &str, life: Duration) -> Result<()> {
        let request = self.http.request(operation, Method::POST, &["sandboxes", id, "timeout"])?;
        request.json(&json!({"timeout": seconds(life)}))?.repeat().await.map(drop).map_err(named(id))
    }

    pub(crate) async fn pause(&self, id: &str) -> Result<()> {
        match self.http.request("stop", Method::POST, &["sandboxes", id, "pause"])?.patient().repeat().await {
            // It is paused already.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            paused => paused.map(drop).map_err(named(id)),
        }
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        match self.http.request("delete", Method::DELETE, &["sandboxes", id])?.repeat().await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(named(id)(error)),
            _ => Ok(()),
        }
    }
}

/// Whole seconds, never less.
pub(crate) fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// Says which machine an error is about.
fn named(id: &str) -> impl Fn(Error) -> Error {
    move |error| error.with("machine", id)
}

/// Encoded twice: the filter is a query of its own, whose names and values the official clients encode before they put it
/// together; the parameter that it is in is encoded once more.
fn twice(text: &str) -> String {
    encoded(&encoded(text))
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_encoded_twice_and_time_is_never_less() {
        assert_eq!(twice("a b"), "a%2520b");
        assert_eq!(twice("flue-owner"), "flue-owner");
        assert_eq!((seconds(Duration::from_millis(1)), seconds(Duration::from_secs(2))), (1, 2));
    }
}
