//! `flue run`: where the message and the settings come from, and what goes out where.

use serde_json::Value;

use crate::server::{Server, Turn};
use crate::support::{Done, Place};

const ECHO: [&str; 3] = ["run", "--model", "scripted/echo"];

fn echo(place: &Place, args: &[&str]) -> crate::support::Flue {
    place.flue(ECHO.iter().chain(args))
}

/// The one JSON object on standard output.
fn object(done: &Done) -> Value {
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn the_answer_alone_goes_to_standard_output() {
    let place = Place::new();
    let done = echo(&place, &["-m", "hello"]).run().code(0);
    assert_eq!(done.stdout, "hello\n");
    assert!(done.stderr.starts_with("sandbox virtual  /workspace\ndone  1 turn · "), "{}", done.stderr);
    assert_eq!(echo(&place, &["-q", "-m", "hello"]).run().code(0).stderr, "");
    assert!(echo(&place, &["-v", "-m", "hello"]).run().code(0).stderr.contains("turn 1  scripted/echo\n  hello\n"));
}

#[test]
fn the_message_is_an_argument_a_file_or_piped_in() {
    let place = Place::new();
    place.write("task.txt", "from a file");
    assert_eq!(echo(&place, &["-m", "@task.txt"]).run().code(0).stdout, "from a file\n");
    assert_eq!(echo(&place, &["-m", "-"]).stdin("piped").run().code(0).stdout, "piped\n");
    assert_eq!(echo(&place, &[]).stdin("piped").run().code(0).stdout, "piped\n");
    // With a message, what is piped in is left alone.
    assert_eq!(echo(&place, &["-m", "given"]).stdin("piped").run().code(0).stdout, "given\n");

    let done = echo(&place, &["-m", "@gone.txt"]).run().code(2);
    assert_eq!(
        done.stderr,
        "error: message: `@` before a name means the content of that file, which cannot be read (file: gone.txt): read: \
         there is no such file or directory\n"
    );
    for args in [&["-m", ""][..], &["-m", " \n"], &[]] {
        assert!(echo(&place, args).run().code(2).stderr.contains("there is nothing to say to the agent"));
    }
    let done = echo(&place, &["-m", "-"]).stdin(b"\xff\xfe".to_vec()).run().code(2);
    assert_eq!(done.stderr, "error: message: this is not UTF-8 text (offset: 0)\n");
}

#[test]
fn json_is_one_object_whatever_happens() {
    let place = Place::new();
    place.write("a.txt", "a");
    let done = echo(&place, &["-m", "hello", "--json", "--stage", "a.txt", "--collect", "a.txt:b.txt"]).run().code(0);
    let mut shown = object(&done);
    shown["duration_ms"] = 0.into();
    shown["usage"]["input"] = 0.into();
    shown["usage"]["total"] = 0.into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());

    let done = echo(&place, &["-m", "hello", "--json", "--collect", "gone", "--collect", "gone/too"]).run().code(1);
    let shown = object(&done);
    assert_eq!((&shown["outcome"], &shown["text"]), (&"failed".into(), &"hello".into()));
    assert_eq!(shown["error"]["kind"], "not_found");
    assert_eq!(shown["files"].as_array().unwrap().len(), 2);
    assert!(shown["files"][1]["error"].as_str().unwrap().contains("/workspace/gone/too"));
    assert_eq!(done.stderr.matches("error: collect: ").count(), 2, "{}", done.stderr);

    let done = place.flue(["run", "--json", "-m", "hello", "--model", "nobody/x"]).run().code(2);
    let shown = object(&done);
    assert_eq!((&shown["outcome"], &shown["model"]), (&"not_started".into(), &Value::Null));
    assert!(shown["error"]["message"].as_str().unwrap().contains("there is no provider \"nobody\""));
}

