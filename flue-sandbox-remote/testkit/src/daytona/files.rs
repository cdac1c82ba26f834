//! Files, as the daemon sees them: through `stat`, which follows links.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::multipart::parts;
use super::sandbox::timestamp;
use super::toolbox::{failure, no_page};
use crate::http::{Body, Request, Response};
use crate::machine::{Machine, random_id};

/// What separates the parts of a download.
const BOUNDARY: &str = "DAYTONA-FILE-BOUNDARY";

/// Answers what follows `/files`.
pub(super) fn answer(machine: &Machine, method: &str, path: &[&str], request: &Request) -> Response {
    let named = request.param("path").filter(|path| !path.is_empty());
    let done = match (method, path, named) {
        ("POST", ["bulk-download"], _) => return download_many(machine, &request.json()),
        ("POST", ["bulk-upload"], _) => return upload_many(machine, request),
        ("GET", ["info"], Some(path)) => info(&machine.resolve(path)).map(|info| Response::json(200, &info)),
        ("GET", [], path) => list(&machine.resolve(path.unwrap_or("."))),
        ("DELETE", [], Some(path)) => remove(&machine.resolve(path), request.param("recursive") == Some("true")),
        ("POST", ["folder"], Some(path)) => fs::create_dir_all(machine.resolve(path)).map(|()| Response::empty(201)),
        ("GET", ["download"], Some(path)) => download(&machine.resolve(path)),
        ("POST", ["upload-v2"], Some(path)) => {
            let kind = request.header("content-type").unwrap_or("");
            let parts = parts(kind, &request.body);
            let data = parts.as_ref().and_then(|parts| parts.first()).map_or(request.body.as_slice(), |part| part.data);
            write(&machine.resolve(path), data).map(|()| Response::json(200, &json!({"bytes": data.len()})))
        }
        ("POST", ["move"], _) => {
            let at = |name| machine.resolve(request.param(name).unwrap_or_default());
            fs::rename(at("source"), at("destination")).map(|()| Response::empty(200))
        }
        (_, [] | ["info" | "folder" | "download" | "upload-v2"], None) => {
            return failure(400, "BAD_REQUEST", "path is required");
        }
        _ => return no_page(),
    };
    done.unwrap_or_else(|cause| refusal(&cause))
}

fn refusal(cause: &io::Error) -> Response {
    match cause.kind() {
        io::ErrorKind::NotFound => failure(404, "FILE_NOT_FOUND", &cause.to_string()),
        io::ErrorKind::PermissionDenied => failure(403, "FILE_ACCESS_DENIED", &cause.to_string()),
        _ => failure(400, "INVALID_FILE_PATH", &cause.to_string()),
    }
}

fn info(path: &Path) -> io::Result<Value> {
    let meta = fs::metadata(path)?;
    let mode = meta.permissions().mode() & 0o777;
    let modified = meta.modified()?;
    Ok(json!({
        "name": path.file_name().unwrap_or_default().to_string_lossy(),
        "path": path.to_string_lossy(),
        "size": meta.len(),
        "isDir": meta.is_dir(),
        "mode": letters(meta.is_dir(), mode),
        "modTime": go_time(modified),
        "modifiedAt": timestamp(modified),
        "permissions": format!("{mode:04o}"),
        "owner": meta.uid().to_string(),
        "group": meta.gid().to_string(),
    }))
}

/// A mode in letters, as Go prints it.
fn letters(is_dir: bool, mode: u32) -> String {
    let bits = (0..9).rev().zip("rwxrwxrwx".chars());
    let bits = bits.map(|(bit, letter)| if mode & (1 << bit) == 0 { '-' } else { letter });
    std::iter::once(if is_dir { 'd' } else { '-' }).chain(bits).collect()
}

/// A time as Go prints it, which no standard knows.
fn go_time(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).format("%Y-%m-%d %H:%M:%S%.9f +0000 UTC").to_string()
}

