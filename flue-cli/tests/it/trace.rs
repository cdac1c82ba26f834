//! `flue trace` and `flue reach`: recorded runs, looked at.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::support::Place;

/// A run with everything in it, hostile text included.
const RUN: &str = include_str!("fixtures/run.jsonl");

fn recorded() -> Place {
    let place = Place::new();
    place.write("run.jsonl", RUN);
    place
}

#[test]
fn a_timeline_fits_its_columns() {
    let place = recorded();
    for columns in ["80", "200"] {
        let done = place.flue(["trace", "run.jsonl", "--columns", columns]).run().code(0);
        for line in done.stdout.lines() {
            assert!(line.chars().count() <= columns.parse().unwrap(), "{columns}: {line}");
            assert!(!line.contains('\x1b'), "{line}");
        }
        insta::assert_snapshot!(format!("trace-{columns}"), done.stdout);
    }
}

#[test]
fn reach_is_told_with_a_verdict() {
    let place = recorded();
    insta::assert_snapshot!("reach", place.flue(["reach", "run.jsonl"]).run().code(0).stdout);
    let json = place.flue(["reach", "run.jsonl", "--json"]).run().code(0).stdout;
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["ledger"]["whole"]["unknown"]["hosts"], 1);
    assert_eq!(told["verdict"]["narrower"][0]["level"], "virtual");
    assert_eq!(told["verdict"]["narrower"][0]["fit"], "not_enough");
}

#[test]
fn a_run_is_recorded_measured_and_judged() {
    let place = Place::new();
    place.write("document.md", "# Title\n\nTODO: write it.\n");
    let run = |sandbox: &str, file: &str| {
        let events = format!("--events={file}");
        let args =
            ["run", "-m", "Review document.md and write your findings to review.md.", "--model", "scripted/reviewer"];
        let more = ["--sandbox", sandbox, &events, "-q"];
        let stage: &[&str] = if sandbox == "virtual" { &["--stage", "document.md"] } else { &[] };
        place.flue(args.iter().chain(&more).chain(stage)).env("PATH", "/usr/bin:/bin").run().code(0);
        place.flue(["reach", file, "--json"]).run().code(0).stdout
    };
    let told: serde_json::Value = serde_json::from_str(&run("virtual", "a.jsonl")).unwrap();
    let whole = &told["ledger"]["whole"];
    assert_eq!(whole["writes"]["names"][0], "/workspace/review.md");
    assert_eq!(whole["unknown"], serde_json::Value::Null, "the virtual shell sees everything: {whole}");
    assert!(whole["programs"]["names"].as_array().unwrap().iter().any(|name| name == "grep"), "{whole}");
    assert!(whole["execs"].as_u64().unwrap() > 0);
    let told: serde_json::Value = serde_json::from_str(&run("local", "b.jsonl")).unwrap();
    let whole = &told["ledger"]["whole"];
    for side in ["reads", "writes", "programs", "hosts"] {
        assert_eq!(whole["unknown"][side], whole["execs"], "nobody saw it: {whole}");
    }
    assert_eq!(whole["unknown"]["env"], serde_json::Value::Null);
    assert_eq!(told["verdict"]["narrower"][0]["fit"], "unknown", "{told}");
}

#[test]
fn a_stored_session_tells_its_reach_too() {
    let place = Place::new();
    place.write("document.md", "# Title\n\nTODO: write it.\n");
    let args =
        ["run", "-m", "Review document.md and write your findings to review.md.", "--model", "scripted/reviewer"];
    let more = ["--stage", "document.md", "--session", "review", "--store", "jsonl:kept", "--events=run.jsonl", "-q"];
    place.flue(args.iter().chain(&more)).run().code(0);
    let told = |of: &str| -> serde_json::Value {
        serde_json::from_str(&place.flue(["reach", of, "--json", "--store", "jsonl:kept"]).run().code(0).stdout)
            .unwrap()
    };
    let (of_events, of_session) = (told("run.jsonl"), told("review"));
    assert_eq!(of_session["ledger"], of_events["ledger"], "the store has what the events tell");
    assert_eq!(of_session["verdict"], of_events["verdict"]);
    place.flue(["trace", "review", "--store", "jsonl:kept", "--html", "review.html"]).run().code(0);
    assert!(place.read("review.html").contains("/workspace/review.md"));
    assert!(
        place
            .flue(["reach", "nothing", "--store", "jsonl:kept"])
            .run()
            .code(2)
            .stderr
            .contains("neither a file nor a stored session of this name")
    );
}

#[test]
fn known_secrets_are_in_no_record() {
    const SECRET: &str = "planted-5ecret-value";
    let place = Place::new();
    place.write("document.md", format!("# Title\n\nTODO: rotate {SECRET} soon.\n"));
    let given = format!("APP_TOKEN={SECRET}");
    let args =
        ["run", "-m", "Review document.md and write your findings to review.md.", "--model", "scripted/reviewer"];
    let more = ["--stage", "document.md", "--collect", "review.md", "--events=run.jsonl", "-v", "--env", &given];
    let done = place.flue(args.iter().chain(&more)).run().code(0);
    let events = place.read("run.jsonl");
    assert!(events.contains("[redacted]"), "{events}");
    place.flue(["trace", "run.jsonl", "--html", "run.html"]).run().code(0);
    let trace = place.flue(["trace", "run.jsonl", "--columns", "200"]).run().code(0).stdout;
    let reach = place.flue(["reach", "run.jsonl", "--json"]).run().code(0).stdout;
    let page = place.read("run.html");
    for (name, text) in [
        ("events", &events),
        ("stdout", &done.stdout),
        ("stderr", &done.stderr),
        ("trace", &trace),
        ("reach", &reach),
        ("page", &page),
        ("what the model made of it", &place.read("review.md")),
    ] {
        assert!(!text.contains(SECRET), "{name}: {text}");
    }
}

