//! Sandboxes over a real SSH server.

mod keys;
mod load;
mod server;
mod stop;
mod suite;
mod workspaces;
