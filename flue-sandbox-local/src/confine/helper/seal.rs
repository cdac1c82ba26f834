//! What a process takes on before it runs anything: limits, no privileges, and the two filters.

use std::path::PathBuf;

use rustix::io::Errno;
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use super::{At as _, Fault, Finding, filter, limits, rules};
use crate::confine::plan::Policy;

/// Lays it all on this process, for good.
pub(super) fn seal(policy: &Policy, hidden: &[PathBuf], numbers: Result<(), String>) -> Result<Vec<Finding>, Fault> {
    let processes = limits::set(policy, numbers)?;
    rustix::thread::set_no_new_privs(true).at(None, "give up new privileges")?;
    let rules = rules::apply(policy, hidden)?;
    drop_capabilities()?;
    let filter = filter::apply(policy)?;
    Ok(vec![rules, filter, processes])
}

/// Also for programs that the administrator runs: nobody gets a capability back by being root.
fn drop_capabilities() -> Result<(), Fault> {
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    let may = |capability| rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(capability));
    if may(CapabilitySet::SETPCAP) {
        rustix::thread::set_capabilities_secure_bits(bits).at(None, "hold the administrator to no capabilities")?;
        for number in 0..u64::BITS {
            match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
                Ok(()) => {}
                // Beyond the last one that the kernel knows.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(errno).at(None, "bound capabilities"),
            }
        }
    }
    rustix::thread::clear_ambient_capability_set().at(None, "clear ambient capabilities")?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .at(None, "drop capabilities")
}
