//! From bytes to items, and from items to command lines.

use super::config::Config;

/// Bytes of all command lines together.
const MAX_BYTES: usize = 64 << 20;

/// What is to be run, and why nothing follows, if there is more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) commands: Vec<Vec<String>>,
    pub(super) error: Option<String>,
}

pub(super) fn build(config: &Config, input: &[u8]) -> Lines {
    let initial = config.command.iter().map(|word| word.len() + 1).sum();
    if config.replace.is_none() && initial > config.max_bytes {
        return Lines { error: Some("argument list too long".into()), ..Lines::default() };
    }
    let mut builder =
        Builder { config, lines: Lines::default(), initial, pending: Vec::new(), bytes: initial, total: 0 };
    let read = match config.delimiter {
        Some(delimiter) => builder.delimited(input, delimiter),
        None => builder.words(input),
    };
    let empty = builder.lines.commands.is_empty() && read.is_ok() && config.run_if_empty;
    if config.replace.is_none() && (!builder.pending.is_empty() || empty) {
        builder.finish_line();
    }
    builder.lines.error = read.err();
    builder.lines
}

struct Builder<'a> {
    config: &'a Config,
    lines: Lines,
    /// Bytes of the words that each line begins with.
    initial: usize,
    pending: Vec<String>,
    bytes: usize,
    total: usize,
}