#[test]
fn events_are_lines_of_json_on_standard_output_or_in_a_file() {
    let place = Place::new();
    let types = |text: &str| -> Vec<String> {
        let kind = |line| serde_json::from_str::<Value>(line).unwrap()["event"]["type"].as_str().unwrap().to_owned();
        text.lines().map(kind).collect()
    };
    let all = [
        "sandbox_opened",
        "prompt_started",
        // Where the session looked around.
        "reached",
        "turn_started",
        "text_delta",
        "turn_finished",
        "prompt_finished",
        "sandbox_closed",
    ];
    let done = echo(&place, &["-m", "hello", "--events"]).run().code(0);
    assert_eq!(types(&done.stdout), all);
    let done = echo(&place, &["-m", "hello", "--events=log.jsonl"]).run().code(0);
    assert_eq!((done.stdout.as_str(), types(&place.read("log.jsonl"))), ("hello\n", all.map(str::to_owned).to_vec()));
    let done = echo(&place, &["-m", "hello", "--events=log.jsonl", "--json"]).run().code(0);
    assert_eq!(object(&done)["text"], "hello");

    assert!(echo(&place, &["-m", "x", "--events", "--json"]).run().code(2).stderr.contains("--events=FILE"));
    assert!(echo(&place, &["-m", "x", "--events=no/such"]).run().code(2).stderr.contains("(path: no/such)"));
}

#[test]
fn without_a_model_three_ways_on_are_named_and_none_is_picked() {
    let place = Place::new();
    let done = place.flue(["run", "-m", "hello"]).run().code(2);
    insta::assert_snapshot!(done.stderr);
    let done = place.flue(["run", "-m", "hello"]).env("OPENAI_API_KEY", "planted-key").run().code(2);
    assert!(done.stderr.contains("--model openai/MODEL, the key is set in OPENAI_API_KEY"), "{}", done.stderr);
    assert!(!done.stderr.contains("planted"));
    let done = place.flue(["run", "-m", "hello"]).env("FLUE_MODEL", "scripted/echo").run().code(0);
    assert_eq!(done.stdout, "hello\n");
}

#[test]
fn models_that_do_not_open_say_why() {
    let place = Place::new();
    let said = |name: &str| place.flue(["run", "-m", "hello", "--model", name]).run().code(2).stderr;
    assert!(said("antropic/x").contains("did_you_mean: anthropic"), "{}", said("antropic/x"));
    assert!(said("nobody/x").contains("there is no provider \"nobody\""));
    assert!(said("openai").contains("a model is named provider/model"));
    assert!(said("scripted/nobody").contains("reviewer, echo"));
    let empty =
        place.flue(["run", "-m", "hello", "--model", "anthropic/x"]).env("ANTHROPIC_API_KEY", " ").run().code(2);
    assert!(empty.stderr.contains("ANTHROPIC_API_KEY"), "{}", empty.stderr);
}

