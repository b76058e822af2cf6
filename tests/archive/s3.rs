//! A server that speaks S3, on a free port of this machine, with a folder behind it.

use anyhow::{Context, Result};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "wattle-archive";
const KEY: &str = "key-of-the-tests";
const SECRET: &str = "secret-of-the-tests";

/// A running server. It ends with its handle.
pub(crate) struct S3 {
    endpoint: String,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl S3 {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join(BUCKET))?;
        let files = FileSystem::new(folder.path()).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    // A client that goes away is no failure of the server.
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(connection), service)
                        .await;
                });
            }
        });
        Ok(Self { endpoint, serving, _folder: folder })
    }

    /// What an operator would set in the environment.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "ap-southeast-2"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ]
    }

    /// An address within the bucket.
    pub(crate) fn url(prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The server means it, so that the other tests mean something; and whoever is refused is told so, without the secret.
#[tokio::test]
async fn the_server_checks_signatures() -> Result<()> {
    let server = S3::start().await?;
    let mut variables = server.variables();
    variables[4].1 = "a wrong one";
    let archive = wattle_sync::archive::Archive::open_with(&S3::url("x"), &variables)?;
    let read = crate::reader(&std::sync::Arc::new(archive)).await;
    let error = read.err().context("a wrong secret was taken")?;
    let error = error.downcast::<wattle_sync::ArchiveError>()?;
    anyhow::ensure!(error.class() == wattle_core::ErrorClass::Config, "{error:?}");
    anyhow::ensure!(!format!("{error:?}").contains("a wrong one"), "{error:?}");
    Ok(())
}
