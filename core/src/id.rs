//! Typed names and ids, so that no bare string or number crosses a crate boundary.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {what} name: use 2 to 30 of a-z, 0-9 and _, beginning with a letter")]
pub struct IdError {
    what: &'static str,
    given: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Takes a name of 2 to 30 characters of `a-z`, `0-9` and `_` that begins with a letter: it becomes part
            /// of schema, role and path names.
            pub fn parse(name: &str) -> Result<Self, IdError> {
                let fits = (2..=30).contains(&name.len())
                    && name.starts_with(|c: char| c.is_ascii_lowercase())
                    && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                if fits { Ok(Self(name.to_owned())) } else { Err(IdError { what: $what, given: name.to_owned() }) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = IdError;
            fn from_str(name: &str) -> Result<Self, IdError> {
                Self::parse(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = IdError;
            fn try_from(name: String) -> Result<Self, IdError> {
                Self::parse(&name)
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> String {
                id.0
            }
        }
    };
}

name!(
    /// A retailer brand.
    TenantId, "tenant"
);
name!(
    /// One database of a tenant. Keys mean nothing outside it.
    SourceSystem, "source"
);

/// A node of one [`EntityGraph`](crate::EntityGraph): an index into it, meaningless in any other and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u16);

impl NodeId {
    /// The index, for tables that run parallel to the graph's nodes.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A path of one [`EntityGraph`](crate::EntityGraph), likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub(crate) u16);

impl PathId {
    /// The index, for tables that run parallel to the graph's paths.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_break_out_of_an_identifier_are_refused() {
        for bad in ["", "a", "Correa", "1abc", "a-b", "a b", "a\"b", "a;drop", &"a".repeat(31)] {
            assert!(TenantId::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(TenantId::parse("correa_2").unwrap().as_str(), "correa_2");
    }
}
