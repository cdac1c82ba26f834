#![doc = include_str!("../README.md")]

mod agent;
mod clock;
mod error;
pub mod event;
mod fs;
mod harness;
mod limits;
pub mod model;
mod output;
mod path;
pub mod policy;
mod prompt;
pub mod reach;
mod redact;
mod sandbox;
pub mod search;
mod session;
mod sessions;
mod skill;
pub mod store;
mod stream;
mod system_prompt;
pub mod tool;

pub use tokio_util::sync::CancellationToken;

pub use self::agent::{AgentBuilder, AgentSpec, Compaction, DEFAULT_MAX_TURNS, RetryPolicy, Subagent};
pub use self::clock::{Clock, SystemClock};
pub use self::error::{Error, ErrorKind, Result, Retry};
pub use self::fs::{Copied, CopyLimits, Fs, copy_tree};
pub use self::harness::{DEFAULT_SESSION, Harness};
pub use self::limits::Limits;
pub use self::output::MAX_OUTPUT_ATTEMPTS;
#[cfg(feature = "json-schema")]
pub use self::output::check_output_schema;
pub use self::path::{MAX_PATH_BYTES, SandboxPath};
pub use self::prompt::{MAX_IMAGE_CHARS, Prompt, PromptStream, Reply};
pub use self::redact::{MIN_SECRET_BYTES, REDACTED, Redactor};
pub use self::sandbox::{
    Bounds, Capabilities, CreateDir, DirEntry, ExecEnd, ExecOutput, ExecRequest, FileKind, FileSystem, Metadata,
    Narrowed, Narrowing, NetworkReach, OpenRequest, OutputSink, OutputStream, Remove, Sandbox, SandboxFactory,
    SandboxInfo, SandboxLevel, is_special_address,
};
pub use self::session::{CompactionReason, MAX_TASK_DEPTH, Session, Task};
pub use self::sessions::{Sessions, check_session_name};
pub use self::skill::{SKILL_FILE, SKILLS_DIR, Skill};
