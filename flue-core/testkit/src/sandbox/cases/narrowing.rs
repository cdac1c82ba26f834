//! Sandboxes that are held to less: by files and by commands, in each dimension, and never again to more.
//!
//! Everything is tried in both ways. What must not be reached is looked for by a mark that is in it, in whatever a command
//! says; what must not be changed is compared with what it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{CreateDir, ErrorKind, ExecRequest, FileKind, Narrowing, NetworkReach, Remove, Result, Sandbox};

use super::group;
use crate::report::{CaseResult, Stop, ensure, ensure_eq, short};
use crate::sandbox::subject::{Subject, refused};
use crate::sandbox::{Case, Need};

/// What is in files that must not be read.
const SECRET: &str = "plain-as-day-7f3a";

/// What an attempt to reach beyond a narrowing is answered with.
const SHUT: [ErrorKind; 2] = [ErrorKind::PermissionDenied, ErrorKind::NotFound];

pub(super) fn cases() -> Vec<Case> {
    let held = group!("narrowing", [Need::Narrow];
        files_outside_of_the_root_are_not_reached,
        commands_read_nothing_outside_of_the_root,
        commands_change_nothing_outside_of_the_root,
        within_the_root_all_is_as_ever,
        what_is_read_only_is_not_changed,
        no_commands_run,
        only_named_variables_are_seen,
        no_network_is_reached,
        what_is_narrowed_only_becomes_narrower,
        a_root_has_to_be_a_directory,
        closing_goes_down_and_not_up,
    );
    let refused = group!("narrowing", [Need::NoNarrow];
        what_cannot_be_held_is_refused,
    );
    [&held[..], &refused[..]].concat()
}

/// A directory to be the root, and beside it what must not be reached.
async fn ground(t: &Subject) -> CaseResult {
    t.put("root/file", "seen\n").await?;
    t.put("root/sub/file", "seen too\n").await?;
    t.put("outside/secret", format!("{SECRET}\n")).await?;
    t.put("root-beside/secret", format!("{SECRET}\n")).await?;
    if t.sandbox.info().capabilities.symlinks {
        t.sh("ln -s ../outside root/link && ln -s \"$PWD/outside/secret\" root/secret && ln -s ../../outside/secret root/sub/up && ln -s ../outside/new root/dangling").await?;
    }
    Ok(())
}

/// The sandbox, narrowed.
async fn narrowed(t: &Subject, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
    narrowing.apply(Arc::clone(&t.sandbox)).await
}

/// The root of [`ground`].
fn root(t: &Subject) -> Result<Narrowing> {
    Ok(Narrowing::none().root(t.at("root")?.as_str()))
}

/// Runs a script in the directory `root` of a narrowed sandbox, however it ends, and gives all that it said.
async fn say(t: &Subject, sandbox: &Arc<dyn Sandbox>, script: &str) -> CaseResult<String> {
    let output = sandbox.exec(t.command(script).with_cwd(t.at("root")?)).await?;
    Ok(format!("{}{}", output.stdout_text(), output.stderr_text()))
}

/// All files beneath the case's directory with their content and mode, links and directories among them.
async fn picture(t: &Subject) -> CaseResult<BTreeMap<String, String>> {
    let (mut seen, mut ahead) = (BTreeMap::new(), vec![t.dir.clone()]);
    while let Some(dir) = ahead.pop() {
        for entry in t.fs().list(&dir).await? {
            let path = dir.join(&entry.name)?;
            let told = match entry.kind {
                FileKind::Directory => {
                    ahead.push(path.clone());
                    format!("directory {:?}", t.fs().metadata(&path).await?.mode)
                }
                FileKind::File => format!("{:?} {:?}", t.fs().read(&path).await?, t.fs().metadata(&path).await?.mode),
                kind => format!("{kind:?}"),
            };
            seen.insert(path.as_str().to_owned(), told);
        }
    }
    Ok(seen)
}

