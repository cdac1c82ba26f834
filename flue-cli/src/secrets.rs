//! The secrets that this program knows, which nobody is to see: keys of models, and variables whose names say so.

use flue_core::{MIN_SECRET_BYTES, Redactor, Result};

use crate::variable::Variable;
use crate::wiring;

/// Parts of a variable's name that say that its value is a secret.
const SECRET: [&str; 8] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY", "PRIVATE_KEY"];
/// The most variables of this machine that are taken for secrets.
const MAX_VARIABLES: usize = 400;

/// What takes them out of events, results and what is kept of failures: the keys of all providers, and every variable of this
/// machine or of `given` whose name says that it is a secret.
///
/// # Errors
/// Those of [`Redactor::new`].
pub(crate) fn redactor(given: &[Variable]) -> Result<Redactor> {
    let keys = wiring::providers().into_iter().flat_map(|provider| provider.key_variables);
    let keys = keys.filter_map(|name| std::env::var(name).ok());
    let here =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let given = given.iter().filter_map(|variable| variable.resolve().ok());
    let named = here.chain(given).filter(|(name, value)| is_secret(name) && value.len() >= MIN_SECRET_BYTES);
    Redactor::new(keys.chain(named.take(MAX_VARIABLES).map(|(_, value)| value)).collect::<Vec<_>>())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET.iter().any(|part| name.contains(part)) || name.ends_with("_KEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_secret() {
        for name in ["GITHUB_TOKEN", "db_password", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "SIGNING_KEY"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "HOME", "KEYBOARD", "MONKEY", "TERM"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
