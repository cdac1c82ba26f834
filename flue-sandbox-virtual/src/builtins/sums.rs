//! `md5sum`, `sha256sum` and their kin: the engine's own print nothing at all
//! when one of several files cannot be read.

use std::fmt::Write as _;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};
use sha2::Digest;

use super::files::read_operand;
use super::options::{LONG, Opt, flag, parse, usage_error};

/// One of the commands: what it is called and what it computes.
pub(super) struct Sum {
    name: &'static str,
    /// What the algorithm is called in `--tag` lines.
    label: &'static str,
    hash: fn(&[u8]) -> Vec<u8>,
}

impl Sum {
    /// All commands of this kind.
    pub(super) fn all() -> [Sum; 7] {
        [
            Sum { name: "b2sum", label: "BLAKE2b", hash: |bytes| blake2::Blake2b512::digest(bytes).to_vec() },
            Sum { name: "md5sum", label: "MD5", hash: |bytes| md5::Md5::digest(bytes).to_vec() },
            Sum { name: "sha1sum", label: "SHA1", hash: |bytes| sha1::Sha1::digest(bytes).to_vec() },
            Sum { name: "sha224sum", label: "SHA224", hash: |bytes| sha2::Sha224::digest(bytes).to_vec() },
            Sum { name: "sha256sum", label: "SHA256", hash: |bytes| sha2::Sha256::digest(bytes).to_vec() },
            Sum { name: "sha384sum", label: "SHA384", hash: |bytes| sha2::Sha384::digest(bytes).to_vec() },
            Sum { name: "sha512sum", label: "SHA512", hash: |bytes| sha2::Sha512::digest(bytes).to_vec() },
        ]
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn hex(&self, bytes: &[u8]) -> String {
        (self.hash)(bytes).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

const OPTIONS: &[Opt] = &[
    flag('b', "binary"),
    flag('c', "check"),
    flag(LONG, "ignore-missing"),
    flag(LONG, "quiet"),
    flag(LONG, "status"),
    flag(LONG, "strict"),
    flag(LONG, "tag"),
    flag('t', "text"),
    flag('w', "warn"),
    flag('z', "zero"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[derive(Default)]
struct Config {
    binary: bool,
    check: bool,
    ignore_missing: bool,
    quiet: bool,
    status: bool,
    strict: bool,
    tag: bool,
    warn: bool,
    zero: bool,
}

#[async_trait]
impl Builtin for Sum {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error(self.name, &message, 1)),
        };
        let mut config = Config::default();
        for (name, _) in parsed.options {
            match name {
                "binary" => config.binary = true,
                "text" => config.binary = false,
                "check" => config.check = true,
                "ignore-missing" => config.ignore_missing = true,
                "quiet" => config.quiet = true,
                "status" => config.status = true,
                "strict" => config.strict = true,
                "tag" => config.tag = true,
                "warn" => config.warn = true,
                "zero" => config.zero = true,
                _ => {}
            }
        }
        let mut operands = parsed.operands;
        if operands.is_empty() {
            operands.push("-".into());
        }
        let mut work = Work { sum: self, ctx: &ctx, config, out: String::new(), err: String::new(), failed: false };
        for operand in operands {
            match read_operand(&ctx, &operand).await {
                Ok(bytes) if work.config.check => work.check(&operand, &bytes).await,
                Ok(bytes) => work.print(&operand, &bytes),
                Err(why) => work.complain(&operand, &why),
            }
        }
        Ok(ExecResult {
            stdout: work.out.into(),
            stderr: work.err.into(),
            exit_code: i32::from(work.failed),
            ..Default::default()
        })
    }
}

struct Work<'a, 'c> {
    sum: &'a Sum,
    ctx: &'a BuiltinContext<'c>,
    config: Config,
    out: String,
    err: String,
    failed: bool,
}

impl Work<'_, '_> {
    fn complain(&mut self, name: &str, why: &str) {
        let _ = writeln!(self.err, "{}: {name}: {why}", self.sum.name);
        self.failed = true;
    }

    fn print(&mut self, name: &str, bytes: &[u8]) {
        let hex = self.sum.hex(bytes);
        // A name with a line break is escaped, and the line says so in front.
        let odd = !self.config.zero && name.contains(['\n', '\\']);
        let shown = if odd { name.replace('\\', "\\\\").replace('\n', "\\n") } else { name.to_string() };
        let mark = if odd { "\\" } else { "" };
        let end = if self.config.zero { '\0' } else { '\n' };
        let _ = if self.config.tag {
            write!(self.out, "{mark}{} ({shown}) = {hex}{end}", self.sum.label)
        } else {
            let kind = if self.config.binary { '*' } else { ' ' };
            write!(self.out, "{mark}{hex} {kind}{shown}{end}")
        };
    }

    /// Checks the files a list names against the sums it gives.
    async fn check(&mut self, list: &str, bytes: &[u8]) {
        let shown_list = if list == "-" { "'standard input'" } else { list };
        let (mut lines, mut malformed, mut mismatched, mut unreadable, mut verified) = (0, 0, 0, 0, 0);
        for (at, line) in String::from_utf8_lossy(bytes).lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((hex, name)) = self.entry(line) else {
                malformed += 1;
                if self.config.warn {
                    let text = format!("{}: improperly formatted {} checksum line", at + 1, self.sum.label);
                    let _ = writeln!(self.err, "{}: {shown_list}: {text}", self.sum.name);
                }
                continue;
            };
            lines += 1;
            match read_operand(self.ctx, &name).await {
                Ok(bytes) => {
                    let same = self.sum.hex(&bytes).eq_ignore_ascii_case(hex);
                    verified += u32::from(same);
                    mismatched += u32::from(!same);
                    let silent = self.config.status || (same && self.config.quiet);
                    if !silent {
                        let _ = writeln!(self.out, "{name}: {}", if same { "OK" } else { "FAILED" });
                    }
                }
                Err(why) if self.config.ignore_missing && why == "No such file or directory" => {}
                Err(why) => {
                    unreadable += 1;
                    let _ = writeln!(self.err, "{}: {name}: {why}", self.sum.name);
                    if !self.config.status {
                        let _ = writeln!(self.out, "{name}: FAILED open or read");
                    }
                }
            }
        }
        self.failed |= mismatched + unreadable > 0 || (self.config.strict && malformed > 0);
        let name = self.sum.name;
        if lines == 0 {
            self.failed = true;
            let label = self.sum.label;
            let _ = writeln!(self.err, "{name}: {shown_list}: no properly formatted {label} checksum lines found");
            return;
        }
        if self.config.status {
            return;
        }
        let mut warn = |count: u32, one: &str, many: &str| {
            if count > 0 {
                let what = if count == 1 { one } else { many };
                let _ = writeln!(self.err, "{name}: WARNING: {count} {what}");
            }
        };
        warn(malformed, "line is improperly formatted", "lines are improperly formatted");
        warn(unreadable, "listed file could not be read", "listed files could not be read");
        warn(mismatched, "computed checksum did NOT match", "computed checksums did NOT match");
        if self.config.ignore_missing && verified == 0 {
            self.failed = true;
            let _ = writeln!(self.err, "{name}: {shown_list}: no file was verified");
        }
    }

    /// The sum and the name in a line of either format.
    fn entry<'l>(&self, line: &'l str) -> Option<(&'l str, String)> {
        let is_sum =
            |hex: &str| hex.len() == self.sum.hex(b"").len() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(rest) = line.strip_prefix(self.sum.label).and_then(|rest| rest.strip_prefix(" (")) {
            let (name, hex) = rest.rsplit_once(") = ")?;
            return is_sum(hex).then(|| (hex, name.to_string()));
        }
        let escaped = line.strip_prefix('\\');
        let (hex, name) = escaped.unwrap_or(line).split_once(' ')?;
        let name = name.strip_prefix([' ', '*'])?;
        let name = match escaped {
            Some(_) => name.replace("\\n", "\n").replace("\\\\", "\\"),
            None => name.to_string(),
        };
        is_sum(hex).then_some((hex, name))
    }
}
