//! Sessions that last: going on with one, looking after them, and who may not use one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Server, Turn};
use crate::signals::signal;
use crate::support::{Done, Flue, PATIENCE, Place, finish};

/// The stores of a default build, as `--store` takes them.
const STORES: [&str; 2] = ["jsonl:kept", "sqlite:kept/sessions.db"];

fn asked(place: &Place, server: &Server, args: &[&str]) -> Flue {
    let all = ["run", "-q", "--model", Server::MODEL];
    place.keeping(all.iter().chain(args)).env(Server::ADDRESS, server.address())
}

fn said(place: &Place, message: &str, args: &[&str]) -> Done {
    let all = ["run", "--model", "scripted/echo", "-m", message];
    place.keeping(all.iter().chain(args)).run()
}

fn bash(command: &str) -> Turn {
    Turn::Call("bash", serde_json::json!({ "command": command }).to_string())
}

#[test]
fn a_conversation_goes_on_in_another_process() {
    for store in STORES {
        let place = Place::new();
        let server = Server::start(vec![bash("echo a > a"), Turn::Text("first"), Turn::Text("second")]);
        let on = |message| asked(&place, &server, &["--session", "plan", "--store", store, "-m", message]);
        assert_eq!(on("one").run().code(0).stdout, "first\n");
        assert_eq!(on("two").run().code(0).stdout, "second\n");
        let last: Value = serde_json::from_str(server.requests().last().unwrap()).unwrap();
        let roles: Vec<&str> =
            last["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant", "user"], "{store}");
        let system = last["messages"][0].to_string();
        assert!(system.contains("goes on in a new sandbox"), "the agent is told that its files are gone: {system}");
        assert!(!server.requests()[0].contains("goes on in a new sandbox"));
    }
}

