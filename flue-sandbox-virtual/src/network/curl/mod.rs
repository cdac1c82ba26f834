//! `curl` over the sandbox's client: the options that scripts use, and an error for the rest.

mod request;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;

use super::body;
use super::fetch::{Fetched, fetch};
use super::options::{Opt, Parsed, Takes, parse};
use super::transport::{Failure, Request, Transport};

/// The exit codes of curl that are used here (its manual, "EXIT CODES").
mod code {
    pub(super) const USAGE: i32 = 2;
    pub(super) const MALFORMED_URL: i32 = 3;
    pub(super) const RESOLVE: i32 = 6;
    pub(super) const CONNECT: i32 = 7;
    pub(super) const HTTP_ERROR: i32 = 22;
    pub(super) const WRITE: i32 = 23;
    pub(super) const READ: i32 = 26;
    pub(super) const TIMEOUT: i32 = 28;
    pub(super) const REDIRECTS: i32 = 47;
    pub(super) const RECEIVE: i32 = 56;
    pub(super) const TOO_LARGE: i32 = 63;
}

/// The redirects that `-L` follows unless told otherwise.
const MAX_REDIRECTS: usize = 50;
const NO_INSECURE: Takes = Takes::Refused("certificates are always checked here");
const NO_PROXY: Takes = Takes::Refused("there are no proxies here");
const NO_COOKIES: Takes = Takes::Refused("cookies are not kept here; give them with -b 'name=value'");

const OPTIONS: [Opt; 69] = [
    Opt(Some('#'), "progress-bar", Takes::Ignored),
    Opt(Some('4'), "ipv4", Takes::Ignored),
    Opt(Some('6'), "ipv6", Takes::Ignored),
    Opt(Some('A'), "user-agent", Takes::Value),
    Opt(Some('D'), "dump-header", Takes::Value),
    Opt(Some('F'), "form", Takes::Value),
    Opt(Some('G'), "get", Takes::Nothing),
    Opt(Some('H'), "header", Takes::Value),
    Opt(Some('I'), "head", Takes::Nothing),
    Opt(Some('L'), "location", Takes::Nothing),
    Opt(Some('N'), "no-buffer", Takes::Ignored),
    Opt(Some('O'), "remote-name", Takes::Nothing),
    Opt(Some('S'), "show-error", Takes::Nothing),
    Opt(Some('T'), "upload-file", Takes::Value),
    Opt(Some('V'), "version", Takes::Nothing),
    Opt(Some('X'), "request", Takes::Value),
    Opt(Some('Z'), "parallel", Takes::Ignored),
    Opt(Some('b'), "cookie", Takes::Value),
    Opt(Some('c'), "cookie-jar", NO_COOKIES),
    Opt(Some('d'), "data", Takes::Value),
    Opt(Some('e'), "referer", Takes::Value),
    Opt(Some('f'), "fail", Takes::Nothing),
    Opt(Some('g'), "globoff", Takes::Ignored),
    Opt(Some('i'), "include", Takes::Nothing),
    Opt(Some('j'), "junk-session-cookies", Takes::Ignored),
    Opt(Some('k'), "insecure", NO_INSECURE),
    Opt(Some('m'), "max-time", Takes::Value),
    Opt(Some('n'), "netrc", Takes::Ignored),
    Opt(Some('o'), "output", Takes::Value),
    Opt(Some('q'), "disable", Takes::Ignored),
    Opt(Some('r'), "range", Takes::Value),
    Opt(Some('s'), "silent", Takes::Nothing),
    Opt(Some('u'), "user", Takes::Value),
    Opt(Some('v'), "verbose", Takes::Nothing),
    Opt(Some('w'), "write-out", Takes::Value),
    Opt(Some('x'), "proxy", NO_PROXY),
    Opt(Some('y'), "speed-time", Takes::IgnoredValue),
    Opt(Some('Y'), "speed-limit", Takes::IgnoredValue),
    Opt(None, "compressed", Takes::Ignored),
    Opt(None, "connect-timeout", Takes::IgnoredValue),
    Opt(None, "create-dirs", Takes::Nothing),
    Opt(None, "data-ascii", Takes::Value),
    Opt(None, "data-binary", Takes::Value),
    Opt(None, "data-raw", Takes::Value),
    Opt(None, "data-urlencode", Takes::Value),
    Opt(None, "fail-with-body", Takes::Nothing),
    Opt(None, "form-string", Takes::Value),
    Opt(None, "http1.0", Takes::Ignored),
    Opt(None, "http1.1", Takes::Ignored),
    Opt(None, "http2", Takes::Ignored),
    Opt(None, "json", Takes::Value),
    Opt(None, "keepalive-time", Takes::IgnoredValue),
    Opt(None, "limit-rate", Takes::IgnoredValue),
    Opt(None, "location-trusted", Takes::Refused("credentials stay with the host they are for")),
    Opt(None, "max-filesize", Takes::Value),
    Opt(None, "max-redirs", Takes::Value),
    Opt(None, "no-keepalive", Takes::Ignored),
    Opt(None, "no-progress-meter", Takes::Ignored),
    Opt(None, "oauth2-bearer", Takes::Value),
    Opt(None, "output-dir", Takes::Value),
    Opt(None, "proto", Takes::IgnoredValue),
    Opt(None, "proto-redir", Takes::IgnoredValue),
    Opt(None, "retry", Takes::IgnoredValue),
    Opt(None, "retry-all-errors", Takes::Ignored),
    Opt(None, "retry-connrefused", Takes::Ignored),
    Opt(None, "retry-delay", Takes::IgnoredValue),
    Opt(None, "retry-max-time", Takes::IgnoredValue),
    Opt(None, "tlsv1.2", Takes::Ignored),
    Opt(None, "url", Takes::Value),
];

