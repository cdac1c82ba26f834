//! What `curl` and `wget` send and where they put what they get.

use std::path::PathBuf;

use bashkit::CommandContext;

/// The most bytes that a request sends.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Everything on standard input. The inner error is what to tell the user.
pub(super) async fn stdin(ctx: &CommandContext<'_>) -> bashkit::Result<Result<Vec<u8>, String>> {
    let mut bytes = Vec::new();
    while let Some(piece) = ctx.stdin.read_chunk().await? {
        if bytes.len() + piece.len() > MAX_BODY_BYTES {
            return Ok(Err(format!("more than {MAX_BODY_BYTES} bytes to send")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Ok(bytes))
}

/// A file, or standard input for `-`. The inner error is what to tell the user.
pub(super) async fn file(ctx: &CommandContext<'_>, name: &str) -> bashkit::Result<Result<Vec<u8>, String>> {
    if name == "-" {
        return stdin(ctx).await;
    }
    Ok(match ctx.fs.read_file(&path(ctx, name)).await {
        Ok(bytes) if bytes.len() > MAX_BODY_BYTES => Err(format!("{name}: more than {MAX_BODY_BYTES} bytes to send")),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(format!("Failed to open {name}")),
    })
}

/// A path of the command line.
pub(super) fn path(ctx: &CommandContext<'_>, name: &str) -> PathBuf {
    bashkit::vfs_join(ctx.cwd, std::path::Path::new(name))
}

/// A multipart form (RFC 7578).
pub(super) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    pub(super) fn new() -> Result<Self, String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let boundary = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { boundary, body: Vec::new() })
    }

    /// Adds a field; a file has a name of its own and a type.
    pub(super) fn add(&mut self, name: &str, file: Option<&str>, kind: Option<&str>, content: &[u8]) {
        // What would end the header early is escaped as browsers do it.
        let quote = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let mut head = format!("--{}\r\nContent-Disposition: form-data; name=\"{}\"", self.boundary, quote(name));
        if let Some(file) = file {
            head.push_str(&format!("; filename=\"{}\"", quote(file)));
        }
        if let Some(kind) = kind.or(file.map(|_| "application/octet-stream")) {
            head.push_str(&format!("\r\nContent-Type: {}", quote(kind)));
        }
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(b"\r\n\r\n");
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
    }

    /// The type and the bytes.
    pub(super) fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn url_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The value of an `Authorization` header (RFC 7617).
pub(super) fn basic(credentials: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials))
}
