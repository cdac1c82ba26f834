//! Symbolic links: what follows them and what does not.

use super::*;

#[test]
fn opening_follows_links_and_the_link_itself_stays_visible() {
    let tree = tree();
    tree.put("/d/f", "x");
    tree.symlink("d", "/rel").unwrap();
    tree.symlink("/d/f", "/abs").unwrap();
    tree.symlink("../rel/f", "/d/up").unwrap();
    assert_eq!(tree.text("/rel/f"), "x");
    assert_eq!(tree.text("/abs"), "x");
    assert_eq!(tree.text("/d/up"), "x");
    tree.append("/d/up", b"y").unwrap();
    tree.write("/rel/g", b"g".to_vec(), Parents::Require).unwrap();
    assert_eq!(tree.dump(), ["/abs -> /d/f", "/d dir", "/d/f xy", "/d/g g", "/d/up -> ../rel/f", "/rel -> d"]);
    assert_eq!(tree.stat("/rel", Links::Keep).unwrap().kind, Kind::Symlink);
    assert_eq!(tree.stat("/rel", Links::Follow).unwrap().kind, Kind::Dir);
    assert_eq!(&*tree.read_link("/d/up").unwrap(), "../rel/f");
    assert_eq!(tree.names("/rel"), ["f", "g", "up"]);
    assert_eq!(tree.usage().bytes, 2 + 1 + 1 + 4 + 8);
    tree.audit();
}

#[test]
fn removing_and_moving_act_on_the_link() {
    let tree = tree();
    tree.put("/d/f", "x");
    tree.symlink("d", "/l").unwrap();
    tree.rename("/l", "/m").unwrap();
    tree.remove("/m/f", false).unwrap();
    tree.remove("/m", true).unwrap();
    assert_eq!(tree.dump(), ["/d dir"]);
    tree.put("/f", "x");
    tree.symlink("/d", "/l").unwrap();
    tree.rename("/f", "/l").unwrap();
    assert_eq!(tree.dump(), ["/d dir", "/l x"]);
    tree.audit();
}

#[test]
fn a_dangling_link_is_written_through_but_not_read() {
    let tree = tree();
    tree.mkdir("/d", Parents::Require).unwrap();
    tree.symlink("d/new", "/l").unwrap();
    refused!(tree.read("/l"), TreeError::NotFound);
    assert!(!tree.exists("/l", Links::Follow).unwrap());
    assert!(tree.exists("/l", Links::Keep).unwrap());
    tree.write("/l", b"made".to_vec(), Parents::Require).unwrap();
    assert_eq!(tree.text("/d/new"), "made");
    tree.symlink("no/where", "/far").unwrap();
    refused!(tree.write("/far", Vec::new(), Parents::Require), TreeError::NotFound);
    tree.symlink("none/../d", "/odd").unwrap();
    refused!(tree.write("/odd/f", Vec::new(), Parents::Make), TreeError::NotFound);
}

#[test]
fn mkdir_with_parents_accepts_a_link_to_a_directory() {
    let tree = tree();
    tree.mkdir("/d", Parents::Require).unwrap();
    tree.symlink("d", "/l").unwrap();
    tree.symlink("none", "/dangling").unwrap();
    tree.mkdir("/l", Parents::Make).unwrap();
    tree.mkdir("/l/a/b", Parents::Make).unwrap();
    refused!(tree.mkdir("/l", Parents::Require), TreeError::Exists);
    refused!(tree.mkdir("/dangling", Parents::Make), TreeError::Exists);
    assert_eq!(tree.names("/d/a"), ["b"]);
}

#[test]
fn forty_links_are_followed_and_not_one_more() {
    let tree = tree();
    tree.put("/l0", "end");
    for hop in 1..=41 {
        tree.symlink(&format!("l{}", hop - 1), &format!("/l{hop}")).unwrap();
    }
    assert_eq!(tree.text("/l40"), "end");
    refused!(tree.read("/l41"), TreeError::LinkLoop);
    tree.symlink("loop/x", "/loop").unwrap();
    refused!(tree.stat("/loop", Links::Follow), TreeError::LinkLoop);
    refused!(tree.write("/loop/y", Vec::new(), Parents::Make), TreeError::LinkLoop);
    tree.remove("/loop", false).unwrap();
}

#[test]
fn dots_in_a_target_go_up_from_where_the_link_led() {
    let tree = tree();
    tree.put("/d/e/f", "deep");
    tree.put("/f", "top");
    tree.symlink("/d/e", "/l").unwrap();
    tree.symlink("../../../d", "/d/e/top").unwrap();
    tree.symlink("l/../f", "/through").unwrap();
    tree.put("/d/f", "middle");
    assert_eq!(tree.text("/l/top/e/f"), "deep");
    assert_eq!(tree.text("/through"), "middle");
    assert_eq!(tree.text("/l/../f"), "top", "a path itself is resolved in its text");
}

#[test]
fn link_targets_are_checked() {
    let tree = tree();
    refused!(tree.symlink("", "/l"), TreeError::NotFound);
    refused!(tree.symlink("a\0", "/l"), TreeError::InvalidName(_));
    refused!(tree.symlink(&"x".repeat(5000), "/l"), TreeError::Limit(_));
    assert_eq!(tree.usage(), Usage::default());
}
