//! What decoding costs, a codec at a time, beside parsing the same JSON and nothing else.
//!
//! `cargo bench -p flue-models --all-features` measures; without `--bench`, as in a test run, each is decoded once.

#![expect(clippy::print_stdout, reason = "a program that reports to whoever started it")]
#![expect(clippy::unwrap_used, reason = "what cannot be decoded cannot be measured")]

#[path = "../tests/it/codecs.rs"]
#[expect(dead_code, reason = "the tests look at more of a case")]
mod codecs;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flue_models_kit::{FrameParser, ReplyFormat, SseEvent, SseParser, decode};

/// How long each is measured.
const TIME: Duration = Duration::from_millis(1500);
/// Bytes of a piece in which a reply comes: about a packet.
const PIECE_BYTES: usize = 1400;

/// The system's allocator, which counts.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe to write; this one hands everything on")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as of the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as of the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` ran in [`TIME`], how long that took, and what one run allocated. Once only, if not `measured`.
fn run(measured: bool, mut work: impl FnMut()) -> (f64, f64) {
    work();
    let (before, begun, mut runs) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now(), 0_u32);
    loop {
        work();
        runs += 1;
        if !measured || begun.elapsed() >= TIME {
            break;
        }
    }
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (begun.elapsed().as_secs_f64() / f64::from(runs), number(allocations) / f64::from(runs))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

/// The JSON of each event.
fn payloads(format: ReplyFormat, reply: &[u8]) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut take = |event: SseEvent<'_>| {
        payloads.push(event.data.to_owned());
        Ok(())
    };
    if format == ReplyFormat::Frames {
        FrameParser::new().feed(reply, &mut take).unwrap();
    } else {
        SseParser::new().feed(reply, &mut take).unwrap();
    }
    payloads.retain(|data| data.starts_with('{'));
    payloads
}

fn main() {
    let measured = std::env::args().any(|arg| arg == "--bench");
    println!(
        "{:<12} {:>8} {:>10} {:>12} {:>10} {:>12}",
        "codec", "events", "MB/s", "allocs/event", "JSON MB/s", "allocs/event"
    );
    for case in codecs::all() {
        let reply = case.replies[0];
        let pieces: Vec<&[u8]> = reply.chunks(PIECE_BYTES).collect();
        let json = payloads(case.format, reply);
        let (decoding, allocated) = run(measured, || {
            black_box(decode(&*case.codec, case.format, black_box(&pieces)).unwrap());
        });
        let (parsing, parsed) = run(measured, || {
            for payload in &json {
                black_box(serde_json::from_str::<serde_json::Value>(black_box(payload)).unwrap());
            }
        });
        let bytes = number(reply.len() as u64) / 1e6;
        let events = number(json.len() as u64);
        println!(
            "{:<12} {events:>8} {:>10.1} {:>12.1} {:>10.1} {:>12.1}",
            case.name,
            bytes / decoding,
            allocated / events,
            bytes / parsing,
            parsed / events,
        );
    }
}
