//! Compaction: making room in a conversation that is about to outgrow its model.
//!
//! First the results of old tool calls are trimmed. When that is not enough, everything before the newest messages is summarised
//! by a model, and the summary takes its place. Nothing is removed from the store: its entries say what the model is shown.
//!
//! Invariant: a compaction changes what the next turn sees, at a point where every tool call is answered. One that fails or is
//! cancelled changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::summary::{self, Files};
use super::turns::{delay_before_retry, millis};
use super::{RunContext, Transcript};
use crate::agent::Compaction;
use crate::clock::unix_ms;
use crate::event::{ErrorSummary, Event, Events};
use crate::limits::Spent;
use crate::model::{Body, Message, Model, ModelInfo, ModelRequest, ThinkingLevel, Usage, collect};
use crate::store::EntryKind;
use crate::{Error, ErrorKind, Result};

/// What compactions are called in their errors.
pub(super) const OPERATION: &str = "compact";

/// How many characters a token has, about.
const CHARS_PER_TOKEN: usize = 4;
/// What an image counts for in characters.
const IMAGE_CHARS: usize = 4800;
/// The room that is kept free, in tokens, for a model with a large window.
const RESERVE: u64 = 20_000;
/// The least room that is kept free.
const LEAST_RESERVE: u64 = 1024;
/// How much of the newest conversation is kept as it is, in tokens.
const KEEP_RECENT: u64 = 8_000;
/// The longest summary, in tokens.
const MAX_SUMMARY: u64 = 16_000;
/// How much a summariser is shown at once when its window is not known, in tokens.
const UNKNOWN_WINDOW: u64 = 100_000;

/// The least that a summariser is shown at once, in tokens, however often it finds that too much.
const LEAST_PART: u64 = 256;

/// Why room is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompactionReason {
    /// The conversation has come close to the model's window.
    Threshold,
    /// The model's provider refused it as too long.
    Overflow,
    /// The caller wants it.
    Manual,
}

/// How many tokens a message has, about.
pub(super) fn estimate(message: &Message) -> u64 {
    let text = |text: &str| text.chars().count();
    let chars = match &message.body {
        Body::User(user) => user.content.iter().map(|block| block_chars(block, 0)).sum(),
        Body::ToolResult(result) => result.content.iter().map(|block| block_chars(block, IMAGE_CHARS)).sum(),
        Body::Assistant(assistant) => {
            let calls: usize = assistant.tool_calls().map(|call| text(&call.name) + text(&call.arguments)).sum();
            let said: usize = assistant
                .content
                .iter()
                .map(|block| match block {
                    crate::model::AssistantBlock::Text(said) => text(&said.text),
                    crate::model::AssistantBlock::Thinking(thinking) => text(&thinking.text),
                    _ => 0,
                })
                .sum();
            calls + said
        }
    };
    chars.div_ceil(CHARS_PER_TOKEN) as u64
}

fn block_chars(block: &crate::model::UserBlock, image: usize) -> usize {
    match block {
        crate::model::UserBlock::Text { text } => text.chars().count(),
        crate::model::UserBlock::Image(_) => image,
    }
}

/// How much room there is, and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    /// The model's window; `None` when it is not known.
    window: Option<u64>,
    reserve: u64,
    keep_recent: u64,
}

impl Room {
    fn of(compaction: &Compaction, info: &ModelInfo) -> Self {
        let window = info.context_window.filter(|window| *window > 0);
        let mut reserve = info.max_output.filter(|max| *max > 0).map_or(RESERVE, |max| max.min(RESERVE));
        let mut keep_recent = KEEP_RECENT;
        if let Some(window) = window {
            if reserve.saturating_mul(2) >= window {
                reserve = (window / 3).max(LEAST_RESERVE);
            }
            keep_recent = keep_recent.min(window / 4);
        }
        Self {
            window,
            reserve: compaction.reserve_tokens.unwrap_or(reserve),
            keep_recent: compaction.keep_recent_tokens.unwrap_or(keep_recent),
        }
    }

    /// The most tokens that a conversation may have; `None` when that is not known.
    fn most(&self) -> Option<u64> {
        self.window.map(|window| window.saturating_sub(self.reserve))
    }
}

/// Makes room before a turn, when the conversation has come close to the window. A failure is told and the session goes on.
///
/// # Errors
/// Those of the store, and cancelling.
pub(super) async fn before_turn(cx: &RunContext, transcript: &mut Transcript, usage: &mut Usage) -> Result<()> {
    let compaction = &cx.shared.agent.compaction;
    let room = Room::of(compaction, cx.model.info());
    let Some(most) = room.most().filter(|most| compaction.at_threshold && transcript.view().tokens() > *most) else {
        return Ok(());
    };
    if trim(cx, transcript, room, most).await? {
        return Ok(());
    }
    match summarise(cx, transcript, CompactionReason::Threshold, usage).await {
        Err(error) if error.operation() == OPERATION && !error.is_cancelled() => {
            tracing::warn!(error = error.kind().name(), "the conversation was not compacted");
            Ok(())
        }
        made => made.map(|_| ()),
    }
}