/// What cannot be followed is left out.
fn list(path: &Path) -> io::Result<Response> {
    let mut children: Vec<PathBuf> = fs::read_dir(path)?.map(|child| Ok(child?.path())).collect::<io::Result<_>>()?;
    children.sort();
    let found: Vec<Value> = children.iter().filter_map(|child| info(child).ok()).collect();
    Ok(Response::json(200, &found.into()))
}

fn remove(path: &Path, recursive: bool) -> io::Result<Response> {
    let is_dir = fs::metadata(path)?.is_dir();
    if is_dir && !recursive {
        return Ok(failure(400, "BAD_REQUEST", "cannot delete directory without recursive flag"));
    }
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)?
    } else {
        fs::remove_file(path)?
    }
    Ok(Response::empty(204))
}

fn download(path: &Path) -> io::Result<Response> {
    if fs::metadata(path)?.is_dir() {
        return Ok(failure(400, "INVALID_FILE_PATH", "path must be a file"));
    }
    Ok(Response::new(200, "application/octet-stream", Body::Whole(fs::read(path)?)))
}

fn download_many(machine: &Machine, body: &Value) -> Response {
    let mut answer = Vec::new();
    for path in body["paths"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let at = machine.resolve(path);
        let read = if at.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { fs::read(&at) };
        let (name, kind, data) = match read {
            Ok(data) => ("file", "application/octet-stream", data),
            Err(cause) => {
                let said = json!({"message": format!("file not found or invalid: {path}: {cause}"),
                                  "statusCode": 404, "code": "FILE_NOT_FOUND", "source": "DAYTONA_DAEMON"});
                ("error", "application/json", said.to_string().into_bytes())
            }
        };
        let quoted = path.replace('\\', "\\\\").replace('"', "\\\"");
        answer.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Type: {kind}\r\n\
                 Content-Disposition: form-data; name=\"{name}\"; filename=\"{quoted}\"\r\n\r\n"
            )
            .into_bytes(),
        );
        answer.extend(data);
        answer.extend(b"\r\n");
    }
    answer.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    Response::new(200, &format!("multipart/form-data; boundary={BOUNDARY}"), Body::Whole(answer))
}

/// Parts `files[i].path`, each followed by `files[i].file`.
fn upload_many(machine: &Machine, request: &Request) -> Response {
    let Some(parts) = parts(request.header("content-type").unwrap_or(""), &request.body) else {
        return Response::json(400, &json!({"errors": ["invalid multipart form"]}));
    };
    let (mut paths, mut errors, mut files) = (BTreeMap::new(), Vec::new(), Vec::new());
    for part in parts {
        if let Some(index) = part.name.strip_suffix(".path") {
            // White space around a name is lost.
            let path = String::from_utf8_lossy(part.data).trim().to_owned();
            paths.insert(index.to_owned(), path);
        } else if let Some(index) = part.name.strip_suffix(".file") {
            match paths.get(index) {
                Some(path) => match write(&machine.resolve(path), part.data) {
                    Ok(()) => files.push(json!({"path": path, "bytes": part.data.len()})),
                    Err(cause) => errors.push(format!("{path}: {cause}")),
                },
                None => errors.push(format!("file[{index}]: missing .path metadata")),
            }
        }
    }
    if errors.is_empty() {
        Response::json(200, &json!({"files": files}))
    } else {
        Response::json(400, &json!({"errors": errors, "files": files}))
    }
}

/// Writes beside the target, readable to all, and moves it there; a link's target is written, not the link.
fn write(path: &Path, data: &[u8]) -> io::Result<()> {
    let target = if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    let dir = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir)?;
    let temporary = dir.join(format!(".daytona-upload-{}", random_id()?));
    let written = fs::write(&temporary, data)
        .and_then(|()| fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&temporary, &target));
    written.inspect_err(|_| {
        // It may not be there.
        let _ = fs::remove_file(&temporary);
    })
}
