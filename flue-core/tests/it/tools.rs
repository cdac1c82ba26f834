//! Tools: what they may touch, what the model reads of them, and what agents check about them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::event::Event;
use flue_core::model::{Model, ToolSpec, UserBlock};
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::tool::{BUILTIN_TOOLS, DynTool, PreparedCall, Tool, ToolContext, ToolOutput};
use flue_core::{
    AgentSpec, CancellationToken, CreateDir, DirEntry, ErrorKind, ExecEnd, ExecOutput, ExecRequest, FileSystem,
    Metadata, OpenRequest, OutputStream, Remove, Result, Sandbox, SandboxFactory, SandboxInfo, SandboxPath,
};
use flue_core_testkit::{MemoryFactory, ScriptModel};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::support::{Wait, agent, conversation, start, watched};

/// What the model reads of one call, `result c1: …` or `error c1: …`, over a file `f`.
async fn told_of(factory: MemoryFactory, file: impl Into<Bytes>, tool: &str, arguments: &str) -> String {
    let model: Arc<dyn Model> = Arc::new(ScriptModel::new().calls([("c1", tool, arguments)]).says("ok"));
    let harness = start(AgentSpec::builder(model, factory)).await;
    harness.fs().write("f", file).await.unwrap();
    harness.prompt("Go.").await.unwrap();
    conversation(&harness.session("default").unwrap()).await.remove(2)
}

fn with_shell() -> MemoryFactory {
    MemoryFactory::new().with_exec(|_| async { Ok(ExecOutput::new(ExecEnd::Exited(0), "", "")) })
}

#[tokio::test]
async fn a_hostile_glob_is_an_error_that_the_model_reads() {
    for (tool, field) in [("glob", "pattern"), ("grep", "include")] {
        let mut arguments = serde_json::json!({"pattern": "a"});
        arguments[field] = format!("{}a{}", "{".repeat(10_000), "}".repeat(10_000)).into();
        let told = told_of(MemoryFactory::new(), "a", tool, &arguments.to_string()).await;
        assert!(told.contains("the glob is too large") && told.len() < 500, "{told}");
    }
}

