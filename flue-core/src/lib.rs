#![doc = include_str!("../README.md")]

mod error;
pub mod model;
mod path;
mod sandbox;
pub mod search;
mod stream;

pub use self::error::{Error, ErrorKind, Result, Retry};
pub use self::path::{MAX_PATH_BYTES, SandboxPath};
pub use self::sandbox::{
    Capabilities, CreateDir, DirEntry, ExecEnd, ExecOutput, ExecRequest, FileKind, FileSystem, Metadata, NetworkReach,
    OpenRequest, OutputSink, OutputStream, Remove, Sandbox, SandboxFactory, SandboxInfo, SandboxLevel,
};
