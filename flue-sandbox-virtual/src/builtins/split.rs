//! The `split` command.
