//! File systems mounted into the tree, those that fail half way among them.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use ::vfs::{FileSystem, MemoryFS, SeekAndRead, SeekAndWrite, VfsMetadata, VfsPath, VfsResult};

use super::*;

fn seeded() -> Arc<MemoryFS> {
    let fs = MemoryFS::new();
    fs.create_dir("/sub").unwrap();
    fs.create_file("/sub/f").unwrap().write_all(b"mounted").unwrap();
    fs.create_file("/top").unwrap().write_all(b"top").unwrap();
    Arc::new(fs)
}

fn mounted(access: Access) -> TreeFs {
    let tree = tree();
    tree.mount("/mnt/data", seeded(), access).unwrap();
    tree.put("/home/f", "tree");
    tree
}

#[test]
fn a_mount_is_read_listed_and_written_like_the_tree() {
    let tree = mounted(Access::ReadWrite);
    assert_eq!(
        tree.dump(),
        [
            "/home dir",
            "/home/f tree",
            "/mnt dir",
            "/mnt/data dir",
            "/mnt/data/sub dir",
            "/mnt/data/sub/f mounted",
            "/mnt/data/top top"
        ]
    );
    tree.put("/mnt/data/new/deep/g", "g");
    tree.append("/mnt/data/new/deep/g", b"h").unwrap();
    tree.append("/mnt/data/appended", b"a").unwrap();
    assert_eq!(tree.text("/mnt/data/new/deep/g"), "gh");
    assert_eq!(tree.names("/mnt/data"), ["appended", "new", "sub", "top"]);
    tree.mkdir("/mnt/data/new", Parents::Make).unwrap();
    refused!(tree.mkdir("/mnt/data/new", Parents::Require), TreeError::Exists);
    refused!(tree.remove("/mnt/data/new", false), TreeError::NotEmpty);
    tree.remove("/mnt/data/new", true).unwrap();
    refused!(tree.read("/mnt/data/new"), TreeError::NotFound);
    refused!(tree.read("/mnt/data/sub"), TreeError::IsADirectory);
    refused!(tree.write("/mnt/data/sub", Vec::new(), Parents::Make), TreeError::IsADirectory);
    refused!(tree.read("/mnt/data/top/x"), TreeError::NotADirectory);
    refused!(tree.write("/mnt/data/top/x/y", Vec::new(), Parents::Make), TreeError::NotADirectory);
    refused!(tree.write("/mnt/data/no/x", Vec::new(), Parents::Require), TreeError::NotFound);
    refused!(tree.symlink("x", "/mnt/data/l"), TreeError::Unsupported);
    refused!(tree.mkfifo("/mnt/data/top", 0o600), TreeError::Exists);
    refused!(tree.chmod("/mnt/data/top", 0o600), TreeError::Unsupported);
    assert_eq!(tree.usage(), Usage { bytes: 4, files: 1, dirs: 3 });
    tree.audit();
}

#[test]
fn a_read_only_mount_refuses_every_change() {
    let tree = mounted(Access::ReadOnly);
    let before = tree.dump();
    refused!(tree.write("/mnt/data/top", Vec::new(), Parents::Make), TreeError::ReadOnly);
    refused!(tree.append("/mnt/data/top", b"x"), TreeError::ReadOnly);
    refused!(tree.mkdir("/mnt/data/d", Parents::Make), TreeError::ReadOnly);
    refused!(tree.remove("/mnt/data/sub", true), TreeError::ReadOnly);
    refused!(tree.rename("/mnt/data/top", "/mnt/data/t"), TreeError::ReadOnly);
    refused!(tree.rename("/mnt/data/top", "/home/t"), TreeError::ReadOnly);
    refused!(tree.rename("/home/f", "/mnt/data/top"), TreeError::ReadOnly);
    refused!(tree.copy("/home/f", "/mnt/data/top"), TreeError::ReadOnly);
    refused!(tree.set_modified("/mnt/data/top", std::time::SystemTime::now()), TreeError::ReadOnly);
    assert_eq!(tree.dump(), before);
    assert_eq!(tree.stat("/mnt/data/top", Links::Keep).unwrap().mode, 0o444);
    tree.copy("/mnt/data/top", "/home/copy").unwrap();
    assert_eq!(tree.text("/home/copy"), "top");
}

