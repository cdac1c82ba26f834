//! What the values of one run take, how deep they are, and how long when written out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::machine::Stop;

/// Levels of arrays and objects in each other. `jq` reads no more either; freeing a value recurses as deep as it is.
pub(in super::super) const MAX_DEPTH: u32 = 10_000;
/// What a value on the heap costs beside its contents.
const OVERHEAD_BYTES: usize = 64;

/// How deep a value is, and about how long when it is written out. Parts that are shared count as often as they are
/// there: what goes through a value takes that long.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Extent {
    pub(super) depth: u32,
    pub(super) length: usize,
}

impl Extent {
    pub(super) fn add(&mut self, part: Self) {
        self.depth = self.depth.max(part.depth + 1);
        self.length = self.length.saturating_add(part.length);
    }

    /// The same behind a key.
    pub(super) fn with_key(mut self, key: &str) -> Self {
        self.length = self.length.saturating_add(key.len());
        self
    }

    /// Takes a part out. The depth stays, as a bound.
    pub(super) fn remove(&mut self, part: Self) {
        self.length = self.length.saturating_sub(part.length);
    }
}

/// Counts the bytes of all live values of a run. The count is looked at between steps, and before large steps.
#[derive(Debug)]
pub(in super::super) struct Heap {
    live: AtomicUsize,
    limit: usize,
    too_deep: AtomicBool,
    too_long: AtomicBool,
}

impl Heap {
    pub(in super::super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            live: AtomicUsize::new(0),
            limit,
            too_deep: AtomicBool::new(false),
            too_long: AtomicBool::new(false),
        })
    }

    /// Whether all is within its bounds with `more` bytes.
    pub(in super::super) fn admit(&self, more: usize) -> Result<(), Stop> {
        if self.live.load(Ordering::Relaxed).saturating_add(more) > self.limit {
            return Err(Stop::Fatal(format!(
                "values of more than {} bytes (four times VirtualLimits::memory_bytes)",
                self.limit
            )));
        }
        if self.too_deep.load(Ordering::Relaxed) {
            return Err(Stop::Fatal(format!("values nest deeper than {MAX_DEPTH} levels")));
        }
        if self.too_long.load(Ordering::Relaxed) {
            return Err(Stop::Fatal(format!(
                "a value of more than {} bytes when written out (four times VirtualLimits::memory_bytes)",
                self.limit
            )));
        }
        Ok(())
    }

    /// Takes note of a value that there is now.
    pub(super) fn note(&self, extent: Extent) {
        if extent.depth > MAX_DEPTH {
            self.too_deep.store(true, Ordering::Relaxed);
        }
        if extent.length > self.limit {
            self.too_long.store(true, Ordering::Relaxed);
        }
    }

    fn add(&self, bytes: usize) {
        self.live.fetch_add(bytes, Ordering::Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes that count while it lives.
#[derive(Debug)]
pub(in super::super) struct Charge {
    heap: Arc<Heap>,
    bytes: usize,
}

impl Charge {
    pub(in super::super) fn new(heap: &Arc<Heap>, contents: usize) -> Self {
        let bytes = contents + OVERHEAD_BYTES;
        heap.add(bytes);
        Self { heap: Arc::clone(heap), bytes }
    }

    pub(super) fn heap(&self) -> &Arc<Heap> {
        &self.heap
    }

    pub(super) fn grow_to(&mut self, contents: usize) {
        let bytes = contents + OVERHEAD_BYTES;
        if bytes >= self.bytes {
            self.heap.add(bytes - self.bytes);
        } else {
            self.heap.remove(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.heap.remove(self.bytes);
    }
}
