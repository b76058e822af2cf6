//! A store in memory that a test can hold, and that can fail.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::mini::PATIENCE;

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    inner: InMemory,
    /// Set while its disk is full.
    pub(crate) is_full: AtomicBool,
    held: Mutex<Option<Hook>>,
}

#[derive(Debug)]
struct Hook {
    suffix: &'static str,
    reached: oneshot::Sender<String>,
    go_on: oneshot::Receiver<()>,
}

/// An object that is written, and whose writer does not hear of it before it is let go on; when this is dropped, never.
pub(crate) struct Held {
    reached: oneshot::Receiver<String>,
    go_on: oneshot::Sender<()>,
}

impl Held {
    /// Waits until it is written; its name.
    pub(crate) async fn written(&mut self) -> Result<String> {
        Ok(timeout(PATIENCE, &mut self.reached).await.context("no such object is written")??)
    }

    pub(crate) fn go_on(self) {
        let _ = self.go_on.send(());
    }
}

impl Scripted {
    /// Holds the writer of the next object whose name ends so.
    pub(crate) fn hold(&self, suffix: &'static str) -> Held {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel();
        *self.held.lock().expect("no holder panics") = Some(Hook { suffix, reached, go_on: may_go_on });
        Held { reached: is_reached, go_on }
    }

    /// The bytes of an object.
    pub(crate) async fn bytes(&self, object: &str) -> Result<Vec<u8>> {
        Ok(self.inner.get(&Path::from(object)).await?.bytes().await?.to_vec())
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scripted store")
    }
}

#[async_trait]
impl ObjectStore for Scripted {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        if self.is_full.load(Ordering::SeqCst) {
            let source = Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
            return Err(object_store::Error::Generic { store: "scripted", source });
        }
        let put = self.inner.put_opts(at, payload, options).await?;
        let held = {
            let mut held = self.held.lock().expect("no holder panics");
            held.take_if(|hook| at.as_ref().ends_with(hook.suffix))
        };
        if let Some(hook) = held {
            let _ = hook.reached.send(at.to_string());
            if hook.go_on.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// An archive in such a store.
pub(crate) fn archive() -> (Arc<Scripted>, Arc<wattle_sync::Archive>) {
    let store = Arc::new(Scripted::default());
    (store.clone(), crate::at_once(wattle_sync::Archive::of_store(store)))
}
