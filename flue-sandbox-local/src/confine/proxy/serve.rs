//! Serving the connections of one command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flue_core::reach::ReachLog;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::head::{self, Asked, Bad, HEAD_BYTES, What};
use super::hosts::Hosts;
use crate::shell::clock;

/// Connections of one command at a time; others wait to be accepted.
const MAX_CONNECTIONS: usize = 128;
/// How long a client may take to say what it wants.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// How long a host may take to be found and to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long accepting rests after it failed, for want of descriptors.
const REST: Duration = Duration::from_millis(50);

/// Accepts for ever.
pub(super) async fn serve(listener: &TcpListener, hosts: &Arc<Hosts>, reach: Option<&Arc<ReachLog>>) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Ends all of them when it is dropped.
    let mut open = JoinSet::new();
    loop {
        // Fails when it is closed, which it is not.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let Ok((client, _)) = listener.accept().await else {
            clock::sleep(REST).await;
            continue;
        };
        while open.try_join_next().is_some() {}
        let (hosts, reach) = (Arc::clone(hosts), reach.cloned());
        open.spawn(async move {
            let _permit = permit;
            connection(client, &hosts, reach.as_deref()).await;
        });
    }
}

/// What a client is told instead of getting through.
struct Refused {
    status: &'static str,
    why: String,
}

impl From<Bad> for Refused {
    fn from(Bad(status, why): Bad) -> Self {
        Self { status, why: why.to_owned() }
    }
}

async fn connection(mut client: TcpStream, hosts: &Hosts, reach: Option<&ReachLog>) {
    let (asked, early) = match asked(&mut client).await {
        Ok(Some(asked)) => asked,
        Ok(None) => return,
        Err(refused) => return refuse(&mut client, refused).await,
    };
    let (host, port) = (asked.host.as_str(), asked.port);
    let server = match dial(hosts, host, port).await {
        Ok(server) => {
            tracing::info!(host, port, allowed = true, "network of a confined command");
            if let Some(reach) = reach {
                reach.host(host, port);
            }
            server
        }
        Err(refused) => {
            tracing::info!(host, port, allowed = false, "network of a confined command");
            if let Some(reach) = reach {
                reach.refused("connect", &format!("{host}:{port}"));
            }
            return refuse(&mut client, refused).await;
        }
    };
    // Whoever hangs up ends it; there is nobody to tell.
    let _ = match asked.what {
        What::Tunnel => tunnel(client, server, &early).await,
        What::Request { head, body_bytes } => request(client, server, &head, body_bytes, &early).await,
    };
}

/// Reads what is asked for, and what was sent along with it. Nothing when the client hangs up or says nothing.
async fn asked(client: &mut TcpStream) -> Result<Option<(Asked, Vec<u8>)>, Refused> {
    let read = async {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            if let Some((length, asked)) = head::parse(&bytes)? {
                return Ok(Some((asked, bytes.split_off(length))));
            }
            let room = u64::try_from(HEAD_BYTES - bytes.len()).unwrap_or_default();
            match client.take(room).read_buf(&mut bytes).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Ok(None),
            }
        }
    };
    tokio::select! {
        asked = read => asked,
        () = clock::sleep(HEAD_LIMIT) => Ok(None),
    }
}

/// Connects to a host, if it is open and so is the address that it has. The name is resolved once: what was looked at is
/// what is connected to.
async fn dial(hosts: &Hosts, host: &str, port: u16) -> Result<TcpStream, Refused> {
    const FORBIDDEN: &str = "403 Forbidden";
    const UNREACHABLE: &str = "502 Bad Gateway";
    if !hosts.allow(host, port) {
        let why = format!("{host}:{port} is not among the hosts that commands may reach here");
        return Err(Refused { status: FORBIDDEN, why });
    }
    let connect = async {
        let unreachable = |error: std::io::Error| Refused { status: UNREACHABLE, why: format!("{host}: {error}") };
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await.map_err(unreachable)?.collect();
        let open: Vec<SocketAddr> = found.into_iter().filter(|address| hosts.open(host, *address)).collect();
        let closed = || {
            let why = format!("{host} leads to an address that is not on the public internet, and is not named itself");
            Refused { status: FORBIDDEN, why }
        };
        if open.is_empty() {
            return Err(closed());
        }
        let stream = TcpStream::connect(&*open).await.map_err(unreachable)?;
        // A public address of this very machine opens what listens on it.
        let is_own = matches!((stream.local_addr(), stream.peer_addr()), (Ok(own), Ok(peer)) if own.ip() == peer.ip());
        let peer = stream.peer_addr().map_err(unreachable)?;
        let meant = is_meant(hosts, host, peer);
        if is_own && !meant { Err(closed()) } else { Ok(stream) }
    };
    tokio::select! {
        connected = connect => connected,
        () = clock::sleep(CONNECT_LIMIT) => Err(Refused { status: "504 Gateway Timeout", why: format!("{host} does not answer") }),
    }
}

/// Whether an address of this machine was meant: by itself, or as `localhost`.
fn is_meant(hosts: &Hosts, host: &str, peer: SocketAddr) -> bool {
    let ip = peer.ip().to_canonical();
    hosts.names(ip, peer.port()) || (ip.is_loopback() && hosts.open(host, peer))
}

async fn tunnel(mut client: TcpStream, mut server: TcpStream, early: &[u8]) -> std::io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    server.write_all(early).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// Sends one request on, and its answer back; the connection serves no other.
async fn request(
    mut client: TcpStream,
    mut server: TcpStream,
    head: &str,
    body_bytes: u64,
    early: &[u8],
) -> std::io::Result<()> {
    server.write_all(head.as_bytes()).await?;
    let (from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut body = early.chain(from_client).take(body_bytes);
    let send = async {
        tokio::io::copy(&mut body, &mut to_server).await?;
        to_server.flush().await
    };
    let answer = async {
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    // An answer may come before the body was sent, and be the last thing said.
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answered = &mut answer => answered,
        sent = send => {
            sent?;
            answer.await
        }
    }
}

async fn refuse(client: &mut TcpStream, Refused { status, why }: Refused) {
    let body = format!("{why}\n");
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever does not wait for the answer does not get it.
    if client.write_all(text.as_bytes()).await.is_ok() {
        let _ = client.shutdown().await;
    }
}
