//! Confined sandboxes that are held to less, beyond what the suite asks of every sandbox.

use std::path::Path;
use std::sync::Arc;

use flue_core::{ErrorKind, ExecRequest, Narrowing, NetworkReach, Sandbox};
use flue_core_testkit::sandbox::{Narrow, suite};
use flue_sandbox_local::{Local, LocalSandbox};

use super::ground::SECRET;
use super::network::{CURL, server};
use super::place::{Place, dir, is_at};
use super::{confined, policy};
use crate::temp::{Temp, open, said};

#[test]
fn beneath_its_root_one_is_like_any_other() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let local = Local::new(temp.path()).confined(policy());
    suite(Narrow::new(local, Narrowing::none().root(".")))
        .except("lifecycle::files_are_there_when_it_is_opened_again", "it removes the root itself in the end")
        .run_blocking()
        .assert();
}

async fn narrowed(sandbox: &Arc<LocalSandbox>, narrowing: Narrowing) -> Arc<dyn Sandbox> {
    narrowing.apply(Arc::clone(sandbox) as _).await.unwrap()
}

/// All that a command says, however it ends.
async fn sh(sandbox: &Arc<dyn Sandbox>, script: &str) -> String {
    let output = sandbox.exec(ExecRequest::new(script)).await.unwrap();
    format!("{}{}", output.stdout_text(), output.stderr_text())
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future);
}

/// What is seen from one directory of a workspace in `base`.
async fn sees_itself_and_the_system(base: &Path) {
    for (file, text) in [("work/root/file", "seen"), ("work/beside", SECRET), ("other/file", SECRET)] {
        let path = base.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let sandbox = confined(&base.join("work"), policy()).await;
    let other = base.join("other/file");
    let read = format!("cat {} ../beside {}/work/beside", other.display(), base.display());
    assert_eq!(said(&sandbox, "cat beside").await, SECRET, "the whole sandbox reads it");
    said(&sandbox, &format!("echo {SECRET} > $HOME/kept; echo {SECRET} > $TMPDIR/kept")).await;
    let home = said(&sandbox, "echo -n $HOME").await;

    let one = narrowed(&sandbox, Narrowing::none().root("root")).await;
    assert_eq!(
        sh(&one, "pwd; cat file; ls -A ..; ls -A ../..").await,
        format!("{}\nseenroot\nwork\n", base.join("work/root").display())
    );
    for script in [
        read.clone(),
        format!("cat {home}/kept $HOME/kept $TMPDIR/kept /tmp/kept /var/tmp/kept; ls -lAR {home} $HOME $TMPDIR"),
        format!(
            "find {} / -maxdepth 2 -type f 2>/dev/null | grep -v /proc | xargs -r head -qc 20 2>/dev/null",
            base.display()
        ),
        "cat /proc/*/cwd/../beside /proc/*/root/proc/1/cwd/beside 2>&1; cat /proc/self/mountinfo | wc -l".to_owned(),
        format!(
            "umount -l {0} 2>&1; umount {0}; unshare -Urm umount -l {0}; unshare -Urm cat {1}",
            base.display(),
            other.display()
        ),
    ] {
        let said = sh(&one, &script).await;
        assert!(!said.contains(SECRET), "`{script}`: {said}");
    }
    // What the work needs is there: programs, devices, a place for temporary files, and its own processes.
    let script = "mktemp >/dev/null && echo x > $HOME/x && date >/dev/null && awk 'BEGIN { print 1 + 1 }' && echo x > /dev/null && \
                  test -r /etc/passwd && ls /proc/self >/dev/null && echo made > made && echo ok";
    assert_eq!(sh(&one, script).await, "2\nok\n");
    assert_eq!(std::fs::read_to_string(base.join("work/root/made")).unwrap(), "made\n");
    assert!(sh(&one, "touch /usr/x /etc/x /x /home/x ../x 2>&1; echo").await.matches("touch:").count() >= 4);
    assert!(
        one.info().notes.iter().any(|note| note.contains("they read the programs of its system")),
        "{:?}",
        one.info().notes
    );

    let read_only = narrowed(&sandbox, Narrowing::none().root("root").read_only()).await;
    assert_eq!(sh(&read_only, "cat file; touch -d 2000-01-01 file 2>/dev/null; chmod 777 file 2>/dev/null; echo x > $HOME/x && mktemp >/dev/null && echo ok").await, "seenok\n");
    let facts = std::fs::metadata(base.join("work/root/file")).unwrap();
    assert!(facts.modified().unwrap().elapsed().unwrap().as_secs() < 600 && !facts.permissions().readonly());
    let again = Narrowing::none().apply(Arc::clone(&read_only)).await.unwrap();
    assert!(sh(&again, &format!("echo x > file; echo x > new; {read}")).await.matches("ead-only").count() == 2);
}

#[test]
fn where_commands_have_temporary_files_of_their_own() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    block_on(sees_itself_and_the_system(temp.path()));
}

