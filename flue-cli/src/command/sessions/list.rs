//! The sessions of a store, a line each.

use std::time::Duration;

use flue_core::model::{Body, UserBlock};
use flue_core::store::{Archive, Entry, EntryKind};
use serde::Serialize;

use super::now_ms;
use crate::exit::Failure;
use crate::output;
use crate::progress::words::one_line;
use crate::store::spoken;

/// The most characters of a name that its column has.
const MAX_NAME: usize = 24;
/// The most characters of the first message that are shown.
const MAX_FIRST: usize = 36;

/// A session. Fields of the JSON form are added, never changed.
#[derive(Debug, Serialize)]
struct Listed {
    session: String,
    messages: usize,
    /// All that is stored, for `fork --at`.
    entries: usize,
    /// When something was stored last, in milliseconds since the Unix epoch.
    used_ms: u64,
    /// How the first message begins.
    first: String,
}

impl Listed {
    fn new(name: &str, entries: &[Entry]) -> Self {
        Self {
            session: name.to_owned(),
            messages: spoken(entries).count(),
            entries: entries.len(),
            used_ms: entries.last().map_or(0, |entry| entry.at_ms),
            first: entries.iter().find_map(first_words).unwrap_or_default(),
        }
    }
}

/// Prints the sessions, the one that was used last first.
pub(super) async fn list(archive: &Archive, json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for name in archive.list().await.map_err(Failure::failed)? {
        match archive.entries(&name).await {
            Ok(entries) => all.push(Listed::new(&name, &entries)),
            // One that cannot be read does not hide the others.
            Err(error) => output::complain(&error),
        }
    }
    all.sort_by(|a, b| b.used_ms.cmp(&a.used_ms).then_with(|| a.session.cmp(&b.session)));
    if json {
        return output::print_json(&all);
    }
    if all.is_empty() {
        output::note("there are no sessions here; `flue run --session NAME` makes one");
        return Ok(());
    }
    let width = all.iter().map(|one| one.session.chars().count().min(MAX_NAME)).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  {:>8}  {:>6}  BEGINS\n", "NAME", "MESSAGES", "USED");
    for one in &all {
        let name = one_line(&one.session, MAX_NAME);
        let used = ago(now_ms().saturating_sub(one.used_ms));
        text.push_str(&format!("{name:width$}  {:>8}  {used:>6}  {}\n", one.messages, one.first));
    }
    output::print_text(&text)
}

fn first_words(entry: &Entry) -> Option<String> {
    let EntryKind::Message { message } = &entry.kind else { return None };
    let Body::User(user) = &message.body else { return None };
    user.content.iter().find_map(|block| match block {
        UserBlock::Text { text } => Some(one_line(text, MAX_FIRST)),
        _ => None,
    })
}

/// How long ago, in the largest unit that fits: `12s`, `5m`, `3h`, `40d`.
fn ago(ms: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(24 * 3600, "d"), (3600, "h"), (60, "m")];
    let seconds = Duration::from_millis(ms).as_secs();
    let unit = UNITS.into_iter().find(|(unit, _)| seconds >= *unit);
    let (count, name) = unit.map_or((seconds, "s"), |(unit, name)| (seconds / unit, name));
    format!("{count}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        assert_eq!([0, 59_000, 60_000, 7_200_000, 90_000_000].map(ago), ["0s", "59s", "1m", "2h", "1d"]);
    }
}
