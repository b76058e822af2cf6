//! Sessions in which mutations are applied to a sample database.

use std::collections::HashMap;

use tokio_postgres::{Client, SimpleQueryMessage};
use wattle_sample::{Mutation, MutationKind, World, WorldConfig};

use crate::connect;
use crate::error::Error;
use crate::statement::statements;

/// A session with a sample database of Correa's.
pub struct Session {
    client: Client,
}

impl wattle_sample::Session for Session {
    type Error = Error;

    async fn connect(url: &str) -> Result<Self, Error> {
        Ok(Self { client: connect(url).await? })
    }

    fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    async fn config(&mut self) -> Result<WorldConfig, Error> {
        let found = "select to_regclass('wattle_sample.state') is not null";
        if !self.client.query_one(found, &[]).await?.get::<_, bool>(0) {
            return Err(Error::NoSample);
        }
        let state = "select version, seed, customers, today::text, months from wattle_sample.state";
        let Some(row) = self.client.query_opt(state, &[]).await? else { return Err(Error::NoSample) };
        let found: i32 = row.get(0);
        if u32::try_from(found) != Ok(wattle_sample::VERSION) {
            return Err(Error::OtherVersion { found });
        }
        WorldConfig::from_stored(row.get(1), row.get(2), row.get(3), row.get(4)).ok_or(Error::NoSample)
    }

    async fn mutation_count(&mut self) -> Result<u64, Error> {
        let count = "select mutations from wattle_sample.state";
        let count: i64 = self.client.query_one(count, &[]).await?.get(0);
        Ok(count as u64)
    }

    async fn asked_kinds(&mut self, first: u64) -> Result<HashMap<u64, String>, Error> {
        let asked = "select mutation, kind from wattle_sample.asked_kind where mutation >= $1";
        let rows = self.client.query(asked, &[&(first as i64)]).await?;
        Ok(rows.iter().map(|row| (row.get::<_, i64>(0) as u64, row.get(1))).collect())
    }

    async fn run(
        &mut self,
        world: &World,
        mutation: &Mutation,
        asked: Option<MutationKind>,
    ) -> Result<u64, Error> {
        let answers = self.client.simple_query(&transaction(world, mutation, asked)).await?;
        let row_count = |answer: &SimpleQueryMessage| match answer {
            SimpleQueryMessage::CommandComplete(row_count) => *row_count,
            _ => 0,
        };
        Ok(answers.iter().map(row_count).sum())
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
