//! The commands that are run on a document.

use super::tools::quote;

/// Lines longer than this are reported.
pub(super) const LONG_LINE: usize = 120;

/// What a command is to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Lines, words and bytes.
    Size,
    /// Line and text of each open marker.
    Markers,
    /// Line and text of each heading.
    Headings,
    /// Line and length of the longest line.
    Longest,
    /// Line and length of each long line.
    LongLines,
    /// Line and word of each word that is written twice.
    DoubledWords,
    /// Line of each heading or other line that ends in white space.
    TrailingSpace,
}

impl Topic {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Markers => "open markers",
            Self::Headings => "headings",
            Self::Longest => "longest line",
            Self::LongLines => "long lines",
            Self::DoubledWords => "doubled words",
            Self::TrailingSpace => "white space at line ends",
        }
    }
}

pub(super) struct Check {
    pub(super) topic: Topic,
    pub(super) command: String,
}

impl Check {
    /// The checks of `document`. Each command succeeds when it finds nothing, so that a failure is one. Code blocks are
    /// left out where their content is no text.
    pub(super) fn all(document: &str) -> Vec<Self> {
        let file = quote(document);
        let plain = r#"{ sub(/\r$/, "") }"#;
        let prose = format!("{plain} /^ *(```|~~~)/ {{ code = !code }} !code");
        [
            // `wc -l` counts line ends, and the last line may have none.
            (Topic::Size, format!("awk 'END {{ print NR }}' {file} && wc -wc < {file}")),
            (Topic::Markers, format!("grep -nE '(TODO|FIXME|XXX|TBD)' {file} || true")),
            (Topic::Headings, format!("awk '{prose} && /^#+ / {{ print NR \":\" $0 }}' {file}")),
            (
                Topic::Longest,
                format!(
                    "awk '{plain} length($0) > most {{ most = length($0); line = NR }} \
                     END {{ if (most) print line \":\" most }}' {file}"
                ),
            ),
            (Topic::LongLines, format!("awk '{prose} && length($0) > {LONG_LINE} {{ print NR \":\" length($0) }}' {file}")),
            (
                Topic::DoubledWords,
                format!(
                    "awk '{prose} {{ for (i = 2; i <= NF; i++) if ($i ~ /^[A-Za-z]+$/ && tolower($i) == tolower($(i - 1))) \
                     print NR \":\" $i }}' {file}"
                ),
            ),
            (Topic::TrailingSpace, format!("awk '{plain} /[ \\t]+$/ {{ print NR \":\" }}' {file}")),
        ]
        .into_iter()
        .map(|(topic, command)| Self { topic, command })
        .collect()
    }
}

/// A line of a document, as a command reports it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) text: String,
}

/// The places of an output of `LINE:TEXT` lines; `None` for an output of another form.
pub(super) fn places(output: &str) -> Option<Vec<Place>> {
    let lines = output.lines().map(str::trim_end).filter(|line| !line.is_empty() && *line != "(no output)");
    lines
        .map(|line| {
            let (number, text) = line.split_once(':')?;
            Some(Place { line: number.trim().parse().ok()?, text: text.trim().to_owned() })
        })
        .collect()
}

/// Lines, words and bytes, as three numbers.
pub(super) fn size(output: &str) -> Option<[u64; 3]> {
    let mut numbers = output.split_whitespace().map(|word| word.parse().ok());
    let size = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_or_refused() {
        assert_eq!(size("10\n  200 3000\n"), Some([10, 200, 3000]));
        for bad in ["", "wc: no such file", "1 2", "1 2 3 4"] {
            assert_eq!(size(bad), None, "{bad}");
        }
        let place = |line, text: &str| Place { line, text: text.into() };
        assert_eq!(places("3:# A: b\n12: x \n"), Some(vec![place(3, "# A: b"), place(12, "x")]));
        assert_eq!(places("(no output)"), Some(Vec::new()));
        assert_eq!(places(""), Some(Vec::new()));
        assert_eq!(places("bash: awk: command not found"), None);
    }
}
