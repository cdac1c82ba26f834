//! What host and worker say to each other, and in which form.
//!
//! A socket pair carries [`frame`]s: a header of twelve bytes and at most 64 KiB. A message is one frame or several with the
//! same kind and number, the last of them marked; messages of different numbers may be mixed. Its content is a head, encoded
//! by postcard after its length, and a body of raw bytes ([`message`]; [`mirror`], [`reach`] and [`error`] are what heads hold).
//!
//! ```text
//! host                                                worker
//!   Setup       limits, version             ──▶
//!               ◀──                         Ready     version, what holds; or why not
//!   Call  n     what to do                  ──▶
//!   Cancel n    stop it                     ──▶
//!               ◀──                         Live  n   output as it comes, where the call asked for it
//!               ◀──                         Reply n   once for each call, cancelled ones too
//!               ◀──                         Command m a command of the application was called
//!   Answer m    what it said                ──▶
//!               ◀──                         Drop  m   nobody waits for it any more
//! ```
//!
//! The worker is not trusted: whatever it sends that is not exactly this ends it. Lengths are held against what was asked for
//! before anything is kept.

pub(crate) mod error;
pub(crate) mod frame;
pub(crate) mod message;
pub(crate) mod mirror;
pub(crate) mod reach;

pub(crate) use self::error::WireError;
pub(crate) use self::frame::{Assembly, Frames, Header, Kind, Violation};
