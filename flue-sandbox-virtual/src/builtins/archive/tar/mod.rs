//! `tar`: archives as GNU tar has them.

mod change;
mod config;
mod create;
mod extract;
mod header;
mod names;
mod read;
mod transform;

use std::io::{Cursor, Read};

use bashkit::{Command, CommandContext, CommandStatus, Error, async_trait};
use chrono::DateTime;

use self::config::{Config, Mode};
use self::header::{Header, Kind};
use self::read::{Archive, Broken};
use super::super::clock;
use super::super::files::{read_file, resolve};
use super::super::ls::entry::mode_text;
use super::super::streaming::{Input, fail};
use super::unpack::{Unpacker, is_packed};

/// Bytes of an archive that is read from a pipe.
const MAX_PIPED_BYTES: usize = 256 << 20;
/// Width of owner and size in a long list, until a line needs more.
const OWNER_AND_SIZE_WIDTH: usize = 19;
/// Exit status after any error.
const FAILED: i32 = 2;

/// The `tar` command.
pub(in super::super) struct Tar;

#[async_trait]
impl Command for Tar {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let config = match config::read(ctx.cwd, ctx.args) {
            Ok(config) => config,
            Err((message, hint)) => {
                let hint = if hint { "\nTry 'tar --help' or 'tar --usage' for more information." } else { "" };
                return fail(&ctx, &format!("{message}{hint}"), FAILED).await;
            }
        };
        let mut run = Run { ctx: &ctx, config: &config, failed: false, warned: false, width: OWNER_AND_SIZE_WIDTH };
        let done = match config.mode {
            Mode::Create => create::create(&mut run).await,
            Mode::Append | Mode::Update | Mode::Catenate | Mode::Delete => change::change(&mut run).await,
            Mode::List | Mode::Extract => extract::extract(&mut run).await,
        };
        match done {
            Ok(()) if run.failed => fail(&ctx, "Exiting with failure status due to previous errors", FAILED).await,
            Ok(()) => Ok(CommandStatus::success()),
            Err(Stop::Fatal(message)) => {
                fail(&ctx, &format!("{message}\ntar: Error is not recoverable: exiting now"), FAILED).await
            }
            Err(Stop::Engine(error)) => Err(error),
        }
    }
}

/// Why a run cannot go on.
enum Stop {
    Fatal(String),
    Engine(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// One run of the command.
struct Run<'a, 'c> {
    ctx: &'a CommandContext<'c>,
    config: &'a Config,
    failed: bool,
    /// Whether it was said that names are shortened.
    warned: bool,
    width: usize,
}

impl Run<'_, '_> {
    /// Reports an error after which the run goes on.
    async fn complain(&mut self, message: &str) -> Result<(), Stop> {
        self.failed = true;
        self.warn(message).await
    }

    async fn warn(&self, message: &str) -> Result<(), Stop> {
        match self.ctx.stderr.write_all(format!("tar: {message}\n").as_bytes()).await {
            Err(Error::Io(_)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Cuts what leads out of the directory off a member's name, and says so once.
    async fn relative<'n>(&mut self, name: &'n str, what: &str) -> Result<&'n str, Stop> {
        let prefix = names::unsafe_prefix(name);
        if self.config.absolute || prefix.is_empty() {
            return Ok(name);
        }
        if !std::mem::replace(&mut self.warned, true) {
            self.warn(&format!("Removing leading `{prefix}' from {what}")).await?;
        }
        Ok(&name[prefix.len()..])
    }

    /// The name that a member gets.
    fn renamed(&self, name: &str) -> String {
        self.config.transforms.iter().fold(name.to_owned(), |name, transform| transform.apply(&name))
    }

    /// The bytes of the archive, packed or not.
    async fn archive_bytes(&self) -> Result<Vec<u8>, Stop> {
        let file = &self.config.file;
        if file != "-" {
            let bytes = read_file(&*self.ctx.fs, &resolve(self.ctx.cwd, file)).await;
            return bytes.map_err(|why| Stop::Fatal(format!("{file}: Cannot open: {why}")));
        }
        let mut input = Input::Stdin(self.ctx.stdin.clone());
        let mut bytes = Vec::new();
        while let Some(piece) = input.next().await? {
            if bytes.len() + piece.len() > MAX_PIPED_BYTES {
                return Err(Stop::Fatal(format!("-: more than {MAX_PIPED_BYTES} bytes")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn open(&self) -> Result<Archive, Stop> {
        let bytes = self.archive_bytes().await?;
        let source: Box<dyn Read + Send> = if is_packed(&bytes) {
            let unpacker = Unpacker::new(bytes).map_err(|damage| Stop::Fatal(damage.text().into()))?;
            Box::new(unpacker)
        } else if self.config.gzip {
            return Err(Stop::Fatal("the archive is not in gzip format".into()));
        } else {
            Box::new(Cursor::new(bytes))
        };
        Ok(Archive::new(source))
    }

    /// A line of a list: the name, or all there is to know.
    fn line(&mut self, header: &Header, long: bool) -> String {
        if !long {
            return format!("{}\n", header.name);
        }
        let kind = match header.kind {
            Kind::Directory => bashkit::FileType::Directory,
            Kind::Symlink => bashkit::FileType::Symlink,
            Kind::Fifo => bashkit::FileType::Fifo,
            Kind::File | Kind::HardLink | Kind::Other(_) => bashkit::FileType::File,
        };
        let mut mode = mode_text(kind, header.mode);
        if header.kind == Kind::HardLink {
            mode.replace_range(..1, "h");
        }
        let numeric = self.config.numeric_owner;
        let owner = |name: &str, id: u64| if name.is_empty() || numeric { id.to_string() } else { name.to_string() };
        let owners = format!("{}/{}", owner(&header.user, header.user_id), owner(&header.group, header.group_id));
        let size = header.size.to_string();
        self.width = self.width.max(owners.len() + 1 + size.len());
        let size_width = self.width - owners.len() - 1;
        let time = DateTime::from_timestamp(header.modified, 0).unwrap_or_default();
        let time = clock::zone(self.ctx.env).at(time).format("%Y-%m-%d %H:%M");
        let link = match header.kind {
            Kind::Symlink => format!(" -> {}", header.link),
            Kind::HardLink => format!(" link to {}", header.link),
            _ => String::new(),
        };
        format!("{mode} {owners} {size:>size_width$} {time} {}{link}\n", header.name)
    }
}

fn broken(broken: Broken) -> Stop {
    Stop::Fatal(match broken {
        Broken::NotTar => "This does not look like a tar archive".into(),
        Broken::Truncated => "Unexpected EOF in archive".into(),
        Broken::Source(why) => why,
    })
}