#[test]
fn beneath_a_directory_of_the_system() {
    if is_at(Place::Same, "confined::narrowed::beneath_a_directory_of_the_system") {
        block_on(sees_itself_and_the_system(&dir()));
    }
}

#[test]
fn as_an_ordinary_user() {
    if is_at(Place::Somebody, "confined::narrowed::as_an_ordinary_user") {
        block_on(sees_itself_and_the_system(&dir()));
    }
}

#[tokio::test]
async fn no_network_leaves_no_host_and_no_way_there() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let port = server();
    let sandbox = confined(temp.path(), policy().allow_host(format!("localhost:{port}"))).await;
    let fetch = format!("{CURL} --noproxy '' http://localhost:{port}/a");
    assert!(said(&sandbox, &fetch).await.starts_with("asked: GET /a"));
    let one = narrowed(&sandbox, Narrowing::none().no_network()).await;
    assert_eq!(one.info().capabilities.network, NetworkReach::None);
    for script in [
        format!("{fetch} 2>&1"),
        format!("{CURL} -x http://127.0.0.1:3128 http://localhost:{port}/a 2>&1"),
        format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo asked: >&2"),
        "env | grep -i proxy && echo asked:".to_owned(),
    ] {
        assert!(!sh(&one, &script).await.contains("asked:"), "{script}");
    }
    let other = narrowed(&sandbox, Narrowing::none().read_only()).await;
    assert!(sh(&other, &fetch).await.starts_with("asked: GET /a"), "other narrowings leave the network");
    let again = Narrowing::none().apply(one).await.unwrap();
    assert!(!sh(&again, &fetch).await.contains("asked:"));
}

#[tokio::test]
async fn settings_are_shown_as_far_as_they_are_named() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let local = Local::new(temp.path()).env("TOKEN", SECRET).env("COLOUR", "blue").confined(policy());
    let sandbox = open(&local).await;
    assert_eq!(said(&sandbox, "echo $TOKEN $COLOUR").await, format!("{SECRET} blue\n"));
    let one = narrowed(&sandbox, Narrowing::none().only_env(["COLOUR"])).await;
    assert_eq!(sh(&one, "echo $COLOUR; test -d \"$HOME\" -a -d \"$TMPDIR\" && echo own").await, "blue\nown\n");
    assert!(!sh(&one, "env; cat /proc/*/environ | tr '\\0' '\\n'").await.contains(SECRET));
}

#[tokio::test]
async fn what_is_hidden_or_kept_stays_so() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("root/private/key", SECRET);
    temp.put("root/orders", "kept");
    let policy = policy().hide(temp.path().join("root/private")).protect("root/orders");
    let sandbox = confined(temp.path(), policy).await;
    let one = narrowed(&sandbox, Narrowing::none().root("root")).await;
    let said =
        sh(&one, "cat private/key; mv private away; cat away/key; echo x > orders; mv orders away; cat orders").await;
    assert!(!said.contains(SECRET) && said.ends_with("kept") | said.contains("kept"), "{said}");
    for path in ["root/private/key", "root/orders"] {
        let error = one.fs().write(&temp.at(path), "x".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}");
    }
    assert_eq!(std::fs::read_to_string(temp.path().join("root/orders")).unwrap(), "kept");
}