#[test]
fn mount_points_stay_where_they_are() {
    let tree = mounted(Access::ReadWrite);
    refused!(tree.remove("/mnt/data", true), TreeError::Busy);
    refused!(tree.remove("/mnt", true), TreeError::Busy);
    refused!(tree.rename("/mnt", "/m"), TreeError::Busy);
    refused!(tree.rename("/mnt/data", "/m"), TreeError::CrossMount);
    refused!(tree.rename("/home", "/mnt/data"), TreeError::CrossMount);
    refused!(tree.mount("/mnt/data/sub", seeded(), Access::ReadOnly), TreeError::Busy);
    refused!(tree.mount("/", seeded(), Access::ReadOnly), TreeError::Busy);
    refused!(tree.mount("/home", seeded(), Access::ReadOnly), TreeError::NotEmpty);
    refused!(tree.mount("/home/f", seeded(), Access::ReadOnly), TreeError::NotADirectory);
    tree.mkdir("/empty", Parents::Require).unwrap();
    tree.mount("/empty", seeded(), Access::ReadOnly).unwrap();
    assert_eq!(tree.text("/empty/top"), "top");
    tree.audit();
}

#[test]
fn links_lead_into_and_out_of_mounts() {
    let tree = mounted(Access::ReadWrite);
    tree.symlink("/mnt/data/sub", "/l").unwrap();
    tree.symlink("mnt/data/sub/../../../home", "/round").unwrap();
    assert_eq!(tree.text("/l/f"), "mounted");
    tree.write("/l/g", b"g".to_vec(), Parents::Require).unwrap();
    assert_eq!(tree.names("/mnt/data/sub"), ["f", "g"]);
    assert_eq!(tree.text("/round/f"), "tree");
}

#[test]
fn links_cannot_make_a_path_into_a_mount_endless() {
    let tree = mounted(Access::ReadWrite);
    tree.symlink("/mnt/data", "/l0").unwrap();
    for hop in 1..40 {
        tree.symlink(&format!("l{}{}", hop - 1, "/x".repeat(2000)), &format!("/l{hop}")).unwrap();
    }
    refused!(tree.read("/l39"), TreeError::Limit(_));
    refused!(tree.write("/l39", Vec::new(), Parents::Make), TreeError::Limit(_));
    refused!(tree.read("/l0/x"), TreeError::NotFound);
}

#[test]
fn files_move_across_mount_points() {
    let tree = mounted(Access::ReadWrite);
    tree.rename("/home/f", "/mnt/data/sub/f").unwrap();
    assert_eq!(tree.text("/mnt/data/sub/f"), "tree");
    assert!(!tree.exists("/home/f", Links::Keep).unwrap());
    tree.rename("/mnt/data/top", "/home/top").unwrap();
    tree.rename("/mnt/data/sub/f", "/mnt/data/g").unwrap();
    tree.put("/mnt/data/h", "h");
    tree.rename("/mnt/data/g", "/mnt/data/h").unwrap();
    assert_eq!((tree.names("/home"), tree.names("/mnt/data")), (vec!["top".into()], vec!["h".into(), "sub".into()]));
    assert_eq!(tree.text("/mnt/data/h"), "tree");
    refused!(tree.rename("/mnt/data/sub", "/mnt/data/moved"), TreeError::Unsupported);
    refused!(tree.rename("/mnt/data/sub", "/home/sub"), TreeError::CrossMount);
    refused!(tree.rename("/mnt/data/sub", "/mnt/data/sub/x"), TreeError::InvalidArgument);
    refused!(tree.rename("/home/top", "/mnt/data/sub"), TreeError::IsADirectory);
    refused!(tree.rename("/home/top", "/mnt/data/no/top"), TreeError::NotFound);
    tree.symlink("top", "/home/l").unwrap();
    refused!(tree.rename("/home/l", "/mnt/data/l"), TreeError::CrossMount);
    tree.audit();
}