async fn files_outside_of_the_root_are_not_reached(t: &Subject) -> CaseResult {
    ground(t).await?;
    let before = picture(t).await?;
    let sandbox = narrowed(t, &root(t)?).await?;
    let fs = sandbox.fs();
    let mut paths = vec![
        "",
        "outside",
        "outside/secret",
        "root-beside/secret",
        "root/../outside/secret",
        "new",
        "outside/new/deep",
    ];
    if t.sandbox.info().capabilities.symlinks {
        paths.extend(["root/link/secret", "root/secret", "root/sub/up", "root/link/new", "root/dangling", "root/link"]);
    }
    for name in paths {
        let path = t.at(name)?;
        refused(&format!("reading {name}"), fs.read(&path).await, &SHUT)?;
        // That the way to the root is directories, its own path says.
        if !name.is_empty() {
            refused(&format!("facts about {name}"), fs.metadata(&path).await, &SHUT)?;
        }
        refused(&format!("listing {name}"), fs.list(&path).await, &[&SHUT[..], &[ErrorKind::NotADirectory]].concat())?;
        refused(&format!("writing {name}"), fs.write(&path, Bytes::from("x")).await, &SHUT)?;
        let made = fs.create_dir(&path, CreateDir::recursive()).await;
        refused(&format!("making {name}"), made, &[&SHUT[..], &[ErrorKind::AlreadyExists]].concat())?;
        // A link within the root can go; what it leads to cannot.
        if !name.starts_with("root/") || name.contains("link/") {
            refused(&format!("removing {name}"), fs.remove(&path, Remove::recursive()).await, &SHUT)?;
        }
        for pattern in [SECRET, "x"] {
            match sandbox.grep(GrepQuery::new(pattern, path.clone(), 10)).await {
                Ok(found) => ensure_eq!(found.total, 0, "lines found in {name}"),
                Err(error) => refused::<()>(&format!("searching {name}"), Err(error), &SHUT)?,
            }
        }
        match sandbox.glob(GlobQuery::new("**", path, 10)).await {
            Ok(found) => ensure_eq!(found.total, 0, "files found in {name}"),
            Err(error) => refused::<()>(
                &format!("globbing {name}"),
                Err(error),
                &[&SHUT[..], &[ErrorKind::NotADirectory]].concat(),
            )?,
        }
    }
    let hits = sandbox.grep(GrepQuery::new(SECRET, t.at("root")?, 10)).await?;
    ensure_eq!(hits.total, 0, "secrets found by a search of the root");
    ensure_eq!(picture(t).await?, before, "all files");
    Ok(())
}

async fn commands_read_nothing_outside_of_the_root(t: &Subject) -> CaseResult {
    ground(t).await?;
    let sandbox = narrowed(t, &root(t)?).await?;
    let out = t.at("outside")?;
    for script in [
        format!("cat {out}/secret"),
        "cat ../outside/secret".to_owned(),
        "cd .. && cat outside/secret".to_owned(),
        format!("cd {out} && cat secret"),
        "cat sub/../../outside/secret".to_owned(),
        "cat link/secret secret sub/up".to_owned(),
        "cat < secret; read -r line < ../outside/secret; echo \"$line\"".to_owned(),
        format!("ls -la {out} ..; cat ../*/secret ../outside/* ../root-beside/*"),
        format!("cp {out}/secret copy; cp -r ../outside copies; cp link/secret other; cat copy copies/* other"),
        format!("ln {out}/secret hard; ln -s {out}/secret soft; cat hard soft"),
        format!("cat /proc/self/root{out}/secret /proc/self/cwd/../outside/secret /proc/1/root{out}/secret /proc/1/cwd/../outside/secret"),
        format!("grep -r plain {out} .. ; find .. -type f -exec cat {{}} +; head -n 1 {out}/secret; tail {out}/secret"),
        format!("tar -cf - {out} 2>/dev/null | cat; tar -C .. -cf - outside 2>/dev/null | cat"),
        format!(". {out}/secret; bash {out}/secret; source ../outside/secret; eval \"$(cat ../outside/secret)\""),
        format!("echo \"$(<{out}/secret)\"; mapfile -t lines < {out}/secret; echo \"${{lines[@]}}\"; cat <(cat {out}/secret)"),
        "exec 3< ../outside/secret; cat <&3".to_owned(),
        format!("sed -n p {out}/secret; awk '{{print}}' {out}/secret; sort {out}/secret; diff {out}/secret file; cut -c1-99 {out}/secret; od -c {out}/secret | tr -d ' \\n'"),
        "mv ../outside here; mv ../outside/secret here; cat here/secret here".to_owned(),
        "cd ..; cd ..; pwd; cd /; find . -name 'secret*' -maxdepth 8 -type f 2>/dev/null | head -n 20 | while read -r f; do cat \"$f\"; done".to_owned(),
    ] {
        let said = say(t, &sandbox, &script).await?;
        let bare = said.replace(['\\', '\n'], "");
        ensure!(!said.contains(SECRET) && !bare.contains(SECRET), "`{script}` reads what is outside: {}", short(&said));
    }
    // Nor is it there to be read by other means now.
    let hits = t.sandbox.grep(GrepQuery::new(SECRET, t.at("root")?, 10)).await?;
    ensure_eq!(hits.total, 0, "secrets that a command brought into the root");
    Ok(())
}

