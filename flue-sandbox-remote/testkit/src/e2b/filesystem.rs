//! The file system service: one call, one answer.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::entry::entry;
use super::sandbox::Sandbox;
use crate::http::Response;

/// Deepest that a listing goes.
const MAX_DEPTH: u64 = 32;

/// Why a call failed: a code of the Connect protocol, and words.
type Failure = (&'static str, String);

/// Answers one call.
pub(super) fn answer(sandbox: &Sandbox, method: &str, body: &Value) -> Response {
    let machine = sandbox.machine();
    let resolve = |name: &str| machine.resolve(body[name].as_str().unwrap_or(""));
    let path = resolve("path");
    let done = match method {
        "Stat" => entry(&path).map(|entry| json!({"entry": entry})).map_err(|cause| failure(&path, &cause)),
        "MakeDir" => make_dir(&path),
        "Move" => rename(&resolve("source"), &resolve("destination")),
        "ListDir" => list(&path, body["depth"].as_u64().unwrap_or(1).clamp(1, MAX_DEPTH)),
        "Remove" => remove(&path),
        _ => Err(("unimplemented", format!("{method} is not modelled"))),
    };
    match done {
        Ok(value) => Response::json(200, &value),
        Err((code, message)) => error(code, &message),
    }
}

/// An error of the Connect protocol, as a whole answer.
pub(super) fn error(code: &str, message: &str) -> Response {
    let status = match code {
        "invalid_argument" => 400,
        "not_found" => 404,
        "already_exists" => 409,
        "permission_denied" => 403,
        "unimplemented" => 501,
        _ => 500,
    };
    Response::json(status, &json!({"code": code, "message": message}))
}

/// Always with parents; a directory that is there is an error.
fn make_dir(path: &Path) -> Result<Value, Failure> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(("already_exists", format!("directory already exists: {}", path.display()))),
        Ok(_) => {
            Err(("invalid_argument", format!("path already exists but it is not a directory: {}", path.display())))
        }
        Err(_) => {
            fs::create_dir_all(path).map_err(|cause| failure(path, &cause))?;
            Ok(json!({"entry": entry(path).map_err(|cause| failure(path, &cause))?}))
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<Value, Failure> {
    fs::metadata(from).map_err(|cause| failure(from, &cause))?;
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|cause| failure(to, &cause))?;
    }
    fs::rename(from, to).map_err(|cause| failure(to, &cause))?;
    Ok(json!({"entry": entry(to).map_err(|cause| failure(to, &cause))?}))
}

fn list(path: &Path, depth: u64) -> Result<Value, Failure> {
    let meta = fs::metadata(path).map_err(|cause| failure(path, &cause))?;
    if !meta.is_dir() {
        return Err(("invalid_argument", format!("path is not a directory: {}", path.display())));
    }
    let mut entries = Vec::new();
    walk(path, depth, &mut entries).map_err(|cause| failure(path, &cause))?;
    Ok(json!({"entries": entries}))
}

fn walk(path: &Path, depth: u64, into: &mut Vec<Value>) -> io::Result<()> {
    let mut children: Vec<_> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
    children.sort_by_key(fs::DirEntry::file_name);
    for child in children {
        into.push(entry(&child.path())?);
        if depth > 1 && child.file_type()?.is_dir() {
            walk(&child.path(), depth - 1, into)?;
        }
    }
    Ok(())
}

/// Always recursive, and content with a path that is not there.
fn remove(path: &Path) -> Result<Value, Failure> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(cause) => Err(cause),
    };
    match removed {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failure(path, &cause)),
        _ => Ok(json!({})),
    }
}

fn failure(path: &Path, cause: &io::Error) -> Failure {
    let code = match cause.kind() {
        io::ErrorKind::NotFound => "not_found",
        io::ErrorKind::PermissionDenied => "permission_denied",
        _ => "internal",
    };
    (code, format!("{}: {cause}", path.display()))
}