/// Trims the results of old tool calls, if that makes room enough.
async fn trim(cx: &RunContext, transcript: &mut Transcript, room: Room, most: u64) -> Result<bool> {
    /// What has to be free for the trimming to have been worth it, as a part of the most there may be.
    const WORTH: u64 = 5;
    let Some(cut) = cut(transcript, room.keep_recent) else { return Ok(false) };
    let before = transcript.view().place(cut);
    let freed = transcript.view().trimmable(cut);
    if transcript.view().tokens().saturating_sub(freed) > most - most / WORTH {
        return Ok(false);
    }
    let messages = transcript.messages().len();
    let mut record = Record::begin(&cx.events, CompactionReason::Threshold, transcript.view().tokens(), messages);
    transcript.record(EntryKind::Trimmed { before }, None).await?;
    record.end(messages, Usage::default(), None);
    Ok(true)
}

/// Summarises all but the newest messages, and adds what that cost to `usage`. Whether there was anything to summarise.
///
/// # Errors
/// Those of the summarising model, as errors of `compact`; those of the store.
pub(super) async fn summarise(
    cx: &RunContext,
    transcript: &mut Transcript,
    reason: CompactionReason,
    usage: &mut Usage,
) -> Result<bool> {
    let compaction = &cx.shared.agent.compaction;
    let room = Room::of(compaction, cx.model.info());
    let Some(cut) = cut(transcript, room.keep_recent) else { return Ok(false) };
    let begun = Instant::now();
    let before = transcript.messages().len();
    let mut record = Record::begin(&cx.events, reason, transcript.view().tokens(), before);
    let model = compaction.model.as_ref().unwrap_or(&cx.model);
    let mut cost = Usage::default();
    let made = write(cx, &**model, transcript, cut, &mut cost).await;
    *usage += cost;
    cx.ledger.charge(&Spent { usage: cost, time: begun.elapsed(), ..Spent::default() });
    let stored = match made {
        Ok((summary, files)) => {
            let kind = EntryKind::Compacted {
                reason,
                summary,
                first_kept: transcript.view().place(cut),
                read_files: files.read,
                modified_files: files.modified,
                usage: cost,
            };
            transcript.record(kind, Some(begun.elapsed())).await
        }
        Err(error) => Err(error),
    };
    record.end(transcript.messages().len(), cost, stored.as_ref().err());
    stored.map(|()| true)
}

/// Where the newest messages begin that are kept as they are: at least about `keep` tokens of them, from a message on that is no
/// tool's result. `None` when there is nothing before them to summarise.
fn cut(transcript: &Transcript, keep: u64) -> Option<usize> {
    let messages = transcript.messages();
    let mut kept = 0;
    let at = messages.iter().rposition(|message| {
        kept += estimate(message);
        kept >= keep
    })?;
    let is_start = |message: &Arc<Message>| !matches!(message.body, Body::ToolResult(_));
    let after = messages[at..].iter().position(is_start).map(|more| at + more);
    // When the newest results alone are that much, they are kept with the calls that they answer.
    let cut = after.or_else(|| messages[..at].iter().rposition(is_start))?;
    (cut > transcript.view().first_message()).then_some(cut)
}

/// The summary of what lies before `cut`, and the files that it was about.
async fn write(
    cx: &RunContext,
    model: &dyn Model,
    transcript: &Transcript,
    cut: usize,
    usage: &mut Usage,
) -> Result<(String, Files)> {
    let room = Room::of(&cx.shared.agent.compaction, model.info());
    let mut at_once = room.most().unwrap_or(UNKNOWN_WINDOW).max(LEAST_RESERVE);
    let max_output = (room.reserve / 5 * 4).clamp(LEAST_RESERVE / 2, MAX_SUMMARY);
    loop {
        match write_parts(cx, model, transcript, cut, at_once, max_output, usage).await {
            // What is known of the window, or the estimate, was wrong.
            Err(error) if error.kind() == ErrorKind::ContextOverflow && at_once > LEAST_PART => at_once /= 2,
            written => return written,
        }
    }
}