#[test]
fn a_page_has_everything_in_it_and_runs_nothing() {
    let place = recorded();
    place.flue(["trace", "run.jsonl", "--html", "run.html"]).run().code(0);
    let page = place.read("run.html");
    for wanted in ["Timeline", "Transcript", "Cost by turn", "Changes of files", "virtual would not do", "$0.0327"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(page.contains("<del>-     2</del>") && page.contains("<ins>+     1 // &lt;script&gt;</ins>"));
    for forbidden in ["<script", "</script", "<img", "<b on", "http://", "https://", "\u{1b}", "\u{202e}"] {
        let at = page.find(forbidden);
        assert!(at.is_none(), "{forbidden}: {}", page[at.unwrap_or(0)..].chars().take(80).collect::<String>());
    }
}

/// What a browser makes of the page: its own reading, not ours.
#[test]
fn a_browser_opens_the_page_and_nothing_in_it_runs() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
    else {
        assert!(std::env::var_os("CI").is_none(), "no chromium; its package is called so");
        flue_core_testkit::skip("trace::a_browser_opens_the_page_and_nothing_in_it_runs", "no chromium");
        return;
    };
    let place = recorded();
    place.flue(["trace", "run.jsonl", "--html", "run.html"]).run().code(0);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", place.path("profile").display()))
        .arg(format!("file://{}", place.path("run.html").display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("<title>run.jsonl · flue trace</title>"), "{dom}");
    assert!(dom.contains("id=\"transcript\"") && dom.contains("fn one() -&gt; u8"), "{dom}");
    assert!(!dom.contains("<script") && !dom.contains("<img") && !dom.contains("onmouseover=\""), "{dom}");
}

#[test]
fn ten_thousand_turns_open_in_bounded_time_and_memory() {
    let place = Place::new();
    let mut text = String::new();
    let mut event = |at: usize, event: serde_json::Value| {
        let record = serde_json::json!({"v": 1, "index": 0, "at_ms": at, "session": "default", "event": event});
        writeln!(text, "{record}").unwrap();
    };
    event(0, serde_json::json!({"type": "prompt_started", "text": "Go."}));
    let usage = serde_json::json!({"input": 1000, "output": 100, "cost": {"total": 0.01}});
    let result = "x".repeat(4000);
    for turn in 1..=10_000 {
        let (at, call) = (turn * 10, format!("c{turn}"));
        event(at, serde_json::json!({"type": "turn_started", "turn": turn, "model": "some/model"}));
        event(at, serde_json::json!({"type": "text_delta", "text": "I go on."}));
        event(at + 4, serde_json::json!({"type": "turn_finished", "turn": turn, "usage": usage, "duration_ms": 4}));
        event(at + 5, serde_json::json!({"type": "tool_started", "call_id": call, "tool": "read", "arguments": "{}"}));
        event(
            at + 9,
            serde_json::json!({"type": "tool_finished", "call_id": call, "tool": "read", "is_error": false,
                "result": result, "duration_ms": 4}),
        );
    }
    place.write("long.jsonl", text);
    for args in [&["trace", "long.jsonl"][..], &["trace", "long.jsonl", "--html", "long.html"]] {
        // 2 GB of address space, of which the program itself takes a part.
        let mut command = Command::new("prlimit");
        command.arg("--as=2000000000").arg(env!("CARGO_BIN_EXE_flue")).args(args).current_dir(place.path(""));
        let begun = std::time::Instant::now();
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(begun.elapsed() < Duration::from_secs(60), "{args:?} took {:?}", begun.elapsed());
        if args.len() == 2 {
            assert_eq!(String::from_utf8_lossy(&output.stdout).matches("some/model").count(), 10_000);
        }
    }
    let page = place.read("long.html");
    assert!(page.len() < 64 << 20, "{}", page.len());
    assert_eq!(page.matches("class=\"row turn").count(), 10_000);
}

#[test]
fn what_is_no_record_is_refused_and_what_is_cut_is_told() {
    let place = recorded();
    let cut: String = RUN.lines().take(8).collect::<Vec<_>>().join("\n") + "\n{\"v\":1,\"ind";
    place.write("cut.jsonl", cut).write("no.txt", "hello\n").write("new.jsonl", "{\"v\":9}\n");
    let done = place.flue(["trace", "cut.jsonl"]).run().code(0);
    assert!(done.stdout.contains("has no end") && done.stdout.contains("1 lines were no events"), "{}", done.stdout);
    assert!(place.flue(["trace", "no.txt"]).run().code(2).stderr.contains("no events of a run"));
    assert!(place.flue(["reach", "new.jsonl"]).run().code(2).stderr.contains("newer version"));
    place.flue(["trace", "missing"]).run().code(2);
}
