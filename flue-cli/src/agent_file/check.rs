//! Checks that are made while the parser still knows where it stands, so that errors have their place.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::suggest;

/// Makes a value of a string, or says what is wrong with it. The first field says what is expected.
pub(super) struct Check<F>(pub(super) &'static str, pub(super) F);

impl<'de, T, F: FnOnce(&str) -> Result<T, String>> DeserializeSeed<'de> for Check<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, T, F: FnOnce(&str) -> Result<T, String>> Visitor<'de> for Check<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

/// Makes a list of what `seed` makes of each element; an empty one of nothing.
pub(super) struct Each<S>(pub(super) &'static str, pub(super) S);

impl<'de, S: DeserializeSeed<'de> + Clone> DeserializeSeed<'de> for Each<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Clone> Visitor<'de> for Each<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element_seed(self.1.clone())? {
            all.push(one);
        }
        Ok(all)
    }
}

/// The field called `name`, of those that `whole` has and that were not `seen` yet.
///
/// # Errors
/// Says which fields there are.
pub(super) fn field<T: Copy + PartialEq, const N: usize>(
    whole: &str,
    fields: [(&str, T); N],
    seen: &mut Vec<T>,
    name: &str,
) -> Result<T, String> {
    let names = fields.map(|(name, _)| name);
    let Some((_, field)) = fields.into_iter().find(|(known, _)| *known == name) else {
        let hint = suggest::hint(name, names);
        return Err(format!("unknown field `{name}`{hint} ({whole} has {})", names.join(", ")));
    };
    if seen.contains(&field) {
        return Err(format!("the field `{name}` is there twice"));
    }
    seen.push(field);
    Ok(field)
}
