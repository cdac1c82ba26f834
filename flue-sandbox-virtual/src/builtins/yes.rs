//! The `yes` command.

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use super::streaming::{Output, fail};

/// Repeats a line until nobody reads it, or enough was read.
pub(super) struct Yes;

/// Bytes after which it ends: a reader that takes its whole input before it
/// starts, as `yes | rm -i *` has one, would otherwise wait for ever.
const MAX_BYTES: usize = 8 * 1024 * 1024;

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
        for _ in 0..MAX_BYTES / line.len() + 1 {
            output.write(line.as_bytes()).await?;
        }
        output.flush().await?;
        fail(&ctx, &format!("stopped after {MAX_BYTES} bytes"), 1).await
    }
}
