//! The embedded target: a file for each tenant, which holds its row of the registry too.

use std::path::Path;

use sea_orm::sqlx::sqlite::SqlitePoolOptions;
use sea_orm::{DatabaseConnection, EntityTrait, SqlxSqliteConnector};
use wattle_core::TenantId;
use wattle_migrations::entity::tenant;

use super::{
    NewTenant, no_tenant, require_fit, require_same_secret, require_same_secret_as_before, require_schema,
    write_tenant,
};
use crate::session::Lock;
use crate::target::{Folder, file_error};
use crate::{Secrets, TenantError};

/// Makes the folder, and brings every file in it up to date.
pub(super) async fn migrate(folder: &Folder, secrets: &Secrets) -> Result<usize, TenantError> {
    folder.create()?;
    let mut applied = 0;
    for id in folder.tenants()? {
        let path = folder.file(&id);
        let file = opened(&path);
        let migrated = async {
            require_same_secret_as_before(&file, secrets).await?;
            Ok(wattle_migrations::migrate(&file).await?)
        };
        let migrated = migrated.await;
        file.close().await?;
        applied += migrated.map_err(|error| match error {
            TenantError::Database(error) => file_error(&path, error),
            other => other,
        })?;
    }
    Ok(applied)
}

/// Makes the tenant's file, or sets its row right.
pub(super) async fn add_tenant(
    folder: &Folder,
    new: NewTenant,
    secrets: &Secrets,
) -> Result<(), TenantError> {
    folder.require()?;
    let Some(_lock) = Lock::file(&folder.path().join("admin.lock"))? else {
        return Err(TenantError::config(
            format!("another `wattle tenant add` is at work in {}", folder.path().display()),
            "run this again when it is done",
        ));
    };
    let mut rows = Vec::new();
    for id in folder.tenants()? {
        rows.extend(known(folder, &id).await?);
    }
    require_same_secret(&rows, secrets)?;
    require_fit(&new, &rows)?;

    let path = folder.file(&new.id);
    if path.exists() {
        let file = opened(&path);
        let written = async {
            require_schema(&file).await?;
            write_tenant(&file, new, None, secrets).await
        };
        let written = written.await;
        file.close().await?;
        return written;
    }
    // Under another name until it is whole: the running processes take up whatever file has a tenant's name.
    let unfinished = path.with_extension("new");
    remove_if_there(&unfinished)?;
    let options = Folder::options(&unfinished).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
    let file = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    wattle_migrations::migrate(&file).await.map_err(|error| file_error(&unfinished, error))?;
    write_tenant(&file, new, None, secrets).await?;
    file.close().await?;
    std::fs::rename(&unfinished, &path).map_err(|error| folder.unusable(&error))
}

/// The tenant's file, which must be there.
pub(super) async fn open(folder: &Folder, tenant: &TenantId) -> Result<DatabaseConnection, TenantError> {
    let path = folder.file(tenant);
    if !path.exists() {
        return Err(no_tenant(tenant));
    }
    Ok(opened(&path))
}

fn opened(path: &Path) -> DatabaseConnection {
    let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(Folder::options(path));
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

/// The row of the registry that a tenant's file holds.
async fn known(folder: &Folder, id: &TenantId) -> Result<Option<tenant::Model>, TenantError> {
    let path = folder.file(id);
    let file = opened(&path);
    let row = tenant::Entity::find_by_id(id.as_str()).one(&file).await;
    file.close().await?;
    row.map_err(|error| file_error(&path, error))
}

fn remove_if_there(path: &Path) -> Result<(), TenantError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TenantError::config(
            format!("{} cannot be removed: {error}", path.display()),
            "remove it, or give the folder to this user",
        )),
        _ => Ok(()),
    }
}
