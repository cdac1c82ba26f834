//! Snapshots as data: whole, damaged, and made up.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;

fn full() -> TreeFs {
    let tree = tree();
    tree.put("/d/a", "one");
    tree.put("/d/sub/deep/b", "\u{0}two");
    tree.put("/d/sub2", "");
    tree.mkdir("/empty", Parents::Make).unwrap();
    tree.symlink("../d/a", "/empty/link").unwrap();
    tree.chmod("/d/a", 0o4751).unwrap();
    tree.set_modified("/d/a", UNIX_EPOCH - Duration::from_millis(1_500)).unwrap();
    tree.set_modified("/d/sub2", UNIX_EPOCH + Duration::new(7, 9)).unwrap();
    tree
}

fn read(value: Value) -> Result<Snapshot, serde_json::Error> {
    serde_json::from_value(value)
}

#[test]
fn what_is_read_is_what_was_written() {
    let tree = full();
    let copy = super::tree();
    copy.put("/gone", "x");
    let send = || copy.restore(&serde_json::from_slice(&serde_json::to_vec(&tree.snapshot()).unwrap()).unwrap());
    send().unwrap();
    assert_eq!(copy.dump(), tree.dump());
    tree.add_devices().unwrap();
    send().unwrap();
    copy.audit();
    for path in ["/d", "/d/a", "/d/sub2", "/empty/link", "/dev/null"] {
        assert_eq!(copy.stat(path, Links::Keep).unwrap(), tree.stat(path, Links::Keep).unwrap(), "{path}");
    }
}

#[test]
fn what_is_cut_or_changed_is_refused_or_still_a_tree() {
    let data = serde_json::to_vec(&full().snapshot()).unwrap();
    for end in 0..data.len() {
        assert!(serde_json::from_slice::<Snapshot>(&data[..end]).is_err(), "cut at {end}");
    }
    for at in 0..data.len() {
        let mut data = data.clone();
        data[at] ^= 1;
        if let Ok(snapshot) = serde_json::from_slice::<Snapshot>(&data) {
            let tree = tree();
            tree.restore(&snapshot).unwrap();
            tree.audit();
        }
    }
}

#[test]
fn what_no_tree_holds_is_refused() {
    let entry = |level: u32, name: &str, body: Value| json!({"level": level, "name": name, "mode": 0o644, "created": [0, 0], "modified": [0, 0], "body": body});
    let dir = |level, name: &str| entry(level, name, json!("Dir"));
    assert_eq!(read(json!([1, [dir(0, "a"), dir(1, "b"), dir(0, "c")]])).unwrap().entries(), 3);
    let deep: Vec<Value> = (0..200).map(|level| dir(level, "d")).collect();
    let mut late = dir(0, "a");
    late["created"] = json!([i64::MAX, 4_000_000_000_u32]);
    for (why, entries) in [
        ("no directory to be in", json!([dir(1, "a")])),
        ("no directory to be in", json!([entry(0, "f", json!({"File": []})), dir(1, "a")])),
        ("nested too deeply", json!(deep)),
        ("a name that no file has", json!([dir(0, "..")])),
        ("a name that no file has", json!([dir(0, "")])),
        ("a name that no file has", json!([dir(0, "a/b")])),
        ("a name that no file has", json!([dir(0, &"n".repeat(256))])),
        ("the same name", json!([dir(0, "a"), dir(1, "b"), entry(0, "a", json!("Null"))])),
        ("a target that no link has", json!([entry(0, "l", json!({"Symlink": ""}))])),
        ("a time that does not exist", json!([late])),
    ] {
        let error = read(json!([1, entries])).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    assert!(read(json!([2, []])).unwrap_err().to_string().contains("not the form"));
    assert!(read(json!([1])).is_err() && read(json!([1, [], []])).is_err() && read(json!({})).is_err());
}

#[test]
fn what_is_mounted_cannot_be_written() {
    let tree = full();
    tree.mount("/d/m", Arc::new(::vfs::MemoryFS::new()), Access::ReadWrite).unwrap();
    let error = serde_json::to_vec(&tree.snapshot()).unwrap_err().to_string();
    assert!(error.contains("mounted at `m`"), "{error}");
}