async fn commands_change_nothing_outside_of_the_root(t: &Subject) -> CaseResult {
    ground(t).await?;
    let outside = |picture: BTreeMap<String, String>, root: &str| -> BTreeMap<String, String> {
        picture.into_iter().filter(|(path, _)| !path.starts_with(&format!("{root}/"))).collect()
    };
    let root_path = t.at("root")?;
    let before = outside(picture(t).await?, root_path.as_str());
    let sandbox = narrowed(t, &root(t)?).await?;
    let out = t.at("outside")?;
    for script in [
        format!("echo x > {out}/secret; echo x >> {out}/secret; echo x > {out}/new; : > ../outside/secret"),
        "echo x > link/secret; echo x > secret; echo x >> sub/up; echo x > link/new; echo x > dangling".to_owned(),
        format!(
            "cp file {out}/; cp file {out}/secret; cp -r sub ../copied; cp file ../copied; cp file link/; tee {out}/tee < file"
        ),
        format!("rm {out}/secret; rm -rf {out}; cd .. && rm -rf outside root-beside; cd {out} && rm -rf ./*"),
        "rm -rf ../*; rm -rf link/; rm -rf link/*; rmdir ../root-beside".to_owned(),
        format!(
            "mv {out}/secret ./stolen; mv {out} ./stolen; mv file ../; mv ../root ../moved; mv ../outside ../moved"
        ),
        format!("mkdir {out}/made; mkdir ../made; mkdir -p ../made/deep; touch ../touched {out}/touched"),
        format!(
            "ln -s x ../linked; ln file ../linked; ln -sf /etc {out}/secret; chmod 777 {out}/secret {out} ..; chmod 000 link/secret"
        ),
        format!(
            "sed -i s/plain/changed/ {out}/secret link/secret; truncate -s 0 {out}/secret; dd if=file of={out}/secret 2>/dev/null"
        ),
        "tar -cf a.tar file; tar -C .. -xf a.tar; tar -xf a.tar -C link; cd link && echo x > secret".to_owned(),
        format!(
            "printf x | dd of=../outside/secret; split file ../outside/part; echo x > /proc/self/cwd/../outside/secret; echo x > /proc/self/root{out}/secret"
        ),
    ] {
        say(t, &sandbox, &script).await?;
        let after = outside(picture(t).await?, root_path.as_str());
        ensure_eq!(after, before, "what is outside after `{script}`");
    }
    Ok(())
}

