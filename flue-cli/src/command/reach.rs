//! `flue reach`: what a recorded run or a stored session touched, and whether less would have been enough.

use flue_core::reach::{Reach, ReachLedger, Verdict, judge};
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
/// Usage errors for what is neither a record nor a session, and those of writing.
pub(crate) fn run(args: &ReachArgs) -> Result<u8, Failure> {
    let ledger = &trace::find(&args.run, &args.store)?.trace.ledger;
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
    for (name, aspect, names) in reach.lists() {
        let plural = if reach.execs == 1 { "command" } else { "commands" };
        let mut head = match (reach.unknown_of(aspect), names.len()) {
            (0, 0) => "none".to_owned(),
            (0, count) => count.to_string(),
            (unknown, 0) => format!("unknown: not measured for {unknown} of {} {plural}", reach.execs),
            (unknown, count) => {
                format!("{count}, and unknown more: not measured for {unknown} of {} {plural}", reach.execs)
            }
        };
        if names.dropped() > 0 {
            head.push_str(&format!("; {} times there was no place for more", names.dropped()));
        }
        lines.push(format!("{name:<10} {head}"));
        let shown = |name: &str| format!("{:<10}   {}", "", name.replace('\n', "\n             "));
        lines.extend(names.iter().take(MAX_LISTED).map(shown));
        if names.len() > MAX_LISTED {
            lines.push(format!("{:<10}   … and {} more; --json has them", "", names.len() - MAX_LISTED));
        }
    }
    lines
}