/// The `curl` command.
#[derive(Clone)]
pub(super) struct Curl(pub(super) Arc<Transport>);

/// An exit code, and what to say unless `-s` forbids it.
struct Error(i32, String);

#[async_trait]
impl Command for Curl {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let parsed = match parse(&OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => {
                let message = format!("curl: {message}\ncurl: try 'man curl' for more information\n");
                ctx.stderr.write_all(message.as_bytes()).await?;
                return Ok(CommandStatus::with_code(code::USAGE));
            }
        };
        if parsed.has("version") {
            let version = concat!("curl 8 (flue ", env!("CARGO_PKG_VERSION"), ")\nProtocols: http https\n");
            ctx.stdout.write_all(version.as_bytes()).await?;
            return Ok(CommandStatus::success());
        }
        let urls: Vec<&str> = parsed.values("url").chain(parsed.operands.iter().map(|url| &**url)).collect();
        let mut status = 0;
        if urls.is_empty() {
            status = complain(&ctx, &parsed, &Error(code::USAGE, "no URL specified".into())).await?;
        }
        for (index, url) in urls.into_iter().enumerate() {
            if let Err(error) = self.transfer(&ctx, &parsed, url, index).await? {
                status = complain(&ctx, &parsed, &error).await?;
            }
        }
        Ok(CommandStatus::with_code(status))
    }
}

async fn complain(ctx: &CommandContext<'_>, parsed: &Parsed, error: &Error) -> bashkit::Result<i32> {
    if !parsed.has("silent") || parsed.has("show-error") {
        ctx.stderr.write_all(format!("curl: ({}) {}\n", error.0, error.1).as_bytes()).await?;
    }
    Ok(error.0)
}

impl Curl {
    /// Fetches one URL and puts it where it belongs.
    async fn transfer(
        &self,
        ctx: &CommandContext<'_>,
        parsed: &Parsed,
        url: &str,
        index: usize,
    ) -> bashkit::Result<Result<(), Error>> {
        let request = match request::build(ctx, parsed, url).await? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let settings = || -> Result<(Option<usize>, Duration), String> {
            let most = parsed.number("max-redirs")?.unwrap_or(MAX_REDIRECTS);
            let redirects = parsed.has("location").then_some(most);
            let longest = self.0.rules().timeout;
            Ok((redirects, parsed.seconds("max-time")?.unwrap_or(longest).min(longest)))
        };
        let (redirects, timeout) = match settings() {
            Ok(settings) => settings,
            Err(message) => return Ok(Err(Error(code::USAGE, message))),
        };
        let shown = request.clone();
        let fetched = match fetch(&self.0, request, redirects, timeout).await {
            Ok(fetched) => fetched,
            Err(failure) => return Ok(Err(explain(&failure))),
        };
        if parsed.has("verbose") {
            ctx.stderr.write_all(narrate(&shown, &fetched).as_bytes()).await?;
        }
        let status = fetched.response.status;
        let failed = (status.is_client_error() || status.is_server_error())
            .then(|| Error(code::HTTP_ERROR, format!("The requested URL returned error: {}", status.as_u16())));
        let head =
            || fetched.on_the_way.iter().chain([&fetched.response]).map(|response| response.head()).collect::<String>();
        if let Some(name) = parsed.value("dump-header")
            && let Err(error) = write(ctx, parsed, name, head().as_bytes()).await?
        {
            return Ok(Err(error));
        }
        let mut output = Vec::new();
        if parsed.has("include") || parsed.has("head") {
            output.extend_from_slice(head().as_bytes());
        }
        if failed.is_none() || !parsed.has("fail") {
            output.extend_from_slice(&fetched.response.body);
        }
        let written = match target(parsed, &fetched.url, index) {
            Ok(None) => ctx.stdout.write_all(&output).await.map(Ok)?,
            Ok(Some(name)) => write(ctx, parsed, &name, &output).await?,
            Err(error) => Err(error),
        };
        if let Some(format) = parsed.value("write-out") {
            ctx.stdout.write_all(write_out(format, &fetched).as_bytes()).await?;
        }
        let failed = failed.filter(|_| parsed.has("fail") || parsed.has("fail-with-body"));
        Ok(written.and(failed.map_or(Ok(()), Err)))
    }
}

