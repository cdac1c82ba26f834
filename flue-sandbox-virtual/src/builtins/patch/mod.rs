//! `patch`, with GNU patch's operands, fuzz, messages and exit statuses.

mod apply;
mod names;
mod parse;
mod reject;
mod session;

use std::path::PathBuf;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use self::session::Session;
use super::files::{read_operand, resolve};
use super::options::{LONG, Opt, flag, optional, parse as parse_options, value};

/// Exit status when the patch could not be read.
const TROUBLE: i32 = 2;
/// Context lines that may be left out of account when none are named.
const DEFAULT_FUZZ: usize = 2;

/// The `patch` command.
pub(super) struct Patch;

/// What the command line asks for.
struct Config {
    strip: Option<usize>,
    reverse: bool,
    forward: bool,
    force: bool,
    batch: bool,
    silent: bool,
    dry_run: bool,
    backup: bool,
    backup_if_mismatch: bool,
    suffix: String,
    remove_empty: bool,
    ignore_space: bool,
    max_fuzz: usize,
    output: Option<String>,
    reject_file: Option<String>,
    directory: PathBuf,
    input: Option<String>,
    operand: Option<String>,
}

const OPTIONS: &[Opt] = &[
    value('p', "strip"),
    flag('R', "reverse"),
    flag('N', "forward"),
    flag('f', "force"),
    flag('t', "batch"),
    flag('s', "silent"),
    flag(LONG, "quiet"),
    flag(LONG, "verbose"),
    flag(LONG, "dry-run"),
    flag('b', "backup"),
    flag(LONG, "backup-if-mismatch"),
    flag(LONG, "no-backup-if-mismatch"),
    value('z', "suffix"),
    value('V', "version-control"),
    flag('E', "remove-empty-files"),
    flag('l', "ignore-whitespace"),
    value('F', "fuzz"),
    value('o', "output"),
    value('r', "reject-file"),
    value('d', "directory"),
    value('i', "input"),
    flag('u', "unified"),
    flag('c', "context"),
    flag('n', "normal"),
    flag('Z', "set-utc"),
    flag('T', "set-time"),
    flag(LONG, "binary"),
    flag(LONG, "posix"),
    optional(LONG, "reject-format"),
    optional(LONG, "quoting-style"),
    flag('v', "version"),
    flag(LONG, "help"),
];

#[async_trait]
impl Builtin for Patch {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let config = match configure(&ctx) {
            Ok(config) => config,
            Err(message) => {
                let text = format!("patch: {message}\npatch: Try 'patch --help' for more information.\n");
                return Ok(ExecResult::err(text, TROUBLE));
            }
        };
        let fatal = |text: String| ExecResult::err(format!("patch: **** {text}\n"), TROUBLE);
        let name = config.input.as_deref().unwrap_or("-");
        let input = match read_operand(&ctx, name).await {
            Ok(input) => input,
            Err(reason) => return Ok(fatal(format!("Can't open patch file {name} : {reason}"))),
        };
        let (patches, malformed) = parse::parse(&input);
        if patches.is_empty() && malformed.is_none() && !input.is_empty() {
            return Ok(fatal("Only garbage was found in the patch input.".into()));
        }
        let mut session = Session::new(&ctx, &config);
        for patch in patches {
            session.patch_file(patch).await;
        }
        if let Some(malformed) = malformed {
            session.malformed(&malformed);
        }
        Ok(session.into_result())
    }
}

fn configure(ctx: &BuiltinContext<'_>) -> Result<Config, String> {
    let parsed = parse_options(OPTIONS, ctx.args)?;
    let mut config = Config {
        strip: None,
        reverse: false,
        forward: false,
        force: false,
        batch: false,
        silent: false,
        dry_run: false,
        backup: false,
        backup_if_mismatch: true,
        suffix: ".orig".into(),
        remove_empty: false,
        ignore_space: false,
        max_fuzz: DEFAULT_FUZZ,
        output: None,
        reject_file: None,
        directory: ctx.cwd.clone(),
        input: None,
        operand: None,
    };
    for (name, text) in parsed.options {
        let text = text.unwrap_or_default();
        let number = |what: &str| -> Result<usize, String> {
            text.parse().map_err(|_| format!("**** {what} {text} is not a number"))
        };
        match name {
            "strip" => config.strip = Some(number("strip count")?),
            "fuzz" => config.max_fuzz = number("fuzz factor")?,
            "reverse" => config.reverse = true,
            "forward" => config.forward = true,
            "force" => config.force = true,
            "batch" => config.batch = true,
            "silent" | "quiet" => config.silent = true,
            "dry-run" => config.dry_run = true,
            "backup" => config.backup = true,
            "no-backup-if-mismatch" | "posix" => config.backup_if_mismatch = false,
            "suffix" => config.suffix = text,
            "remove-empty-files" => config.remove_empty = true,
            "ignore-whitespace" => config.ignore_space = true,
            "output" => config.output = Some(text),
            "reject-file" => config.reject_file = Some(text),
            "directory" => config.directory = resolve(ctx.cwd, &text),
            "input" => config.input = Some(text),
            _ => {}
        }
    }
    let mut operands = parsed.operands.into_iter();
    config.operand = operands.next();
    if let Some(input) = operands.next() {
        config.input = Some(input);
    }
    match operands.next() {
        Some(extra) => Err(format!("{extra}: extra operand")),
        None => Ok(config),
    }
}
