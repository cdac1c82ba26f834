//! Fixes a failing test in a checkout, and changes nothing there until the changes were seen: the agent works in a copy, what it
//! changed is shown as a patch, and then applied. The model's turns are a script.
//!
//! `cargo run -p flue-sandbox-local --example fix_test`
#![expect(clippy::print_stdout, reason = "a program to be looked at")]

use std::fs;
use std::sync::Arc;

use flue_core::event::Event;
use flue_core::{AgentSpec, Result};
use flue_core_testkit::{Scratch, ScriptModel};
use flue_sandbox_local::Local;

const PROGRAM: &str = "add() { echo $(($1 - $2)); }\n";
const TEST: &str = ". ./add.sh\n[ \"$(add 2 3)\" = 5 ] || { echo 'add 2 3 is not 5'; exit 1; }\necho ok\n";

/// The most that is copied, in bytes.
const MAX_COPY: u64 = 64 << 20;

async fn run(checkout: &std::path::Path) -> Result<()> {
    let model = ScriptModel::new()
        .calls([("c1", "bash", r#"{"command": "sh test.sh; cat add.sh"}"#)])
        .calls([("c2", "edit", r#"{"path": "add.sh", "oldText": "$1 - $2", "newText": "$1 + $2"}"#)])
        .calls([("c3", "bash", r#"{"command": "sh test.sh"}"#)])
        .says("add subtracted. The test passes now.");
    // Where the kernel can merge a layer over the directory, `copied` is not needed.
    let overlay = Local::new(checkout).overlay().copied(MAX_COPY);
    let work = Arc::new(overlay);
    let harness = AgentSpec::builder(Arc::new(model), Arc::clone(&work)).build()?.start("fix").await?;
    let mut watched = harness.prompt("Make the failing test pass.").stream();
    while let Some(record) = watched.next().await {
        match record.event {
            Event::ToolStarted { tool, arguments, .. } => println!("{tool} {arguments}"),
            Event::ToolFinished { result, .. } => println!("{result}"),
            _ => {}
        }
    }
    println!("{}", watched.reply().await?.text);

    let changes = work.diff().await?;
    println!("\n{}", String::from_utf8_lossy(changes.patch()));
    work.apply(&changes).await?;
    harness.close().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    // First of all: with an overlay of the kernel's, commands are started by this program, executed again.
    flue_sandbox_local::init();
    let checkout = Scratch::new("fix-test");
    fs::write(checkout.path().join("add.sh"), PROGRAM)?;
    fs::write(checkout.path().join("test.sh"), TEST)?;
    run(checkout.path()).await?;
    let fixed = fs::read_to_string(checkout.path().join("add.sh"))?;
    println!("in the checkout: {fixed}");
    if fixed == PROGRAM { Err("nothing was applied".into()) } else { Ok(()) }
}
