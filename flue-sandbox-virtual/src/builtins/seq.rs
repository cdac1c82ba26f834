//! The `seq` command.