impl Builder<'_> {
    /// Every delimiter ends an item, an empty one too; what follows the last may be missing.
    fn delimited(&mut self, input: &[u8], delimiter: u8) -> Result<(), String> {
        let mut items = input.split(|byte| *byte == delimiter).peekable();
        let mut line = 0;
        while let Some(item) = items.next() {
            if items.peek().is_none() && item.is_empty() {
                break;
            }
            self.item(item)?;
            line += 1;
            self.end_of_lines(&mut line);
        }
        Ok(())
    }

    /// Blanks separate items, quotes and backslashes keep them together. With a word to replace, an item is a line.
    fn words(&mut self, input: &[u8]) -> Result<(), String> {
        let whole_lines = self.config.replace.is_some();
        let mut lines = 0;
        let (mut item, mut begun, mut at) = (Vec::new(), false, 0);
        while at < input.len() {
            let byte = input[at];
            at += 1;
            match byte {
                b'\'' | b'"' => {
                    let rest = &input[at..];
                    let kind = if byte == b'"' { "double" } else { "single" };
                    let end = rest.iter().position(|other| *other == byte || *other == b'\n');
                    match end {
                        Some(end) if rest[end] == byte => {
                            item.extend_from_slice(&rest[..end]);
                            begun = true;
                            at += end + 1;
                        }
                        _ => {
                            return Err(format!(
                                "unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
                            ));
                        }
                    }
                }
                b'\\' => {
                    item.extend(input.get(at));
                    begun = true;
                    at += 1;
                }
                b'\n' => {
                    let blank = begun || !item.is_empty();
                    if blank && !self.take(&mut item, &mut begun)? {
                        return Ok(());
                    }
                    // A blank in front of the end joins the line with the next.
                    let joined = at >= 2 && matches!(input[at - 2], b' ' | b'\t');
                    if !joined && (blank || !self.pending.is_empty()) {
                        lines += 1;
                    }
                    self.end_of_lines(&mut lines);
                }
                b' ' | b'\t' | b'\r' | 11 | 12 if !whole_lines || item.is_empty() => {
                    if (begun || !item.is_empty()) && !self.take(&mut item, &mut begun)? {
                        return Ok(());
                    }
                }
                _ => item.push(byte),
            }
        }
        if begun || !item.is_empty() {
            self.take(&mut item, &mut begun)?;
        }
        Ok(())
    }

    /// Takes an item; false when it is the one that ends the input.
    fn take(&mut self, item: &mut Vec<u8>, begun: &mut bool) -> Result<bool, String> {
        let item = std::mem::take(item);
        *begun = false;
        if self.config.end.as_ref().is_some_and(|end| end.as_bytes() == item) {
            return Ok(false);
        }
        self.item(&item)?;
        Ok(true)
    }

    fn end_of_lines(&mut self, lines: &mut usize) {
        if self.config.max_lines.is_some_and(|max| *lines >= max) {
            self.finish_line();
            *lines = 0;
        }
    }

    fn item(&mut self, item: &[u8]) -> Result<(), String> {
        let item = String::from_utf8_lossy(item);
        if let Some(replace) = &self.config.replace {
            let line: Vec<String> = self.config.command.iter().map(|word| word.replace(replace, &item)).collect();
            let bytes: usize = line.iter().map(|word| word.len() + 1).sum();
            if bytes > self.config.max_bytes {
                return Err("command too long".into());
            }
            return self.add(line, bytes);
        }
        let bytes = item.len() + 1;
        if self.bytes + bytes > self.config.max_bytes {
            let groups = self.config.max_args.is_some() || self.config.max_lines.is_some();
            if self.pending.is_empty() || (self.config.exact && groups) {
                return Err("argument line too long".into());
            }
            self.finish_line();
        }
        self.bytes += bytes;
        self.total += bytes;
        if self.total > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes of arguments"));
        }
        self.pending.push(item.into_owned());
        if self.config.max_args.is_some_and(|max| self.pending.len() >= max) {
            self.finish_line();
        }
        Ok(())
    }

    fn finish_line(&mut self) {
        let mut line = self.config.command.clone();
        line.append(&mut self.pending);
        self.bytes = self.initial;
        self.total += self.initial;
        self.lines.commands.push(line);
    }

    fn add(&mut self, line: Vec<String>, bytes: usize) -> Result<(), String> {
        self.total += bytes;
        if self.total > MAX_BYTES {
            return Err(format!("more than {MAX_BYTES} bytes of arguments"));
        }
        self.lines.commands.push(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;

    /// The lines, words joined by `|`, and the error.
    fn lines(args: &str, input: &str) -> (Vec<String>, Option<String>) {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let lines = build(&config::read(&args).unwrap(), input.as_bytes());
        (lines.commands.iter().map(|line| line.join("|")).collect(), lines.error)
    }

    #[test]
    fn items_become_lines() {
        for (args, input, expected) in [
            ("", "a b\nc", "echo|a|b|c"),
            ("", "", "echo"),
            ("-r", " \n", ""),
            ("-n2 x", "1 2 3", "x|1|2 x|3"),
            ("", r#"'a b' "c'd" e\ f"#, "echo|a b|c'd|e f"),
            ("-n1", r#"'' """#, "echo| echo|"),
            ("-I{} x {}-{} {", "a b\n  c\n\n", "x|a b-a b|{ x|c-c|{"),
            ("-I{}", "", ""),
            ("-L1", "a b\nc \nd\n\ne", "echo|a|b echo|c|d echo|e"),
            ("-d,", "a,,b c", "echo|a||b c"),
            ("-d,", "a,", "echo|a"),
            ("-0 -n1", "a\0b\n\0", "echo|a echo|b\n"),
            ("-E END", "a END b", "echo|a"),
            ("-s 9", "aa b c", "echo|aa echo|b|c"),
        ] {
            let (found, error) = lines(args, input);
            assert_eq!((found.join(" "), error), (expected.to_owned(), None), "{args} {input:?}");
        }
    }

    #[test]
    fn what_cannot_be_taken_ends_it() {
        let (found, error) = lines("", "a b\nit's\n");
        assert_eq!(found, ["echo|a|b"]);
        assert!(error.unwrap().starts_with("unmatched single quote"));
        assert_eq!(lines("", "'a\nb'").0, [""; 0]);
        assert_eq!(lines("-s 9", "toolong").1.unwrap(), "argument line too long");
        assert_eq!(lines("-s 3", "x").1.unwrap(), "argument list too long");
        assert_eq!(lines("-s 9 -I{} x{}{}", "abcdef").1.unwrap(), "command too long");
    }
}
