//! Encode once: a transcript item keeps the bytes that its provider last sent for it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use bytes::Bytes;

/// Which encoding some bytes are in: a provider's codec together with every option that changes its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WireTarget(u64);

impl WireTarget {
    /// The target of everything in `options`; hash all that the encoding depends on besides the item itself.
    pub fn new(options: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        options.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Holds one encoding of the item it sits in.
///
/// A turn resends the whole conversation; with this, its cost is the copying of bytes and not their encoding. The
/// first target to ask keeps the slot; others encode each time. A clone starts empty, so an edited copy cannot send
/// old bytes.
#[derive(Default)]
pub struct WireSlot(OnceLock<(WireTarget, Bytes)>);

impl WireSlot {
    /// The bytes for `target`: those kept, or those that `encode` makes.
    pub fn get_or_encode(&self, target: WireTarget, encode: impl FnOnce() -> Vec<u8>) -> Bytes {
        // They stay as long as the item does: without the room that a vector keeps to grow.
        let encode = || encode().into_boxed_slice().into();
        match self.0.get() {
            Some((kept, bytes)) if *kept == target => bytes.clone(),
            Some(_) => encode(),
            None => {
                let bytes: Bytes = encode();
                // Losing a race to fill the slot costs one encoding and nothing else.
                let _ = self.0.set((target, bytes.clone()));
                bytes
            }
        }
    }
}

impl Clone for WireSlot {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for WireSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireSlot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_target_and_never_mixes_targets() {
        let slot = WireSlot::default();
        let (a, b) = (WireTarget::new(&"a"), WireTarget::new(&"b"));
        assert_eq!(slot.get_or_encode(a, || b"1".to_vec()), "1");
        assert_eq!(slot.get_or_encode(a, || b"2".to_vec()), "1");
        assert_eq!(slot.get_or_encode(b, || b"3".to_vec()), "3");
        assert_eq!(slot.get_or_encode(a, || b"4".to_vec()), "1");
        assert_eq!(slot.clone().get_or_encode(a, || b"5".to_vec()), "5");
    }
}