/// The file that the body of the URL with this number goes to; standard output if none.
fn target(parsed: &Parsed, url: &Url, index: usize) -> Result<Option<String>, Error> {
    if let Some(name) = parsed.values("output").nth(index) {
        return Ok(Some(name.to_owned()).filter(|name| name != "-"));
    }
    if !parsed.has("remote-name") {
        return Ok(None);
    }
    match url.path_segments().and_then(|mut segments| segments.next_back()).filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(name.to_owned())),
        None => Err(Error(code::WRITE, "Remote file name has no length!".into())),
    }
}

/// Writes a file. The inner error ends the transfer.
async fn write(
    ctx: &CommandContext<'_>,
    parsed: &Parsed,
    name: &str,
    bytes: &[u8],
) -> bashkit::Result<Result<(), Error>> {
    if name == "-" {
        return ctx.stdout.write_all(bytes).await.map(Ok);
    }
    let name = parsed.value("output-dir").map_or(name.to_owned(), |dir| format!("{dir}/{name}"));
    let path = body::path(ctx, &name);
    if parsed.has("create-dirs")
        && let Some(parent) = path.parent()
        && let Err(error) = ctx.fs.mkdir(parent, true).await
    {
        return Ok(Err(unwritten(&path, &error)));
    }
    Ok(ctx.fs.write_file(&path, bytes).await.map_err(|error| unwritten(&path, &error)))
}

fn unwritten(path: &Path, error: &bashkit::Error) -> Error {
    Error(code::WRITE, format!("Failure writing output to {}: {error}", path.display()))
}

fn explain(failure: &Failure) -> Error {
    let code = match failure {
        Failure::Denied(_) | Failure::Connect(_) => code::CONNECT,
        Failure::Malformed(_) => code::MALFORMED_URL,
        Failure::Resolve(_) => code::RESOLVE,
        Failure::Timeout => code::TIMEOUT,
        Failure::TooLarge(_) => code::TOO_LARGE,
        Failure::Redirects(_) => code::REDIRECTS,
        Failure::Broken(_) => code::RECEIVE,
    };
    let text = failure.to_string();
    let mut letters = text.chars();
    let capital = letters.next().map(|first| first.to_ascii_uppercase());
    Error(code, capital.into_iter().chain(letters).collect())
}

fn narrate(request: &Request, fetched: &Fetched) -> String {
    let mut text = format!("> {} {} HTTP/1.1\n", request.method, request.url.path());
    for (name, value) in &request.headers {
        text.push_str(&format!("> {name}: {value}\n"));
    }
    text.push_str(">\n");
    for response in fetched.on_the_way.iter().chain([&fetched.response]) {
        text.extend(response.head().lines().map(|line| format!("< {line}\n")));
    }
    text
}

/// The text of `-w`. A variable that is not known here stays out, as curl has it.
fn write_out(format: &str, fetched: &Fetched) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['%', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (text, used) = if let Some(name) = rest.strip_prefix("%{").and_then(|rest| rest.split_once('}')) {
            (variable(name.0, fetched), name.0.len() + 3)
        } else {
            match rest.get(..2) {
                Some("\\n") => ("\n".to_owned(), 2),
                Some("\\t") => ("\t".to_owned(), 2),
                Some("\\r") => ("\r".to_owned(), 2),
                Some("%%") => ("%".to_owned(), 2),
                _ => (rest[..1].to_owned(), 1),
            }
        };
        out.push_str(&text);
        rest = &rest[used..];
    }
    out.push_str(rest);
    out
}

fn variable(name: &str, fetched: &Fetched) -> String {
    let response = &fetched.response;
    match name {
        "http_code" | "response_code" => format!("{:03}", response.status.as_u16()),
        "content_type" => response.header(CONTENT_TYPE).unwrap_or_default(),
        "size_download" => response.body.len().to_string(),
        "url_effective" | "url" => fetched.url.to_string(),
        "num_redirects" => fetched.on_the_way.len().to_string(),
        "redirect_url" => {
            let location = response.header(reqwest::header::LOCATION);
            location
                .and_then(|location| fetched.url.join(&location).ok())
                .map_or_else(String::new, |url| url.to_string())
        }
        "time_total" => format!("{:.6}", fetched.elapsed.as_secs_f64()),
        "scheme" => fetched.url.scheme().to_ascii_uppercase(),
        "exitcode" => "0".to_owned(),
        _ => String::new(),
    }
}
