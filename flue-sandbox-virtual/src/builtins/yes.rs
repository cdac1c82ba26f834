//! The `yes` command.

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use super::streaming::Output;

/// Repeats a line until nobody reads it.
pub(super) struct Yes;

#[async_trait]
impl Command for Yes {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let words = match ctx.args {
            [first, rest @ ..] if first == "--" => rest,
            args => args,
        };
        let mut line = if words.is_empty() { "y".to_string() } else { words.join(" ") };
        line.push('\n');
        let mut output = Output::new(&ctx.stdout);
        loop {
            output.write(line.as_bytes()).await?;
        }
    }
}
