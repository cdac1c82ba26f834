//! Each command starts afresh; only files stay. And the file API and the shell see the same files.

use bytes::Bytes;
use flue_core::{ErrorKind, FileKind, Remove};

use super::files::noise;
use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, refused};
use crate::sandbox::{Case, Need};

/// A content of every kind of byte, larger than the buffers of pipes and of `cat`.
const SHARED_BYTES: usize = 300_000;

/// Shows options of every kind that a shell keeps.
const OPTIONS: &str = "echo $-; umask; shopt nullglob; set -o | grep -E 'errexit|pipefail'; true";

pub(super) fn cases() -> Vec<Case> {
    group!("isolation", [Need::Exec];
        variables_and_functions_do_not_outlive_their_command,
        options_do_not_outlive_their_command,
        cd_does_not_outlive_its_command,
        descriptors_and_traps_do_not_outlive_their_command,
        the_shell_sees_what_the_file_api_does,
        the_file_api_sees_what_the_shell_does,
        contents_are_the_same_on_both_sides,
    )
    .to_vec()
}

async fn variables_and_functions_do_not_outlive_their_command(t: &Subject) -> CaseResult {
    t.sh("plain=1; export exported=1; declare -A map=([a]=1); f() { echo called; }; alias ll='echo alias'; set -- one two").await?;
    let said =
        t.sh("echo ${plain-unset} ${exported-unset} ${#map[@]} $#; type f ll >/dev/null 2>&1 || echo none").await?;
    ensure_eq!(said, "unset unset 0 0\nnone\n", "what is left of an earlier command's shell");
    Ok(())
}

async fn options_do_not_outlive_their_command(t: &Subject) -> CaseResult {
    let before = t.sh(OPTIONS).await?;
    t.run("set -euf -o pipefail; shopt -s nullglob; umask 077; false").await?;
    ensure_eq!(t.sh("false; echo $unset_variable; echo *.none").await?, "\n*.none\n", "the effect of options");
    ensure_eq!(t.sh(OPTIONS).await?, before, "the options");
    Ok(())
}

async fn cd_does_not_outlive_its_command(t: &Subject) -> CaseResult {
    t.put("sub/file", "").await?;
    t.sh("cd sub && pwd && pushd . >/dev/null").await?;
    ensure_eq!(t.sh("pwd").await?, format!("{}\n", t.dir), "where the next command starts");
    Ok(())
}

async fn descriptors_and_traps_do_not_outlive_their_command(t: &Subject) -> CaseResult {
    ensure_eq!(t.sh("trap 'echo trapped' EXIT; exec 5>out; echo five >&5").await?, "trapped\n", "a trap at the end");
    ensure_eq!(t.get("out").await?, "five\n", "what was written to a descriptor");
    let output = t.run("echo still >&5; echo here").await?;
    ensure_eq!(output.stdout, "here\n", "the next command's output, without a trap");
    ensure_eq!(t.get("out").await?, "five\n", "the descriptor is closed");
    Ok(())
}

async fn the_shell_sees_what_the_file_api_does(t: &Subject) -> CaseResult {
    t.put("dir/file", "one").await?;
    ensure_eq!(t.sh("cat dir/file").await?, "one", "a file that the file API wrote");
    t.put("dir/file", "three").await?;
    ensure_eq!(t.sh("cat dir/file; wc -c < dir/file | tr -d ' '").await?, "three5\n", "the file written again");
    t.remove("dir/file", Remove::default()).await??;
    let said = t.sh("[ -e dir/file ] || echo gone; [ -d dir ] && echo dir; ls -A dir").await?;
    ensure_eq!(said, "gone\ndir\n", "the file removed");
    Ok(())
}

async fn the_file_api_sees_what_the_shell_does(t: &Subject) -> CaseResult {
    t.sh("mkdir -p a/b && printf one > a/b/file && : > a/empty && printf 'x' >> a/b/file").await?;
    ensure_eq!(t.get("a/b/file").await?, "onex", "a file that the shell wrote");
    ensure_eq!(t.get("a/empty").await?, "", "an empty file that the shell made");
    ensure_eq!(t.names("a").await?, ["b", "empty"], "a directory that the shell made");
    t.sh("mv a/b/file moved && cp moved copy && rm a/empty && chmod 600 copy").await?;
    refused("a file that was moved", t.get("a/b/file").await, &[ErrorKind::NotFound])?;
    ensure_eq!((t.get("moved").await?, t.get("copy").await?), ("onex".into(), "onex".into()), "moved and copied");
    let copy = t.fs().metadata(&t.at("copy")?).await?;
    ensure_eq!((copy.kind, copy.len), (FileKind::File, Some(4)), "the facts of the copy");
    ensure!(copy.mode.is_none_or(|mode| mode & 0o777 == 0o600), "the mode of the copy is {:?}", copy.mode);
    t.sh("rm -r a").await?;
    ensure_eq!(t.names("").await?, ["copy", "moved"], "what is left");
    Ok(())
}

async fn contents_are_the_same_on_both_sides(t: &Subject) -> CaseResult {
    let latin1 = Bytes::from_static(b"caf\xe9\0\xff\n");
    for (name, data) in [("noise", noise(SHARED_BYTES)), ("latin-1", latin1)] {
        t.put(name, data.clone()).await?;
        let output = t.run(format!("cat {name}")).await?;
        ensure!(output.stdout == data, "`cat {name}` gives {} other bytes", output.stdout.len());
        t.sh(&format!("cat {name} > copy && cmp {name} copy")).await?;
        ensure!(t.get("copy").await? == data, "the shell's copy of {name} has other bytes");
    }
    Ok(())
}