async fn within_the_root_all_is_as_ever(t: &Subject) -> CaseResult {
    ground(t).await?;
    let sandbox = narrowed(t, &root(t)?).await?;
    ensure_eq!(sandbox.info().cwd, t.at("root")?, "where it works, if where it worked is outside");
    let script = "pwd; cat file sub/file; echo made > new; mkdir -p a/b && cp file a/b/copy && mv new a/moved && rm sub/file && ls a; echo gone > /dev/null";
    let output = sandbox.exec(ExecRequest::new(script)).await?;
    ensure_eq!(output.exit_code(), 0, "the end of an ordinary script: {}", output.stderr_text());
    let said = format!("{}\nseen\nseen too\nb\nmoved\n", t.at("root")?);
    ensure_eq!(output.stdout_text(), said, "what an ordinary script says");
    // Whose files they are is as ever, too.
    ensure_eq!(t.get("root/a/moved").await?, "made\n", "a file that was made there, seen from outside");
    ensure_eq!(sandbox.fs().read(&t.at("root/a/b/copy")?).await?, "seen\n", "a file that a command made");
    sandbox.fs().write(&t.at("root/deep/er/file")?, Bytes::from("written")).await?;
    t.put("root/later", "later").await?;
    ensure_eq!(say(t, &sandbox, "cat deep/er/file later").await?, "writtenlater", "files that were written by others");
    sandbox.fs().remove(&t.at("root/deep")?, Remove::recursive()).await?;
    let found = sandbox.glob(GlobQuery::new("**/copy", t.at("root")?, 10)).await?;
    ensure_eq!(found.paths, [t.at("root/a/b/copy")?], "what a search finds");
    Ok(())
}

async fn what_is_read_only_is_not_changed(t: &Subject) -> CaseResult {
    ground(t).await?;
    let before = picture(t).await?;
    for (how, narrowing) in [("all", Narrowing::none()), ("root", root(t)?)] {
        let sandbox = narrowed(t, &narrowing.read_only()).await?;
        ensure!(!sandbox.info().capabilities.write, "a model is told that files cannot be changed");
        let fs = sandbox.fs();
        let path = t.at("root/file")?;
        let denied = [ErrorKind::PermissionDenied];
        refused("writing", fs.write(&path, Bytes::from("x")).await, &denied)?;
        refused("making a file", fs.write(&t.at("root/new")?, Bytes::from("x")).await, &denied)?;
        refused("making a directory", fs.create_dir(&t.at("root/new")?, CreateDir::default()).await, &denied)?;
        refused("removing", fs.remove(&path, Remove::default()).await, &denied)?;
        refused("removing all", fs.remove(&t.at("root/sub")?, Remove::recursive()).await, &denied)?;
        for script in [
            "echo x > file; echo x >> file; echo x > new; : > sub/file",
            "rm file; rm -rf sub; rm -rf ./* ../*; mv file moved; mv sub moved; cp file copy; cp sub/file file",
            "mkdir made; mkdir -p made/deep; touch new; ln -s file linked; ln file linked; rmdir sub",
            "chmod 777 file sub; sed -i s/seen/changed/ file; truncate -s 0 file; tee file < sub/file; dd if=sub/file of=file",
            "cd sub && echo x > file; cat file > /proc/self/cwd/file; echo x > link/secret; echo x > dangling",
        ] {
            say(t, &sandbox, script).await?;
            ensure_eq!(picture(t).await?, before, "all files after `{script}` ({how})");
        }
        ensure_eq!(
            say(t, &sandbox, "cat file sub/file; echo x > /dev/null").await?,
            "seen\nseen too\n",
            "what is read"
        );
        ensure_eq!(fs.read(&path).await?, "seen\n", "what is read through the file API");
    }
    Ok(())
}

async fn no_commands_run(t: &Subject) -> CaseResult {
    ground(t).await?;
    let sandbox = narrowed(t, &Narrowing::none().no_exec()).await?;
    let can = &sandbox.info().capabilities;
    ensure!(!can.exec && !can.stdin && !can.live_output, "a model is told that no commands run: {can:?}");
    let request = t.command("echo x > root/new");
    refused("a command", sandbox.exec(request.clone()).await, &[ErrorKind::Unsupported])?;
    let again = narrowed_again(&sandbox, &root(t)?).await?;
    refused("a command in what is narrowed again", again.exec(request).await, &[ErrorKind::Unsupported])?;
    ensure_eq!(again.fs().read(&t.at("root/file")?).await?, "seen\n", "files are read");
    ensure_eq!(t.names("root").await?.contains(&"new".to_owned()), false, "a command ran");
    Ok(())
}

