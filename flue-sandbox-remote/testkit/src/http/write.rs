//! Writing answers to a connection.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Body, Part, Response};

/// The head of an answer, without the empty line at its end.
pub(crate) fn lines(response: &Response) -> String {
    let headers = response.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    format!("HTTP/1.1 {} Answer\r\n{}", response.status, headers.collect::<String>())
}

/// Writes an answer. With `cut`, fails after so many bytes of its body, so that the connection closes in its middle.
pub(crate) async fn response(
    stream: &mut (impl AsyncWrite + Unpin),
    response: Response,
    cut: Option<usize>,
) -> io::Result<()> {
    let mut head = lines(&response);
    let mut left = cut.unwrap_or(usize::MAX);
    match response.body {
        Body::Whole(bytes) => {
            if response.status != 204 {
                head.push_str(&format!("content-length: {}\r\n", bytes.len()));
            }
            head.push_str("\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(bytes.get(..left).unwrap_or(&bytes)).await?;
            if left < bytes.len() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        // It has been taken out by who goes on with the connection.
        Body::Upgrade(_) => return Err(io::ErrorKind::Unsupported.into()),
        Body::Stream(mut parts) => {
            head.push_str("transfer-encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            // What forgets to say how it ends has been cut.
            loop {
                let part = match parts.recv().await.unwrap_or(Part::Cut) {
                    Part::Bytes(part) => part,
                    Part::End => break,
                    Part::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
                };
                let sent = part.get(..left).unwrap_or(&part);
                stream.write_all(format!("{:x}\r\n", sent.len()).as_bytes()).await?;
                stream.write_all(sent).await?;
                stream.write_all(b"\r\n").await?;
                left -= sent.len();
                if left == 0 || sent.len() < part.len() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
    }
    stream.flush().await
}
