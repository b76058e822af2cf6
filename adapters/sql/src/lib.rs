//! What all SQL adapters share: the pack, its query templates, and the way from rows to records.
//!
//! A [`Pack`] is a folder with `graph.toml`, `fetch/<entity>.sql` and `fetch/<entity>.<array path>.sql`. The column
//! alias is the mapping: a query says where each value goes by naming the CDR field's path. An engine expands a
//! [`Template`]'s placeholders in its own best way, runs the query, decodes each value exactly into a
//! [`SourceValue`], and hands the rows to [`Assembler`], which builds, checks and returns the records.
//!
//! Nothing here talks to a database. Mistakes in a pack are [`PackError`]s that name the file and what to write
//! instead; a value that breaks a rule of the CDR is a `RecordError` that names the record and the field, never the
//! value.

mod assemble;
mod findings;
mod join;
mod keys;
mod mapping;
mod pack;
mod template;
mod tls;
mod value;

pub use assemble::{Assembler, Row};
pub use findings::{Findings, words};
pub use join::{Join, path_join};
pub use keys::{Dialect, PageQuery, key_names, key_of, key_values, quote, spelled_out};
pub use mapping::Mapping;
pub use pack::{ArrayQuery, EntityQueries, Pack, PackError};
pub use template::Template;
pub use tls::{TlsMode, certificate_error, is_local_host};
pub use value::SourceValue;
