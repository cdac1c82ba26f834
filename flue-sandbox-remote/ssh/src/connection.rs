//! One connection: scripts on channels of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, OutputStream, Result, Retry, SandboxPath};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};
use russh::client::{self, Handle, Msg};
use russh::{ChannelMsg, ChannelWriteHalf, Disconnect, Preferred};
use tokio::time::timeout;

use crate::auth::authenticate;
use crate::host_key::{HostKeys, refused};
use crate::known_hosts::KnownHost;
use crate::target::Target;

/// How long a connection and the proof of who one is may take, each.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// How often a silent host is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How many of those may go without an answer.
const KEEPALIVES_MISSED: usize = 2;
/// How many channels a connection has at a time: below what OpenSSH allows (`MaxSessions`, 10), as one that closes still counts.
const CHANNELS: usize = 8;
/// How long a connection has to say goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
/// Standard error's number among extended data (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// A connection that is let in, and the directory that it works in.
pub(crate) struct Connection {
    handle: Handle<HostKeys>,
    facts: Facts,
}

impl Connection {
    /// Connects, checks who is there, and is let in.
    pub(crate) async fn open(target: &Target) -> Result<Handle<HostKeys>> {
        let user = target.user()?;
        let known = Arc::new(KnownHost::read(target).await?);
        let config = client::Config {
            // A request is one small packet, and waits 40 ms for the acknowledgement of the one before otherwise.
            nodelay: true,
            keepalive_interval: Some(KEEPALIVE),
            keepalive_max: KEEPALIVES_MISSED,
            preferred: Preferred { key: known.kinds().into(), ..Preferred::DEFAULT },
            ..client::Config::default()
        };
        let keys = HostKeys::new(Arc::clone(&known));
        let shown = keys.shown();
        let late = |what: &'static str| {
            let error = Error::new(ErrorKind::Timeout, "connect", what).with("host", target.name());
            error.with_retry(Retry::Backoff)
        };
        let address = (target.host.as_str(), target.port());
        let connected = timeout(CONNECT_LIMIT, client::connect(Arc::new(config), address, keys)).await;
        let connected =
            connected.map_err(|_| late("the host does not answer; look whether it runs and can be reached"))?;
        let mut handle = connected.map_err(|error| {
            refused(target, &known, shown.get(), &error).unwrap_or_else(|| {
                let why = "no connection; look whether the host runs, and an SSH server on it";
                let error =
                    Error::new(ErrorKind::Unavailable, "connect", why).with("host", target.name()).with_source(error);
                error.with_retry(Retry::Backoff)
            })
        })?;
        let proved = timeout(CONNECT_LIMIT, authenticate(&mut handle, target, &user)).await;
        let why = "the host does not let us in in time; look whether the agent waits for your consent";
        proved.map_err(|_| late(why))??;
        Ok(handle)
    }

    /// A connection that works in `root`.
    pub(crate) fn new(handle: Handle<HostKeys>, root: SandboxPath) -> Self {
        let mut facts = Facts::new("ssh", root);
        facts.calls = CHANNELS;
        facts
            .notes
            .push("This is a machine that others may use too; nothing keeps commands to the directory.".to_owned());
        Self { handle, facts }
    }

    /// The connection by itself, for another directory.
    pub(crate) fn into_handle(self) -> Handle<HostKeys> {
        self.handle
    }

    /// Why a call could not begin.
    fn unsent(&self, why: &'static str, error: russh::Error) -> Refused {
        if self.handle.is_closed() {
            return died("exec", Death::Disconnected).with_source(error).into();
        }
        let error = Error::new(ErrorKind::Unavailable, "exec", why).with_source(error);
        Refused::unsent(error.with_retry(Retry::Backoff))
    }
}

#[async_trait]
impl Driver for Connection {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, mut call: Call) -> Result<Ended, Refused> {
        let channel = self.handle.channel_open_session().await;
        let channel = channel.map_err(|error| self.unsent("the host opens no further channel (MaxSessions)", error))?;
        let (mut read, write) = channel.split();
        let write = Closing::new(write);
        write
            .half
            .exec(true, call.command_line())
            .await
            .map_err(|error| self.unsent("the host takes no command", error))?;
        let output = Arc::clone(&call.output);
        let mut feed = std::pin::pin!(async {
            while let Some(data) = call.next_input().await {
                // A script that does not read to the end is no error.
                let _ = write.half.data_bytes(data).await;
            }
            let _ = write.half.eof().await;
        });
        let (mut fed, mut ended) = (false, None);
        loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = &mut feed, if !fed => {
                    fed = true;
                    continue;
                }
            };
            match message {
                Some(ChannelMsg::Data { data }) => output.output(OutputStream::Stdout, &data),
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => output.output(OutputStream::Stderr, &data),
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    ended = Some(Ended::Exited(i32::try_from(exit_status).unwrap_or(i32::MAX)));
                }
                Some(ChannelMsg::ExitSignal { .. }) => ended = Some(Ended::Signalled),
                Some(ChannelMsg::Failure) => {
                    let why = "the host refuses to run commands; look at ForceCommand and the user's shell";
                    return Err(Refused::unsent(Error::new(ErrorKind::PermissionDenied, "exec", why)));
                }
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
        match ended {
            Some(ended) => Ok(ended),
            None if self.handle.is_closed() => Err(died("exec", Death::Disconnected).into()),
            None => Ok(Ended::Unknown),
        }
    }

    async fn probe(&self) -> Result<Liveness> {
        // The connection asks by itself, and closes when it gets no answer.
        Ok(if self.handle.is_closed() { Liveness::Dead(Death::Disconnected) } else { Liveness::Alive })
    }

    fn files(&self) -> Option<&dyn Transfer> {
        None
    }

    async fn disconnect(&self) -> Result<()> {
        // One that is gone already is what was wanted.
        let _ = timeout(GOODBYE_LIMIT, self.handle.disconnect(Disconnect::ByApplication, "", "")).await;
        Ok(())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("root", &self.facts.root).finish_non_exhaustive()
    }
}

/// A channel that is closed when nobody listens to it.
struct Closing {
    half: Arc<ChannelWriteHalf<Msg>>,
}

impl Closing {
    fn new(half: ChannelWriteHalf<Msg>) -> Self {
        Self { half: Arc::new(half) }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let half = Arc::clone(&self.half);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = half.close().await;
            });
        }
    }
}
