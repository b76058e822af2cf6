//! Keeps the target in step with a source.
//!
//! Four loops per source, under one lease: **capture** appends what the source's log says to the durable stream and
//! only then acknowledges it; the **consumer** takes batches of the stream, reads the affected records again from one
//! fenced snapshot, and applies them in one target transaction together with its marker; **jobs** append touches,
//! page by page, for hydration and repair; the **archiver** copies the stream to an object store. A dead target costs our disk, never the retailer's; a dead source costs
//! freshness, never data.
//!
//! # What it guarantees
//!
//! * A record is in the target if and only if its fetch finds it and every owner is present. Whatever is killed,
//!   repeated or delivered out of order, the same rows result.
//! * The marker moves by compare-and-set on its old value and the lease's token, in the transaction that holds the
//!   records: a consumer that lost its lease changes nothing.
//! * Snapshots are applied in the order they were opened. Any retry discards what was prefetched.
//!
//! # What it assumes
//!
//! That the adapter keeps its contract (`wattle_core::SourceAdapter`), above all the fence.
//!
//! # How it fails
//!
//! [`SyncError::class`] decides, once: transient errors back off without limit and are shown as waiting; config errors
//! pause the source, say what to fix and go on by themselves when it is fixed; a broken invariant stops the tenant.

mod appetite;
mod apply;
pub mod archive;
mod backoff;
mod batch;
mod capture;
mod consume;
mod error;
mod freshness;
mod guard;
mod jobs;
mod keeper;
mod lease;
pub mod metrics;
pub mod operate;
mod paused;
mod progress;
mod runner;
pub mod status;
mod store;

pub use archive::{Archive, ArchiveError};
pub use error::SyncError;
pub use jobs::{
    EntityReport, JobKind, JobState, ReplayDays, ReplayPreview, Report, RewindPreview, RewindRange, RewindTo,
    preview_replay, preview_rewind, request_hydration, request_reconcile, request_replay, request_retry,
    request_rewind, rewind_range,
};
pub use metrics::Metrics;
pub use runner::{SourceRunner, Until};
pub use store::jobs::JobView;
pub use store::stream::Lane;
