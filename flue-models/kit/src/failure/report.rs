//! What a provider writes about a failure, read with tolerance: every server words its error document differently.

use std::time::Duration;

use serde_json::Value;

/// The most characters of a provider's own text that an error shows.
const SHOWN_CHARS: usize = 4000;

pub(super) struct Report {
    pub(super) message: String,
    codes: Vec<String>,
    /// A status that stands in the document in place of a code, as OpenRouter has it.
    pub(super) status: Option<u16>,
    pub(super) request_id: Option<String>,
    /// When to try again, as Google says it: a duration among the details.
    pub(super) retry_delay: Option<Duration>,
}

impl Report {
    pub(super) fn of_body(body: &[u8], status: u16) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut report = Self::of_event(&text);
        if report.message.is_empty() {
            report.message = match status {
                300..=399 => "the server sends to another address; set the base URL to where the API is".to_owned(),
                _ => format!("the server answered with status {status} and nothing else"),
            };
        }
        report
    }

    pub(super) fn of_event(json: &str) -> Self {
        let mut document = serde_json::from_str(json).unwrap_or(Value::Null);
        // Gemini wraps the error document in an array.
        if let Some(first) = document.get_mut(0) {
            document = first.take();
        }
        let inner = document.get("error").or_else(|| document.pointer("/response/error")).filter(|e| !e.is_null());
        let error = inner.unwrap_or(&document);

        let codes: Vec<String> = ["/code", "/type", "/status", "/details/error_code"]
            .iter()
            .filter_map(|path| text_of(error.pointer(path)?))
            .collect();
        let status = codes.iter().find_map(|code| code.parse().ok().filter(|code| (300..=599).contains(code)));
        let mut message = error
            .as_str()
            .map(str::to_owned)
            .or_else(|| ["message", "detail", "msg"].iter().find_map(|key| text_of(error.get(key)?)))
            .unwrap_or_default();
        if let Some(upstream) = error.pointer("/metadata/raw").and_then(text_of) {
            message = format!("{message}: {upstream}");
        }
        if message.is_empty() {
            message = fallback(json);
        }
        let request_id = document.get("request_id").and_then(text_of);
        Self { message: shorten(&message), codes, status, request_id, retry_delay: retry_delay(error) }
    }

    /// The most telling code: a word before a number.
    pub(super) fn code(&self) -> Option<&str> {
        let word = self.codes.iter().find(|code| code.parse::<u64>().is_err());
        word.or(self.codes.first()).map(String::as_str)
    }

    pub(super) fn has_code(&self, any_of: &[&str]) -> bool {
        self.codes.iter().any(|code| any_of.contains(&code.as_str()))
    }
}

/// The `retryDelay` of a `google.rpc.RetryInfo`: `"34s"`, `"0.5s"`.
fn retry_delay(error: &Value) -> Option<Duration> {
    let mut details = error.get("details")?.as_array()?.iter();
    let delay = details.find_map(|detail| detail.get("retryDelay")?.as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok().filter(|delay| !delay.is_zero())
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

fn fallback(body: &str) -> String {
    let body = body.trim();
    if body.starts_with('<') {
        "the server answered with a web page, not with the API's error".to_owned()
    } else {
        body.to_owned()
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}… [cut, {} bytes in all]", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