async fn narrowed_again(sandbox: &Arc<dyn Sandbox>, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
    narrowing.apply(Arc::clone(sandbox)).await
}

async fn only_named_variables_are_seen(t: &Subject) -> CaseResult {
    let request = |script: &str| t.command(script).with_env("FLUE_KEPT", "kept").with_env("FLUE_SECRET", SECRET);
    let said = t.exec(request("echo \"$FLUE_KEPT $FLUE_SECRET\"")).await?;
    ensure_eq!(said.stdout_text(), format!("kept {SECRET}\n"), "what the whole sandbox shows");
    for (names, expected) in [(&["FLUE_KEPT", "OTHER"][..], "[kept]"), (&[][..], "[]")] {
        let sandbox = narrowed(t, &Narrowing::none().only_env(names.iter().copied())).await?;
        for script in [
            "env",
            "export -p; set",
            "echo \"$FLUE_SECRET\"",
            "tr '\\0' '\\n' < /proc/self/environ",
            "tr '\\0' '\\n' < /proc/1/environ",
            "bash -c env",
        ] {
            let output = sandbox.exec(request(script)).await?;
            ensure!(!output.stdout_text().contains(SECRET), "`{script}` shows a variable: {}", short(&output));
        }
        let said = sandbox.exec(request("echo \"[$FLUE_KEPT]\"")).await?;
        ensure_eq!(said.stdout_text(), format!("{expected}\n"), "the variable that is named, or not");
        let again = narrowed_again(&sandbox, &Narrowing::none().only_env(["FLUE_SECRET"])).await?;
        let said = again.exec(request("echo \"$FLUE_KEPT$FLUE_SECRET\"")).await?;
        ensure_eq!(said.stdout_text(), "\n", "a variable that only the second narrowing names");
    }
    Ok(())
}

async fn no_network_is_reached(t: &Subject) -> CaseResult {
    let sandbox = narrowed(t, &Narrowing::none().no_network()).await?;
    ensure_eq!(sandbox.info().capabilities.network, NetworkReach::None, "what a model is told");
    let server = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| Stop::failed(error))?;
    let port = server.local_addr().map_err(|error| Stop::failed(error))?.port();
    for script in [
        format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached"),
        format!("curl -sS -m 5 --noproxy '*' http://127.0.0.1:{port}/ && echo reached"),
    ] {
        let output = sandbox.exec(t.command(&script)).await?;
        ensure!(!output.stdout_text().contains("reached"), "`{script}` reaches this machine: {}", short(&output));
    }
    Ok(())
}

async fn what_is_narrowed_only_becomes_narrower(t: &Subject) -> CaseResult {
    ground(t).await?;
    let before = picture(t).await?;
    let first = narrowed(t, &root(t)?.read_only().no_network().only_env(["PATH"])).await?;
    for (wider, narrowing) in [
        ("the root above", Narrowing::none().root("..")),
        ("the whole tree", Narrowing::none().root("/")),
        ("the root beside", Narrowing::none().root(t.at("outside")?.as_str())),
        ("a name that begins alike", Narrowing::none().root(t.at("root-beside")?.as_str())),
    ] {
        refused(wider, narrowing.apply(Arc::clone(&first)).await.map(drop), &[ErrorKind::PermissionDenied])?;
        refused(wider, first.narrow(&narrowing).await.map(drop), &[ErrorKind::PermissionDenied])?;
    }
    for (what, second) in
        [("nothing more", first.narrow(&Narrowing::none()).await?), ("the same", first.narrow(&root(t)?).await?)]
    {
        let can = &second.info().capabilities;
        ensure_eq!((can.write, &can.network), (false, &NetworkReach::None), "what is told after {what}");
        refused("writing", second.fs().write(&t.at("root/file")?, Bytes::new()).await, &[ErrorKind::PermissionDenied])?;
        refused("reading outside", second.fs().read(&t.at("outside/secret")?).await, &SHUT)?;
        let said = say(t, &second, "echo x > file; cat ../outside/secret; cat file").await?;
        ensure!(said.contains("seen") && !said.contains(SECRET), "after {what}: {}", short(&said));
    }
    let sub = first.narrow(&Narrowing::none().root("sub")).await?;
    refused("reading above the second root", sub.fs().read(&t.at("root/file")?).await, &SHUT)?;
    let output = sub.exec(ExecRequest::new("cat ../file ../../outside/secret; cat file; echo x > file")).await?;
    ensure_eq!(output.stdout_text(), "seen too\n", "what is read beneath the second root");
    ensure_eq!(picture(t).await?, before, "all files");
    Ok(())
}

