//! `realpath`: the engine's own ignores `--relative-to`.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, Error, ExecResult, FileSystem, FileType, async_trait};

use super::files::{reason, relative, resolve};
use super::options::{LONG, Opt, flag, parse, usage_error, value};

/// The `realpath` command.
pub(super) struct Realpath;

/// Links followed before a path counts as a loop, as in Linux.
const MAX_LINKS: usize = 40;

const OPTIONS: &[Opt] = &[
    flag('e', "canonicalize-existing"),
    flag('m', "canonicalize-missing"),
    flag('L', "logical"),
    flag('P', "physical"),
    flag('q', "quiet"),
    value(LONG, "relative-to"),
    value(LONG, "relative-base"),
    flag('s', "strip"),
    flag(LONG, "no-symlinks"),
    flag('z', "zero"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

/// Which parts of a path must exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    All,
    AllButLast,
    None,
}

#[async_trait]
impl Builtin for Realpath {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("realpath", &message, 1)),
        };
        let (mut must, mut links, mut quiet, mut end) = (Must::AllButLast, true, false, '\n');
        let (mut to, mut base) = (None, None);
        for (name, text) in parsed.options {
            match name {
                "canonicalize-existing" => must = Must::All,
                "canonicalize-missing" => must = Must::None,
                "strip" | "no-symlinks" => links = false,
                "quiet" => quiet = true,
                "zero" => end = '\0',
                "relative-to" => to = text,
                "relative-base" => base = text,
                _ => {}
            }
        }
        if parsed.operands.is_empty() {
            return Ok(usage_error("realpath", "missing operand", 1));
        }
        let real = async |name: &str| -> Result<PathBuf, String> {
            let path = resolve(ctx.cwd, name);
            if name.is_empty() {
                Err("No such file or directory".into())
            } else if links {
                // `..` behind a link leads to the parent of where it points.
                let unfolded = bashkit::vfs_join(ctx.cwd, Path::new(name));
                canonical(&*ctx.fs, &unfolded, must).await
            } else if must == Must::All && !ctx.fs.exists(&path).await.unwrap_or(false) {
                Err("No such file or directory".into())
            } else {
                Ok(path)
            }
        };
        let mut result = ExecResult::default();
        let (mut out, mut err) = (String::new(), String::new());
        let mut anchors = Vec::new();
        for name in [to, base.clone()] {
            anchors.push(match name {
                Some(name) => real(&name).await.ok(),
                None => None,
            });
        }
        let base_path = anchors.pop().flatten();
        let to_path = anchors.pop().flatten().or_else(|| base_path.clone());
        for operand in &parsed.operands {
            match real(operand).await {
                Ok(path) => {
                    let inside = base_path.as_ref().is_none_or(|base| path.starts_with(base));
                    let shown = match &to_path {
                        Some(to) if inside => relative(to, &path),
                        _ => path,
                    };
                    out.push_str(&shown.to_string_lossy());
                    out.push(end);
                }
                Err(why) => {
                    if !quiet {
                        err.push_str(&format!("realpath: {operand}: {why}\n"));
                    }
                    result.exit_code = 1;
                }
            }
        }
        result.stdout = out.into();
        result.stderr = err.into();
        Ok(result)
    }
}

/// The path without links, `.` and `..`.
async fn canonical(fs: &dyn FileSystem, path: &Path, must: Must) -> Result<PathBuf, String> {
    let parts =
        |path: &Path| -> Vec<PathBuf> { path.components().map(|part| PathBuf::from(part.as_os_str())).collect() };
    let mut todo: VecDeque<PathBuf> = parts(path).into();
    let mut done = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = todo.pop_front() {
        match part.components().next() {
            Some(Component::Normal(name)) => done.push(name),
            Some(Component::ParentDir) => {
                done.pop();
                continue;
            }
            Some(Component::RootDir) => {
                done = PathBuf::from("/");
                continue;
            }
            _ => continue,
        }
        match fs.lstat(&done).await {
            Ok(meta) if meta.file_type == FileType::Symlink => {
                links += 1;
                if links > MAX_LINKS {
                    return Err("Too many levels of symbolic links".into());
                }
                let target = fs.read_link(&done).await.map_err(|error| reason(&error))?;
                done.pop();
                for part in parts(&target).into_iter().rev() {
                    todo.push_front(part);
                }
            }
            Ok(meta) if !meta.file_type.is_dir() && !todo.is_empty() && must != Must::None => {
                return Err("Not a directory".into());
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::NotFound => {
                let last = todo.is_empty();
                if must == Must::All || (must == Must::AllButLast && !last) {
                    return Err("No such file or directory".into());
                }
            }
            Err(error) if must != Must::None => return Err(reason(&error)),
            Err(_) => {}
        }
    }
    Ok(done)
}
