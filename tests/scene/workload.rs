//! A sample retailer at work, whichever it is.

use anyhow::Result;
use wattle_sample::World;
use wattle_testbed::eventually;

use super::{PATIENCE, Retailer};

/// A retailer at work.
pub(crate) enum Workload {
    Correa(wattle_correa::Workload),
    Dianella(wattle_dianella::Workload),
    Banksia(wattle_banksia::Workload),
    Acacia(Box<wattle_acacia::Workload>),
}

impl Workload {
    pub(crate) async fn open(retailer: &Retailer) -> Result<Self> {
        let url = retailer.url();
        Ok(match retailer {
            Retailer::Correa { .. } => Self::Correa(wattle_correa::Workload::open(&url).await?),
            Retailer::Dianella(_) => Self::Dianella(wattle_dianella::Workload::open(&url).await?),
            Retailer::Banksia { .. } => Self::Banksia(wattle_banksia::Workload::open(&url).await?),
            Retailer::Acacia { .. } => Self::Acacia(Box::new(wattle_acacia::Workload::open(&url).await?)),
        })
    }

    pub(crate) fn world(&self) -> &World {
        match self {
            Self::Correa(workload) => workload.world(),
            Self::Dianella(workload) => workload.world(),
            Self::Banksia(workload) => workload.world(),
            Self::Acacia(workload) => workload.world(),
        }
    }

    /// Does the next thing; an error that another try may mend is within.
    async fn step(&mut self) -> Result<Result<()>> {
        macro_rules! step {
            ($workload:expr) => {
                match $workload.step().await {
                    Ok(_) => Ok(Ok(())),
                    Err(error) if error.is_transient() => Ok(Err(error.into())),
                    Err(error) => Err(error.into()),
                }
            };
        }
        match self {
            Self::Correa(workload) => step!(workload),
            Self::Dianella(workload) => step!(workload),
            Self::Banksia(workload) => step!(workload),
            Self::Acacia(workload) => step!(workload),
        }
    }
}

/// Lets the retailer work, through any restart of its server.
pub(crate) async fn work(workload: &mut Workload, steps: u64) -> Result<()> {
    for _ in 0..steps {
        eventually(PATIENCE, async || match workload.step().await {
            Ok(done) => done.map(|()| Ok(())),
            Err(error) => Ok(Err(error)),
        })
        .await??;
    }
    Ok(())
}
