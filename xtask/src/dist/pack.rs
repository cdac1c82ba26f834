//! Tarballs and checksums, by the programs that every Linux has.

use std::fs;
use std::path::{Path, PathBuf};

use super::failed;
use crate::process;
use crate::report::Outcome;

/// Packs `name` in `dir` into a tarball in `to`, the same bytes for the same files.
pub(super) fn tar(dir: &Path, name: &str, epoch: &str, to: &Path) -> Outcome<PathBuf> {
    let archive = to.join(format!("{name}.tar"));
    let packed = to.join(format!("{name}.tar.gz"));
    let mut command = process::program("tar", dir);
    command.args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    command.args(["--mode=u=rwX,go=rX", &format!("--mtime=@{epoch}"), "--file"]).arg(&archive).arg(name);
    process::capture(command)?;
    let mut command = process::program("gzip", to);
    // Without the name and the time, which gzip would write down.
    command.args(["--no-name", "--best", "--force"]).arg(&archive);
    process::capture(command)?;
    Ok(packed)
}

/// Writes the checksums of `archives`, in the form that `sha256sum --check` reads.
pub(super) fn checksums(out: &Path, archives: &[PathBuf]) -> Outcome {
    let mut command = process::program("sha256sum", out);
    command.args(archives.iter().filter_map(|archive| archive.file_name()));
    let sums = process::capture(command)?;
    let path = out.join("SHA256SUMS");
    fs::write(&path, sums).map_err(|error| failed("write", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::BUILD_DIRECTORY;
    use crate::workspace::Workspace;

    #[test]
    fn the_same_files_give_the_same_bytes_and_their_sums_hold() {
        let root = Workspace::load().expect("this workspace").root;
        let dir = root.join(BUILD_DIRECTORY).join(format!("pack-{}", std::process::id()));
        let mut archives = Vec::new();
        for (place, names) in [("one", ["b", "a"]), ("two", ["a", "b"])] {
            let files = dir.join(place).join("thing");
            fs::create_dir_all(&files).expect("a directory");
            for name in names {
                fs::write(files.join(name), name).expect("a file");
            }
            archives.push(tar(&dir.join(place), "thing", "1000000000", &dir.join(place)).expect("a tarball"));
        }
        let read = |path: &PathBuf| fs::read(path).expect("a tarball");
        assert_eq!(read(&archives[0]), read(&archives[1]));
        checksums(&dir.join("one"), &archives[..1]).expect("sums");
        let mut check = process::program("sha256sum", &dir.join("one"));
        check.args(["--check", "SHA256SUMS"]);
        assert_eq!(process::capture(check).expect("a check"), "thing.tar.gz: OK\n");
        let mut list = process::program("tar", &dir);
        list.args(["--list", "--verbose", "--numeric-owner", "--utc", "--file"]).arg(&archives[0]);
        let listed = process::capture(list).expect("a list");
        assert!(listed.lines().all(|line| line.contains(" 0/0 ") && line.contains(" 2001-09-09 ")), "{listed}");
        let _ = fs::remove_dir_all(dir);
    }
}
