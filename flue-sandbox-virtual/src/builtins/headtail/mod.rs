//! The `head` and `tail` commands.
