//! `bc`: arithmetic to any precision. The engine's own computes in floating
//! point and drops fractions (`1.5+2.25` is 3 to it).

mod math;
mod number;
mod run;
mod syntax;

use bashkit::{Builtin, BuiltinContext, ExecResult, ExecutionBudget, ExecutionCapability, async_trait};

use self::run::{Machine, Stop};
use self::syntax::{Mistake, Parser, tokens};
use super::files::read_operand;
use super::options::{LONG, Opt, flag, parse, usage_error};

/// The `bc` command.
pub(super) struct Bc;

/// Bytes of program one command reads.
const MAX_PROGRAM_BYTES: usize = 1024 * 1024;

const OPTIONS: &[Opt] = &[
    flag('h', "help"),
    flag('i', "interactive"),
    flag('l', "mathlib"),
    flag('q', "quiet"),
    flag('s', "standard"),
    flag('w', "warn"),
    flag('v', "version"),
    flag(LONG, "compile"),
];

#[async_trait]
impl Builtin for Bc {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("bc", &message, 1)),
        };
        let library = parsed.options.iter().any(|(name, _)| *name == "mathlib");
        let mut sources = Vec::new();
        for operand in parsed.operands.iter().map(String::as_str).chain(["-"]) {
            match read_operand(&ctx, operand).await {
                Ok(bytes) if bytes.len() > MAX_PROGRAM_BYTES => {
                    let message = format!("bc: program is larger than {MAX_PROGRAM_BYTES} bytes\n");
                    return Ok(ExecResult::err(message, 1));
                }
                Ok(bytes) => sources.push((operand, String::from_utf8_lossy(&bytes).into_owned())),
                Err(_) => {
                    return Ok(ExecResult::err(format!("File {operand} is unavailable.\n"), 1));
                }
            }
        }
        let budget: Option<ExecutionCapability<ExecutionBudget>> = ctx.execution_budget();
        let stopped = || {
            let active = |budget: &ExecutionCapability<ExecutionBudget>| {
                budget.try_with(|budget| budget.check().is_ok()).unwrap_or(false)
            };
            !budget.as_ref().is_none_or(active)
        };
        let mut machine = Machine::new(library, &stopped);
        let mut status = 0;
        for (name, source) in sources {
            if let Err(code) = run_source(&mut machine, name, &source) {
                status = code;
                break;
            }
        }
        Ok(ExecResult {
            stdout: machine.out.into(),
            stderr: machine.err.into(),
            exit_code: status,
            ..Default::default()
        })
    }
}

/// Runs one file; the error is the status to end with.
fn run_source(machine: &mut Machine<'_>, name: &str, source: &str) -> Result<(), i32> {
    let name = if name == "-" { "(standard_in)" } else { name };
    let (tokens, strange) = tokens(source);
    for (c, line) in strange {
        machine.err.push_str(&format!("{name} {line}: illegal character: {c}\n"));
    }
    if source.contains("read(") {
        machine.give_input(source.lines().map(str::to_string).collect());
    }
    let mut parser = Parser::new(tokens);
    while let Some(line) = parser.line() {
        let statements = match line {
            Ok(statements) => statements,
            Err(Mistake(line)) => {
                machine.err.push_str(&format!("{name} {line}: syntax error\n"));
                continue;
            }
        };
        match machine.line(&statements) {
            Ok(()) => {}
            Err(Stop::Quit) => return Err(0),
            Err(Stop::Fault(why)) => machine.err.push_str(&format!("Runtime error (func=(main), adr=0): {why}\n")),
            Err(Stop::Abort(why)) => {
                machine.err.push_str(&format!("bc: {why}\n"));
                return Err(1);
            }
        }
    }
    Ok(())
}
