//! `cut`: bytes or fields of lines. As in GNU coreutils, a character is a byte.

mod config;
mod ranges;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use self::config::{Config, Part};
use super::streaming::{Input, Output, complain, fail, usage_error};

/// The `cut` command.
pub(super) struct Cut;

#[async_trait]
impl Command for Cut {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let config = match config::read(ctx.args) {
            Ok(config) => config,
            Err(message) => return usage_error(&ctx, &message, 1).await,
        };
        let mut output = Output::new(&ctx.stdout);
        let mut status = 0;
        for operand in &config.operands {
            let mut input = match Input::open(&ctx, operand).await {
                Ok(input) => input,
                Err(why) => {
                    output.flush().await?;
                    complain(&ctx, &format!("{operand}: {why}")).await?;
                    status = 1;
                    continue;
                }
            };
            let (mut rest, mut cut) = (Vec::new(), Vec::new());
            loop {
                output.flush().await?;
                let Some(piece) = input.next().await? else { break };
                rest.extend_from_slice(&piece);
                if rest.len() > MAX_LINE_BYTES && !rest.contains(&config.end) {
                    return fail(&ctx, &format!("{operand}: a line has more than {MAX_LINE_BYTES} bytes"), 1).await;
                }
                let whole = rest.iter().rposition(|byte| *byte == config.end).map_or(0, |at| at + 1);
                for line in rest[..whole].split_inclusive(|byte| *byte == config.end) {
                    config.cut(&line[..line.len() - 1], &mut cut);
                }
                rest.drain(..whole);
                output.write(&cut).await?;
                cut.clear();
            }
            if !rest.is_empty() {
                config.cut(&rest, &mut cut);
                output.write(&cut).await?;
            }
        }
        output.flush().await?;
        Ok(CommandStatus::with_code(status))
    }
}

/// Bytes of a line that is held to be cut.
const MAX_LINE_BYTES: usize = 64 << 20;

impl Config {
    /// Writes what is selected of a line, and its end.
    fn cut(&self, line: &[u8], out: &mut Vec<u8>) {
        match self.part {
            Part::Bytes => self.cut_bytes(line, out),
            Part::Fields { delimiter, only_delimited } => {
                if line.contains(&delimiter) {
                    let mut first = true;
                    for (at, field) in line.split(|byte| *byte == delimiter).enumerate() {
                        if self.ranges.has(at + 1) {
                            if !std::mem::replace(&mut first, false) {
                                self.separate(&[delimiter], out);
                            }
                            out.extend_from_slice(field);
                        }
                    }
                } else if only_delimited {
                    return;
                } else {
                    out.extend_from_slice(line);
                }
            }
        }
        out.push(self.end);
    }

    fn cut_bytes(&self, line: &[u8], out: &mut Vec<u8>) {
        let mut first = true;
        for (from, to) in self.ranges.iter() {
            let part = line.get(from - 1..to.min(line.len())).unwrap_or_default();
            if part.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut first, false) {
                self.separate(&[], out);
            }
            out.extend_from_slice(part);
        }
    }

    fn separate(&self, default: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.output_delimiter.as_deref().map_or(default, str::as_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(args: &[&str], line: &str) -> String {
        let config = config::read(&args.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let mut out = Vec::new();
        config.cut(line.as_bytes(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn selects_fields_and_bytes() {
        for (args, line, expected) in [
            (&["-d:", "-f2"][..], "a:b:c", "b\n"),
            (&["-d:", "-f3-,1"], "a:b:c:d", "a:c:d\n"),
            (&["-d:", "-f-2", "--output-delimiter=, "], "a:b:c", "a, b\n"),
            (&["-f1"], "no tab", "no tab\n"),
            (&["-s", "-f1"], "no tab", ""),
            (&["-d:", "--complement", "-f2"], "a:b:c", "a:c\n"),
            (&["-d:", "-f9"], "a:b", "\n"),
            (&["-c2-3"], "abcdef", "bc\n"),
            (&["-b1,3-4", "--output-delimiter=-"], "abcdef", "a-cd\n"),
            (&["--complement", "-c2"], "abc", "ac\n"),
            (&["-c2,1,1-2"], "abc", "ab\n"),
            (&["-c5-"], "abc", "\n"),
            (&["-zc1"], "ab", "a\0"),
        ] {
            assert_eq!(cut(args, line), expected, "{args:?}");
        }
    }
}
