#![doc = include_str!("../README.md")]

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the sandbox on top of the tree is not written yet"))]
mod tree;

pub use tree::{Snapshot, TreeVfs};
