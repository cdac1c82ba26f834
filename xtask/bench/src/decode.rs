//! `decode`: every codec on replies of its provider, beside the JSON in them parsed into values and nothing else.

use std::hint::black_box;

use allocation_counter::measure as allocations_of;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{FrameParser, ReplyFormat, SseEvent, SseParser};
use serde_json::Value;

use crate::clock::own_cpu_ns;
use crate::measure::Bench;
use crate::stats::Spread;
use crate::table::Row;

/// The same replies that the tests of `flue-models` decode.
#[path = "../../../flue-models/tests/it/codecs.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the tests look at more of a case")]
mod codecs;

/// Decodings of each reply in one round.
const DECODINGS: usize = 500;
/// Bytes of a piece in which a reply comes: about a packet.
const PIECE_BYTES: usize = 1400;

const RATE: &str = "bytes of replies as they come over the wire by processor time, from bytes to what the harness gets; beside it, the \
    JSON in the same replies parsed into values by serde_json";
const ALLOCATIONS: &str = "allocations and reallocations for each event of a reply; beside it, those of the values";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for case in codecs::all() {
        let decode = || {
            case.replies.iter().try_for_each(|reply| {
                let pieces: Vec<&[u8]> = reply.chunks(PIECE_BYTES).collect();
                flue_models_kit::decode(&*case.codec, case.format, black_box(&pieces)).map(|turn| drop(black_box(turn)))
            })
        };
        let payloads = payloads(case.format, &case.replies)?;
        let parse = || {
            payloads.iter().try_for_each(|payload| {
                let value = serde_json::from_str::<Value>(black_box(payload));
                value.map(|value| drop(black_box(value))).map_err(|error| {
                    Error::new(ErrorKind::Protocol, "parse a recorded reply", "it is not JSON").with_source(error)
                })
            })
        };
        let megabytes = count(DECODINGS * case.replies.iter().map(|reply| reply.len()).sum::<usize>()) / 1e6;
        let (mut decoded, mut parsed) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds() {
            parsed.push(megabytes / seconds(parse)?);
            decoded.push(megabytes / seconds(decode)?);
        }
        let events = count(payloads.len());
        rows.push(
            Row::new(format!("decode {}: MB/s", case.name), Spread::of(decoded), RATE).beside(Spread::of(parsed)),
        );
        let row = Row::new(
            format!("decode {}: allocations an event", case.name),
            Spread::exactly(allocations(decode)? / events),
            ALLOCATIONS,
        );
        rows.push(row.beside(Spread::exactly(allocations(parse)? / events)));
    }
    Ok(rows)
}

/// The JSON of each event.
fn payloads(format: ReplyFormat, replies: &[&[u8]]) -> Result<Vec<String>> {
    let mut payloads = Vec::new();
    let mut take = |event: SseEvent<'_>| {
        payloads.push(event.data.to_owned());
        Ok(())
    };
    for reply in replies {
        match format {
            ReplyFormat::Frames => FrameParser::new().feed(reply, &mut take)?,
            _ => SseParser::new().feed(reply, &mut take)?,
        }
    }
    payloads.retain(|data| data.starts_with('{'));
    Ok(payloads)
}

/// Processor time of [`DECODINGS`] times `work`.
fn seconds(work: impl Fn() -> Result<()>) -> Result<f64> {
    let before = own_cpu_ns();
    (0..DECODINGS).try_for_each(|_| work())?;
    Ok(count(usize::try_from(own_cpu_ns() - before).unwrap_or(usize::MAX)) / 1e9)
}

/// What `work` allocates, once everything is warm.
fn allocations(work: impl Fn() -> Result<()>) -> Result<f64> {
    let mut done = work();
    let counted = allocations_of(|| done = work());
    done.map(|()| count(usize::try_from(counted.count_total).unwrap_or(usize::MAX)))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(count: usize) -> f64 {
    count as f64
}
