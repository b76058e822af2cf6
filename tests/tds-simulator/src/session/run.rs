//! Running a text: its steps, their transaction, what they lead to.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::Ordering;

use futures::TryStreamExt;
use tokio_postgres::types::Type;

use super::columns::{Bound, Raw, fill_up};
use super::serve::REQUESTS;
use super::{Outcome, Session, Transaction};
use crate::error::{Effect, SqlError};
use crate::translate::{self, Context, InsertColumns, Isolation, Statement, StatementKind, Step, Switch};
use crate::wire::{Request, SqlType, TransactionRequest, Value};

/// The variables of a text, by name.
pub(super) type Variables = HashMap<String, (SqlType, Value)>;

impl Session {
    /// Runs a text; the last outcome says what failed, if anything did.
    pub(crate) async fn run(&mut self, request: Request) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let context = Context { database: &self.database };
        let steps = match translate::steps(&request.text, context) {
            Ok(steps) => steps,
            Err(failure) => {
                self.failed(failure, &mut outcomes).await;
                return outcomes;
            }
        };
        if request.text.contains("dm_os_performance_counters")
            && let Err(failure) = self.hand_over_counter().await
        {
            self.failed(failure, &mut outcomes).await;
            return outcomes;
        }
        let mut variables = Variables::new();
        for parameter in request.parameters {
            variables.insert(parameter.name, (parameter.kind, parameter.value));
        }
        if let Err(failure) = self.steps(steps, &mut variables, &mut outcomes).await {
            self.failed(failure, &mut outcomes).await;
        }
        outcomes
    }

    async fn hand_over_counter(&self) -> Result<(), SqlError> {
        let set = format!("set wattle.batch_requests = '{}'", REQUESTS.load(Ordering::Relaxed));
        Ok(self.client.batch_execute(&set).await?)
    }

    /// Runs a step of a transaction that was asked for outside of any text.
    pub(crate) async fn run_transaction(&mut self, request: TransactionRequest) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let step = match request {
            TransactionRequest::Begin(level) => {
                self.isolation = match level {
                    1 | 2 => Isolation::ReadCommitted,
                    3 => Isolation::RepeatableRead,
                    4 => Isolation::Serializable,
                    5 => Isolation::Snapshot,
                    _ => self.isolation,
                };
                Step::Begin
            }
            TransactionRequest::Commit => Step::Commit,
            TransactionRequest::Rollback => Step::Rollback,
        };
        if let Err(failure) = self.steps(vec![step], &mut Variables::new(), &mut outcomes).await {
            self.failed(failure, &mut outcomes).await;
        }
        outcomes
    }

    /// Notes a failure, and rolls the transaction back if it takes it along.
    async fn failed(&mut self, failure: SqlError, outcomes: &mut Vec<Outcome>) {
        let takes_all = self.xact_abort == Switch::On || failure.effect == Effect::Transaction;
        outcomes.push(Outcome::Failed(failure));
        if takes_all && let Some(transaction) = self.transaction.take() {
            // The connection may be gone, and the transaction with it.
            if self.roll_back().await.is_ok() {
                outcomes.push(Outcome::RolledBack(transaction.descriptor));
            }
        }
    }

    async fn steps(
        &mut self,
        steps: Vec<Step>,
        variables: &mut Variables,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), SqlError> {
        for step in steps {
            match step {
                Step::If { condition, then, otherwise } => {
                    let chosen = match self.value(&condition, variables).await? {
                        Value::Bool(true) => then,
                        _ => otherwise,
                    };
                    Box::pin(self.steps(chosen, variables, outcomes)).await?;
                }
                step => self.step(step, variables, outcomes).await?,
            }
        }
        Ok(())
    }

    async fn step(
        &mut self,
        step: Step,
        variables: &mut Variables,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), SqlError> {
        let outcome = match step {
            Step::Run(statement) if self.showplan == Switch::On => {
                self.show_plan(&statement, variables).await?
            }
            Step::Run(statement) => self.statement(&statement, variables).await?,
            Step::Admin(statements) => {
                for sql in &statements {
                    self.guarded(sql).await?;
                }
                self.declared.clear();
                if statements.is_empty() {
                    return Ok(());
                }
                Outcome::Done
            }
            Step::Begin => self.begin().await?,
            Step::Commit => self.commit().await?,
            Step::Rollback => self.rollback().await?,
            Step::Isolation(level) => {
                self.set_isolation(level)?;
                Outcome::Done
            }
            Step::LockTimeout(timeout_ms) => {
                self.lock_timeout_ms = timeout_ms;
                self.apply_lock_timeout().await?;
                Outcome::Done
            }
            Step::XactAbort(switch) => {
                self.xact_abort = switch;
                Outcome::Done
            }
            Step::Showplan(switch) => {
                self.showplan = switch;
                Outcome::Done
            }
            Step::IdentityInsert(table, Switch::On) => {
                self.identity_insert = Some(table);
                Outcome::Done
            }
            Step::IdentityInsert(_, Switch::Off) => {
                self.identity_insert = None;
                Outcome::Done
            }
            Step::Nothing => Outcome::Done,
            Step::Declare { name, kind, value } => {
                let value = match value {
                    Some(value) => self.value(&value, variables).await?,
                    None => Value::Null,
                };
                variables.insert(name, (kind, value));
                return Ok(());
            }
            Step::Assign { name, value } => {
                let value = self.value(&value, variables).await?;
                match variables.get_mut(&name) {
                    Some(variable) => variable.1 = value,
                    None => return Err(undeclared(&name)),
                }
                return Ok(());
            }
            Step::Throw { number, message } => return Err(SqlError::new(number, message)),
            Step::Print(text) => Outcome::Print(text),
            Step::If { .. } => return Ok(()),
        };
        outcomes.push(outcome);
        Ok(())
    }

    async fn begin(&mut self) -> Result<Outcome, SqlError> {
        if let Some(transaction) = &mut self.transaction {
            transaction.depth += 1;
            return Ok(Outcome::Done);
        }
        let level = match self.isolation {
            Isolation::ReadCommitted => "read committed",
            Isolation::RepeatableRead | Isolation::Snapshot => "repeatable read",
            Isolation::Serializable => "serializable",
        };
        self.client.batch_execute(&format!("begin isolation level {level}")).await?;
        self.transaction_count += 1;
        let descriptor = self.transaction_count;
        self.transaction = Some(Transaction { descriptor, depth: 1, isolation: self.isolation });
        Ok(Outcome::Began(descriptor))
    }

    async fn commit(&mut self) -> Result<Outcome, SqlError> {
        let Some(transaction) = &mut self.transaction else {
            let message = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(SqlError::new(3902, message));
        };
        transaction.depth -= 1;
        if transaction.depth > 0 {
            return Ok(Outcome::Done);
        }
        let descriptor = transaction.descriptor;
        self.transaction = None;
        self.client.batch_execute("commit").await?;
        Ok(Outcome::Committed(descriptor))
    }

    async fn rollback(&mut self) -> Result<Outcome, SqlError> {
        let Some(transaction) = self.transaction.take() else {
            let message = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(SqlError::new(3903, message));
        };
        self.roll_back().await?;
        Ok(Outcome::RolledBack(transaction.descriptor))
    }

    async fn roll_back(&mut self) -> Result<(), SqlError> {
        self.client.batch_execute("rollback").await?;
        // A setting made in the transaction went with it.
        self.apply_lock_timeout().await
    }

    async fn apply_lock_timeout(&self) -> Result<(), SqlError> {
        // PostgreSQL's zero is no limit, SQL Server's is no wait.
        let timeout_ms = if self.lock_timeout_ms < 0 { 0 } else { self.lock_timeout_ms.max(1) };
        Ok(self.client.batch_execute(&format!("set lock_timeout = {timeout_ms}")).await?)
    }

    fn set_isolation(&mut self, level: Isolation) -> Result<(), SqlError> {
        if level == Isolation::Snapshot
            && self.transaction.is_some_and(|transaction| transaction.isolation != Isolation::Snapshot)
        {
            return Err(SqlError::new(
                3951,
                "Transaction failed in database because the statement was run under snapshot isolation but the \
                 transaction did not start in snapshot isolation.",
            )
            .with_effect(Effect::Transaction));
        }
        self.isolation = level;
        Ok(())
    }

    /// Snapshot isolation has to be allowed.
    async fn check_snapshot(&self) -> Result<(), SqlError> {
        let level = self.transaction.map_or(self.isolation, |transaction| transaction.isolation);
        if level != Isolation::Snapshot {
            return Ok(());
        }
        let row = self.client.query_one("select allow_snapshot_isolation from sys.settings", &[]).await?;
        if row.get(0) {
            return Ok(());
        }
        let message = format!(
            "Snapshot isolation transaction failed accessing database '{}' because snapshot isolation is not allowed \
             in this database. Use ALTER DATABASE to allow snapshot isolation.",
            self.database
        );
        Err(SqlError::new(3952, message).with_effect(Effect::Transaction))
    }

    /// Runs a statement without parameters; its failure leaves the transaction as it was.
    async fn guarded(&self, sql: &str) -> Result<(), SqlError> {
        let open = self.transaction.is_some();
        if open {
            self.client.batch_execute("savepoint statement").await?;
        }
        let result = self.client.batch_execute(sql).await;
        if open {
            self.end_guard(result.is_ok()).await?;
        }
        Ok(result?)
    }

    async fn end_guard(&self, succeeded: bool) -> Result<(), SqlError> {
        let end = if succeeded { "release savepoint statement" } else { "rollback to savepoint statement" };
        Ok(self.client.batch_execute(end).await?)
    }

    async fn statement(&mut self, statement: &Statement, variables: &Variables) -> Result<Outcome, SqlError> {
        let open = self.transaction.is_some();
        if open {
            self.client.batch_execute("savepoint statement").await?;
        }
        let result = self.unguarded(statement, variables).await;
        // After a deadlock or a lost connection there may be nothing to go back to: the first failure counts.
        if open
            && let Err(failure) = self.end_guard(result.is_ok()).await
            && result.is_ok()
        {
            return Err(failure);
        }
        match result {
            Err(failure) if failure.number == 22_105 => Err(self.missing_or_untracked(failure).await),
            result => result,
        }
    }

    /// A table without change tracking may not be there at all.
    async fn missing_or_untracked(&self, failure: SqlError) -> SqlError {
        let name = failure.message.split('\'').nth(1).unwrap_or_default().to_owned();
        let found = self.client.query_one("select sys.object_id($1::text::bpchar) is null", &[&name]).await;
        match found {
            Ok(row) if row.get(0) => SqlError::new(208, format!("Invalid object name '{name}'.")),
            _ => failure,
        }
    }

    async fn unguarded(&mut self, statement: &Statement, variables: &Variables) -> Result<Outcome, SqlError> {
        self.check_snapshot().await?;
        let mut sql = statement.sql.clone();
        let mut follow_up = None;
        if let StatementKind::Insert { table, columns: InsertColumns::All } = &statement.kind {
            sql = self.with_columns(sql, table).await?;
        }
        if let StatementKind::Insert { table, .. } = &statement.kind
            && self.identity_insert.as_ref() == Some(table)
        {
            sql = overriding(&sql);
            follow_up = Some(format!("select sys.raise_identity('{}')", table.replace('\'', "''")));
        }
        let (mut rows, prepared, count) = self.execute(&sql, statement, variables).await?;
        if let Some(follow_up) = follow_up {
            self.client.batch_execute(&follow_up).await?;
        }
        self.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        match statement.kind {
            StatementKind::Definition => {
                self.declared.clear();
                Ok(Outcome::Done)
            }
            StatementKind::Change | StatementKind::Insert { .. } if prepared.columns().is_empty() => {
                Ok(Outcome::Count(count))
            }
            StatementKind::Change | StatementKind::Insert { .. } | StatementKind::Query => {
                let columns = self.describe(prepared.columns(), statement.names.as_deref(), &rows).await?;
                fill_up(&columns, &mut rows);
                Ok(Outcome::Rows { columns, rows })
            }
        }
    }

    /// An insert into a table with an identity column, with the columns that it means.
    async fn with_columns(&self, sql: String, table: &str) -> Result<String, SqlError> {
        let row = self.client.query_one("select (select sys.columns_to_insert($1))", &[&table]).await?;
        let columns: Option<String> = row.get(0);
        Ok(match columns {
            Some(columns) => sql.replacen(table, &format!("{table} ({columns})"), 1),
            None => sql,
        })
    }

    /// The one value of a query.
    async fn value(&mut self, statement: &Statement, variables: &Variables) -> Result<Value, SqlError> {
        match self.statement(statement, variables).await? {
            Outcome::Rows { mut rows, .. } => {
                Ok(rows.pop().and_then(|mut row| row.pop()).unwrap_or(Value::Null))
            }
            _ => Ok(Value::Null),
        }
    }

    /// Runs SQL on PostgreSQL: rows, their columns, and how many rows were read or changed.
    async fn execute(
        &self,
        sql: &str,
        statement: &Statement,
        variables: &Variables,
    ) -> Result<(Vec<Vec<Value>>, tokio_postgres::Statement, u64), SqlError> {
        let mut kinds = Vec::new();
        let mut bound = Vec::new();
        for name in &statement.variables {
            let (kind, value) = self.bound_value(name, variables)?;
            bound.push(Bound(value.to_postgres(&kind)));
            kinds.push(kind);
        }
        let prepared = self.client.prepare_typed(sql, &kinds).await?;
        let mut stream = pin!(self.client.query_raw(&prepared, &bound).await?);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            let values = row.columns().iter().enumerate().map(|(number, column)| {
                match row.try_get::<_, Option<Raw<'_>>>(number)? {
                    Some(Raw(bytes)) => Value::from_postgres(column.type_(), bytes),
                    None => Ok(Value::Null),
                }
            });
            rows.push(values.collect::<Result<Vec<_>, SqlError>>()?);
        }
        let count = stream.rows_affected().unwrap_or(rows.len() as u64);
        Ok((rows, prepared, count))
    }

    pub(super) fn bound_value(&self, name: &str, variables: &Variables) -> Result<(Type, Value), SqlError> {
        match name {
            "@@rowcount" => Ok((Type::INT4, Value::Int(self.row_count))),
            "@@trancount" => Ok((Type::INT4, Value::Int(self.transaction.map_or(0, |open| open.depth)))),
            "@@lock_timeout" => Ok((Type::INT4, Value::Int(self.lock_timeout_ms))),
            "@@error" => Ok((Type::INT4, Value::Int(0))),
            _ => match variables.get(name) {
                Some((kind, value)) => Ok((kind.postgres(), value.clone())),
                None => Err(undeclared(name)),
            },
        }
    }
}

fn undeclared(name: &str) -> SqlError {
    SqlError::new(137, format!("Must declare the scalar variable \"{name}\"."))
}

/// `insert into t (…) values …` that sets the identity column.
fn overriding(sql: &str) -> String {
    let at = sql.find(" VALUES ").into_iter().chain(sql.find(" SELECT ")).min();
    match at {
        Some(at) => format!("{} overriding system value{}", &sql[..at], &sql[at..]),
        None => sql.to_owned(),
    }
}
