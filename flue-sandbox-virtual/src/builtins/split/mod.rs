//! `split`: a file cut into many.

mod config;
mod suffix;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use self::config::{By, Chunks, Config, Portion};
use self::suffix::Suffixes;
use super::files::{read_operand, reason, resolve};
use super::options::usage_error;

/// The `split` command.
pub(super) struct Split;

#[async_trait]
impl Builtin for Split {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let config = match config::read(ctx.args) {
            Ok(config) => config,
            Err((message, true)) => return Ok(usage_error("split", &message, 1)),
            Err((message, false)) => return Ok(fail(&message)),
        };
        let files = match config.portion {
            Portion::Chunks(Chunks { count, .. }) => Some(count),
            _ => None,
        };
        let suffixes = match Suffixes::new(config.alphabet, config.start, config.length, files) {
            Ok(suffixes) => suffixes,
            Err(message) => return Ok(fail(&message)),
        };
        let data = match read_operand(&ctx, &config.input).await {
            Ok(data) => data,
            Err(why) => return Ok(fail(&format!("cannot open '{}' for reading: {why}", config.input))),
        };
        if let Portion::Chunks(Chunks { only: Some(only), .. }) = config.portion {
            let chunk = portions(&config, &data).nth(usize::try_from(only - 1).unwrap_or(usize::MAX));
            return Ok(ExecResult { stdout: chunk.unwrap_or_default().into(), ..Default::default() });
        }
        Ok(write(&ctx, &config, suffixes, &data).await)
    }
}

/// Writes the files and says so if asked to.
async fn write(ctx: &BuiltinContext<'_>, config: &Config, mut suffixes: Suffixes, data: &[u8]) -> ExecResult {
    let mut said = String::new();
    for portion in portions(config, data) {
        if portion.is_empty() && config.skip_empty {
            continue;
        }
        let Some(suffix) = suffixes.next() else {
            return ExecResult { stdout: said.into(), ..fail("output file suffixes exhausted") };
        };
        let name = format!("{}{suffix}{}", config.prefix, config.additional);
        if let Err(error) = ctx.fs.write_file(&resolve(ctx.cwd, &name), &portion).await {
            return ExecResult { stdout: said.into(), ..fail(&format!("{name}: {}", reason(&error))) };
        }
        if config.verbose {
            said.push_str(&format!("creating file '{name}'\n"));
        }
    }
    ExecResult::ok(said)
}

type Portions<'a> = Box<dyn Iterator<Item = Vec<u8>> + Send + 'a>;

/// The content of each file.
fn portions<'a>(config: &'a Config, data: &'a [u8]) -> Portions<'a> {
    let separator = config.separator;
    let lines = move || data.split_inclusive(move |&byte| byte == separator);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match config.portion {
        Portion::Bytes(bytes) => Box::new(data.chunks(size(bytes)).map(<[u8]>::to_vec)),
        Portion::Lines(count) => {
            let mut lines = lines();
            Box::new(
                std::iter::from_fn(move || {
                    let length: usize = lines.by_ref().take(size(count)).map(<[u8]>::len).sum();
                    (length > 0).then_some(length)
                })
                .scan(0, |at, length| {
                    *at += length;
                    Some((*at - length, *at))
                })
                .map(|(start, end)| data[start..end].to_vec()),
            )
        }
        Portion::LineBytes(bytes) => Box::new(whole_lines(data, separator, size(bytes))),
        Portion::Chunks(Chunks { count, by: By::RoundRobin, .. }) => Box::new(
            (0..size(count)).map(move |chunk| lines().skip(chunk).step_by(size(count)).flatten().copied().collect()),
        ),
        Portion::Chunks(Chunks { count, by, .. }) => {
            let chunk = data.len() as u64 / count;
            let extra = if by == By::Size { data.len() as u64 % count } else { 0 };
            // The remainder goes to the first chunks by size, and to the last one by lines.
            let end_of = move |number: u64| match by {
                By::Size => chunk * number + number.min(extra),
                _ if number == count => data.len() as u64,
                _ => chunk * number,
            };
            let mut at = 0;
            Box::new((1..=count).map(move |number| {
                let mut end = size(end_of(number)).max(at);
                // A line belongs to the chunk in which it starts.
                if by == By::Lines && end > at && end < data.len() && data[end - 1] != separator {
                    end += data[end..].iter().position(|&byte| byte == separator).map_or(data.len() - end, |n| n + 1);
                }
                data[std::mem::replace(&mut at, end)..end].to_vec()
            }))
        }
    }
}

/// As many whole lines as fit into `limit` bytes; a longer line is cut.
fn whole_lines(data: &[u8], separator: u8, limit: usize) -> impl Iterator<Item = Vec<u8>> + Send + '_ {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let window = &rest[..limit.min(rest.len())];
        let end = match window.iter().rposition(|&byte| byte == separator) {
            _ if window.len() == rest.len() => window.len(),
            Some(last) => last + 1,
            None => window.len(),
        };
        let (portion, behind) = rest.split_at(end);
        rest = behind;
        Some(portion.to_vec())
    })
}

fn fail(message: &str) -> ExecResult {
    ExecResult::err(format!("split: {message}\n"), 1)
}
