//! Reviews a document in a virtual sandbox and prints what was found.
//!
//! `cargo run -p flue-models --features scripted --example review -- scripted/reviewer README.md`; with another feature and a
//! key, name a real model.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program to be looked at")]

use flue_core::Result;
use flue_core::event::Event;

/// Reviewed when no file is named.
const DOCUMENT: &str = "# Plan\n\nTODO: write the plan.\n\nTeh end.\n";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let model = flue_models::open(&words.next().unwrap_or_else(|| "scripted/reviewer".to_owned()))?;
    let document = words.next().map_or(Ok(DOCUMENT.to_owned()), std::fs::read_to_string);
    let document =
        document.map_err(|error| flue_core::Error::new(flue_core::ErrorKind::Io, "read", error.to_string()))?;

    let agent =
        flue_sandbox_virtual::agent(model).instructions("You review documents. Give the line of every finding.");
    let harness = agent.build()?.start("review").await?;
    harness.fs().write("document.md", document).await?;
    let prompt = harness.prompt("Review document.md and write your findings to review.md.");
    let mut watched = prompt.stream();
    while let Some(record) = watched.next().await {
        if let Event::ToolStarted { tool, .. } = &record.event {
            eprintln!("· {tool}");
        }
    }
    watched.reply().await?;
    println!("{}", harness.fs().read_to_string("review.md").await?);
    harness.close().await
}