#[test]
fn going_on_is_said_and_so_is_that_files_are_gone() {
    let place = Place::new();
    let fresh = said(&place, "hello", &["--session", "a"]).code(0);
    assert!(!fresh.stderr.contains("note:"), "{}", fresh.stderr);
    let on = said(&place, "again", &["--session", "a"]).code(0);
    assert!(on.stderr.starts_with("note: session a goes on after 2 messages\n"), "{}", on.stderr);
    assert!(!on.stderr.contains("files"), "nothing was ever done: {}", on.stderr);

    let server = Server::start(vec![bash("echo a > a"), Turn::Text("1"), Turn::Text("2"), Turn::Text("3")]);
    let work = |args: &[&str]| {
        let all = ["run", "--model", Server::MODEL, "-m", "go", "--session", "b"];
        place.keeping(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run().code(0).stderr
    };
    work(&[]);
    assert!(work(&[]).contains("note: its sandbox is new, earlier files are gone; --stage what is needed\n"));
    // On this machine they are not.
    assert!(!work(&["--sandbox", "local"]).contains("files are gone"));
}

#[test]
fn by_default_sessions_are_in_private_files_of_the_user() {
    let place = Place::new();
    said(&place, "hello", &["--session", "a"]).code(0);
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state/flue"), mode("state/flue/sessions")), (0o700, 0o700));
    assert!(place.read("state/flue/sessions/flue/a.jsonl").contains("hello"));
    said(&place, "hello", &["--session", "a", "--store", "sqlite:db/x.db"]).code(0);
    assert_eq!((mode("db"), mode("db/x.db")), (0o700, 0o600));
    // FLUE_STORE names another place; without any there is none.
    let elsewhere = place.flue(["sessions", "list"]).env("FLUE_STORE", "sqlite:db/x.db").run().code(0);
    assert!(elsewhere.stdout.contains("hello"), "{}", elsewhere.stdout);
    let nowhere = place.flue(["sessions", "list"]).run().code(2);
    assert!(nowhere.stderr.contains("--store jsonl:DIR"), "{}", nowhere.stderr);
    let wrong = place.flue(["sessions", "list"]).env("FLUE_STORE", "mysql://me:secret@host/db").run().code(2);
    assert!(wrong.stderr.contains("there is no such store") && !wrong.stderr.contains("secret"), "{}", wrong.stderr);
}

#[test]
fn a_session_needs_a_name_that_is_one() {
    let place = Place::new();
    for name in ["", " ", "task:a:1", "a\nb"] {
        assert!(said(&place, "x", &["--session", name]).code(2).stderr.contains("name"), "{name:?}");
    }
    assert!(said(&place, "x", &["--store", "jsonl:x"]).code(2).stderr.contains("--session NAME"));
    let empty = place.keeping(["run", "--resume", "--session", "a", "--model", "scripted/echo"]).run().code(1);
    assert!(empty.stderr.contains("nothing to go on with"), "{}", empty.stderr);
}

#[test]
fn of_two_processes_one_has_the_session() {
    for store in STORES {
        let place = Place::new();
        let server = Server::start(vec![Turn::Stall("thinking")]);
        let begun = Instant::now();
        let args = ["--session", "a", "--store", store, "-m", "go", "--events=events"];
        let first = asked(&place, &server, &args).spawn();
        let pid = first.id().to_string();
        until(|| place.names().contains(&"events".to_owned()) && place.read("events").contains("text_delta"));
        let second = Instant::now();
        for command in
            [&["run", "--model", "scripted/echo", "-m", "x", "--session", "a"][..], &["sessions", "delete", "a"]]
        {
            let done = place.flue(command.iter().chain(&["--store", store])).run();
            assert_eq!(done.code, Some(if command[0] == "run" { 2 } else { 1 }), "{}", done.stderr);
            assert!(done.stderr.contains("another process uses this session"), "{}", done.stderr);
            assert!(done.stderr.contains(&format!("process: {pid}")), "{}", done.stderr);
        }
        assert!(second.elapsed() < Duration::from_secs(10), "at once: {:?}", second.elapsed());
        // Others are free, and reading is.
        said(&place, "x", &["--session", "b", "--store", store]).code(0);
        place.flue(["sessions", "show", "a", "--store", store]).run().code(0);
        signal(&first, "INT");
        finish(first, begun).code(130);
        said(&place, "x", &["--session", "a", "--store", store]).code(0);
    }
}

fn until(holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn after_a_kill_the_conversation_goes_on_and_nothing_runs_twice() {
    for (store, resume) in STORES.into_iter().zip([true, false]) {
        let place = Place::new();
        let server = Server::start(vec![
            bash("echo begun > begun; while [ -e begun ]; do sleep 0.02; done"),
            Turn::Text("I see."),
        ]);
        let on = |args: &[&str]| {
            let all = ["--session", "a", "--store", store, "--sandbox", "local"];
            asked(&place, &server, &all.iter().chain(args).copied().collect::<Vec<_>>())
        };
        let killed = on(&["-m", "Work."]).spawn();
        until(|| place.path("begun").exists());
        let begun = Instant::now();
        signal(&killed, "KILL");
        assert_eq!(finish(killed, begun).code, None);
        fs::remove_file(place.path("begun")).unwrap();

        let args: &[&str] = if resume { &["--resume"] } else { &["-m", "What is it?"] };
        assert_eq!(on(args).run().code(0).stdout, "I see.\n");
        assert!(!place.path("begun").exists(), "the command did not run again");
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        let told = &requests[1];
        assert!(told.contains("outcome of this call is unknown") && told.contains("Work."), "{told}");
        assert_eq!(told.contains("What is it?"), !resume, "{told}");
        let shown = place.flue(["sessions", "show", "a", "--store", store]).run().code(0).stdout;
        assert!(shown.contains("bash failed\n    Interrupted before a result was recorded"), "{shown}");
    }
}

#[test]
fn that_something_was_interrupted_is_said() {
    let place = Place::new();
    let server = Server::start(vec![Turn::Status(400), Turn::Text("Here I am.")]);
    let run = |args: &[&str]| {
        let all = ["run", "--model", Server::MODEL, "--session", "a"];
        place.keeping(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run()
    };
    run(&["-m", "Are you there?"]).code(1);
    let on = run(&["--resume"]).code(0);
    assert!(on.stderr.contains("note: its last message was not answered; --resume goes on with it\n"), "{}", on.stderr);
    assert_eq!(on.stdout, "Here I am.\n");
}

#[test]
fn sessions_are_listed_shown_copied_and_removed() {
    let place = Place::new();
    let sessions = |args: &[&str]| place.keeping(["sessions"].iter().chain(args)).run();
    let list = || -> Vec<Value> { serde_json::from_str(&sessions(&["list", "--json"]).code(0).stdout).unwrap() };
    assert!(list().is_empty());
    assert!(sessions(&["list"]).code(0).stderr.contains("there are no sessions here"));
    said(&place, "first words", &["--session", "one"]).code(0);
    said(&place, "more", &["--session", "one"]).code(0);
    let text = sessions(&["list"]).code(0).stdout;
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "MESSAGES", "USED", "BEGINS"]);
    assert_eq!((lines[1][0], lines[1][1], &lines[1][3..]), ("one", "4", &["first", "words"][..]));

    assert!(sessions(&["fork", "one", "two", "--at", "2"]).code(0).stderr.contains("files are not copied"));
    sessions(&["fork", "one", "three", "--json"]).code(0);
    said(&place, "elsewhere", &["--session", "two"]).code(0);
    let counts: Vec<(String, u64)> = list()
        .iter()
        .map(|one| (one["session"].as_str().unwrap().to_owned(), one["messages"].as_u64().unwrap()))
        .collect();
    let expected = [("two", 4), ("three", 4), ("one", 4)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts, expected, "the one that was used last is first");
    let shown = sessions(&["show", "two"]).code(0).stdout;
    assert_eq!(
        shown,
        "[1] user\n    first words\n[2] scripted/echo\n    first words\n[3] copied from one, up to [2]\n\
         [4] user\n    elsewhere\n[5] scripted/echo\n    elsewhere\n"
    );
    let json: Value = serde_json::from_str(&sessions(&["show", "two", "--json"]).code(0).stdout).unwrap();
    assert_eq!((json["session"].as_str(), json["entries"].as_array().unwrap().len()), (Some("two"), 5));

    sessions(&["delete", "two", "three"]).code(0);
    assert_eq!(list().len(), 1);
    let missing = |args: &[&str], code| sessions(args).code(code).stderr;
    for args in [&["show", "onee"][..], &["delete", "one", "onee"], &["export", "onee"], &["fork", "onee", "x"]] {
        let stderr = missing(args, 1);
        assert!(
            stderr.contains("there is no session of this name") && stderr.contains("did_you_mean: one"),
            "{stderr}"
        );
    }
    assert_eq!(list().len(), 1, "nothing is removed when one of them is missing");
    assert!(missing(&["fork", "one", "one"], 1).contains("there is a session of this name"));
    assert!(missing(&["fork", "one", "x", "--at", "9"], 1).contains("no such version"));
    assert!(missing(&["fork", "one", "task:x:1"], 2).contains("task:"));
}

#[test]
fn what_is_exported_can_be_imported_elsewhere_with_its_tasks() {
    let place = Place::new();
    place.write("boss.md", "---\nsubagents:\n  - name: reader\n    description: Reads.\n---\n");
    let task = Turn::Call("task", r#"{"prompt":"Look.","agent":"reader"}"#.into());
    let server = Server::start(vec![task, Turn::Text("I looked."), Turn::Text("Done."), Turn::Text("Further.")]);
    asked(&place, &server, &["boss.md", "--session", "a", "-m", "go"]).run().code(0);
    let exported = place.keeping(["sessions", "export", "a"]).run().code(0).stdout;
    assert_eq!(exported.matches(r#"{"flue_session_export":1,"session":""#).count(), 2, "{exported}");
    assert!(exported.contains("I looked."), "{exported}");
    place.write("a.jsonl", &exported);

    let there = ["--store", "sqlite:there.db"];
    let import = |args: &[&str]| place.flue(["sessions", "import"].iter().chain(args).chain(&there)).run();
    import(&["a.jsonl"]).code(0);
    assert!(import(&["a.jsonl"]).code(1).stderr.contains("there is a session of this name"));
    let again = place.flue(["sessions", "export", "a"].iter().chain(&there)).run().code(0).stdout;
    assert_eq!(again, exported);
    let on = asked(&place, &server, &["--session", "a", "--store", there[1], "-m", "on"]).run().code(0);
    assert_eq!(on.stdout, "Further.\n");

    for (bad, why) in [
        ("", "there is nothing in it"),
        ("{\"v\":1}\n", "damaged"),
        ("{\"flue_session_export\":2,\"session\":\"x\"}\n", "newer version"),
        (
            "{\"flue_session_export\":1,\"session\":\"x\"}\n{\"flue_session_export\":1,\"session\":\"y\"}\n",
            "one session",
        ),
    ] {
        place.write("bad.jsonl", bad);
        assert!(import(&["bad.jsonl"]).code(2).stderr.contains(why), "{bad}");
    }
}

#[test]
fn no_key_is_in_what_is_stored() {
    const KEY: &str = "sk-planted-0123456789-abcdef";
    const TOKEN: &str = "tok-planted-9876543210";
    for store in STORES {
        let place = Place::new();
        let server =
            Server::start(vec![bash("echo working; echo ${TOKEN:-none} | rev; echo $TOKEN"), Turn::RefusesKey]);
        let args = ["--session", "a", "--store", store, "-m", "go", "--env", "TOKEN", "--events=kept/events"];
        let dir = place.path("kept");
        fs::create_dir_all(&dir).unwrap();
        let done = asked(&place, &server, &args).env("OLLAMA_API_KEY", KEY).env("TOKEN", TOKEN).run().code(1);
        assert!(!done.stderr.contains(KEY), "{}", done.stderr);
        fs::remove_file(place.path("kept/events")).unwrap();
        let (bytes, files) = place.everything("kept");
        let text = String::from_utf8_lossy(&bytes);
        assert!(files > 0 && text.contains("working"), "{store}: what was said is stored");
        for secret in [KEY, TOKEN] {
            assert!(!text.contains(secret), "{store}: {secret} is stored");
        }
        let exported = place.flue(["sessions", "export", "a", "--store", store]).run().code(0).stdout;
        assert!(exported.contains("working") && !exported.contains(KEY) && !exported.contains(TOKEN), "{exported}");
    }
}