#[test]
fn keys_never_show() {
    const KEY: &str = "sk-planted-0123456789";
    let place = Place::new();
    let variables = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY", "OLLAMA_API_KEY"];
    let with_keys = |args: &[&str]| variables.iter().fold(place.flue(args), |flue, name| flue.env(name, KEY));
    let server = Server::start(vec![Turn::Status(401), Turn::Status(400)]);
    let runs = [
        with_keys(&["models"]).run().code(0),
        with_keys(&["models", "--json"]).run().code(0),
        with_keys(&["exec", "env; export; cat /proc/self/environ; printenv OPENAI_API_KEY"]).run(),
        with_keys(&["run", "-v", "-m", "x", "--model", Server::MODEL])
            .env(Server::ADDRESS, server.address())
            .run()
            .code(1),
        with_keys(&["run", "--json", "--events=log", "-m", "x", "--model", Server::MODEL])
            .env(Server::ADDRESS, server.address())
            .run()
            .code(1),
    ];
    for done in &runs {
        assert!(!done.stdout.contains(KEY) && !done.stderr.contains(KEY), "{done:?}");
    }
    assert!(!place.read("log").contains(KEY));
    let openai = ["openai", "OPENAI_API_KEY", "set", "OPENAI_BASE_URL"];
    assert!(runs[0].stdout.lines().any(|line| line.split_whitespace().eq(openai)), "{}", runs[0].stdout);
    assert!(runs[1].stdout.contains(r#""key_set":"GROQ_API_KEY""#), "{}", runs[1].stdout);
}

#[test]
fn settings_reach_the_model() {
    let place = Place::new();
    place.write("how.txt", "Be brief.");
    let server = Server::start(vec![Turn::Text("yes")]);
    let args = ["run", "--model", Server::MODEL, "-m", "hello", "--instructions", "@how.txt", "--cwd", "/elsewhere"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).run().code(0);
    assert_eq!(done.stdout, "yes\n");
    assert!(done.stderr.contains("100 tokens in, 10 out"), "{}", done.stderr);
    let request = &server.requests()[0];
    assert!(request.contains("Be brief.") && request.contains("Working directory: /elsewhere"), "{request}");
}

#[test]
fn tool_errors_and_retries_are_told_and_the_run_goes_on() {
    let place = Place::new();
    let server = Server::start(vec![
        Turn::Call("bash", r#"{"command":"ls missing"}"#.into()),
        Turn::Call("read", "{broken".into()),
        Turn::Cut("half of"),
        Turn::Text("done"),
    ]);
    let args = ["run", "--model", Server::MODEL, "-m", "go"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).run().code(0);
    assert_eq!(done.stdout, "done\n");
    let lines: Vec<&str> = done.stderr.lines().collect();
    assert!(lines.contains(&"tool bash  $ ls missing"), "{}", done.stderr);
    assert!(done.stderr.contains("tool error read: "), "{}", done.stderr);
    assert!(done.stderr.contains("retry 1/3 in "), "{}", done.stderr);
    assert!(lines.last().unwrap().starts_with("done  4 turns · "), "{}", done.stderr);
}

#[test]
fn turns_and_time_are_limited() {
    let place = Place::new();
    let call = || Turn::Call("bash", r#"{"command":"echo kept > kept"}"#.into());
    let server = Server::start(vec![call(), call(), call()]);
    let args = ["run", "--model", Server::MODEL, "-m", "go", "--max-turns", "2", "--collect", "kept", "--json"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).run().code(4);
    assert_eq!(object(&done)["outcome"], "limit_reached");
    assert_eq!(place.read("kept"), "kept\n");

    let endless = Turn::Call("bash", r#"{"command":"echo out > out; while :; do :; done"}"#.into());
    let server = Server::start(vec![endless]);
    let args =
        ["run", "--model", Server::MODEL, "-m", "go", "--timeout", "1s", "--collect", "out", "--collect", "gone"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).run().code(124);
    assert!(done.took.as_secs() < 10, "{:?}", done.took);
    assert!(done.stderr.contains("out of time  1 turn · "), "{}", done.stderr);
    assert!(done.stderr.ends_with("error: prompt: the time limit passed (seconds: 1)\n"), "{}", done.stderr);
    assert_eq!((place.read("out"), place.names()), ("\n".replace('\n', "out\n"), vec!["kept".into(), "out".into()]));
}

#[test]
fn a_model_that_writes_300_mb_is_told_and_goes_on() {
    let place = Place::new();
    let grow = "printf 'x%.0s' {1..1000} > a; for i in {1..19}; do cat a a > b || exit 9; mv b a; done";
    let server = Server::start(vec![
        Turn::Call("bash", serde_json::json!({ "command": grow }).to_string()),
        Turn::Call("bash", r#"{"command":"echo small > small"}"#.into()),
        Turn::Text("done"),
    ]);
    let args = ["run", "--model", Server::MODEL, "-m", "go", "--collect", "small"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).run().code(0);
    assert_eq!((done.stdout.as_str(), place.read("small").as_str()), ("done\n", "small\n"));
    assert!(server.requests()[1].contains("file size limit"), "{}", server.requests()[1]);
}
