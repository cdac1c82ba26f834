//! Spans sent to a collector that is not of our making: Python's own reading of the official schema.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::Place;

/// Decodes what is posted to it, and prints each span as a line of JSON.
const COLLECTOR: &str = include_str!("fixtures/collector.py");

/// A Python that has the official schema; made in the build directory where the machine's own has not.
fn python() -> Option<PathBuf> {
    let has_schema = |python: &PathBuf| {
        let module = "import opentelemetry.proto.collector.trace.v1.trace_service_pb2";
        Command::new(python).args(["-c", module]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let own = PathBuf::from("python3");
    if has_schema(&own) {
        return Some(own);
    }
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("otlp-schema");
    let made = directory.join("bin/python3");
    if !has_schema(&made) {
        let quiet = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let _ = quiet(Command::new("python3").args(["-m", "venv"]).arg(&directory));
        let _ = quiet(Command::new(&made).args(["-m", "pip", "install", "--quiet", "opentelemetry-proto"]));
    }
    has_schema(&made).then_some(made)
}

#[test]
fn a_collector_reads_the_spans_of_a_run() {
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none(), "opentelemetry-proto cannot be installed with pip");
        flue_core_testkit::skip("otlp::a_collector_reads_the_spans_of_a_run", "no opentelemetry-proto");
        return;
    };
    for content in [false, true] {
        let place = Place::new();
        place.write("document.md", "# Title\n\nTODO: say planted-5ecret-value aloud.\n");
        let mut collector = Command::new(&python)
            .args(["-c", COLLECTOR])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(collector.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap();
        let args = ["run", "-q", "-m", "Review document.md and write your findings to review.md.", "--model"];
        let more = ["scripted/reviewer", "--stage", "document.md", "--env", "APP_TOKEN=planted-5ecret-value"];
        place
            .flue(args.iter().chain(&more))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}"))
            .env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", if content { "true" } else { "false" })
            .run()
            .code(0);
        collector.kill().unwrap();
        let spans: Vec<serde_json::Value> =
            lines.map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap()).collect();
        collector.wait().unwrap();
        let named =
            |name: &str| -> Vec<&serde_json::Value> { spans.iter().filter(|span| span["name"] == name).collect() };
        let (agents, chats) = (named("invoke_agent"), named("chat reviewer"));
        assert_eq!(agents.len(), 1, "{spans:?}");
        assert!(chats.len() > 2 && !named("execute_tool bash").is_empty(), "{spans:?}");
        let attributes = &chats[0]["attributes"];
        for (name, value) in [
            ("gen_ai.operation.name", "chat".into()),
            ("gen_ai.provider.name", "scripted".into()),
            ("gen_ai.request.model", "reviewer".into()),
            ("gen_ai.response.finish_reasons", serde_json::json!(["tool_use"])),
        ] {
            assert_eq!(attributes[name], value, "{attributes}");
        }
        assert!(attributes["gen_ai.usage.input_tokens"].as_u64().unwrap() > 0, "{attributes}");
        assert_eq!((&chats[0]["kind"], &agents[0]["service"]), (&"SPAN_KIND_CLIENT".into(), &"flue".into()));
        let tool = &named("execute_tool bash")[0];
        assert_eq!(tool["parent"], agents[0]["id"]);
        assert_eq!(tool["attributes"]["gen_ai.tool.type"], "function");
        assert_eq!(tool["attributes"].get("gen_ai.tool.call.result").is_some(), content, "{tool}");
        let all = serde_json::to_string(&spans).unwrap();
        assert!(!all.contains("planted-5ecret"), "{all}");
        assert_eq!(all.contains("TODO"), content, "{all}");
    }
}
