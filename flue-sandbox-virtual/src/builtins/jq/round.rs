//! Runs a program over its inputs, some at a time.

use std::cell::RefCell;
use std::sync::Arc;

use super::super::Watch;
use super::super::clock::Zone;
use super::config::Config;
use super::feed::Feed;
use super::machine::{Inputs, Machine, Stop};
use super::syntax::expr::Program;
use super::value::{Heap, Val, Writer};

/// Bytes of output after which it is written.
const ROUND_BYTES: usize = 128 * 1024;

/// The status of an error that nothing caught.
const FAILED: i32 = 5;
/// The status of a text that is no JSON, as jq 1.6 has it.
const UNREADABLE: i32 = 4;

/// A program on its way through its inputs.
pub(super) struct Round<'r> {
    config: &'r Config,
    program: &'r Program,
    globals: &'r [Val],
    heap: &'r Arc<Heap>,
    zone: Zone,
    watch: &'r Watch,
    out: String,
    messages: String,
    /// How the last input ended.
    last: Ending,
    /// Whether the last output of all was neither null nor false.
    last_is_true: Option<bool>,
    begun: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Without output.
    Nothing,
    Output,
    Failed,
    /// The program ended it.
    Halted(i32),
    /// The execution is to end.
    Ended,
    Unreadable,
}

impl<'r> Round<'r> {
    pub(super) fn new(
        config: &'r Config,
        program: &'r Program,
        globals: &'r [Val],
        heap: &'r Arc<Heap>,
        zone: Zone,
        watch: &'r Watch,
    ) -> Self {
        Self {
            config,
            program,
            globals,
            heap,
            zone,
            watch,
            out: String::new(),
            messages: String::new(),
            last: Ending::Nothing,
            last_is_true: None,
            begun: false,
        }
    }

    /// Goes on for a while; false when all is done.
    pub(super) fn run(&mut self, feed: &mut Feed<'_>) -> bool {
        let ended = || self.watch.has_ended();
        let feed = RefCell::new(feed);
        let messages = RefCell::new(String::new());
        let inputs = RefCell::new(Shared(&feed));
        let (program, globals, heap, zone) = (self.program, self.globals, self.heap, self.zone);
        let machine = Machine::new(program, heap, globals, &inputs, &messages, zone, &ended);
        let mut goes_on = true;
        while goes_on && self.out.len() < ROUND_BYTES {
            goes_on = self.input(&machine, &feed);
        }
        self.messages.push_str(&messages.borrow());
        goes_on
    }

    /// What is to be written.
    pub(super) fn take(&mut self) -> (String, String) {
        (std::mem::take(&mut self.out), std::mem::take(&mut self.messages))
    }

    /// Whether the execution is to end.
    pub(super) fn has_ended(&self) -> bool {
        self.last == Ending::Ended
    }

    /// The status of it all, or that of missing files.
    pub(super) fn status(&self, missing: Option<i32>) -> i32 {
        if let Ending::Halted(status) = self.last {
            return status & 0xff;
        }
        if let Some(missing) = missing {
            return missing;
        }
        match (self.last, self.last_is_true) {
            (Ending::Unreadable, _) => UNREADABLE,
            (Ending::Failed, _) => FAILED,
            _ if !self.config.exit_status => 0,
            (_, None) => 4,
            (_, Some(is_true)) => i32::from(!is_true),
        }
    }

    /// Takes the next input; false when there is none, or none is to follow.
    fn input(&mut self, machine: &Machine<'_>, feed: &RefCell<&mut Feed<'_>>) -> bool {
        let input = if self.config.null_input {
            if std::mem::replace(&mut self.begun, true) {
                return false;
            }
            Val::Null
        } else {
            let next = feed.borrow_mut().next();
            match next {
                None => return false,
                Some(Ok(val)) => val,
                Some(Err(message)) => {
                    say(machine, &format!("jq: error: {message}\n"));
                    self.last = Ending::Unreadable;
                    return false;
                }
            }
        };
        self.last = Ending::Nothing;
        let flow = machine.run(input, &mut |val| self.output(&val));
        match flow {
            Ok(()) => {}
            // An error without a value is no more than an end.
            Err(Stop::Error(Val::Null)) => {}
            Err(Stop::Error(error)) => {
                let place = if self.config.null_input { "<unknown>".into() } else { feed.borrow().place() };
                let message = match &error {
                    Val::Str(text) => format!("jq: error (at {place}): {}\n", text.as_str()),
                    other => {
                        let json = machine.json(other).unwrap_or_else(|stop| stop.to_string());
                        format!("jq: error (at {place}) (not a string): {json}\n")
                    }
                };
                say(machine, &message);
                self.last = Ending::Failed;
            }
            Err(Stop::Halt(status)) => {
                self.last = Ending::Halted(status);
                return false;
            }
            Err(Stop::Ended) => {
                self.last = Ending::Ended;
                return false;
            }
            Err(Stop::Fatal(why)) => {
                say(machine, &format!("jq: error: stopped: {why}\n"));
                self.last = Ending::Halted(FAILED);
                return false;
            }
            Err(Stop::Break(_) | Stop::Later) => {
                say(machine, "jq: error: break\n");
                self.last = Ending::Failed;
            }
        }
        true
    }

    fn output(&mut self, val: &Val) -> Result<(), Stop> {
        let config = self.config;
        if config.sequence {
            self.out.push('\u{1e}');
        }
        let writer =
            Writer { layout: config.layout, sort: config.sort, ascii: config.ascii, limit: self.watch.memory_bytes };
        match val {
            Val::Str(text) if config.raw_output && !config.ascii => self.out.push_str(text.as_str()),
            val => writer.write(val, &mut self.out)?,
        }
        self.out.push_str(config.end);
        writer.check(&self.out)?;
        self.last = Ending::Output;
        self.last_is_true = Some(val.is_true());
        Ok(())
    }
}

/// Says something of a run. What does not fit is said by what was before it.
fn say(machine: &Machine<'_>, message: &str) {
    let _ = machine.say(message);
}

/// The feed as the program sees it.
struct Shared<'f, 't, 'r>(&'f RefCell<&'r mut Feed<'t>>);

impl Inputs for Shared<'_, '_, '_> {
    fn next(&mut self) -> Option<Result<Val, String>> {
        self.0.borrow_mut().next()
    }

    fn file(&self) -> Option<String> {
        self.0.borrow().file()
    }

    fn lines(&self) -> usize {
        self.0.borrow().lines()
    }
}
