//! Every limit: what it refuses, what it says, and that nothing changes then.

use super::*;

/// Runs something that must exceed a limit, and shows that it changed nothing and what it says.
fn exceeds(tree: &TreeFs, operation: impl FnOnce(&TreeFs) -> Result<()>) -> String {
    let before = (tree.dump(), tree.usage());
    let error = operation(tree).expect_err("no limit was reached");
    assert!(matches!(error, TreeError::Limit(_)), "{error:?}");
    assert_eq!((tree.dump(), tree.usage()), before, "{error}");
    tree.audit();
    error.to_string()
}

#[test]
fn a_file_stays_below_its_limit() {
    let tree = TreeFs::new(TreeLimits::default().with_file_bytes(10));
    tree.put("/f", "0123456789");
    let text = exceeds(&tree, |tree| tree.write("/g", vec![0; 11], Parents::Make));
    assert_eq!(
        text,
        "file size limit: 11 bytes would exceed the limit of 10 bytes a file (VirtualLimits::file_bytes); \
         write less, or several files"
    );
    exceeds(&tree, |tree| tree.write("/f", vec![0; 11], Parents::Make));
    exceeds(&tree, |tree| tree.append("/f", b"x"));
    exceeds(&tree, |tree| tree.append("/h", &[0; 11]));
    tree.mkfifo("/p", 0o644).unwrap();
    tree.append("/p", &[b'x'; 10]).unwrap();
    exceeds(&tree, |tree| tree.append("/p", b"x"));
}

#[test]
fn all_files_stay_below_the_total() {
    let tree = TreeFs::new(TreeLimits::default().with_total_bytes(10));
    tree.put("/a", "01234");
    tree.put("/b", "0123");
    let text = exceeds(&tree, |tree| tree.write("/c/d", b"xx".to_vec(), Parents::Make));
    assert_eq!(
        text,
        "total size limit: 11 bytes would exceed the limit of 10 bytes in all files (VirtualLimits::total_bytes); \
         remove files that are not needed"
    );
    exceeds(&tree, |tree| tree.append("/a", b"xx"));
    exceeds(&tree, |tree| tree.write("/a", vec![0; 7], Parents::Make));
    exceeds(&tree, |tree| tree.copy("/a", "/c"));
    exceeds(&tree, |tree| tree.symlink("ab", "/l"));
    tree.symlink("a", "/l").unwrap();
    tree.remove("/b", false).unwrap();
    exceeds(&tree, |tree| tree.copy("/a", "/c"));
    tree.remove("/l", false).unwrap();
    tree.copy("/a", "/c").unwrap();
}

#[test]
fn entries_stay_below_their_limit_parents_counted() {
    let tree = TreeFs::new(TreeLimits::default().with_entries(3));
    tree.put("/d/f", "x");
    let text = exceeds(&tree, |tree| tree.write("/e/f", Vec::new(), Parents::Make));
    assert_eq!(
        text,
        "file count limit: 4 files would exceed the limit of 3 files and directories (VirtualLimits::entries); \
         remove files that are not needed"
    );
    tree.put("/g", "x");
    exceeds(&tree, |tree| tree.mkdir("/e", Parents::Require));
    exceeds(&tree, |tree| tree.symlink("x", "/l"));
    exceeds(&tree, |tree| tree.mkfifo("/p", 0o644));
    exceeds(&tree, |tree| tree.append("/h", b""));
    exceeds(&tree, |tree| tree.copy("/g", "/h"));
    tree.rename("/g", "/d/g").unwrap();
    tree.put("/d/g", "replacing is not adding");
    tree.audit();
}

#[test]
fn paths_and_names_stay_below_their_limits() {
    let limits = TreeLimits { depth: 3, name_bytes: 4, path_bytes: 20, ..TreeLimits::default() };
    let tree = TreeFs::new(limits);
    tree.put("/a/b/c", "x");
    tree.mkdir("/d/e", Parents::Make).unwrap();
    let text = exceeds(&tree, |tree| tree.mkdir("/a/b/c/d", Parents::Make));
    assert!(text.starts_with("path depth limit: 4 names would exceed the limit of 3 names a path"), "{text}");
    exceeds(&tree, |tree| tree.rename("/a", "/d/a"));
    let text = exceeds(&tree, |tree| tree.write("/ééé", Vec::new(), Parents::Make));
    assert!(text.starts_with("name length limit: 6 bytes would exceed the limit of 4 bytes a name"), "{text}");
    let text = exceeds(&tree, |tree| tree.write(&"/".repeat(21), Vec::new(), Parents::Make));
    assert!(text.starts_with("path length limit: 21 bytes would exceed the limit of 20 bytes a path"), "{text}");
    tree.symlink("a/b", "/l").unwrap();
    tree.symlink("longer", "/m").unwrap();
    exceeds(&tree, |tree| tree.mkdir("/l/x/y", Parents::Make));
    exceeds(&tree, |tree| tree.write("/m", Vec::new(), Parents::Make));
}

#[test]
fn the_defaults_take_a_hundred_levels() {
    let tree = tree();
    tree.mkdir(&"/x".repeat(100), Parents::Make).unwrap();
    exceeds(&tree, |tree| tree.mkdir(&"/x".repeat(101), Parents::Make));
    tree.remove("/x", true).unwrap();
    assert_eq!(tree.usage(), Usage::default());
}

#[test]
fn a_300_mb_write_is_refused_by_default() {
    let tree = tree();
    let text = exceeds(&tree, |tree| tree.write("/big", vec![0; 314_572_800], Parents::Make));
    assert!(text.contains("314572800 bytes would exceed the limit of 67108864 bytes a file"), "{text}");
}

#[test]
fn shrinking_is_always_allowed() {
    let wide = tree();
    wide.put("/a", "0123456789");
    wide.put("/b", "0123456789");
    let snapshot = wide.snapshot();
    refused!(TreeFs::new(TreeLimits::default().with_total_bytes(19)).restore(&snapshot), TreeError::Limit(_));
    refused!(TreeFs::new(TreeLimits::default().with_entries(1)).restore(&snapshot), TreeError::Limit(_));
    let tight = TreeFs::new(TreeLimits::default().with_total_bytes(20));
    tight.restore(&snapshot).unwrap();
    exceeds(&tight, |tree| tree.append("/a", b"x"));
    tight.put("/a", "1");
    tight.audit();
}
