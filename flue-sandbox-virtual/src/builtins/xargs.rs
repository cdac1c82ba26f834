//! The exit codes of the `xargs` command.
