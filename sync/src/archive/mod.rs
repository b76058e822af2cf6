//! The archive: a copy of every change of both lanes, in a folder or an object store.
//!
//! # What it guarantees
//!
//! * Every change of the stream comes to be in exactly one file. Where a file ends is stored before it is written, its
//!   name is its range, and what is in it comes from the stream alone: after a crash the same file is written again,
//!   over itself. Two writers of a range write the same bytes.
//! * A file counts once its manifest is there, which is written after it. Objects appear whole or not at all, and in a
//!   folder they are on the disk, with their names, before the mark moves.
//! * Keys and positions, never values.
//!
//! # What it assumes
//!
//! That one target writes to a place. A target that was set back, or another one with a tenant of the same name,
//! gives out the same positions again; their files would replace each other, or overlap, which a reader finds.
//!
//! # How it fails
//!
//! [`ArchiveError::class`] decides. Nothing waits for the archive but the trimming of the stream: when it cannot be
//! written the source's state says so, capture and consumer go on, and it catches up by itself.

mod archiver;
mod cut;
mod error;
mod file;
mod name;
pub mod reader;

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};

pub(crate) use archiver::run;
pub use error::ArchiveError;
pub use file::{ArchivedChange, Manifest};
pub use name::FileId;

/// Changes of one file: a few megabytes of lines that compress to a few hundred kilobytes, so that a file is built and
/// read in memory. A file holds whole rows of the stream, which hold a thousand at most.
const MAX_FILE_LEN: i64 = 50_000;
/// Bytes of a file that are read: many times what the longest keys come to.
const MAX_FILE_BYTES: u64 = 128 << 20;
/// How old the oldest change that is not archived may become, unless told otherwise. At a file a minute a quiet day
/// has fewer than 1,500.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Requests, which the client gives 30 seconds each, are repeated a little where they are made; the loop goes on from there, and says why it waits.
const REQUEST_RETRIES: usize = 2;
/// How long they are repeated at most.
const REQUEST_RETRY_TIME: Duration = Duration::from_secs(15);

/// A place for files.
pub struct Archive {
    place: Place,
    /// Without credentials, for people.
    shown: String,
    interval: Duration,
}

enum Place {
    /// Looked at afresh each time: folders come and go with the disks that they are on.
    Folder(PathBuf),
    Store {
        store: Arc<dyn ObjectStore>,
        prefix: Path,
    },
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({})", self.shown)
    }
}

impl Archive {
    /// The archive at an address: a folder (a path, or `file:///…`), `s3://bucket/prefix`, `gs://bucket/prefix` or
    /// `az://container/prefix`. Credentials, regions and endpoints come from the environment, as the stores' own tools
    /// have them (`AWS_…`, `GOOGLE_…`, `AZURE_…`). Touches nothing yet: whether the place can be used shows when it is.
    pub fn open(url: &str) -> Result<Self, ArchiveError> {
        Self::open_with(url, &[])
    }

    /// The same, with variables that go before those of the environment.
    pub fn open_with(url: &str, variables: &[(&str, &str)]) -> Result<Self, ArchiveError> {
        let Some((scheme, rest)) = url.split_once("://") else { return Self::folder(url) };
        if scheme == "file" {
            return match rest.starts_with('/') {
                true => Self::folder(rest),
                false => Err(unreadable("names another machine", "write it as file:///FOLDER")),
            };
        }
        // Whatever is written there by mistake is not repeated in a message.
        if rest.contains(['@', '?', '#']) {
            let what = "holds more than a name and a prefix";
            return Err(unreadable(what, "leave credentials and options to the environment"));
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(unreadable("names no bucket", "write it as s3://BUCKET/PREFIX"));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| {
            unreadable(&format!("has no prefix: {error}"), "write it as s3://BUCKET/PREFIX")
        })?;
        let store = store(scheme, name, variables)?;
        Ok(Self { place: Place::Store { store, prefix }, shown: url.to_owned(), interval: DEFAULT_INTERVAL })
    }

    /// The archive in a store that the caller has made, at its root.
    pub fn of_store(store: Arc<dyn ObjectStore>) -> Self {
        let shown = store.to_string();
        Self { place: Place::Store { store, prefix: Path::default() }, shown, interval: DEFAULT_INTERVAL }
    }

    /// The same archive, with another age that a change may reach before its file is written.
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    fn folder(path: &str) -> Result<Self, ArchiveError> {
        if path.is_empty() {
            return Err(unreadable("is empty", "write a folder, s3://…, gs://… or az://…, or \"none\""));
        }
        let path = std::path::absolute(path)
            .map_err(|error| unreadable(&format!("is no folder: {error}"), "write a path"))?;
        let shown = path.display().to_string();
        Ok(Self { place: Place::Folder(path), shown, interval: DEFAULT_INTERVAL })
    }

