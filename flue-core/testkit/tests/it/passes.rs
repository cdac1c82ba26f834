//! Two sandboxes that pass: one without a shell, one with the real one.

use flue_core_testkit::MemoryFactory;
use flue_core_testkit::sandbox::suite;

#[test]
fn files_in_memory_pass() {
    suite(MemoryFactory::new()).run_blocking().assert();
}

#[cfg(unix)]
#[test]
fn a_directory_of_the_host_passes() {
    suite(crate::host::Host::new("passes")).run_blocking().assert();
}
