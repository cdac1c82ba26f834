//! `wget` over the sandbox's client: one file at a time, with the options that scripts use, and an error for the rest.

use std::sync::Arc;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};
use reqwest::{Method, Url};

use super::body::{self, basic};
use super::fetch::fetch;
use super::options::{Opt, Parsed, Takes, parse};
use super::transport::{Failure, Request, Transport};

/// The exit codes of wget that are used here (its manual, "EXIT STATUS").
mod code {
    pub(super) const GENERIC: i32 = 1;
    pub(super) const USAGE: i32 = 2;
    pub(super) const FILE: i32 = 3;
    pub(super) const NETWORK: i32 = 4;
    pub(super) const SERVER: i32 = 8;
}

/// The redirects that are followed unless told otherwise.
const MAX_REDIRECTS: usize = 20;
/// The name of what has none.
const INDEX: &str = "index.html";
const NO_RECURSION: Takes = Takes::Refused("only single files are fetched here");

const OPTIONS: [Opt; 36] = [
    Opt(Some('4'), "inet4-only", Takes::Ignored),
    Opt(Some('6'), "inet6-only", Takes::Ignored),
    Opt(Some('O'), "output-document", Takes::Value),
    Opt(Some('P'), "directory-prefix", Takes::Value),
    Opt(Some('S'), "server-response", Takes::Nothing),
    Opt(Some('T'), "timeout", Takes::Value),
    Opt(Some('U'), "user-agent", Takes::Value),
    Opt(Some('V'), "version", Takes::Nothing),
    Opt(Some('c'), "continue", Takes::Refused("a download always starts anew here")),
    Opt(Some('m'), "mirror", NO_RECURSION),
    // `-nv`, `-nc`, `-nd`, …: a letter that takes another one.
    Opt(Some('n'), "no", Takes::Value),
    Opt(Some('p'), "page-requisites", NO_RECURSION),
    Opt(Some('q'), "quiet", Takes::Nothing),
    Opt(Some('r'), "recursive", NO_RECURSION),
    Opt(Some('t'), "tries", Takes::IgnoredValue),
    Opt(Some('v'), "verbose", Takes::Ignored),
    Opt(Some('w'), "wait", Takes::IgnoredValue),
    Opt(None, "body-data", Takes::Value),
    Opt(None, "body-file", Takes::Value),
    Opt(None, "connect-timeout", Takes::IgnoredValue),
    Opt(None, "content-on-error", Takes::Nothing),
    Opt(None, "header", Takes::Value),
    Opt(None, "max-redirect", Takes::Value),
    Opt(None, "method", Takes::Value),
    Opt(None, "no-cache", Takes::Ignored),
    Opt(None, "no-check-certificate", Takes::Refused("certificates are always checked here")),
    Opt(None, "no-clobber", Takes::Nothing),
    Opt(None, "no-verbose", Takes::Nothing),
    Opt(None, "password", Takes::Value),
    Opt(None, "post-data", Takes::Value),
    Opt(None, "post-file", Takes::Value),
    Opt(None, "progress", Takes::IgnoredValue),
    Opt(None, "read-timeout", Takes::IgnoredValue),
    Opt(None, "show-progress", Takes::Ignored),
    Opt(None, "spider", Takes::Nothing),
    Opt(None, "user", Takes::Value),
];

/// The `wget` command.
#[derive(Clone)]
pub(super) struct Wget(pub(super) Arc<Transport>);

/// An exit code, and what to say.
struct Error(i32, String);

#[async_trait]
impl Command for Wget {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let parsed = match parse(&OPTIONS, ctx.args) {
            Ok(parsed) if parsed.operands.is_empty() && !parsed.has("version") => Err("missing URL".to_owned()),
            parsed => parsed,
        };
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(message) => {
                ctx.stderr.write_all(format!("wget: {message}\n").as_bytes()).await?;
                return Ok(CommandStatus::with_code(code::USAGE));
            }
        };
        if parsed.has("version") {
            let version = concat!("GNU Wget 1.21 (flue ", env!("CARGO_PKG_VERSION"), ")\n");
            ctx.stdout.write_all(version.as_bytes()).await?;
            return Ok(CommandStatus::success());
        }
        let mut status = 0;
        let mut document = Vec::new();
        for url in &parsed.operands {
            if let Err(error) = self.download(&ctx, &parsed, url, &mut document).await? {
                if !parsed.has("quiet") {
                    ctx.stderr.write_all(format!("wget: {}\n", error.1).as_bytes()).await?;
                }
                status = error.0;
            }
        }
        Ok(CommandStatus::with_code(status))
    }
}

