//! A small HTTP/1.1 server: one handler, whole requests in, whole or streamed answers out.
//!
//! Written here and not taken from a library because faults need the bare connection: an answer cut after so many bytes.

mod message;
mod read;
mod write;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use message::{Body, Part, Request, Response, Upgrade};
pub(crate) use read::decode;

use crate::{Fault, Faults};

/// What answers requests.
pub(crate) type Handler = Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// A listening server. Dropping it closes every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Listens on a free port of the loopback address.
    pub(crate) async fn start(handler: Handler, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, handler, faults)).abort_handle();
        Ok(Self { address, accepting })
    }

    /// Where it listens, as the start of a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, handler: Handler, faults: Faults) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, handler.clone(), faults.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection until either side closes it. What goes wrong with a connection ends it and nothing else.
async fn serve(stream: TcpStream, handler: Handler, faults: Faults) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read::request(&mut stream).await? {
        let fault = faults.take(&format!("{} {}", request.method, request.path));
        let mut cut = None;
        match fault {
            Some(Fault::Refuse { status, retry_after }) => {
                let response = Response::refusal(status, retry_after);
                write::response(stream.get_mut(), response, None).await?;
                continue;
            }
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::Cut(bytes)) => cut = Some(bytes),
            Some(Fault::Die(after)) => request.die_after = Some(after),
            None => {}
        }
        let mut response = handler(request).await;
        if let Body::Upgrade(Upgrade(talk)) = response.body {
            response.body = Body::Whole(Vec::new());
            let head = format!("{}\r\n", write::lines(&response));
            stream.write_all(head.as_bytes()).await?;
            talk(stream, cut).await;
            return Ok(());
        }
        write::response(stream.get_mut(), response, cut).await?;
    }
    Ok(())
}
