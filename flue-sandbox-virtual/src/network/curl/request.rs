//! From a command line of `curl` to a request.

use bashkit::CommandContext;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};

use super::super::body::{self, Form, basic, url_encode};
use super::super::options::Parsed;
use super::super::transport::Request;
use super::{Error, code};

/// What the command line asks for. The inner error ends the transfer.
pub(super) async fn build(
    ctx: &CommandContext<'_>,
    parsed: &Parsed,
    url: &str,
) -> bashkit::Result<Result<Request, Error>> {
    let read_failed = |message: String| Error(code::READ, message);
    let absolute = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let Ok(mut url) = Url::parse(&absolute) else {
        return Ok(Err(Error(code::MALFORMED_URL, "URL using bad/illegal format or missing URL".into())));
    };
    let mut data: Option<Vec<u8>> = None;
    let mut headers = Vec::new();
    for (option, value) in &parsed.options {
        let part = match *option {
            "data" | "data-ascii" | "data-binary" | "json" if value.starts_with('@') => {
                match body::file(ctx, &value[1..]).await? {
                    Ok(bytes) if *option == "data" || *option == "data-ascii" => {
                        bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
                    }
                    Ok(bytes) => bytes,
                    Err(message) => return Ok(Err(read_failed(message))),
                }
            }
            "data" | "data-ascii" | "data-binary" | "data-raw" | "json" => value.clone().into_bytes(),
            "data-urlencode" => match encoded(ctx, value).await? {
                Ok(part) => part,
                Err(message) => return Ok(Err(read_failed(message))),
            },
            _ => continue,
        };
        match &mut data {
            Some(data) => {
                if *option != "json" {
                    data.push(b'&');
                }
                data.extend(part);
            }
            None => data = Some(part),
        }
    }
    let mut kind = parsed.has("json").then(|| "application/json".to_owned());
    let mut method = Method::GET;
    if parsed.has("get")
        && let Some(query) = data.take()
    {
        let query = String::from_utf8_lossy(&query);
        let joined = url.query().map_or(query.to_string(), |old| format!("{old}&{query}"));
        url.set_query(Some(&joined));
    }
    if data.is_some() {
        method = Method::POST;
        kind = kind.or_else(|| Some("application/x-www-form-urlencoded".to_owned()));
    }
    if parsed.has("form") || parsed.has("form-string") {
        match form(ctx, parsed).await? {
            Ok((form, bytes)) => (method, kind, data) = (Method::POST, Some(form), Some(bytes)),
            Err(message) => return Ok(Err(read_failed(message))),
        }
    }
    if let Some(name) = parsed.value("upload-file") {
        match body::file(ctx, name).await? {
            Ok(bytes) => (method, kind, data) = (Method::PUT, None, Some(bytes)),
            Err(message) => return Ok(Err(read_failed(message))),
        }
        // A directory gets the file under its own name.
        if url.path().ends_with('/') && name != "-" {
            let file = name.rsplit('/').next().unwrap_or(name);
            url = url.join(&url_encode(file.as_bytes())).unwrap_or(url);
        }
    }
    if parsed.has("head") {
        method = Method::HEAD;
    }
    if let Some(name) = parsed.value("request") {
        let Ok(named) = Method::from_bytes(name.as_bytes()) else {
            return Ok(Err(Error(code::USAGE, format!("not a request method: {name}"))));
        };
        method = named;
    }
    if let Some(cookie) = parsed.value("cookie") {
        if !cookie.contains('=') {
            return Ok(Err(Error(code::USAGE, "cookies are not read from files here; give -b 'name=value'".into())));
        }
        headers.push(("Cookie".to_owned(), cookie.to_owned()));
    }
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some(format!("{user}:{}", password.unwrap_or_default())),
    };
    if let Some(credentials) = parsed.value("user").map(str::to_owned).or(credentials) {
        headers.push(("Authorization".to_owned(), basic(&credentials)));
    }
    // Neither can fail for a URL with a host, which the rules demand.
    let _ = (url.set_username(""), url.set_password(None));
    if let Some(token) = parsed.value("oauth2-bearer") {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    let single = [("user-agent", "User-Agent"), ("referer", "Referer")];
    headers.extend(
        single.iter().filter_map(|(option, name)| Some(((*name).to_owned(), parsed.value(option)?.to_owned()))),
    );
    headers.extend(parsed.value("range").map(|range| ("Range".to_owned(), format!("bytes={range}"))));
    headers.push(("Accept".to_owned(), if parsed.has("json") { "application/json" } else { "*/*" }.to_owned()));
    headers.extend(kind.map(|kind| (CONTENT_TYPE.to_string(), kind)));
    for header in parsed.values("header") {
        add_header(&mut headers, header);
    }
    Ok(Ok(Request { method, url, headers, body: data }))
}

/// `Name: value` sets, `Name;` sets to nothing, `Name:` removes.
fn add_header(headers: &mut Vec<(String, String)>, header: &str) {
    let (name, value) = match header.split_once(':') {
        Some((name, value)) => (name.trim(), value.trim()),
        None => (header.trim_end_matches(';'), ""),
    };
    headers.retain(|(old, _)| !old.eq_ignore_ascii_case(name));
    if !value.is_empty() || header.ends_with(';') {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

/// The argument of `--data-urlencode`: `content`, `=content`, `name=content`, `@file` or `name@file`.
async fn encoded(ctx: &CommandContext<'_>, value: &str) -> bashkit::Result<Result<Vec<u8>, String>> {
    let (name, content) = match value.find(['=', '@']) {
        None => ("", value.as_bytes().to_vec()),
        Some(at) if value.as_bytes()[at] == b'=' => (&value[..at], value.as_bytes()[at + 1..].to_vec()),
        Some(at) => match body::file(ctx, &value[at + 1..]).await? {
            Ok(bytes) => (&value[..at], bytes),
            Err(message) => return Ok(Err(message)),
        },
    };
    let encoded = url_encode(&content);
    Ok(Ok(if name.is_empty() { encoded } else { format!("{name}={encoded}") }.into_bytes()))
}

/// The type and bytes of a form. The inner error is what to tell the user.
async fn form(ctx: &CommandContext<'_>, parsed: &Parsed) -> bashkit::Result<Result<(String, Vec<u8>), String>> {
    let mut form = match Form::new() {
        Ok(form) => form,
        Err(message) => return Ok(Err(message)),
    };
    for (option, value) in &parsed.options {
        let Some((name, content)) = value.split_once('=').filter(|_| matches!(*option, "form" | "form-string")) else {
            continue;
        };
        let source = content.chars().next().filter(|c| *option == "form" && matches!(c, '@' | '<'));
        let Some(source) = source else {
            form.add(name, None, None, content.as_bytes());
            continue;
        };
        let mut parts = content[1..].split(';');
        let file = parts.next().unwrap_or_default();
        let (mut shown, mut kind) = (file.rsplit('/').next().unwrap_or(file), None);
        for part in parts {
            match part.split_once('=') {
                Some(("type", value)) => kind = Some(value),
                Some(("filename", value)) => shown = value,
                _ => {}
            }
        }
        match body::file(ctx, file).await? {
            Ok(bytes) => form.add(name, (source == '@').then_some(shown), kind, &bytes),
            Err(message) => return Ok(Err(message)),
        }
    }
    Ok(Ok(form.finish()))
}
