//! An agent that hands a part of its work to another, which can only read: the model's turns are a script, so that it runs
//! without a key.
//!
//! `cargo run -p flue-core --example delegate`
#![expect(clippy::print_stdout, reason = "a program to be looked at")]

use std::sync::Arc;

use flue_core::{AgentSpec, Narrowing, Result, Subagent};
use flue_core_testkit::{MemoryFactory, ScriptModel};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let reader = ScriptModel::new()
        .calls([("r1", "grep", r#"{"pattern": "TODO"}"#)])
        // It tries to write as well, and is told that it cannot.
        .calls([("r2", "write", r#"{"path": "parser.rs", "content": "fixed"}"#)])
        .says("parser.rs:2 has a TODO. I could not write.");
    let lead = ScriptModel::new()
        .calls([("l1", "task", r#"{"agent": "reader", "prompt": "List what is left to do in src."}"#)])
        .calls([("l2", "write", r#"{"path": "plan.md", "content": "1. parser.rs, line 2\n"}"#)])
        .says("The plan is in plan.md.");

    let reader = Subagent::new("reader", "Reads code and says what it found.")
        .model(Arc::new(reader))
        // It starts in src, sees nothing else, and changes nothing: there are no words for more.
        .narrowed(Narrowing::none().root("src").read_only().no_exec());
    let agent = AgentSpec::builder(Arc::new(lead), MemoryFactory::new()).subagent(reader).build()?;

    let harness = agent.start("delegate").await?;
    harness.fs().write("src/parser.rs", "fn parse() {\n    // TODO: numbers\n}\n").await?;
    harness.fs().write("secrets.txt", "TODO: not for readers\n").await?;
    let reply = harness.prompt("Make a plan of what is left to do.").await?;
    println!("{}\n\n{}", reply.text, harness.fs().read_to_string("plan.md").await?);
    println!("parser.rs is as it was: {}", harness.fs().read_to_string("src/parser.rs").await?.contains("TODO"));
    harness.close().await
}