#[tokio::test]
async fn read_names_commands_only_where_there_are_any() {
    let long = "x".repeat(60_000);
    for (file, arguments, with_commands, without) in [
        (Bytes::from(long), r#"{"path":"f"}"#, "use a command such as `cut -c`.]", "cannot be read with this tool.]"),
        (Bytes::from_static(b"\0"), r#"{"path":"f"}"#, "such as `xxd` or `file`", "the file is binary ("),
        (Bytes::new(), r#"{"path":"."}"#, "glob tool or `ls`", "glob tool ("),
        (
            vec![b'x'; (32 << 20) + 1].into(),
            r#"{"path":"f"}"#,
            "such as `head` or `sed -n`",
            "find lines with the grep tool (",
        ),
    ] {
        let shell = told_of(with_shell(), file.clone(), "read", arguments).await;
        assert!(shell.contains(with_commands), "{}", &shell[shell.len().saturating_sub(300)..]);
        let told = told_of(MemoryFactory::new(), file, "read", arguments).await;
        let end = &told[told.len().saturating_sub(300)..];
        assert!(told.contains(without) && !end.contains('`') && !end.contains("Use offset"), "{end}");
    }
}

#[tokio::test]
async fn a_short_edit_cannot_ask_for_more_than_there_is_memory() {
    let arguments = format!(r#"{{"path":"f","oldText":"a","newText":"{}","replaceAll":true}}"#, "b".repeat(200));
    let told = told_of(MemoryFactory::new(), "a".repeat(1 << 20), "edit", &arguments).await;
    assert!(told.starts_with("error c1: ") && told.contains("more than 67108864 bytes"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_even_read() {
    for (tool, arguments) in [("read", r#"{"path":"f"}"#), ("edit", r#"{"path":"f","oldText":"a","newText":"b"}"#)] {
        let hooked = Hooked::default();
        let model: Arc<dyn Model> = Arc::new(ScriptModel::new().calls([("c1", tool, arguments)]).says("ok"));
        let harness = start(AgentSpec::builder(model, hooked.clone())).await;
        harness.fs().write("f", vec![b'x'; (64 << 20) + 1]).await.unwrap();
        harness.prompt("Go.").await.unwrap();
        let told = conversation(&harness.session("default").unwrap()).await.remove(2);
        assert!(told.starts_with("error c1: ") && !hooked.on_read.is_cancelled(), "{told}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_not_repeated_at_length() {
    let arguments = format!(r#"{{"path":"a","limit":"{}"}}"#, "z".repeat(1 << 20));
    let told = told_of(MemoryFactory::new(), "", "read", &arguments).await;
    assert!(told.len() < 6_000 && told.contains("expected u64"), "{} bytes", told.len());
}

/// Sandboxes in memory whose files do more than they are asked to.
#[derive(Debug, Clone, Default)]
struct Hooked {
    memory: MemoryFactory,
    /// Fires when something is read.
    on_read: CancellationToken,
    /// How long the next writes take; at once when none is left.
    writes_take: Arc<Mutex<Vec<Duration>>>,
}

#[derive(Debug)]
struct HookedSandbox(Arc<dyn Sandbox>, Hooked);

#[async_trait]
impl SandboxFactory for Hooked {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(Arc::new(HookedSandbox(self.memory.open(request).await?, self.clone())))
    }
}

#[async_trait]
impl Sandbox for HookedSandbox {
    fn info(&self) -> &SandboxInfo {
        self.0.info()
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.0.exec(request).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        self.0.grep(query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        self.0.glob(query).await
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}

#[async_trait]
impl FileSystem for HookedSandbox {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.1.on_read.cancel();
        self.0.fs().read(path).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let takes = self.1.writes_take.lock().unwrap().pop();
        tokio::time::sleep(takes.unwrap_or_default()).await;
        self.0.fs().write(path, data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.0.fs().metadata(path).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.0.fs().list(path).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.0.fs().create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.0.fs().remove(path, options).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_cancelled_before_its_write_does_not_write() {
    let hooked = Hooked::default();
    let model: Arc<dyn Model> =
        Arc::new(ScriptModel::new().calls([("c1", "edit", r#"{"path":"f","oldText":"one","newText":"two"}"#)]));
    let harness = start(AgentSpec::builder(model, hooked.clone())).await;
    harness.fs().write("f", "one").await.unwrap();
    let error = harness.prompt("Go.").cancel(hooked.on_read.clone()).await.unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(harness.fs().read_to_string("f").await.unwrap(), "one");
}

/// Replaces the file `f` with its arguments, through the seam for tools of any kind.
struct Replace;

impl DynTool for Replace {
    fn spec(&self) -> ToolSpec {
        let mut spec = Wait.spec();
        spec.name = "replace".to_owned();
        spec
    }

    fn prepare(self: Arc<Self>, arguments: &str, cx: ToolContext) -> Result<PreparedCall> {
        let path = cx.resolve("f")?;
        let content = arguments.to_owned();
        let run = async move {
            cx.fs().write("f", content).await?;
            Ok(ToolOutput::text("replaced"))
        };
        Ok(PreparedCall::new(run).replacing(path))
    }
}

#[tokio::test(start_paused = true)]
async fn replacing_calls_take_turns_even_when_later_ones_are_faster() {
    let hooked = Hooked::default();
    let model: Arc<dyn Model> = Arc::new(
        ScriptModel::new()
            .calls([
                ("c1", "write", r#"{"path":"f","content":"1"}"#),
                ("c2", "edit", r#"{"path":"sub/../f","oldText":"1","newText":"12"}"#),
                ("c3", "replace", r#"{"n":3}"#),
                ("c4", "edit", r#"{"path":"./f","oldText":"3","newText":"34"}"#),
            ])
            .says("ok"),
    );
    let harness = start(AgentSpec::builder(model, hooked.clone()).dyn_tool(Arc::new(Replace))).await;
    *hooked.writes_take.lock().unwrap() = [1, 100, 200, 300].map(Duration::from_millis).into();
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2..6].iter().all(|line| line.starts_with("result ")), "{told:?}");
    assert_eq!(harness.fs().read_to_string("f").await.unwrap(), r#"{"n":34}"#);
}

#[tokio::test(start_paused = true)]
async fn bash_hands_on_where_how_long_and_until_when() {
    let seen: Arc<Mutex<Vec<ExecRequest>>> = Arc::default();
    let factory = MemoryFactory::new().with_exec({
        let seen = seen.clone();
        move |request| {
            seen.lock().unwrap().push(request.clone());
            async move {
                // Nothing else ends this command.
                request.cancel.cancelled().await;
                Err(flue_core::Error::cancelled("exec"))
            }
        }
    });
    let model = ScriptModel::new().calls([("c1", "bash", r#"{"command":"make","timeout":1.5}"#)]);
    let builder = AgentSpec::builder(Arc::new(model), factory).cwd("sub");
    let harness = start(builder).await;
    let cancel = CancellationToken::new();
    let (outcome, ()) = tokio::join!(harness.prompt("Go.").cancel(cancel.clone()).into_future(), async {
        while seen.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    assert!(outcome.unwrap_err().is_cancelled());
    let told = conversation(&harness.session("default").unwrap()).await;
    assert!(told[2].starts_with("error c1: exec: "), "the command ended by itself, through its token: {}", told[2]);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].command.as_str(), seen[0].timeout), ("make", Some(Duration::from_millis(1500))));
    assert_eq!(seen[0].cwd.as_ref().map(SandboxPath::as_str), Some("/workspace/sub"));
}

#[tokio::test]
async fn live_output_is_whole_characters_however_it_is_cut() {
    let factory = MemoryFactory::new().with_exec(|request: ExecRequest| async move {
        let sink = request.sink.unwrap();
        for byte in "é€😀".bytes() {
            sink.output(OutputStream::Stdout, &[byte]);
            sink.output(OutputStream::Stderr, b"x");
        }
        // Not text: shown at once. The start of a character that never comes: shown in the end.
        sink.output(OutputStream::Stdout, b"\xff\x80.\xf0\x9f");
        Ok(ExecOutput::new(ExecEnd::Exited(0), "", ""))
    });
    let model = ScriptModel::new().calls([("c1", "bash", r#"{"command":"x"}"#)]).says("ok");
    let (builder, seen) = watched(AgentSpec::builder(Arc::new(model), factory));
    start(builder).await.prompt("Go.").await.unwrap();
    let of = |wanted: OutputStream| -> Vec<String> {
        let text = |event: &Event| match event {
            Event::ToolOutput { stream, text, .. } if *stream == wanted => Some(text.clone()),
            _ => None,
        };
        seen.items().iter().filter_map(|record| text(&record.event)).collect()
    };
    assert_eq!(of(OutputStream::Stdout), ["é", "€", "😀", "\u{fffd}\u{fffd}.", "\u{fffd}"]);
    assert_eq!(of(OutputStream::Stderr).concat(), "x".repeat(9));
}

/// A tool whose name is given.
struct Named(&'static str);

impl DynTool for Named {
    fn spec(&self) -> ToolSpec {
        let mut spec = Wait.spec();
        spec.name = self.0.to_owned();
        spec
    }

    fn prepare(self: Arc<Self>, _: &str, _: ToolContext) -> Result<PreparedCall> {
        Ok(PreparedCall::new(async { Ok(ToolOutput::text("")) }))
    }
}

#[test]
fn the_harnesss_names_are_kept_from_custom_tools_even_when_not_offered() {
    let model = ScriptModel::new();
    for name in BUILTIN_TOOLS.into_iter().chain(["task", "activate_skill", "finish", "give_up"]) {
        for builder in [agent(&model), agent(&model).builtin_tools(["read"]), agent(&model).builtin_tools([""; 0])] {
            let error = builder.dyn_tool(Arc::new(Named(name))).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{name}");
            assert!(error.to_string().contains(name) && error.message().contains("rename yours"), "{error}");
        }
    }
    agent(&model).builtin_tools(["read"]).dyn_tool(Arc::new(Named("writer"))).build().unwrap();
}

/// Counts how often it is asked what it is.
#[derive(Default)]
struct Counted(AtomicUsize);

impl DynTool for Counted {
    fn spec(&self) -> ToolSpec {
        self.0.fetch_add(1, Ordering::SeqCst);
        Named("counted").spec()
    }

    fn prepare(self: Arc<Self>, _: &str, _: ToolContext) -> Result<PreparedCall> {
        Ok(PreparedCall::new(async { Ok(ToolOutput::text("")) }))
    }
}

#[tokio::test]
async fn the_harnesses_of_an_agent_share_what_its_tools_say_of_themselves() {
    let (model, tool) = (ScriptModel::new().says("a").says("b").says("c"), Arc::new(Counted::default()));
    let agent = agent(&model).dyn_tool(tool.clone()).build().unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(agent.start(id).await.unwrap().prompt("Go.").await.unwrap().text, id);
    }
    // Once for sandboxes with commands, for which every agent is checked, and once for those without.
    assert_eq!(tool.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_tool_can_be_tested_alone() {
    struct Save;
    #[derive(Deserialize, JsonSchema)]
    struct SaveArgs {
        path: String,
    }
    #[async_trait]
    impl Tool for Save {
        type Args = SaveArgs;
        const NAME: &'static str = "save";
        const DESCRIPTION: &'static str = "Saves.";

        fn replaces(&self, args: &SaveArgs, cx: &ToolContext) -> Result<Option<SandboxPath>> {
            cx.resolve(&args.path).map(Some)
        }

        async fn call(&self, args: SaveArgs, cx: ToolContext) -> Result<ToolOutput> {
            cx.fs().write(&args.path, cx.call_id().to_owned()).await?;
            Ok(ToolOutput::text(if cx.cancel().is_cancelled() { "cancelled" } else { "saved" }))
        }
    }
    let sandbox = MemoryFactory::new().open(OpenRequest::new("alone").with_cwd("sub")).await.unwrap();
    let cx = ToolContext::new(sandbox.clone(), "c1");
    assert!(cx.output_sink().is_none() && !cx.cancel().is_cancelled());
    let prepared = Arc::new(Save).prepare(r#"{"path":"f"}"#, cx).unwrap();
    let path = SandboxPath::new("/workspace/sub/f").unwrap();
    assert_eq!(prepared.replaces.as_ref(), Some(&path));
    assert_eq!(prepared.run.await.unwrap().content, [UserBlock::text("saved")]);
    assert_eq!(sandbox.fs().read(&path).await.unwrap(), "c1");
}

#[test]
fn what_a_command_wrote_is_not_shown_by_debug() {
    let output = ExecOutput::new(ExecEnd::Signalled(i32::MAX), "the secret", "another secret");
    let shown = format!("{output:?}");
    assert!(!shown.contains("secret") && shown.contains("stdout_bytes: 10"), "{shown}");
    assert_eq!(output.exit_code(), i32::MAX);
}
