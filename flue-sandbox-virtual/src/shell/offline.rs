//! `curl` and `wget` where there is no network: they say so.

use bashkit::{BashBuilder, Command, CommandContext, CommandStatus, async_trait};

/// The commands, and their exit status for a host that cannot be found.
const CLIENTS: [(&str, i32); 2] = [("curl", 6), ("wget", 4)];

/// Adds the commands to a shell.
pub(super) fn install(builder: BashBuilder) -> BashBuilder {
    CLIENTS.into_iter().fold(builder, |builder, (name, status)| builder.command(name, Offline(status)))
}

struct Offline(i32);

#[async_trait]
impl Command for Offline {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let message = format!("{}: ({}) this sandbox has no network\n", ctx.name, self.0);
        ctx.stderr.write_all(message.as_bytes()).await?;
        Ok(CommandStatus::with_code(self.0))
    }
}
