//! `head` and `tail`: the ends of files, pipes and endless devices.

mod config;
mod select;

use bashkit::{Command, CommandContext, CommandStatus, async_trait};

use self::config::{Config, End, Mistake};
use self::select::Selector;
use super::streaming::{Input, Output, complain, fail, usage_error};

/// The `head` command.
pub(super) struct Head;

/// The `tail` command.
pub(super) struct Tail;

#[async_trait]
impl Command for Head {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        run(End::Head, &ctx).await
    }
}

#[async_trait]
impl Command for Tail {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        run(End::Tail, &ctx).await
    }
}

async fn run(end: End, ctx: &CommandContext<'_>) -> bashkit::Result<CommandStatus> {
    let config = match config::read(end, ctx.args) {
        Ok(config) => config,
        Err(Mistake::Usage(message)) => return usage_error(ctx, &message, 1).await,
        Err(Mistake::Value(message)) => return fail(ctx, &message, 1).await,
    };
    let headers = config.headers.unwrap_or(config.operands.len() > 1);
    let mut output = Output::new(&ctx.stdout);
    let mut status = 0;
    let mut between = "";
    for operand in &config.operands {
        let input = Input::open(ctx, operand).await;
        // A directory can be opened, only not read.
        if headers && !matches!(&input, Err(why) if why != "Is a directory") {
            let name = if operand == "-" { "standard input" } else { operand };
            output.write(format!("{between}==> {name} <==\n").as_bytes()).await?;
            between = "\n";
        }
        let result = match input {
            Ok(input) => copy(&config, input, &mut output).await?,
            Err(why) if why == "Is a directory" => Err(format!("error reading '{operand}': {why}")),
            Err(why) => Err(format!("cannot open '{operand}' for reading: {why}")),
        };
        output.flush().await?;
        if let Err(message) = result {
            complain(ctx, &message).await?;
            status = 1;
        }
    }
    if config.follow {
        complain(ctx, "cannot follow: nothing is added to a file once the commands before have ended").await?;
        status = 1;
    }
    Ok(CommandStatus::with_code(status))
}

/// Copies the selected part. The inner error is why it could not be selected.
async fn copy(config: &Config, mut input: Input, output: &mut Output<'_>) -> bashkit::Result<Result<(), String>> {
    let mut selector = Selector::new(config.part, config.unit);
    let mut selected = Vec::new();
    while !selector.is_done() {
        output.flush().await?;
        let Some(piece) = input.next().await? else { break };
        if let Err(why) = selector.push(&piece, &mut selected) {
            return Ok(Err(why.into()));
        }
        output.write(&selected).await?;
        selected.clear();
    }
    selector.finish(&mut selected);
    output.write(&selected).await?;
    Ok(Ok(()))
}
