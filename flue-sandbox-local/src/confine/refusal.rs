//! The error of a machine that does not give what a policy asks for.

use flue_core::{Error, ErrorKind};

use super::plan::Fault;
use super::{Finding, Mechanism};

/// Says what is missing, why, and what to do; `others` is missing as well.
pub(super) fn refusal(fault: Fault, others: &[Finding]) -> Error {
    let Some(mechanism) = fault.mechanism else {
        return Error::new(ErrorKind::Io, "open", "commands cannot be confined as asked").with("why", fault.what);
    };
    let error = Error::new(ErrorKind::Unsupported, "open", remedy(mechanism));
    let error = error.with("missing", mechanism).with("why", fault.what);
    others.iter().fold(error, |error, other| error.with("also missing", other.mechanism).with("why", &other.detail))
}

fn remedy(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Namespaces => {
            "this machine does not give commands namespaces of their own: allow user namespaces \
             (user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), or accept the weaker tier with \
             `Confinement::min_tier(Tier::Landlock)`"
        }
        Mechanism::Landlock => {
            "this machine has no Landlock that is new enough: use a newer kernel, or go without by \
             `Confinement::waive(Mechanism::Landlock)`"
        }
        Mechanism::Seccomp => {
            "this machine does not filter system calls: use a kernel with seccomp, or go without by \
             `Confinement::waive(Mechanism::Seccomp)`"
        }
        Mechanism::ProcessLimit => {
            "this machine does not bound the number of processes here: do not run as root, use a newer kernel, or go \
             without by `Confinement::waive(Mechanism::ProcessLimit)`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_told() {
        let fault = Fault { mechanism: Some(Mechanism::ProcessLimit), what: "too old".into() };
        let error = refusal(fault, &[Finding::missing(Mechanism::Landlock, "version 2")]);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("waive(Mechanism::ProcessLimit)"), "{text}");
        assert!(
            text.ends_with("(missing: the limit of processes, why: too old, also missing: Landlock, why: version 2)")
        );
    }
}
