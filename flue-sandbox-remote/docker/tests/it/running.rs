//! How the tests of this directory run: by name, each over each engine.

use std::pin::Pin;
use std::process::ExitCode;
use std::thread;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use crate::engine::{Engine, Kind};
use crate::{archive, limits, load, stop, suite, traps, workspaces};

/// A test of an engine; a panic fails it.
type Test = Box<dyn Fn(&'static Engine) -> Running + Send + Sync>;
/// One that runs.
type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Makes a list of tests by the names of their functions.
macro_rules! list {
    ($($module:ident :: { $($name:ident),+ $(,)? }),+ $(,)?) => {
        vec![$($((
            concat!(stringify!($module), "::", stringify!($name)),
            Box::new(|engine: &'static Engine| Box::pin($module::$name(engine)) as Running) as Test,
        )),+),+]
    };
}

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = start(&arguments)
        .into_iter()
        .flat_map(|(kind, engine)| tests().into_iter().map(move |(name, test)| trial(kind, name, engine, test)));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn tests() -> Vec<(&'static str, Test)> {
    list![
        archive::{
            large_files_belong_to_the_containers_user_whom_the_host_need_not_know,
            links_lead_nowhere_outside,
            what_replaces_a_file_keeps_its_permissions,
        },
        limits::{
            a_container_has_no_network_no_privileges_and_limits,
            a_policy_that_cannot_be_held_is_refused_before_anything_is_made,
            images_that_lack_and_engines_that_are_not_there_say_so_and_leave_nothing,
            variables_reach_commands_and_nothing_else,
            what_an_engine_lacks_for_its_containers_is_named_and_nothing_is_left,
        },
        load::{
            twelve_commands_run_at_a_time,
            a_hundred_megabytes_go_both_ways,
            ten_thousand_small_files,
            odd_names_and_bytes_stay_what_they_are,
        },
        stop::{
            cancelling_kills_the_whole_family,
            a_time_limit_kills_the_whole_family,
            dropping_and_closing_kill_the_whole_family,
            a_container_that_is_killed_is_an_error_and_the_work_goes_on_after_starting_it_again,
            a_stream_that_is_closed_kills_nothing_by_itself,
            a_closed_sandbox_leaves_no_shell,
            a_job_is_done_and_one_that_is_cut_off_goes_on,
        },
        suite::{conforms},
        traps::{
            a_missing_directory_and_a_missing_command_are_told_apart_although_engines_mix_them_up,
            a_stopped_container_is_told_alike_although_engines_answer_409_and_500,
            a_missing_parent_is_made_although_archives_go_to_none_or_make_it,
            a_link_is_read_through_although_archives_hold_the_link,
            facts_of_a_link_are_those_of_its_target_although_archives_differ,
            output_is_whole_although_an_engine_loses_that_of_what_reads_no_input,
            a_script_without_a_last_line_has_no_exit_code_whatever_the_engine_says,
            a_closed_stream_ends_nothing_so_the_kit_does,
        },
        workspaces::{
            a_container_made_anew_under_the_same_name_is_lost_and_nothing_runs_there,
            what_stopped_or_rests_goes_on_with_its_files,
            sweeping_takes_only_what_is_over_and_owned,
        },
    ]
}

/// Starts the engines, at the same time; none where only names are asked for.
fn start(arguments: &Arguments) -> Vec<(Kind, Option<&'static Engine>)> {
    if arguments.list {
        return Kind::ALL.map(|kind| (kind, None)).into();
    }
    let starting = Kind::ALL.map(|kind| (kind, thread::spawn(move || Engine::start(kind))));
    let started = starting.map(|(kind, started)| {
        let engine = started.join().unwrap();
        if let Err(what) = &engine {
            let is_here = !what.starts_with("program");
            assert!(is_here || std::env::var_os("CI").is_none(), "no {what}; are the packages of `.ci/run` installed?");
            flue_core_testkit::skip(&format!("{}::*", kind.name()), &format!("no {what}"));
        }
        // It lives as long as this process, whose end it notices.
        (kind, engine.ok().map(|engine| &*Box::leak(Box::new(engine))))
    });
    started.into()
}

fn trial(kind: Kind, name: &str, engine: Option<&'static Engine>, test: Test) -> Trial {
    let ignored = engine.is_none();
    Trial::test(format!("{}::{name}", kind.name()), move || {
        let engine = engine.ok_or_else(|| format!("no {} here", kind.name()))?;
        Runtime::new()?.block_on(test(engine));
        Ok(())
    })
    .with_ignored_flag(ignored)
}
