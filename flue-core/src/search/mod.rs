//! Search by content and by name: the queries, the answers, and an implementation over any file system.

mod glob;
mod grep;
mod walk;

pub use self::glob::{GlobHits, GlobQuery, MAX_GLOB_BYTES, PathGlob, glob};
pub use self::grep::{GrepHits, GrepMatch, GrepQuery, MAX_LINE_CHARS, grep};
pub use self::walk::{MAX_DEPTH, MAX_ENTRIES};
