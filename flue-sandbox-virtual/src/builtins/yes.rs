//! The `yes` command.
