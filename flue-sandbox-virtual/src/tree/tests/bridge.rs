//! The tree as a `vfs` file system: the `vfs` crate's own suites, and what they do not ask.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use ::vfs::VfsPath;

use super::*;

fn bridged() -> (Arc<TreeFs>, VfsPath) {
    let tree = Arc::new(tree());
    let root = VfsPath::new(TreeVfs::new(Arc::clone(&tree)));
    (tree, root)
}

/// The tree that the read-only suite expects.
fn fixture() -> TreeVfs {
    let tree = tree();
    for path in ["/a/d.txt", "/a/x/y/z", "/a.txt", "/a.txt.dir/g.txt", "/b.txt", "/c/e.txt"] {
        tree.put(path, "");
    }
    tree.put("/a.txt", "a");
    TreeVfs::new(Arc::new(tree))
}

#[expect(clippy::useless_vec, reason = "the suite is the vfs crate's own")]
mod suite {
    use super::*;
    ::vfs::test_vfs!(TreeVfs::new(Arc::new(tree())));
}

mod suite_read_only {
    use super::*;
    ::vfs::test_vfs_readonly!(fixture());
}

#[test]
fn writers_commit_on_flush_and_on_drop() {
    let (tree, root) = bridged();
    let mut file = root.join("f").unwrap().create_file().unwrap();
    assert_eq!(tree.text("/f"), "");
    file.write_all(b"one").unwrap();
    assert_eq!(tree.text("/f"), "");
    file.flush().unwrap();
    assert_eq!(tree.text("/f"), "one");
    file.write_all(b" two").unwrap();
    drop(file);
    assert_eq!(tree.text("/f"), "one two");
}

#[test]
fn an_unwritten_writer_does_not_undo_what_others_wrote() {
    let (tree, root) = bridged();
    let file = root.join("f").unwrap().create_file().unwrap();
    tree.put("/f", "other");
    drop(file);
    assert_eq!(tree.text("/f"), "other");
}

#[test]
fn appenders_write_at_the_end_whoever_else_does() {
    let (tree, root) = bridged();
    tree.put("/f", "1");
    let path = root.join("f").unwrap();
    let (mut one, mut two) = (path.append_file().unwrap(), path.append_file().unwrap());
    one.write_all(b"2").unwrap();
    two.write_all(b"3").unwrap();
    one.write_all(b"4").unwrap();
    assert_eq!(tree.text("/f"), "1234");
    assert_eq!(one.stream_position().unwrap(), 4);
    assert!(one.seek(SeekFrom::Start(0)).is_err());
}

#[test]
fn the_file_limit_is_reported_before_memory_is_taken() {
    let tree = Arc::new(TreeFs::new(TreeLimits::default().with_file_bytes(10)));
    let root = VfsPath::new(TreeVfs::new(Arc::clone(&tree)));
    let mut file = root.join("f").unwrap().create_file().unwrap();
    file.write_all(b"0123456789").unwrap();
    assert!(file.write_all(b"x").unwrap_err().to_string().starts_with("file size limit"));
    file.seek(SeekFrom::Start(u64::MAX)).unwrap();
    assert!(file.write_all(b"x").is_err());
    drop(file);
    assert_eq!(tree.text("/f"), "0123456789");
}

#[test]
fn readers_see_the_file_as_it_was_opened() {
    let (tree, root) = bridged();
    tree.put("/f", "before");
    let mut file = root.join("f").unwrap().open_file().unwrap();
    tree.put("/f", "after");
    let mut text = String::new();
    file.seek(SeekFrom::Start(99)).unwrap();
    assert_eq!(file.read_to_string(&mut text).unwrap(), 0);
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before");
}

#[test]
fn links_never_lead_a_walk_out_of_its_directory() {
    let (tree, root) = bridged();
    tree.put("/keep/f", "x");
    tree.put("/dir/f", "y");
    tree.symlink("/keep", "/dir/to-dir").unwrap();
    tree.symlink("/keep/f", "/dir/to-file").unwrap();
    tree.symlink("/none", "/dir/dangling").unwrap();
    tree.symlink(".", "/dir/self").unwrap();
    let dir = root.join("dir").unwrap();
    let walked: Vec<_> = dir.walk_dir().unwrap().map(|path| path.unwrap().as_str().to_owned()).collect();
    assert_eq!(walked, ["/dir/dangling", "/dir/f", "/dir/self", "/dir/to-dir", "/dir/to-file"]);
    assert_eq!(dir.join("to-file").unwrap().read_to_string().unwrap(), "x");
    assert_eq!(dir.join("to-dir/f").unwrap().read_to_string().unwrap(), "x");
    assert!(dir.join("to-dir").unwrap().open_file().is_err());
    assert!(dir.join("dangling").unwrap().open_file().is_err());
    dir.remove_dir_all().unwrap();
    assert_eq!(tree.dump(), ["/keep dir", "/keep/f x"]);
}
