//! The tree under the shell engine.

use bashkit::{Bash, ExecResult};

use super::*;

async fn run(tree: &Arc<TreeFs>, script: &str) -> ExecResult {
    let fs: Arc<dyn bashkit::FileSystem> = Arc::clone(tree) as _;
    let mut bash = Bash::builder().fs(fs).cwd("/work").build();
    bash.exec(script).await.unwrap()
}

fn workspace() -> Arc<TreeFs> {
    let tree = tree();
    tree.add_devices().unwrap();
    tree.mkdir("/work", Parents::Require).unwrap();
    Arc::new(tree)
}

/// Runs scripts with what they must print, output and errors together.
async fn shows(tree: &Arc<TreeFs>, cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        let result = run(tree, &format!("{{ {script}\n}} 2>&1")).await;
        assert_eq!(result.stdout, *expected, "{script}");
    }
    tree.audit();
}

#[tokio::test]
async fn the_engine_accepts_the_tree() {
    bashkit::verify_filesystem_requirements(&tree()).await.unwrap();
}

#[tokio::test]
async fn files_go_both_ways() {
    let tree = workspace();
    tree.put("/work/in", "b\na\n");
    shows(&tree, &[("sort in > out; echo c >> out; cat out", "a\nb\nc\n")]).await;
    assert_eq!(tree.text("/work/out"), "a\nb\nc\n");
}

#[tokio::test]
async fn errors_read_like_those_of_gnu_tools() {
    let tree = workspace();
    shows(
        &tree,
        &[
            ("cat missing", "cat: missing: No such file or directory\n"),
            ("cat < missing", "bash: line 1: missing: No such file or directory\n"),
            ("mkdir d; cat d", "cat: d: Is a directory\n"),
            ("echo x > d", "bash: line 1: d: Is a directory\n"),
            ("echo x > no/f", "bash: line 1: no/f: No such file or directory\n"),
            ("touch f; cat f/x", "cat: f/x: Not a directory\n"),
            ("echo x > f/x", "bash: line 1: f/x: Not a directory\n"),
            ("ln -s loop loop; cat loop", "cat: loop: Too many levels of symbolic links\n"),
            ("mkdir f/x", "mkdir: cannot create directory 'f/x': Not a directory\n"),
            ("touch d/f; rmdir d", "rmdir: failed to remove 'd': Directory not empty\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn links_follow_posix_across_the_engines_layers() {
    let tree = workspace();
    shows(
        &tree,
        &[
            ("mkdir -p real/sub; echo x > real/f; ln -s real link; cat link/f; ls link", "x\nf\nsub\n"),
            ("echo y > link/g; cat real/g; readlink link; [ -L link ] && [ -d link ] && echo both", "y\nreal\nboth\n"),
            ("ln -s /work/new dangling; echo made > dangling; cat new", "made\n"),
            ("rm link/f; ls real; rm link; ls -d real", "g\nsub\nreal\n"),
            ("ln -s /etc etc; grep -c . etc/hostname; mkdir etc/app && ls -d /etc/app", "1\n/etc/app\n"),
            ("ls etc/hostname; echo x > etc/hostname", "etc/hostname\nbash: line 1: etc/hostname: Permission denied\n"),
            ("mv new real/moved; cp real/moved back; cat back", "made\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn devices_pipes_modes_and_times_work_in_scripts() {
    let tree = workspace();
    shows(
        &tree,
        &[
            ("echo gone > /dev/null; cat /dev/null; [ -e /dev/null ] && echo there", "there\n"),
            ("head -c 8 /dev/urandom | wc -c; head -c 8 /dev/zero | od -An -tx1", "8\n 00 00 00 00 00 00 00 00\n"),
            ("rm -f /dev/null; [ -e /dev/null ] && echo there", "there\n"),
            ("echo 'echo ran' > s; chmod +x s; ./s; echo 'echo again' > s; ./s", "ran\nagain\n"),
            ("mkfifo p; [ -p p ] && echo pipe", "pipe\n"),
            ("touch -d 2001-02-03 f; date -u -r f +%F", "2001-02-03\n"),
            ("cat <(echo one) <(echo two)", "one\ntwo\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn limits_reach_the_script_as_errors_that_name_them() {
    let tree = TreeFs::new(TreeLimits::default().with_file_bytes(1000).with_total_bytes(1500).with_entries(12));
    tree.add_devices().unwrap();
    tree.mkdir("/work", Parents::Require).unwrap();
    let tree = Arc::new(tree);
    let result = run(&tree, "printf '%01000d' 1 > a; printf '%01001d' 1 > b; cp a c; echo $?; wc -c < a").await;
    assert!(
        result.stderr.contains("bash: line 1: b: file size limit: 1001 bytes would exceed the limit of 1000"),
        "{result:?}"
    );
    assert!(result.stderr.contains("total size limit: 2000 bytes would exceed the limit of 1500"), "{result:?}");
    assert_eq!(result.stdout, "1\n1000\n");
    let result = run(&tree, "for i in 1 2 3 4 5 6 7 8; do : > f$i; done; ls | wc -l").await;
    assert!(
        result.stderr.contains("bash: line 1: f6: file count limit: 13 files would exceed the limit of 12"),
        "{result:?}"
    );
    assert_eq!(result.stdout, "6\n");
}

#[tokio::test]
async fn the_engine_refuses_odd_names_that_the_tree_takes() {
    let tree = workspace();
    tree.put("/work/new\nline", "x");
    let result = run(&tree, "cat $'new\\nline'").await;
    assert!(result.stderr.contains("unsafe character U+000A"), "{result:?}");
    shows(&tree, &[("ls | wc -l", "2\n")]).await;
}

#[tokio::test]
async fn mounts_are_seen_by_the_shell() {
    let tree = workspace();
    let fs = ::vfs::MemoryFS::new();
    tree.mount("/work/data", Arc::new(fs), Access::ReadWrite).unwrap();
    tree.mount("/work/fixed", Arc::new(::vfs::MemoryFS::new()), Access::ReadOnly).unwrap();
    shows(
        &tree,
        &[
            ("mkdir data/d; echo x > data/d/f; cat data/d/f; find data | sort", "x\ndata\ndata/d\ndata/d/f\n"),
            ("echo 1 > mine; mv mine data/; cp data/mine copy; cat copy; ls", "1\ncopy\ndata\nfixed\n"),
            ("touch data/t; grep -rl x data; rm -r data/d; ls data", "data/d/f\nmine\nt\n"),
            ("echo x > fixed/f", "bash: line 1: fixed/f: Read-only file system\n"),
        ],
    )
    .await;
}

#[tokio::test]
async fn usage_and_limits_are_reported_to_the_engine() {
    let tree = workspace();
    tree.put("/work/f", "12345");
    let fs: &dyn bashkit::FileSystem = &*tree;
    let usage = fs.usage();
    assert_eq!((usage.total_bytes, usage.file_count, usage.dir_count), (5, 4, 3));
    assert_eq!(fs.limits().max_total_bytes, TreeLimits::TOTAL_BYTES);
}
