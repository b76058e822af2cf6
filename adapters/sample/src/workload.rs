//! Mutations applied to a sample database, one transaction each.

use std::collections::HashMap;

use crate::mutation::{Mutation, MutationKind};
use crate::world::{World, WorldConfig};

/// How far the making of a sample database has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table being loaded, or what else is being done.
    pub stage: &'static str,
    /// Rows loaded so far, over all tables.
    pub row_count: u64,
}

/// A session with a sample retailer's database, which stores what its World was made from and how many mutations it
/// has gone through.
pub trait Session: Sized + Send {
    /// What can go wrong.
    type Error: Send;

    /// Connects to the database at an address.
    fn connect(address: &str) -> impl Future<Output = Result<Self, Self::Error>> + Send;

    /// Whether the session can still be used.
    fn is_open(&self) -> bool;

    /// What the World in the database was made from.
    fn config(&mut self) -> impl Future<Output = Result<WorldConfig, Self::Error>> + Send;

    /// How many mutations the database has gone through.
    fn mutation_count(&mut self) -> impl Future<Output = Result<u64, Self::Error>> + Send;

    /// The names of the kinds that were asked for rather than drawn, by the numbers of their mutations, from `first` on.
    fn asked_kinds(
        &mut self,
        first: u64,
    ) -> impl Future<Output = Result<HashMap<u64, String>, Self::Error>> + Send;

    /// Runs the transaction of a mutation that was drafted on this World, counts it, and notes the kind that was asked
    /// for. Returns how many rows it wrote.
    ///
    /// The count makes sure that no mutation is done twice. After a failure the session is dropped; it may be in the
    /// middle of a transaction, or the transaction may have been committed all the same.
    fn run(
        &mut self,
        world: &World,
        mutation: &Mutation,
        asked: Option<MutationKind>,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

impl WorldConfig {
    /// The configuration that a sample database stores, column by column; nothing if somebody has tampered with it.
    pub fn from_stored(seed: &str, customers: i64, today: &str, months: i64) -> Option<Self> {
        Some(Self {
            seed: seed.parse().ok()?,
            customers: u32::try_from(customers).ok()?,
            today: today.parse().ok()?,
            months: u32::try_from(months).ok()?,
        })
    }
}

/// The World in a sample database, and the mutations that happen to it.
///
/// The database counts the mutations it has gone through in the transactions that apply them, so a workload can stop
/// or be killed at any moment and go on later from another process. Two workloads on one database take turns: one of
/// them is told that it was overtaken and may try again.
pub struct Workload<S> {
    address: String,
    world: World,
    session: Option<S>,
    /// The mutation that failed last, which may have been committed all the same.
    unsure: Option<Step>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The mutation's number.
    pub index: u64,
    /// What happened.
    pub kind: MutationKind,
    /// Whether it was executed and rolled back.
    pub rolled_back: bool,
    /// Rows written, other than by cascades of foreign keys. Zero where the answer of the commit was lost.
    pub row_count: u64,
}

impl<S: Session> Workload<S> {
    /// Opens a sample database and works its World out from what is stored there, which takes some fifteen seconds for
    /// each million of mutations.
    ///
    /// # Errors
    /// That the database holds no sample, or one of another version of the World, or whatever the database says.
    pub async fn open(address: &str) -> Result<Self, S::Error> {
        let mut session = S::connect(address).await?;
        let world = World::new(session.config().await?);
        let mut workload = Self { address: address.to_owned(), world, session: None, unsure: None };
        workload.catch_up(&mut session).await?;
        workload.session = Some(session);
        Ok(workload)
    }

    /// The World as the database has it, so long as the last step succeeded and no other workload is running.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Applies the next mutation.
    ///
    /// # Errors
    /// After an error that is transient, call it again: it connects anew and first finds out whether the mutation was
    /// committed, so that none is done twice and none left out.
    pub async fn step(&mut self) -> Result<Step, S::Error> {
        self.run(None).await
    }

    /// Applies the next mutation, which is to be of this kind. It is noise if the World has nothing to do the kind on.
    ///
    /// # Errors
    /// As for [`Workload::step`].
    pub async fn step_kind(&mut self, kind: MutationKind) -> Result<Step, S::Error> {
        self.run(Some(kind)).await
    }

    async fn run(&mut self, asked: Option<MutationKind>) -> Result<Step, S::Error> {
        let mut session = match self.session.take() {
            Some(session) if session.is_open() => session,
            _ => {
                let mut session = S::connect(&self.address).await?;
                self.catch_up(&mut session).await?;
                session
            }
        };
        if let Some(unsure) = self.unsure.take()
            && unsure.index < self.world.mutation_count()
        {
            self.session = Some(session);
            return Ok(unsure);
        }
        let mutation = asked.map_or_else(|| self.world.draft(), |kind| self.world.draft_kind(kind));
        let Mutation { index, kind, rolled_back, .. } = mutation;
        let mut step = Step { index, kind, rolled_back, row_count: 0 };
        self.unsure = Some(step);
        // On failure the session is dropped.
        step.row_count = session.run(&self.world, &mutation, asked).await?;
        self.unsure = None;
        self.world.apply(&mutation);
        self.session = Some(session);
        Ok(step)
    }

    /// Lets happen to the World what has happened to the database.
    async fn catch_up(&mut self, session: &mut S) -> Result<(), S::Error> {
        let done = session.mutation_count().await?;
        let known = self.world.mutation_count();
        let asked = session.asked_kinds(known).await?;
        for index in known..done {
            match asked.get(&index).and_then(|name| MutationKind::from_name(name)) {
                Some(kind) => self.world.mutate_kind(kind),
                None => self.world.mutate(),
            };
        }
        Ok(())
    }
}
