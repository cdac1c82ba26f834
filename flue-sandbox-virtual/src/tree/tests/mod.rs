//! Tests of the tree from all its sides.

mod bridge;
mod limits;
mod links;
mod model;
mod mounts;
mod ops;
mod saving;
mod sharing;
mod shell;

use std::sync::Arc;

use super::*;

fn tree() -> TreeFs {
    TreeFs::new(TreeLimits::default())
}

impl TreeFs {
    /// Writes a small file, making its parents.
    fn put(&self, path: &str, text: &str) {
        self.write(path, text.into(), Parents::Make).unwrap();
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path).unwrap().to_vec()).unwrap()
    }

    fn names(&self, path: &str) -> Vec<String> {
        self.read_dir(path).unwrap().into_iter().map(|entry| entry.name.to_string()).collect()
    }

    /// Every path with its kind and content, in order.
    fn dump(&self) -> Vec<String> {
        fn walk(tree: &TreeFs, dir: &str, out: &mut Vec<String>) {
            for entry in tree.read_dir(dir).unwrap() {
                let path = format!("{}/{}", dir.trim_end_matches('/'), entry.name);
                let body = match entry.stat.kind {
                    Kind::Symlink => format!("-> {}", tree.read_link(&path).unwrap()),
                    Kind::Dir => "dir".to_owned(),
                    _ => tree.text(&path),
                };
                out.push(format!("{path} {body}"));
                if entry.stat.kind == Kind::Dir {
                    walk(tree, &path, out);
                }
            }
        }
        let mut out = Vec::new();
        walk(self, "/", &mut out);
        out
    }

    /// Counts everything anew and compares with the books.
    fn audit(&self) {
        let counted = self.look().root.tally().usage;
        assert_eq!(self.usage(), Usage { dirs: counted.dirs - 1, ..counted }, "the books do not match the tree");
    }
}

/// Asserts that a result is the given error.
macro_rules! refused {
    ($result:expr, $error:pat) => {
        match $result {
            Err($error) => {}
            Err(error) => panic!("failed with {error:?}"),
            Ok(_) => panic!("did not fail"),
        }
    };
}
use refused;