    /// Where it is, for people: without credentials.
    pub fn place(&self) -> &str {
        &self.shown
    }

    /// The store, and where in it we are. A folder must be there.
    fn store(&self) -> Result<(Arc<dyn ObjectStore>, Path), ArchiveError> {
        match &self.place {
            Place::Store { store, prefix } => Ok((store.clone(), prefix.clone())),
            Place::Folder(path) => {
                let store = LocalFileSystem::new_with_prefix(path).map_err(|error| {
                    ArchiveError::of_store(&self.shown, "opening the folder".into(), error)
                })?;
                // A mark that has moved must not be ahead of the disk.
                Ok((Arc::new(store.with_fsync(true)), Path::default()))
            }
        }
    }

    /// Stores an object, whole or not at all, over what is there.
    async fn put(&self, object: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        if let Place::Folder(path) = &self.place {
            create_for_this_user(path)?;
        }
        let (store, prefix) = self.store()?;
        let put = store.put(&within(&prefix, object), bytes.into()).await;
        put.map(|_| ())
            .map_err(|error| ArchiveError::of_store(&self.shown, format!("writing {object}"), error))
    }

    /// Reads an object of up to `max` bytes; nothing when it is not there.
    async fn get(&self, object: &str, max: u64) -> Result<Option<Bytes>, ArchiveError> {
        let failed = |error| ArchiveError::of_store(&self.shown, format!("reading {object}"), error);
        let (store, prefix) = self.store()?;
        let found = match store.get(&within(&prefix, object)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        if found.meta.size > max {
            let what = format!("it has {} bytes, and at most {max} are read", found.meta.size);
            return Err(ArchiveError::Damaged { object: object.to_owned(), what });
        }
        Ok(Some(found.bytes().await.map_err(failed)?))
    }

    /// The last parts of the names of all objects in a folder of the archive.
    async fn list(&self, folder: &str, mut each: impl FnMut(&str)) -> Result<(), ArchiveError> {
        let (store, prefix) = self.store()?;
        let place = within(&prefix, folder);
        let mut objects = store.list(Some(&place));
        loop {
            match objects.try_next().await {
                Ok(Some(object)) => object.location.filename().into_iter().for_each(&mut each),
                Ok(None) => return Ok(()),
                Err(error) => {
                    // Of a list that is refused a store's client says so in words only; of an object, by kind.
                    use object_store::Error::{PermissionDenied, Unauthenticated};
                    let error = match store.head(&place).await {
                        Err(refused @ (PermissionDenied { .. } | Unauthenticated { .. })) => refused,
                        _ => error,
                    };
                    return Err(ArchiveError::of_store(&self.shown, format!("listing {folder}"), error));
                }
            }
        }
    }
}

fn within(prefix: &Path, object: &str) -> Path {
    object.split('/').fold(prefix.clone(), |path, part| path.join(part))
}

fn unreadable(what: &str, fix: &str) -> ArchiveError {
    ArchiveError::config(format!("the archive's address {what}"), fix)
}

/// A client of an object store, set up as the environment says.
fn store(scheme: &str, name: &str, variables: &[(&str, &str)]) -> Result<Arc<dyn ObjectStore>, ArchiveError> {
    let retry = RetryConfig {
        max_retries: REQUEST_RETRIES,
        retry_timeout: REQUEST_RETRY_TIME,
        ..RetryConfig::default()
    };
    macro_rules! built {
        ($builder:expr, $named:ident) => {{
            let builder = variables.iter().fold($builder, |builder, (key, value)| {
                match key.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, *value),
                    Err(_) => builder,
                }
            });
            builder
                .$named(name)
                .with_retry(retry)
                .build()
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        }};
    }
    let built = match scheme {
        "s3" => built!(AmazonS3Builder::from_env(), with_bucket_name),
        "gs" => built!(GoogleCloudStorageBuilder::from_env(), with_bucket_name),
        "az" => built!(MicrosoftAzureBuilder::from_env(), with_container_name),
        _ => {
            let what = format!("begins with {scheme}://, which is no store that Wattle knows");
            return Err(unreadable(&what, "write a folder, s3://…, gs://… or az://…, or \"none\""));
        }
    };
    built.map_err(|error| {
        ArchiveError::config(
            format!("the archive's store cannot be set up: {error}"),
            "set the variables that it needs: AWS_…, GOOGLE_… or AZURE_…",
        )
    })
}

/// Makes a folder, if it is not there, for this user alone: keys can be names of people.
fn create_for_this_user(path: &FilePath) -> Result<(), ArchiveError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| {
        let place = path.display().to_string();
        let cause = object_store::Error::Generic { store: "folder", source: Box::new(error) };
        ArchiveError::of_store(&place, "making the folder".into(), cause)
    })
}

#[cfg(test)]
mod tests;