#[test]
fn a_file_system_that_can_move_is_asked_to() {
    let tree = tree();
    let inner = Arc::new(super::tree());
    inner.put("/d/f", "x");
    tree.mount("/m", Arc::new(TreeVfs::new(Arc::clone(&inner))), Access::ReadWrite).unwrap();
    tree.rename("/m/d", "/m/e").unwrap();
    tree.rename("/m/e/f", "/m/g").unwrap();
    assert_eq!(inner.dump(), ["/e dir", "/g x"]);
}

#[test]
fn a_file_of_a_mount_stays_below_the_file_limit() {
    let tree = TreeFs::new(TreeLimits::default().with_file_bytes(6));
    tree.mount("/m", seeded(), Access::ReadWrite).unwrap();
    refused!(tree.read("/m/sub/f"), TreeError::Limit(_));
    refused!(tree.write("/m/x", vec![0; 7], Parents::Require), TreeError::Limit(_));
    refused!(tree.append("/m/top", b"1234"), TreeError::Limit(_));
    refused!(tree.append("/m/x", b"1234567"), TreeError::Limit(_));
    assert_eq!(tree.names("/m"), ["sub", "top"]);
}

#[test]
fn a_tree_mounted_in_itself_ends_at_the_depth_limit() {
    let tree = Arc::new(tree());
    tree.put("/f", "x");
    tree.mount("/self", Arc::new(TreeVfs::new(Arc::clone(&tree))), Access::ReadWrite).unwrap();
    assert_eq!(tree.text("/self/self/f"), "x");
    tree.put("/self/self/g", "y");
    assert_eq!(tree.text("/g"), "y");
    assert!(tree.read(&format!("{}/f", "/self".repeat(200))).is_err());
}

/// A file system that fails when told to.
#[derive(Debug)]
struct Failing {
    inner: MemoryFS,
    writing: AtomicBool,
    removing: AtomicBool,
}

impl Failing {
    fn check(flag: &AtomicBool) -> std::io::Result<()> {
        if flag.swap(false, Ordering::Relaxed) { Err(std::io::Error::other("the disk is on fire")) } else { Ok(()) }
    }
}

struct HalfWritten(Box<dyn SeekAndWrite + Send>);

