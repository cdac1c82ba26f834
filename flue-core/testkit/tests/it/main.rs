//! The suite, held against the doubles and a host, and against sandboxes that are broken on purpose.

mod broken;
#[cfg(unix)]
mod host;
mod passes;
