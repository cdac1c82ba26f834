//! `wc`: lines, words, characters, bytes and the longest line, counted as the input passes by.

use std::ops::AddAssign;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use super::options::{Opt, flag, parse};
use super::streaming::{Input, Output, complain, usage_error};

/// The `wc` command.
pub(super) struct Wc;

const OPTIONS: [Opt; 5] =
    [flag('c', "bytes"), flag('m', "chars"), flag('l', "lines"), flag('L', "max-line-length"), flag('w', "words")];

/// What is printed, in the order in which it is.
const COLUMNS: [&str; 5] = ["lines", "words", "chars", "bytes", "max-line-length"];
/// What is printed when nothing is asked for.
const DEFAULT_COLUMNS: [&str; 3] = ["lines", "words", "bytes"];
/// The width of a column for input of a size that is not known before.
const UNKNOWN_WIDTH: usize = 7;
/// Where a tab leads: to the next multiple of this.
const TAB_WIDTH: u64 = 8;

#[async_trait]
impl Command for Wc {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let parsed = match parse(&OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return usage_error(&ctx, &message, 1).await,
        };
        let chosen = |name: &&str| parsed.options.iter().any(|(option, _)| option == name);
        let mut columns: Vec<&str> = COLUMNS.into_iter().filter(chosen).collect();
        if columns.is_empty() {
            columns = DEFAULT_COLUMNS.to_vec();
        }
        count_all(&ctx, &columns, &parsed.operands).await
    }
}

async fn count_all(ctx: &CommandContext<'_>, columns: &[&str], operands: &[String]) -> bashkit::Result<CommandStatus> {
    let mut lines: Vec<(Counts, Option<&str>)> = Vec::new();
    let mut total = Counts::default();
    let mut status = 0;
    // GNU's rule: as wide as the sum of the sizes, seven for what has none, and no padding for a single number.
    let mut width = 1;
    let mut regular_bytes = 0_u64;
    let stdin = [String::from("-")];
    for operand in if operands.is_empty() { &stdin[..] } else { operands } {
        let mut input = match Input::open(ctx, operand).await {
            Ok(input) => input,
            Err(why) => {
                complain(ctx, &format!("{operand}: {why}")).await?;
                status = 1;
                if why == "Is a directory" {
                    width = UNKNOWN_WIDTH;
                    lines.push((Counts::default(), Some(operand)));
                }
                continue;
            }
        };
        let regular = matches!(input, Input::File(_));
        let mut counter = Counter::default();
        while let Some(piece) = input.next().await? {
            counter.push(&piece);
        }
        let counts = counter.finish();
        if regular {
            regular_bytes += counts.bytes;
        } else {
            width = UNKNOWN_WIDTH;
        }
        total += counts;
        lines.push((counts, (!operands.is_empty()).then_some(operand)));
    }
    let several = operands.len() > 1;
    if columns.len() == 1 && !several {
        width = 1;
    } else {
        width = width.max(regular_bytes.to_string().len());
    }
    if several {
        lines.push((total, Some("total")));
    }
    let mut output = Output::new(&ctx.stdout);
    for (counts, name) in lines {
        let mut line: Vec<String> = columns.iter().map(|column| format!("{:>width$}", counts.of(column))).collect();
        line.extend(name.map(str::to_owned));
        output.write(format!("{}\n", line.join(" ")).as_bytes()).await?;
    }
    output.flush().await?;
    Ok(CommandStatus::with_code(status))
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    lines: u64,
    words: u64,
    chars: u64,
    bytes: u64,
    longest: u64,
}

impl Counts {
    fn of(&self, column: &str) -> u64 {
        match column {
            "lines" => self.lines,
            "words" => self.words,
            "chars" => self.chars,
            "bytes" => self.bytes,
            _ => self.longest,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.words += other.words;
        self.chars += other.chars;
        self.bytes += other.bytes;
        self.longest = self.longest.max(other.longest);
    }
}

/// Counts a stream that comes in pieces, cut anywhere.
#[derive(Default)]
struct Counter {
    counts: Counts,
    in_word: bool,
    column: u64,
    /// The beginning of a character whose end has not come yet.
    cut: Vec<u8>,
}

impl Counter {
    fn push(&mut self, piece: &[u8]) {
        self.counts.bytes += piece.len() as u64;
        let joined;
        let mut rest = piece;
        if !self.cut.is_empty() {
            self.cut.extend_from_slice(piece);
            joined = std::mem::take(&mut self.cut);
            rest = &joined;
        }
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return self.text(text),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.text(&String::from_utf8_lossy(valid));
                    match error.error_len() {
                        // A byte that is no character counts as a byte only.
                        Some(len) => rest = &after[len..],
                        None => {
                            self.cut = after.to_vec();
                            return;
                        }
                    }
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.counts.chars += 1;
            match c {
                '\n' => {
                    self.counts.lines += 1;
                    self.end_line();
                }
                '\r' | '\x0c' => self.end_line(),
                '\t' => self.column += TAB_WIDTH - self.column % TAB_WIDTH,
                c if c.is_control() => {}
                c => self.column += width(c),
            }
            if c.is_whitespace() {
                self.in_word = false;
            } else if !c.is_control() && !self.in_word {
                self.in_word = true;
                self.counts.words += 1;
            }
        }
    }

    fn end_line(&mut self) {
        self.counts.longest = self.counts.longest.max(self.column);
        self.column = 0;
    }

    fn finish(mut self) -> Counts {
        self.end_line();
        self.counts
    }
}

/// The cells that a character takes: none for the marks that combine with others, two for those of East Asia and emoji.
fn width(c: char) -> u64 {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts `input` in pieces of `step` bytes, as lines, words, characters, bytes and longest line.
    fn count(input: &[u8], step: usize) -> [u64; 5] {
        let mut counter = Counter::default();
        input.chunks(step).for_each(|piece| counter.push(piece));
        let counts = counter.finish();
        [counts.lines, counts.words, counts.chars, counts.bytes, counts.longest]
    }

    #[test]
    fn counts_alike_however_the_input_is_cut() {
        for (input, expected) in [
            (&b""[..], [0, 0, 0, 0, 0]),
            (b"a", [0, 1, 1, 1, 1]),
            (b"a b\n\ncd\n", [3, 3, 8, 8, 3]),
            (b"  lead\ttab  \n", [1, 2, 13, 13, 13]),
            ("naïve café 世界\n".as_bytes(), [1, 3, 14, 20, 15]),
            (b"\xff\xfe x\n", [1, 1, 3, 5, 2]),
            (b"no end \xc3", [0, 2, 7, 8, 7]),
        ] {
            for step in 1..=4 {
                assert_eq!(count(input, step), expected, "{input:?} by {step}");
            }
        }
    }
}