/// As [`write`], showing the summariser `at_once` tokens at a time.
async fn write_parts(
    cx: &RunContext,
    model: &dyn Model,
    transcript: &Transcript,
    cut: usize,
    at_once: u64,
    max_output: u64,
    usage: &mut Usage,
) -> Result<(String, Files)> {
    let most_bytes = usize::try_from(at_once).unwrap_or(usize::MAX).saturating_mul(CHARS_PER_TOKEN);
    let (mut summary, files) = transcript.view().summary().cloned().unzip();
    let mut files: Files = files.unwrap_or_default();
    let mut part = String::new();
    let mut messages = transcript.messages()[transcript.view().first_message()..cut].iter().peekable();
    while let Some(message) = messages.next() {
        files.note(message);
        part.push_str(&summary::paragraphs(message));
        let next = messages.peek().map(|next| summary::paragraphs(next).len());
        if next.is_none_or(|next| part.len() + next > most_bytes) {
            let text = summary::request(part.trim(), summary.as_deref());
            summary = Some(ask(cx, model, text, max_output, usage).await?);
            part.clear();
        }
    }
    Ok((summary.unwrap_or_default(), files))
}

/// One request to the summariser, tried again like a turn.
async fn ask(cx: &RunContext, model: &dyn Model, text: String, max_output: u64, usage: &mut Usage) -> Result<String> {
    let policy = &cx.shared.agent.retry;
    let thinking = if model.info().reasoning { ThinkingLevel::High } else { ThinkingLevel::Off };
    let mut attempt = 0;
    loop {
        let mut request = ModelRequest::new(vec![Message::user(text.clone())]);
        request.system = summary::SYSTEM.into();
        request.thinking = thinking;
        request.max_output = Some(max_output);
        let asked = async { collect(model.stream(request).await?, |_| {}).await };
        let turn = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(Error::cancelled(OPERATION)),
            turn = asked => turn,
        };
        let error = match turn {
            Ok(turn) => {
                *usage += turn.finish.usage;
                let said = turn.into_assistant(model.info().origin.clone()).text();
                if !said.trim().is_empty() {
                    return Ok(said);
                }
                failed(Error::new(ErrorKind::Protocol, "read summary", "the model wrote nothing"))
            }
            Err(error) => error,
        };
        let delay = delay_before_retry(policy, &error, attempt, &(unix_ms(&*cx.shared.agent.clock), &cx.session));
        let Some(delay) = delay else { return Err(failed(error)) };
        attempt += 1;
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = cx.cancel.cancelled() => return Err(Error::cancelled(OPERATION)),
        }
    }
}

fn failed(error: Error) -> Error {
    Error::new(error.kind(), OPERATION, "the conversation could not be summarised").with_source(error)
}

/// Reports a compaction's start, and its end exactly once, also when it is dropped.
struct Record<'a> {
    events: &'a Events,
    messages: usize,
    begun: Instant,
    ended: bool,
}

impl<'a> Record<'a> {
    fn begin(events: &'a Events, reason: CompactionReason, tokens: u64, messages: usize) -> Self {
        events.emit(|| Event::CompactionStarted { reason, tokens });
        Self { events, messages, begun: Instant::now(), ended: false }
    }

    fn end(&mut self, messages_after: usize, usage: Usage, error: Option<&Error>) {
        self.ended = true;
        self.events.emit(|| Event::CompactionFinished {
            messages_before: self.messages,
            messages_after,
            usage,
            duration_ms: millis(self.begun.elapsed()),
            error: error.map(ErrorSummary::from),
        });
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(self.messages, Usage::default(), Some(&Error::cancelled(OPERATION)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_the_model_and_what_was_said() {
        let info = |window: Option<u64>, output: Option<u64>| {
            let mut info = ModelInfo::new("p", "a", "m");
            (info.context_window, info.max_output) = (window, output);
            info
        };
        let of = |compaction: &Compaction, window, output| {
            let room = Room::of(compaction, &info(window, output));
            (room.most(), room.reserve, room.keep_recent)
        };
        let usual = Compaction::default();
        assert_eq!(of(&usual, Some(200_000), Some(64_000)), (Some(180_000), 20_000, 8000));
        assert_eq!(of(&usual, Some(200_000), Some(4096)), (Some(195_904), 4096, 8000));
        assert_eq!(of(&usual, Some(30_000), None), (Some(20_000), 10_000, 7500));
        assert_eq!(of(&usual, Some(1200), None), (Some(176), 1024, 300));
        assert_eq!(of(&usual, None, Some(0)), (None, 20_000, 8000));
        assert_eq!(of(&usual, Some(0), None), (None, 20_000, 8000));
        let own = Compaction::default().with_reserve_tokens(7).with_keep_recent_tokens(9);
        assert_eq!(of(&own, Some(100), None), (Some(93), 7, 9));
    }
}