impl Wget {
    /// Fetches one URL. `document` holds what `-O` has got so far. The inner error ends the download.
    async fn download(
        &self,
        ctx: &CommandContext<'_>,
        parsed: &Parsed,
        url: &str,
        document: &mut Vec<u8>,
    ) -> bashkit::Result<Result<(), Error>> {
        let request = match request(ctx, parsed, url).await? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let longest = self.0.rules().timeout;
        let settings = (parsed.number("max-redirect"), parsed.seconds("timeout"));
        let (redirects, timeout) = match settings {
            (Ok(redirects), Ok(timeout)) => {
                (redirects.unwrap_or(MAX_REDIRECTS), timeout.unwrap_or(longest).min(longest))
            }
            (Err(message), _) | (_, Err(message)) => return Ok(Err(Error(code::USAGE, message))),
        };
        let fetched = match fetch(&self.0, request, Some(redirects), timeout).await {
            Ok(fetched) => fetched,
            Err(failure) => {
                let code = if matches!(failure, Failure::Redirects(_)) { code::SERVER } else { code::NETWORK };
                return Ok(Err(Error(code, format!("{url}: {failure}"))));
            }
        };
        let response = &fetched.response;
        if parsed.has("server-response") {
            let head: String = response.head().lines().map(|line| format!("  {line}\n")).collect();
            ctx.stderr.write_all(head.as_bytes()).await?;
        }
        let failed = !response.status.is_success();
        let error = || {
            let status = response.status;
            Error(
                code::SERVER,
                format!("ERROR {}: {}.", status.as_u16(), status.canonical_reason().unwrap_or_default()),
            )
        };
        if failed && !parsed.has("content-on-error") {
            return Ok(Err(error()));
        }
        if !parsed.has("spider")
            && let Err(error) = save(ctx, parsed, &fetched.url, &response.body, document).await?
        {
            return Ok(Err(error));
        }
        Ok(if failed { Err(error()) } else { Ok(()) })
    }
}

/// What the command line asks for. The inner error ends the download.
async fn request(ctx: &CommandContext<'_>, parsed: &Parsed, url: &str) -> bashkit::Result<Result<Request, Error>> {
    let absolute = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let Ok(url) = Url::parse(&absolute) else { return Ok(Err(Error(code::GENERIC, format!("{url}: Invalid URL")))) };
    let mut method = if parsed.has("spider") { Method::HEAD } else { Method::GET };
    let mut headers = Vec::new();
    let mut sent = None;
    if let Some(data) = parsed.value("post-data").or(parsed.value("body-data")) {
        sent = Some(data.as_bytes().to_vec());
    } else if let Some(name) = parsed.value("post-file").or(parsed.value("body-file")) {
        match body::file(ctx, name).await? {
            Ok(bytes) => sent = Some(bytes),
            Err(message) => return Ok(Err(Error(code::FILE, message))),
        }
    }
    if parsed.has("post-data") || parsed.has("post-file") {
        method = Method::POST;
        headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    if let Some(name) = parsed.value("method") {
        let Ok(named) = Method::from_bytes(name.to_ascii_uppercase().as_bytes()) else {
            return Ok(Err(Error(code::USAGE, format!("not a request method: {name}"))));
        };
        method = named;
    }
    headers.push(("Accept".to_owned(), "*/*".to_owned()));
    if let Some(user) = parsed.value("user") {
        let password = parsed.value("password").unwrap_or_default();
        headers.push(("Authorization".to_owned(), basic(&format!("{user}:{password}"))));
    }
    headers.extend(parsed.value("user-agent").map(|agent| ("User-Agent".to_owned(), agent.to_owned())));
    for header in parsed.values("header") {
        let Some((name, value)) = header.split_once(':') else {
            return Ok(Err(Error(code::USAGE, format!("not a header: {header}"))));
        };
        headers.retain(|(old, _)| !old.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Ok(Request { method, url, headers, body: sent }))
}

/// Puts a body where it belongs, and says where. The inner error ends the download.
async fn save(
    ctx: &CommandContext<'_>,
    parsed: &Parsed,
    url: &Url,
    bytes: &[u8],
    document: &mut Vec<u8>,
) -> bashkit::Result<Result<(), Error>> {
    let (name, bytes) = match parsed.value("output-document") {
        Some("-") => return ctx.stdout.write_all(bytes).await.map(Ok),
        Some(name) => {
            // All URLs go into one document.
            document.extend_from_slice(bytes);
            (name.to_owned(), &**document)
        }
        None => {
            let last =
                url.path_segments().and_then(|mut segments| segments.next_back()).filter(|name| !name.is_empty());
            let dir = parsed.value("directory-prefix");
            let name =
                dir.map_or(String::new(), |dir| format!("{}/", dir.trim_end_matches('/'))) + last.unwrap_or(INDEX);
            if let Some(dir) = dir
                && let Err(error) = ctx.fs.mkdir(&body::path(ctx, dir), true).await
            {
                return Ok(Err(Error(code::FILE, format!("{dir}: {error}"))));
            }
            match free_name(ctx, parsed, name).await? {
                Some(name) => (name, bytes),
                None => return Ok(Ok(())),
            }
        }
    };
    if let Err(error) = ctx.fs.write_file(&body::path(ctx, &name), bytes).await {
        return Ok(Err(Error(code::FILE, format!("{name}: {error}"))));
    }
    if !parsed.has("quiet") {
        ctx.stderr.write_all(format!("'{name}' saved [{}]\n", bytes.len()).as_bytes()).await?;
    }
    Ok(Ok(()))
}

/// `name`, or with a number if that is taken; nothing if `-nc` says to keep what is there.
async fn free_name(ctx: &CommandContext<'_>, parsed: &Parsed, name: String) -> bashkit::Result<Option<String>> {
    if !ctx.fs.exists(&body::path(ctx, &name)).await? {
        return Ok(Some(name));
    }
    if parsed.has("no-clobber") || parsed.values("no").any(|letter| letter == "c") {
        return Ok(None);
    }
    let mut number = 1_u64;
    loop {
        let numbered = format!("{name}.{number}");
        if !ctx.fs.exists(&body::path(ctx, &numbered)).await? {
            return Ok(Some(numbered));
        }
        number += 1;
    }
}
