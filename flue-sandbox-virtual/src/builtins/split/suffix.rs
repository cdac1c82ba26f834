//! The names of the files that `split` writes.

/// Suffix letters where nothing else is asked for, and their least number.
const DEFAULT_LENGTH: usize = 2;
/// Most suffix letters; a file name cannot be longer.
const MAX_LENGTH: usize = 255;

/// How suffixes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Letters,
    Decimal,
    Hexadecimal,
}

impl Alphabet {
    fn symbols(self) -> &'static [u8] {
        match self {
            Self::Letters => b"abcdefghijklmnopqrstuvwxyz",
            Self::Decimal => b"0123456789",
            Self::Hexadecimal => b"0123456789abcdef",
        }
    }
}

/// Suffixes in order.
#[derive(Debug)]
pub(super) struct Suffixes {
    alphabet: Alphabet,
    length: usize,
    /// Whether suffixes grow so that they never run out and still sort: the
    /// last symbol is kept for the longer ones, `yz` is followed by `zaaa`.
    grows: bool,
    next: u128,
}

impl Suffixes {
    /// The suffixes from `start` on, of `length` symbols if that is given,
    /// for `files` files if their number is known.
    pub(super) fn new(
        alphabet: Alphabet,
        start: Option<u64>,
        length: Option<usize>,
        files: Option<u64>,
    ) -> Result<Self, String> {
        let base = alphabet.symbols().len() as u64;
        let mut needed = 0;
        if let Some(files) = files {
            let mut end = files.saturating_sub(1);
            if let Some(start) = start.filter(|&start| start < files) {
                end = end.saturating_add(start);
            }
            needed = 1;
            while end >= base {
                end /= base;
                needed += 1;
            }
        }
        if let Some(length) = length.filter(|&length| length > MAX_LENGTH || length < needed) {
            return Err(match length > MAX_LENGTH {
                true => format!("invalid suffix length: ‘{length}’"),
                false => format!("the suffix length needs to be at least {needed}"),
            });
        }
        Ok(Self {
            alphabet,
            length: length.unwrap_or(needed.max(DEFAULT_LENGTH)),
            grows: length.is_none() && files.is_none() && start.is_none(),
            next: start.unwrap_or(0).into(),
        })
    }
}

impl Iterator for Suffixes {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let symbols = self.alphabet.symbols();
        let base = symbols.len() as u128;
        let (mut rest, mut length, mut marks) = (self.next, self.length, 0);
        if self.grows {
            // All of one length except those that start with the last symbol.
            while let Some(room) = u32::try_from(length).ok().and_then(|length| base.checked_pow(length - 1))
                && rest >= room * (base - 1)
            {
                rest -= room * (base - 1);
                length += 1;
                marks += 1;
            }
        }
        let mut suffix = vec![symbols[0]; length];
        for symbol in suffix.iter_mut().rev() {
            *symbol = symbols[usize::try_from(rest % base).ok()?];
            rest /= base;
        }
        if rest > 0 {
            return None;
        }
        self.next += 1;
        let last = char::from(*symbols.last()?);
        Some(std::iter::repeat_n(last, marks).chain(suffix.into_iter().map(char::from)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_grow_and_still_sort() {
        let all: Vec<String> = Suffixes::new(Alphabet::Letters, None, None, None).unwrap().take(20_000).collect();
        assert_eq!((&*all[0], &*all[649], &*all[650], &*all[651]), ("aa", "yz", "zaaa", "zaab"));
        assert_eq!((&*all[650 + 16_899], &*all[650 + 16_900]), ("zyzz", "zzaaaa"));
        assert!(all.is_sorted());
        let numbers: Vec<String> = Suffixes::new(Alphabet::Decimal, None, None, None).unwrap().take(91).collect();
        assert_eq!((&*numbers[89], &*numbers[90]), ("89", "9000"));
    }

    #[test]
    fn fixed_suffixes_run_out() {
        let count = |start, length, files| Suffixes::new(Alphabet::Decimal, start, length, files).unwrap().count();
        assert_eq!(count(None, Some(1), None), 10);
        assert_eq!(count(Some(95), None, None), 5);
        assert_eq!(count(None, None, Some(101)), 1000);
        let error = Suffixes::new(Alphabet::Letters, None, Some(1), Some(27)).unwrap_err();
        assert_eq!(error, "the suffix length needs to be at least 2");
    }
}
