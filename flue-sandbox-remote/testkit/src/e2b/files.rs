//! Whole files over plain HTTP.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::entry::entry;
use super::sandbox::Sandbox;
use crate::http::{Body, Request, Response};

/// Whether a request for a file carries the signature that stands for the token.
pub(super) fn is_signed(request: &Request, token: &str) -> bool {
    let operation = if request.method == "GET" { "read" } else { "write" };
    let param = |name| request.param(name).unwrap_or("");
    let mut text = format!("{}:{operation}:{}:{token}", param("path"), param("username"));
    if let Some(expiration) = request.param("signature_expiration") {
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
        if expiration.parse::<i64>().is_ok_and(|at| at < now) {
            return false;
        }
        text = format!("{text}:{expiration}");
    }
    let digest = STANDARD_NO_PAD.encode(Sha256::digest(text));
    request.path == "/files" && request.param("signature").is_some_and(|given| given == format!("v1_{digest}"))
}

/// Answers one request.
pub(super) fn answer(sandbox: &Sandbox, request: &Request) -> Response {
    let machine = sandbox.machine();
    let path = request.param("path").map(|path| machine.resolve(path));
    match (request.method.as_str(), path) {
        ("GET", Some(path)) => read(&path),
        ("POST", path) => {
            let kind = request.header("content-type").unwrap_or("");
            let files = match kind.split_once("boundary=") {
                Some((_, boundary)) => parts(&request.body, boundary.trim_matches('"')),
                None => vec![(None, request.body.as_slice())],
            };
            let mut written = Vec::new();
            for (name, bytes) in files {
                // A path that the request names wins over the name of its only part.
                let Some(path) = path.clone().or_else(|| name.map(|name| machine.resolve(&name))) else {
                    return error(400, "a part without a file name, and no path");
                };
                match write(&path, bytes) {
                    Ok(value) => written.push(value),
                    Err(cause) if cause.kind() == io::ErrorKind::StorageFull => {
                        return error(507, "not enough disk space");
                    }
                    Err(cause) => return error(500, &format!("{}: {cause}", path.display())),
                }
            }
            Response::json(200, &Value::Array(written))
        }
        _ => error(400, "the request names no path"),
    }
}

fn read(path: &Path) -> Response {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => error(400, &format!("path '{}' is a directory", path.display())),
        Ok(_) => match fs::read(path) {
            Ok(bytes) => Response::new(200, "application/octet-stream", Body::Whole(bytes)),
            Err(cause) => error(500, &cause.to_string()),
        },
        Err(_) => error(404, &format!("path '{}' does not exist", path.display())),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<Value> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    let described = entry(path)?;
    Ok(json!({"name": described["name"], "path": described["path"], "type": "file"}))
}

/// The files of a multipart body, with their names.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<(Option<String>, &'a [u8])> {
    let mark = format!("--{boundary}");
    let mut files = Vec::new();
    let mut rest = body;
    while let Some(start) = find(rest, mark.as_bytes()) {
        rest = rest.get(start + mark.len()..).unwrap_or_default();
        let Some(head) = find(rest, b"\r\n\r\n") else { break };
        let content = rest.get(head + 4..).unwrap_or_default();
        let Some(end) = find(content, format!("\r\n{mark}").as_bytes()) else { break };
        let head = String::from_utf8_lossy(rest.get(..head).unwrap_or_default()).into_owned();
        let name = head.split_once("filename=\"").and_then(|(_, rest)| Some(rest.split_once('"')?.0.to_owned()));
        files.push((name, content.get(..end).unwrap_or_default()));
        rest = content.get(end..).unwrap_or_default();
    }
    files
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"code": status, "message": message}))
}
