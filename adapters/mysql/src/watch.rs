//! Looks again and again at what the log does not say: whether it is still the same log, and still says everything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wattle_core::{ErrorClass, SourceError};

use crate::position::Identity;
use crate::{Inner, check, identity_mismatch, server};

/// How often: a handful of small queries on a connection of their own. Between a mistake at the source and the pause,
/// what is served may be this old.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Looks for as long as it is held.
pub(crate) struct Watch {
    failed: Option<oneshot::Receiver<SourceError>>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(crate) fn start(inner: Arc<Inner>, identity: Identity, reached: Arc<Mutex<(u64, u64)>>) -> Self {
        let (tell, failed) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                match look(&inner, &identity, &reached).await {
                    // The stream goes on; if the source is really gone, it says so.
                    Err(error) if error.class() != ErrorClass::Transient => {
                        let _ = tell.send(error);
                        return;
                    }
                    Err(SourceError::Behind { what }) => {
                        // Started again, the feed tells that its position is lost.
                        let _ = tell.send(SourceError::Unavailable { what, cause: None });
                        return;
                    }
                    Ok(()) | Err(_) => {}
                }
            }
        });
        Self { failed: Some(failed), task }
    }

    /// What is wrong, once something is. A caller that gives up waiting has lost nothing.
    pub(crate) async fn failed(&mut self) -> SourceError {
        if let Some(failed) = &mut self.failed
            && let Ok(error) = failed.await
        {
            self.failed = None;
            return error;
        }
        std::future::pending().await
    }
}

async fn look(inner: &Inner, identity: &Identity, reached: &Mutex<(u64, u64)>) -> Result<(), SourceError> {
    let session = inner.connector.connect().await?;
    if session.identity() != identity {
        return Err(identity_mismatch(identity, session.identity()));
    }
    let heard = *reached.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut session, _) = check::require_heard(inner, session).await?;
    let end = server::end_of_log(&mut session).await?;
    if end.place() < heard {
        let what = format!(
            "the server's binlog ends at {} in {}, before what was heard of it",
            end.offset, end.file
        );
        return Err(SourceError::Behind { what });
    }
    Ok(())
}