async fn a_root_has_to_be_a_directory(t: &Subject) -> CaseResult {
    ground(t).await?;
    let at = |path: &str| Ok::<_, Stop>(Narrowing::none().root(t.at(path)?.as_str()));
    refused("a root that is not there", narrowed(t, &at("missing")?).await.map(drop), &[ErrorKind::NotFound])?;
    refused("a file as root", narrowed(t, &at("root/file")?).await.map(drop), &[ErrorKind::NotADirectory])?;
    refused("no root at all", narrowed(t, &Narrowing::none().root("")).await.map(drop), &[ErrorKind::Config])?;
    if t.sandbox.info().capabilities.symlinks {
        t.sh("ln -s root alias && mkdir -p outside/deep").await?;
        for link in ["alias", "root/link", "alias/sub", "root/link/deep"] {
            refused(link, narrowed(t, &at(link)?).await.map(drop), &[ErrorKind::PermissionDenied])?;
        }
    }
    Ok(())
}

async fn closing_goes_down_and_not_up(t: &Subject) -> CaseResult {
    ground(t).await?;
    let whole = t.open(flue_core::OpenRequest::new(format!("{}-whole", t.id))).await?;
    let first = Narrowing::none().read_only().apply(Arc::clone(&whole)).await?;
    let second = Narrowing::none().no_network().apply(Arc::clone(&first)).await?;
    let died = [ErrorKind::SandboxDied];
    second.close().await?;
    second.close().await?;
    let root = second.info().cwd.clone();
    refused("a command after closing", second.exec(ExecRequest::new("true")).await, &died)?;
    refused("a file after closing", second.fs().list(&root).await, &died)?;
    refused("narrowing after closing", second.narrow(&Narrowing::none()).await.map(drop), &died)?;
    ensure!(first.exec(ExecRequest::new("true")).await?.success(), "what was narrowed goes on");
    whole.close().await?;
    refused("a command after the whole was closed", first.exec(ExecRequest::new("true")).await, &died)?;
    refused("a file after the whole was closed", first.fs().list(&root).await, &died)
}

async fn what_cannot_be_held_is_refused(t: &Subject) -> CaseResult {
    ground(t).await?;
    for (what, narrowing) in [
        ("a root", root(t)?),
        ("read-only", Narrowing::none().read_only()),
        ("an environment", Narrowing::none().only_env(["PATH"])),
    ] {
        refused(what, t.sandbox.narrow(&narrowing).await.map(drop), &[ErrorKind::Unsupported])?;
        refused(what, narrowed(t, &narrowing).await.map(drop), &[ErrorKind::Unsupported])?;
        let files = narrowed(t, &narrowing.no_exec()).await?;
        ensure!(!files.info().capabilities.exec, "a model is told that no commands run");
        refused("a command", files.exec(ExecRequest::new("true")).await, &[ErrorKind::Unsupported])?;
        ensure_eq!(files.fs().read(&t.at("root/file")?).await?, "seen\n", "a file");
    }
    if t.sandbox.info().capabilities.network != NetworkReach::None {
        let narrowing = Narrowing::none().no_network();
        refused("no network", narrowed(t, &narrowing).await.map(drop), &[ErrorKind::Unsupported])?;
    }
    let files = narrowed(t, &root(t)?.no_exec()).await?;
    refused("reading outside", files.fs().read(&t.at("outside/secret")?).await, &SHUT)?;
    let files = narrowed(t, &Narrowing::none().read_only().no_exec()).await?;
    refused("writing", files.fs().write(&t.at("root/file")?, Bytes::new()).await, &[ErrorKind::PermissionDenied])
}
