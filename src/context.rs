//! What most verbs begin with: the settings, the registry, a tenant and its sources.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use wattle_core::{ErrorClass, SourceAdapter, SourceError, TenantId};
use wattle_sync::SyncError;
use wattle_tenants::{Source, Tenant, TenantError, Tenants};

use crate::adapters;
use crate::settings::Settings;

/// The registry, as the running processes see it.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) tenants: Tenants,
}

/// One source with its adapter.
pub(crate) struct SourceAndAdapter {
    pub(crate) source: Source,
    pub(crate) adapter: Arc<dyn SourceAdapter>,
}

impl Context {
    pub(crate) async fn open(config: &Path) -> anyhow::Result<Self> {
        let settings = Settings::read(config)?;
        let tenants = Tenants::connect(&settings.target, settings.secrets()?).await?;
        Ok(Self { settings, tenants })
    }

    pub(crate) async fn tenant(&self, id: &TenantId) -> anyhow::Result<Arc<Tenant>> {
        match self.tenants.tenant(id).await? {
            Some(tenant) => Ok(tenant),
            None => bail!(
                "there is no tenant {id}: `wattle tenant list` shows those there are, `wattle tenant add` onboards one"
            ),
        }
    }

    /// A tenant's sources, each with its adapter.
    pub(crate) async fn sources(&self, tenant: &Tenant) -> anyhow::Result<Vec<SourceAndAdapter>> {
        let sources = self.tenants.sources(tenant).await?;
        if sources.is_empty() {
            return Err(no_source(&tenant.id));
        }
        sources
            .into_iter()
            .map(|source| {
                let adapter = adapters::build(&source)
                    .with_context(|| format!("source {} of tenant {}", source.system, source.tenant))?;
                Ok(SourceAndAdapter { source, adapter })
            })
            .collect()
    }
}

/// What a verb says that was asked to do something with a tenant's sources, when it has none.
pub(crate) fn no_source(tenant: &TenantId) -> anyhow::Error {
    anyhow!("tenant {tenant} has no source: add one with `wattle tenant add {tenant} --adapter … --source …`")
}

/// Between two tries of something that a server which is down keeps from being done.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Does what a long-running verb begins with, waiting for servers that are down; all other errors are returned.
pub(crate) async fn patiently<T>(what: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut said = false;
    loop {
        match what().await {
            Err(error) if class(&error) == Some(ErrorClass::Transient) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(reason = wattle_core::explain(error.as_ref()), "waiting");
                }
                tokio::time::sleep(TRY_EVERY).await;
            }
            done => return done,
        }
    }
}

fn class(error: &anyhow::Error) -> Option<ErrorClass> {
    error.chain().find_map(|cause| {
        let tenant = cause.downcast_ref::<TenantError>().map(TenantError::class);
        let sync = || cause.downcast_ref::<SyncError>().map(SyncError::class);
        let source = || cause.downcast_ref::<SourceError>().map(SourceError::class);
        tenant.or_else(sync).or_else(source)
    })
}
