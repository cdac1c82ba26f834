//! Snapshots, readers and writers that share nodes without disturbing each other.

use std::thread;

use super::*;

#[test]
fn a_snapshot_sees_nothing_of_later_changes() {
    let tree = tree();
    tree.put("/d/a", "one");
    tree.put("/d/sub/b", "two");
    tree.put("/other/c", "three");
    tree.symlink("a", "/d/l").unwrap();
    let before = tree.dump();
    let snapshot = tree.snapshot();
    tree.append("/d/a", b" more").unwrap();
    tree.put("/d/sub/b", "replaced");
    tree.chmod("/d/sub", 0o700).unwrap();
    tree.rename("/d/sub", "/moved").unwrap();
    tree.remove("/other", true).unwrap();
    tree.put("/d/new", "n");
    let after = tree.dump();
    let later = tree.snapshot();
    assert_eq!((snapshot.entries(), snapshot.total_bytes()), (7, 12));
    tree.restore(&snapshot).unwrap();
    assert_eq!(tree.dump(), before);
    assert_eq!(tree.stat("/d/sub", Links::Keep).unwrap().mode, 0o755);
    tree.audit();
    tree.put("/d/a", "after restoring");
    tree.restore(&later).unwrap();
    assert_eq!(tree.dump(), after);
    tree.restore(&snapshot.clone()).unwrap();
    assert_eq!(tree.dump(), before);
}

#[test]
fn snapshots_show_counts_and_no_content() {
    let tree = tree();
    tree.put("/secret-name", "secret content");
    assert_eq!(format!("{:?}", tree.snapshot()), "Snapshot { entries: 1, total_bytes: 14 }");
    assert!(!format!("{tree:?}").contains("secret"));
}

#[test]
fn a_snapshot_shares_all_that_did_not_change() {
    let tree = tree();
    tree.put("/changed/f", "x");
    tree.put("/kept/f", "x");
    let snapshot = tree.snapshot();
    tree.append("/changed/f", b"y").unwrap();
    let same = |path: &str| {
        let names: Vec<_> = path.split('/').map(Into::into).collect();
        let (now, then) = (tree.look(), &snapshot.0);
        Arc::ptr_eq(path::get(&now.root, &names).unwrap(), path::get(&then.root, &names).unwrap())
    };
    assert!(same("kept"));
    assert!(!same("changed"));
}

#[test]
fn read_bytes_stay_what_they_were() {
    let tree = tree();
    tree.put("/f", "one");
    let read = tree.read("/f").unwrap();
    tree.append("/f", b" two").unwrap();
    tree.remove("/f", false).unwrap();
    assert_eq!(&read[..], b"one");
}

#[test]
fn ten_thousand_appends_do_not_copy_what_is_there() {
    let tree = tree();
    tree.put("/log", "");
    let mut moves = 0;
    let mut last = std::ptr::null();
    for line in 0..10_000 {
        tree.append("/log", format!("line {line:05}\n").as_bytes()).unwrap();
        let at = tree.read("/log").unwrap().as_ptr();
        moves += usize::from(at != last);
        last = at;
    }
    assert_eq!(tree.usage().bytes, 110_000);
    // The buffer grows by doubling; each move may copy.
    assert!(moves <= 20, "{moves} reallocations");
    tree.audit();
}

#[test]
fn ten_thousand_files_in_one_directory_are_made_without_copying_it() {
    let tree = tree();
    tree.mkdir("/d", Parents::Require).unwrap();
    let node = |tree: &TreeFs| Arc::as_ptr(path::get(&tree.look().root, &["d".into()]).unwrap());
    let before = node(&tree);
    for file in 0..10_000 {
        tree.write(&format!("/d/f{file}"), b"x".to_vec(), Parents::Require).unwrap();
    }
    assert_eq!(node(&tree), before, "the directory was copied although nobody shares it");
    assert_eq!(tree.read_dir("/d").unwrap().len(), 10_000);
    assert_eq!(tree.usage(), Usage { bytes: 10_000, files: 10_000, dirs: 1 });
}

#[test]
fn writers_in_threads_lose_nothing_and_keep_the_books() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 250;
    let tree = tree();
    tree.put("/log", "");
    thread::scope(|scope| {
        for id in 0..THREADS {
            let tree = &tree;
            scope.spawn(move || {
                let mut snapshot = None;
                for round in 0..ROUNDS {
                    tree.append("/log", b"0123456789").unwrap();
                    tree.put(&format!("/t{id}/f{round}"), "x");
                    tree.rename(&format!("/t{id}/f{round}"), &format!("/t{id}/g{round}")).unwrap();
                    if round % 2 == 0 {
                        tree.remove(&format!("/t{id}/g{round}"), false).unwrap();
                    }
                    if round % 50 == 0 {
                        snapshot = Some(tree.snapshot());
                    }
                }
                assert!(snapshot.is_some());
            });
        }
    });
    assert_eq!(tree.read("/log").unwrap().len(), THREADS * ROUNDS * 10);
    for id in 0..THREADS {
        assert_eq!(tree.read_dir(&format!("/t{id}")).unwrap().len(), ROUNDS / 2);
    }
    tree.audit();
}
