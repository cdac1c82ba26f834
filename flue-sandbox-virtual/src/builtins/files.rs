//! Operands, paths and error words shared by the builtins.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use bashkit::{BuiltinContext, Error, FileSystem};

/// `operand` as an absolute path, `.` and `..` folded.
pub(super) fn resolve(cwd: &Path, operand: &str) -> PathBuf {
    bashkit::normalize_path(&bashkit::vfs_join(cwd, Path::new(operand)))
}

/// What went wrong in the words of `strerror`.
pub(super) fn reason(error: &Error) -> String {
    let Error::Io(io) = error else {
        return error.to_string();
    };
    match io.kind() {
        ErrorKind::NotFound => "No such file or directory".into(),
        ErrorKind::PermissionDenied => "Permission denied".into(),
        ErrorKind::IsADirectory => "Is a directory".into(),
        ErrorKind::NotADirectory => "Not a directory".into(),
        ErrorKind::AlreadyExists => "File exists".into(),
        ErrorKind::DirectoryNotEmpty => "Directory not empty".into(),
        _ if io.to_string() == "is a directory" => "Is a directory".into(),
        _ => io.to_string(),
    }
}

/// The bytes of an operand; `-` is standard input.
pub(super) async fn read_operand(ctx: &BuiltinContext<'_>, operand: &str) -> Result<Vec<u8>, String> {
    if operand == "-" {
        return Ok(ctx.stdin_bytes().unwrap_or_default().to_vec());
    }
    read_file(&*ctx.fs, &resolve(ctx.cwd, operand)).await
}

/// A file's bytes, or why not.
pub(super) async fn read_file(fs: &dyn FileSystem, path: &Path) -> Result<Vec<u8>, String> {
    match fs.stat(path).await {
        Ok(meta) if meta.file_type.is_dir() => return Err("Is a directory".into()),
        Ok(_) => {}
        Err(error) => return Err(reason(&error)),
    }
    fs.read_file(path).await.map_err(|error| reason(&error))
}

/// Splits into lines, each with its newline; the last may lack one.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n')
}

/// The way from one directory to a path.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let parts = |path: &Path| -> Vec<String> {
        path.components()
            .filter(|part| *part != Component::RootDir)
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect()
    };
    let (from, to) = (parts(from), parts(to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_string(), from.len() - shared);
    let way: PathBuf = up.chain(to[shared..].iter().cloned()).collect();
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

/// `word` as the shell reads it back.
pub(super) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | ',' | '+' | '@' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
