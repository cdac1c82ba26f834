//! Two sandboxes that pass: one without a shell, one with the real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use flue_core::{OpenRequest, Result, Sandbox, SandboxFactory};
use flue_core_testkit::MemoryFactory;
use flue_core_testkit::sandbox::{cases, suite};

#[test]
fn files_in_memory_pass() {
    suite(MemoryFactory::new()).run_blocking().assert();
}

#[cfg(unix)]
#[test]
fn a_directory_of_the_host_passes() {
    suite(crate::host::Host::new("passes")).run_blocking().assert();
}

/// Each opening has a base directory of its own; with `twice`, a relative directory counts from itself again.
#[derive(Debug, Default)]
struct Moving {
    inner: MemoryFactory,
    opened: AtomicU64,
    twice: bool,
}

#[async_trait]
impl SandboxFactory for Moving {
    async fn open(&self, mut request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        let cwd = request.cwd.take().unwrap_or_default();
        let base = format!("opened-{}", self.opened.fetch_add(1, Ordering::Relaxed));
        request.cwd = Some(match (cwd.starts_with('/'), self.twice) {
            (true, _) => cwd,
            (false, false) => format!("{base}/{cwd}"),
            (false, true) => format!("{base}/{cwd}/{cwd}"),
        });
        self.inner.open(request).await
    }
}

#[test]
fn a_base_directory_may_be_another_each_time() {
    let failed = |twice| {
        let moving = Moving { twice, ..Moving::default() };
        suite(moving).only(&["a_cwd_is_made_and_worked_in"]).run_blocking().failed().count()
    };
    assert_eq!((failed(false), failed(true)), (0, 1));
}

#[test]
fn an_exception_is_a_skip_until_it_passes() {
    let excepted = |name: &str| {
        let report = suite(MemoryFactory::new()).only(&["closing_twice"]).except(name, "a reason").run_blocking();
        report.failed().map(|line| line.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(excepted("lifecycle::closing_twice_is_fine"), ["lifecycle::closing_twice_is_fine"]);
    assert_eq!(excepted("lifecycle::no_such_case"), ["lifecycle::no_such_case"]);
    assert_eq!(excepted("files::what_is_written_is_read"), [""; 0]);
}

#[test]
fn names_of_cases_are_told_apart() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases().len());
}
