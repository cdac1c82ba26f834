//! The `flue` command.

fn main() {}
