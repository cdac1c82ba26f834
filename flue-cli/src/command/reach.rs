//! `flue reach`: what a recorded run touched, and whether less would have been enough.

use flue_core::reach::{Aspect, Reach, ReachLedger, Verdict, judge};
use serde::Serialize;

use crate::args::ReachArgs;
use crate::exit::{self, Failure};
use crate::{output, trace, wiring};

/// The most names of a list that the text shows; `--json` has all.
const MAX_LISTED: usize = 20;

/// The object of `--json`; fields are added to it, never changed.
#[derive(Serialize)]
struct Told<'a> {
    ledger: &'a ReachLedger,
    verdict: Option<&'a Verdict>,
}

/// Shows the reach of the run.
///
/// # Errors
/// Usage errors for a file that has no events, and those of writing.
pub(crate) fn run(args: &ReachArgs) -> Result<u8, Failure> {
    let recording = trace::read(&args.file).map_err(Failure::usage)?;
    let ledger = &recording.trace.ledger;
    let verdict = judge(ledger, &wiring::ladder());
    if args.json {
        output::print_json(&Told { ledger, verdict: verdict.as_ref() })?;
    } else {
        output::print_text(&text(ledger, verdict.as_ref()))?;
    }
    Ok(exit::DONE)
}

fn text(ledger: &ReachLedger, verdict: Option<&Verdict>) -> String {
    let mut lines = Vec::new();
    match verdict {
        Some(verdict) => lines.push(verdict.to_string()),
        None => lines.push("which sandbox it was is not in the record".to_owned()),
    }
    lines.push(String::new());
    if let Some(place) = &ledger.sandbox {
        lines.push(format!("{:<10} {} ({}), {}", "sandbox", place.level, place.provider, place.cwd));
    }
    lines.extend(of(&ledger.whole));
    if ledger.lost_events > 0 {
        lines.push(format!("{} events were lost: this is a part of it only", ledger.lost_events));
    }
    if ledger.sessions.len() > 1 {
        for (session, reach) in &ledger.sessions {
            lines.push(format!("\nof the session {session}:"));
            lines.extend(of(reach));
        }
    }
    lines.join("\n")
}

fn of(reach: &Reach) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, names) in reach.lists() {
        let aspect = Aspect::ALL.into_iter().find(|aspect| aspect.name() == name);
        let unknown = aspect.and_then(|aspect| reach.unknown.get(&aspect));
        let count = names.len() as u64;
        let mut head = match (unknown, count) {
            (Some(commands), 0) => format!("unknown ({})", commands_words(*commands, reach.execs)),
            (Some(commands), count) => {
                format!("{count} and an unknown number ({})", commands_words(*commands, reach.execs))
            }
            (None, 0) => "none".to_owned(),
            (None, count) => count.to_string(),
        };
        if names.dropped() > 0 {
            head.push_str(&format!(", {} times more than is kept", names.dropped()));
        }
        lines.push(format!("{name:<10} {head}"));
        lines.extend(
            names.iter().take(MAX_LISTED).map(|name| format!("{:<10}   {}", "", name.replace('\n', "\n             "))),
        );
        if count > MAX_LISTED as u64 {
            lines.push(format!("{:<10}   … and {} more; --json has all", "", count - MAX_LISTED as u64));
        }
    }
    lines
}

fn commands_words(unknown: u64, all: u64) -> String {
    let plural = if all == 1 { "command" } else { "commands" };
    format!("of {unknown} of {all} {plural} it is not measured")
}
