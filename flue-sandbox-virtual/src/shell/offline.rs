//! `curl` and `wget` where there is no network: they say so.

use std::sync::Arc;

use bashkit::{BashBuilder, Command, CommandContext, CommandStatus, async_trait};
use flue_core::reach::ReachLog;

/// The commands, and their exit status for a host that cannot be found.
const CLIENTS: [(&str, i32); 2] = [("curl", 6), ("wget", 4)];

/// Adds the commands to a shell.
pub(super) fn install(builder: BashBuilder, log: Option<&Arc<ReachLog>>) -> BashBuilder {
    CLIENTS
        .into_iter()
        .fold(builder, |builder, (name, status)| builder.command(name, Offline { status, log: log.cloned() }))
}

struct Offline {
    status: i32,
    log: Option<Arc<ReachLog>>,
}

#[async_trait]
impl Command for Offline {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        if let Some(log) = &self.log {
            log.refused("connect", ctx.name);
        }
        let message = format!("{}: ({}) this sandbox has no network\n", ctx.name, self.status);
        ctx.stderr.write_all(message.as_bytes()).await?;
        Ok(CommandStatus::with_code(self.status))
    }
}
