//! Commands of the application, as the engine calls them.

use bashkit::{CommandContext, CommandStatus};
use flue_core::SandboxPath;
use tokio::runtime::Handle;

use crate::VirtualLimits;
use crate::command::{CommandCall, CommandOutput, HostCommand};

/// The status of a command whose handler failed.
const FAILED: i32 = 1;

/// One command of the application in one execution.
pub(super) struct Adapter {
    command: HostCommand,
    application: Option<Handle>,
    max_stdin: u64,
}

impl Adapter {
    pub(super) fn new(command: &HostCommand, application: Option<Handle>, limits: &VirtualLimits) -> Self {
        Self { command: command.clone(), application, max_stdin: limits.memory_bytes }
    }

    /// Runs the handler, on the application's own runtime where there is one: what it uses may belong to that runtime.
    async fn call(&self, call: CommandCall) -> CommandOutput {
        let stop = call.cancel.clone().drop_guard();
        let command = self.command.clone();
        let handled = async move { command.call(call).await };
        let output = match &self.application {
            None => handled.await,
            Some(application) => {
                let mut task = AbortOnDrop(application.spawn(handled));
                match (&mut task.0).await {
                    Ok(output) => output,
                    Err(_) => return CommandOutput::failed(FAILED, "the command failed unexpectedly\n"),
                }
            }
        };
        drop(stop);
        output.unwrap_or_else(|error| CommandOutput::failed(FAILED, format!("{error:#}\n")))
    }
}

#[bashkit::async_trait]
impl bashkit::Command for Adapter {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let mut stdin = Vec::new();
        while let Some(chunk) = ctx.stdin.read_chunk().await? {
            if (stdin.len() + chunk.len()) as u64 > self.max_stdin {
                let message = format!("{}: more than {} bytes of input\n", ctx.name, self.max_stdin);
                ctx.stderr.write_all(message.as_bytes()).await?;
                return Ok(CommandStatus::with_code(FAILED));
            }
            stdin.extend_from_slice(&chunk);
        }
        let call = CommandCall::new(ctx.args.to_vec())
            .with_stdin(stdin)
            .with_cwd(SandboxPath::new(ctx.cwd.to_string_lossy()).unwrap_or_else(|_| SandboxPath::root()))
            .with_env(ctx.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        let output = self.call(call).await;
        ctx.stdout.write_all(&output.stdout).await?;
        if !output.stderr.is_empty() {
            ctx.stderr.write_all(&output.stderr).await?;
        }
        Ok(CommandStatus::with_code(output.exit_code))
    }
}

/// A task of the application that ends with the command.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
