//! Commands that the kernel holds.

mod files;
mod git;
mod ground;
mod lasting;
mod layered;
mod narrowed;
mod network;
mod place;
mod probes;
mod refusals;
mod secrets;
mod shown;

use std::path::Path;
use std::sync::Arc;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_local::{Confinement, Local, LocalSandbox, Tier};

pub(crate) use self::place::{Place, is_at};
use crate::temp::{Temp, open};

const HELPER: &str = env!("CARGO_BIN_EXE_flue-sandbox-helper");
/// Where the helper is instead, for who may not come where it was built.
const HELPER_AT: &str = "FLUE_TEST_HELPER";

/// A policy as the tests have it: they are no programs whose `main` could start helpers.
pub(crate) fn policy() -> Confinement {
    let helper = std::env::var_os(HELPER_AT);
    Confinement::new().helper(helper.unwrap_or_else(|| HELPER.into()))
}

pub(crate) async fn confined(dir: &Path, policy: Confinement) -> Arc<LocalSandbox> {
    open(&Local::new(dir).confined(policy)).await
}

#[test]
fn in_namespaces_passes_the_suite() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    suite(Local::new(temp.path()).confined(policy())).run_blocking().assert();
}

#[test]
fn by_landlock_alone_passes_the_suite() {
    if is_at(Place::WithoutNamespaces, "confined::by_landlock_alone_passes_the_suite") {
        let temp = Temp::new();
        suite(Local::new(temp.path()).confined(policy().min_tier(Tier::Landlock))).run_blocking().assert();
    }
}
