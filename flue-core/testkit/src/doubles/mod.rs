//! Stand-ins for the parts that an agent is built from.

mod disk;
mod memory;
mod recorder;
mod script;
mod tree;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::disk::{Scratch, SmallDisk};
pub use self::memory::{MemoryFactory, MemorySandbox};
pub use self::recorder::Recorder;
pub use self::script::ScriptModel;

/// A panic elsewhere in a test must not hide behind a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
