//! Bodies in parts.

/// One part: the value of its `name`, and what it carries.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) data: &'a [u8],
}

/// The parts of a body whose content type is `kind`; none where that is no body in parts.
pub(super) fn parts<'a>(kind: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = kind.split_once("boundary=")?.1.split(';').next()?.trim_matches('"');
    let mark = format!("--{boundary}");
    let end = format!("\r\n{mark}");
    let mut parts = Vec::new();
    let mut rest = body.get(find(body, mark.as_bytes())? + mark.len()..)?;
    while !rest.starts_with(b"--") {
        let head = find(rest, b"\r\n\r\n")?;
        let content = rest.get(head + 4..)?;
        let length = find(content, end.as_bytes())?;
        let head = String::from_utf8_lossy(rest.get(..head)?).into_owned();
        let name = head.split_once("name=\"")?.1.split('"').next()?.to_owned();
        parts.push(Part { name, data: content.get(..length)? });
        rest = content.get(length + end.len()..)?;
    }
    Some(parts)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        if bytes.get(from + at..)?.starts_with(what) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
