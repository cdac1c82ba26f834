//! Mutants of recorded replies.

use flue_core::model::ModelEvent;

use super::Decode;

/// What is put into mutants: what means something in JSON, in events, or to a decoder.
const WORDS: [&[u8]; 20] = [
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"1e309",
    b"18446744073709551616",
    b"true",
    b"\n\n",
    b"\ndata: ",
    b"\r",
    b"{",
    b"}",
    b"\"",
    b"\\",
    b"\\ud83d",
    b"\xFF",
    b"\0",
    b"index\":0,\"",
    b"[DONE]",
];

/// Decodes `mutants` mutants of a reply, each cut into chunks of its own, and each the same in every run: bytes flipped,
/// pieces taken out, doubled and moved, words of JSON put in.
///
/// # Panics
/// When the decoder does, or a turn ends twice or goes on after its end.
pub fn mutate(name: &str, reply: &[u8], mutants: u64, decode: Decode<'_>) {
    for seed in 0..mutants {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03);
        let mut mutant = reply.to_vec();
        for _ in 0..=random.below(3) {
            random.mutate(&mut mutant);
        }
        let size = 1 + random.below(mutant.len().clamp(1, 200));
        let chunks: Vec<&[u8]> = mutant.chunks(size).collect();
        if let Ok(events) = decode(&chunks) {
            let end = events.iter().position(|event| matches!(event, ModelEvent::Finished(_)));
            assert_eq!(
                end,
                events.len().checked_sub(1),
                "{name}: mutant {seed} does not end once, at its end: {events:?}"
            );
        }
    }
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 for no limit at all.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// Where a piece begins and ends.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = (length - start).min(1 + self.below(400));
        start..start + longest
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(5) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                let piece = self.piece(bytes.len());
                bytes.drain(piece);
            }
            2 => {
                let copy = bytes[self.piece(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let moved: Vec<u8> = bytes.drain(self.piece(bytes.len())).collect();
                let at = at.min(bytes.len());
                bytes.splice(at..at, moved);
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                let end = (at + self.below(12)).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
        }
    }
}