impl std::io::Write for HalfWritten {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(&data[..data.len() / 2])?;
        Err(std::io::Error::other("the disk is on fire"))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl std::io::Seek for HalfWritten {
    fn seek(&mut self, position: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(position)
    }
}

impl FileSystem for Failing {
    fn read_dir(&self, path: &str) -> VfsResult<Box<dyn Iterator<Item = String> + Send>> {
        self.inner.read_dir(path)
    }
    fn create_dir(&self, path: &str) -> VfsResult<()> {
        self.inner.create_dir(path)
    }
    fn open_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndRead + Send>> {
        self.inner.open_file(path)
    }
    fn create_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndWrite + Send>> {
        let file = self.inner.create_file(path)?;
        let failing = Self::check(&self.writing).is_err();
        Ok(if failing { Box::new(HalfWritten(file)) } else { file })
    }
    fn append_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndWrite + Send>> {
        self.inner.append_file(path)
    }
    fn metadata(&self, path: &str) -> VfsResult<VfsMetadata> {
        self.inner.metadata(path)
    }
    fn exists(&self, path: &str) -> VfsResult<bool> {
        self.inner.exists(path)
    }
    fn remove_file(&self, path: &str) -> VfsResult<()> {
        Self::check(&self.removing)?;
        self.inner.remove_file(path)
    }
    fn remove_dir(&self, path: &str) -> VfsResult<()> {
        self.inner.remove_dir(path)
    }
}

#[test]
fn what_fails_half_way_on_a_mount_is_put_back() {
    let fs =
        Arc::new(Failing { inner: MemoryFS::new(), writing: AtomicBool::new(false), removing: AtomicBool::new(false) });
    let tree = tree();
    tree.mount("/m", Arc::clone(&fs) as Arc<dyn FileSystem>, Access::ReadWrite).unwrap();
    tree.put("/m/f", "mounted");
    tree.put("/f", "tree");
    let before = tree.dump();

    for operation in [
        |tree: &TreeFs| tree.write("/m/f", b"replacing".to_vec(), Parents::Require),
        |tree: &TreeFs| tree.write("/m/new", b"new".to_vec(), Parents::Require),
        |tree: &TreeFs| tree.write("/m/a/b/new", b"new".to_vec(), Parents::Make),
        |tree: &TreeFs| tree.rename("/f", "/m/f"),
        |tree: &TreeFs| tree.rename("/f", "/m/new"),
        |tree: &TreeFs| tree.copy("/f", "/m/f"),
    ] {
        fs.writing.store(true, Ordering::Relaxed);
        let error = operation(&tree).unwrap_err();
        assert_eq!(error.to_string(), "mounted file system: IO error: the disk is on fire");
        assert_eq!(tree.dump(), before);
    }
    for to in ["/f", "/new", "/m/new"] {
        fs.removing.store(true, Ordering::Relaxed);
        refused!(tree.rename("/m/f", to), TreeError::Mounted(_));
        assert_eq!(tree.dump(), before, "moving to {to}");
    }
    tree.audit();
}

#[test]
fn a_snapshot_keeps_the_mount_point_and_not_what_is_behind_it() {
    let tree = mounted(Access::ReadWrite);
    let snapshot = tree.snapshot();
    tree.put("/mnt/data/top", "changed");
    tree.put("/home/f", "changed");
    tree.restore(&snapshot).unwrap();
    assert_eq!((tree.text("/home/f"), tree.text("/mnt/data/top")), ("tree".into(), "changed".into()));
}

#[test]
fn every_file_system_of_the_vfs_crate_can_be_mounted() {
    let dir = std::env::temp_dir().join(format!("flue-tree-mount-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let layered = ::vfs::OverlayFS::new(&[VfsPath::new(MemoryFS::new()), VfsPath::from(MemoryFS::new())]);
    let rooted = VfsPath::new(MemoryFS::new()).join("in").unwrap();
    rooted.create_dir().unwrap();
    let systems: [(&str, Arc<dyn FileSystem>); 4] = [
        ("memory", Arc::new(MemoryFS::new())),
        ("physical", Arc::new(::vfs::PhysicalFS::new(&dir))),
        ("overlay", Arc::new(layered)),
        ("altroot", Arc::new(::vfs::AltrootFS::new(rooted))),
    ];
    let tree = tree();
    for (name, fs) in systems {
        let at = format!("/{name}");
        tree.mount(&at, fs, Access::ReadWrite).unwrap();
        let file = |below: &str| format!("{at}{below}");
        tree.put(&file("/d/f"), name);
        tree.append(&file("/d/f"), b"!").unwrap();
        tree.rename(&file("/d/f"), &file("/g")).unwrap();
        tree.put(&file("/g"), &format!("{name}, longer than before"));
        tree.put(&file("/g"), "short");
        refused!(tree.read(&file("/d/f")), TreeError::NotFound);
        refused!(tree.read(&file("/g/x")), TreeError::NotADirectory);
        assert_eq!(tree.text(&file("/g")), "short", "{name}");
        // The overlay keeps its own notes of what was removed in plain sight.
        let names: Vec<_> = tree.names(&at).into_iter().filter(|name| name != ".whiteout").collect();
        assert_eq!(names, ["d", "g"], "{name}");
        tree.remove(&file("/d"), true).unwrap();
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
