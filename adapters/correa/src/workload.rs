//! Mutations applied to a sample database, one transaction each.

use std::collections::HashMap;

use tokio_postgres::{Client, SimpleQueryMessage};
use wattle_sample::{Mutation, MutationKind, World, WorldConfig};

use crate::connect;
use crate::error::Error;
use crate::statement::statements;

/// The World in a sample database, and the mutations that happen to it.
///
/// The database counts the mutations it has gone through in the transactions that apply them, so a workload can stop
/// or be killed at any moment and go on later from another process. Two workloads on one database take turns: one of
/// them is told [`Error::Overtaken`] and may try again.
pub struct Workload {
    url: String,
    world: World,
    client: Option<Client>,
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

impl Workload {
    /// Opens a sample database and works its World out from what is stored there, which takes some fifteen seconds for
    /// each million of mutations.
    ///
    /// # Errors
    /// [`Error::NoSample`], [`Error::OtherVersion`], or whatever PostgreSQL says.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let client = connect(url).await?;
        let config = stored_config(&client).await?;
        let mut workload =
            Self { url: url.to_owned(), world: World::new(config), client: None, unsure: None };
        workload.catch_up(&client).await?;
        workload.client = Some(client);
        Ok(workload)
    }

    /// The World as the database has it, so long as the last step succeeded and no other workload is running.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Applies the next mutation.
    ///
    /// # Errors
    /// After an error that [is transient](Error::is_transient), call it again: it connects anew and first finds out
    /// whether the mutation was committed, so that none is done twice and none left out.
    pub async fn step(&mut self) -> Result<Step, Error> {
        self.run(None).await
    }

    /// Applies the next mutation, which is to be of this kind. It is noise if the World has nothing to do the kind on.
    ///
    /// # Errors
    /// As for [`Workload::step`].
    pub async fn step_kind(&mut self, kind: MutationKind) -> Result<Step, Error> {
        self.run(Some(kind)).await
    }

    async fn run(&mut self, asked: Option<MutationKind>) -> Result<Step, Error> {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => {
                let client = connect(&self.url).await?;
                self.catch_up(&client).await?;
                client
            }
        };
        if let Some(unsure) = self.unsure.take()
            && unsure.index < self.world.mutation_count()
        {
            self.client = Some(client);
            return Ok(unsure);
        }
        let mutation = asked.map_or_else(|| self.world.draft(), |kind| self.world.draft_kind(kind));
        let Mutation { index, kind, rolled_back, .. } = mutation;
        let mut step = Step { index, kind, rolled_back, row_count: 0 };
        self.unsure = Some(step);
        // On failure the client is dropped: its session may be in the middle of a transaction.
        let answers = client.simple_query(&transaction(&self.world, &mutation, asked)).await?;
        self.unsure = None;
        let row_count = |answer: &SimpleQueryMessage| match answer {
            SimpleQueryMessage::CommandComplete(row_count) => *row_count,
            _ => 0,
        };
        step.row_count = answers.iter().map(row_count).sum();
        self.world.apply(&mutation);
        self.client = Some(client);
        Ok(step)
    }

    /// Lets happen to the World what has happened to the database.
    async fn catch_up(&mut self, client: &Client) -> Result<(), Error> {
        let done: i64 = client.query_one("select mutations from wattle_sample.state", &[]).await?.get(0);
        let known = self.world.mutation_count() as i64;
        let asked = "select mutation, kind from wattle_sample.asked_kind where mutation >= $1";
        let rows = client.query(asked, &[&known]).await?;
        let asked: HashMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for index in known..done {
            match asked.get(&index).and_then(|name| MutationKind::from_name(name)) {
                Some(kind) => self.world.mutate_kind(kind),
                None => self.world.mutate(),
            };
        }
        Ok(())
    }
}

/// The text of a mutation's transaction, its count included. The count comes first, so that a session whose client has
/// gone away but which is still at work holds up whoever tries the same mutation again.
fn transaction(world: &World, mutation: &Mutation, asked: Option<MutationKind>) -> String {
    let statements = statements(world, mutation);
    let index = mutation.index;
    let advance = format!("call wattle_sample.advance({index});\n");
    let note = asked.map_or_else(String::new, |asked| {
        // What was asked for, which need not be what came of it. Written by a procedural block, lest it be counted
        // among the rows of the mutation.
        let insert = format!("insert into wattle_sample.asked_kind values ({index}, '{}')", asked.name());
        format!("do $$ begin {insert}; end $$;\n")
    });
    if mutation.rolled_back {
        format!("begin;\n{statements}rollback;\n{advance}")
    } else {
        format!("begin;\n{advance}{note}{statements}commit;\n")
    }
}

async fn stored_config(client: &Client) -> Result<WorldConfig, Error> {
    let found = client.query_one("select to_regclass('wattle_sample.state') is not null", &[]).await?;
    if !found.get::<_, bool>(0) {
        return Err(Error::NoSample);
    }
    let state = "select version, seed, customers, today::text, months from wattle_sample.state";
    let Some(row) = client.query_opt(state, &[]).await? else { return Err(Error::NoSample) };
    let found: i32 = row.get(0);
    if u32::try_from(found) != Ok(wattle_sample::VERSION) {
        return Err(Error::OtherVersion { found });
    }
    let (seed, today): (&str, &str) = (row.get(1), row.get(3));
    let (customers, months): (i64, i64) = (row.get(2), row.get(4));
    // What this crate has written it can read, unless somebody has tampered with it.
    let read = || {
        Some(WorldConfig {
            seed: seed.parse().ok()?,
            customers: u32::try_from(customers).ok()?,
            today: today.parse().ok()?,
            months: u32::try_from(months).ok()?,
        })
    };
    read().ok_or(Error::NoSample)
}
