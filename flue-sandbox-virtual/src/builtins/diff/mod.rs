//! `diff`, as GNU diffutils has it: the engine's own knows only `-u` and `-q`.

mod compare;
mod config;
mod grouped;
mod myers;
mod plain;
mod side;
mod tree;

use std::time::SystemTime;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use self::compare::Comparison;
use self::config::{Config, Style};
use super::clock;
use super::options::usage_error;

/// Exit status when the files could not be compared.
const TROUBLE: i32 = 2;
/// How much of a file is searched for a NUL before it counts as text.
const BINARY_PROBE: usize = 64 * 1024;

/// The `diff` command.
pub(super) struct Diff;

#[async_trait]
impl Builtin for Diff {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let config = match config::read(ctx.args, SystemTime::now()) {
            Ok(config) => config,
            Err(message) => return Ok(usage_error("diff", &message, TROUBLE)),
        };
        match config.operands.as_slice() {
            [left, right] => {
                let mut report = Report::default();
                let sides = tree::open(&ctx, &config, left, right).await;
                tree::walk(&ctx, &config, sides, &mut report).await;
                Ok(report.into_result())
            }
            [] => Ok(usage_error("diff", "missing operand after 'diff'", TROUBLE)),
            [only] => {
                let message = format!("missing operand after '{only}'");
                Ok(usage_error("diff", &message, TROUBLE))
            }
            [_, _, extra, ..] => {
                let message = format!("extra operand '{extra}'");
                Ok(usage_error("diff", &message, TROUBLE))
            }
        }
    }
}

/// What has been found so far.
#[derive(Default)]
struct Report {
    out: Vec<u8>,
    err: String,
    status: i32,
}

impl Report {
    fn differs(&mut self) {
        self.status = self.status.max(1);
    }

    fn trouble(&mut self, name: &str, reason: &str) {
        self.err.push_str(&format!("diff: {name}: {reason}\n"));
        self.status = TROUBLE;
    }

    fn line(&mut self, line: &str) {
        self.out.extend(line.bytes());
        self.out.push(b'\n');
    }

    fn into_result(self) -> ExecResult {
        ExecResult { stdout: self.out.into(), stderr: self.err.into(), exit_code: self.status, ..Default::default() }
    }
}

/// A file as it is shown: its name, its bytes, its time for the header.
struct Side {
    name: String,
    bytes: Vec<u8>,
    modified: SystemTime,
}

/// Compares two files; `heading` is the `diff a/f b/f` line of a directory walk.
fn files(old: &Side, new: &Side, heading: Option<String>, zone: clock::Zone, config: &Config, report: &mut Report) {
    let identical = |report: &mut Report| {
        if config.report_identical {
            report.line(&format!("Files {} and {} are identical", old.name, new.name));
        }
    };
    if old.bytes == new.bytes && config.style != Style::SideBySide && config.style != Style::Format {
        return identical(report);
    }
    if !config.text && (is_binary(&old.bytes) || is_binary(&new.bytes)) {
        if old.bytes != new.bytes {
            report.line(&format!("Binary files {} and {} differ", old.name, new.name));
            report.differs();
        }
        return;
    }
    let stripped = config.strip_trailing_cr.then(|| (strip_cr(&old.bytes), strip_cr(&new.bytes)));
    let (old_text, new_text) = match &stripped {
        Some((old, new)) => (old.as_slice(), new.as_slice()),
        None => (old.bytes.as_slice(), new.bytes.as_slice()),
    };
    let found = Comparison::of(old_text, new_text, config);
    if found.differs() {
        report.differs();
        if config.brief {
            return report.line(&format!("Files {} and {} differ", old.name, new.name));
        }
        if let Some(heading) = heading {
            report.line(&heading);
        }
    } else {
        identical(report);
        if config.brief || !matches!(config.style, Style::SideBySide | Style::Format) {
            return;
        }
    }
    let header = |signs: [&str; 2]| -> Vec<u8> {
        let mut header = Vec::new();
        for (at, side) in [old, new].into_iter().enumerate() {
            let sign = signs[at];
            let line = match config.labels.get(at) {
                Some(label) => format!("{sign} {label}\n"),
                None => format!("{sign} {}\t{}\n", side.name, clock::file_time(side.modified, zone)),
            };
            header.extend(line.bytes());
        }
        header
    };
    let out = &mut report.out;
    match config.style {
        Style::Normal => plain::normal(&found, config, out),
        Style::Ed => {
            plain::ed(&found, out);
            for side in [old, new] {
                if !side.bytes.is_empty() && !side.bytes.ends_with(b"\n") {
                    report.trouble(&side.name, "No newline at end of file\n");
                }
            }
        }
        Style::Format => plain::formatted(&found, &config.formats, out),
        Style::SideBySide => side::side_by_side(&found, config, out),
        Style::Unified(lines) => {
            grouped::unified(&found, lines, config, &header(["---", "+++"]), out);
        }
        Style::Context(lines) => {
            grouped::context(&found, lines, config, &header(["***", "---"]), out);
        }
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_PROBE)].contains(&0)
}

fn strip_cr(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in super::files::lines(bytes) {
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                out.extend(text);
                out.push(b'\n');
            }
            None => out.extend(line),
        }
    }
    out
}
