//! Settings, transactions, variables and conditions.

use sqlparser::tokenizer::Token;

use super::batch::{Batch, expression, syntax};
use super::{Isolation, Statement, StatementKind, Step, Switch, types};
use crate::error::SqlError;

/// Settings that change nothing the simulator does.
const IGNORED: &[&str] = &[
    "nocount",
    "quoted_identifier",
    "ansi_nulls",
    "ansi_padding",
    "ansi_warnings",
    "ansi_null_dflt_on",
    "ansi_defaults",
    "arithabort",
    "concat_null_yields_null",
    "cursor_close_on_commit",
    "implicit_transactions",
    "numeric_roundabort",
    "textsize",
    "language",
    "dateformat",
    "datefirst",
    "deadlock_priority",
    "context_info",
];

/// Reads a statement of this kind, if one comes next.
pub(super) fn read(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<bool, SqlError> {
    match batch.word(0).as_str() {
        "set" => set(batch, steps)?,
        "begin" => begin(batch, steps)?,
        "commit" => {
            end(batch, "commit")?;
            steps.push(Step::Commit);
        }
        "rollback" => {
            end(batch, "rollback")?;
            steps.push(Step::Rollback);
        }
        "declare" => declare(batch, steps)?,
        "if" => steps.push(condition(batch)?),
        "print" => {
            batch.expect(&["print"])?;
            steps.push(Step::Print(batch.parser.parse_literal_string()?));
        }
        "throw" => steps.push(throw(batch)?),
        "waitfor" => steps.push(wait(batch)?),
        "use" => {
            batch.expect(&["use"])?;
            let name = batch.name()?;
            if !name.eq_ignore_ascii_case(batch.context.database) {
                return Err(SqlError::not_simulated(format_args!("USE {name}: log in to that database")));
            }
            steps.push(Step::Nothing);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn set(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<(), SqlError> {
    if batch.word(1).starts_with('@') {
        batch.expect(&["set"])?;
        let name = batch.name()?.to_lowercase();
        if !batch.parser.consume_token(&Token::Eq) {
            return Err(batch.unknown());
        }
        let value = expression(batch.parser.parse_expr()?, batch.context)?;
        steps.push(Step::Assign { name, value });
        return Ok(());
    }
    if batch.take(&["set", "lock_timeout"]) {
        let below_zero = batch.parser.consume_token(&Token::Minus);
        let value = i64::try_from(batch.parser.parse_literal_uint()?).unwrap_or(i64::MAX);
        steps.push(Step::LockTimeout(if below_zero { -1 } else { value }));
    } else if batch.take(&["set", "transaction", "isolation", "level"]) {
        steps.push(Step::Isolation(isolation(batch)?));
    } else if batch.take(&["set", "xact_abort"]) {
        steps.push(Step::XactAbort(switch(batch)?));
    } else if batch.take(&["set", "showplan_xml"]) {
        steps.push(Step::Showplan(switch(batch)?));
    } else if batch.take(&["set", "identity_insert"]) {
        let table = super::rewrite::object_name(batch.parser.parse_object_name(false)?, batch.context)?;
        steps.push(Step::IdentityInsert(table, switch(batch)?));
    } else if IGNORED.contains(&batch.word(1).as_str()) {
        batch.parser.advance_token();
        loop {
            batch.parser.advance_token();
            if !batch.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        batch.parser.advance_token();
        steps.push(Step::Nothing);
    } else {
        return Err(batch.unknown());
    }
    Ok(())
}

fn switch(batch: &mut Batch<'_>) -> Result<Switch, SqlError> {
    if batch.take(&["on"]) {
        return Ok(Switch::On);
    }
    batch.expect(&["off"]).map(|()| Switch::Off)
}

fn isolation(batch: &mut Batch<'_>) -> Result<Isolation, SqlError> {
    for (words, level) in [
        (&["snapshot"][..], Isolation::Snapshot),
        (&["serializable"], Isolation::Serializable),
        (&["repeatable", "read"], Isolation::RepeatableRead),
        (&["read", "committed"], Isolation::ReadCommitted),
        // PostgreSQL never shows what is not committed.
        (&["read", "uncommitted"], Isolation::ReadCommitted),
    ] {
        if batch.take(words) {
            return Ok(level);
        }
    }
    Err(batch.unknown())
}

fn begin(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<(), SqlError> {
    if batch.take(&["begin", "tran"]) || batch.take(&["begin", "transaction"]) {
        transaction_name(batch)?;
        steps.push(Step::Begin);
        return Ok(());
    }
    if ["try", "catch", "distributed"].contains(&batch.word(1).as_str()) {
        return Err(batch.unknown());
    }
    batch.expect(&["begin"])?;
    while !batch.at_end() && batch.word(0) != "end" {
        batch.statement(steps)?;
    }
    batch.expect(&["end"])
}

fn end(batch: &mut Batch<'_>, verb: &str) -> Result<(), SqlError> {
    batch.expect(&[verb])?;
    if batch.take(&["tran"]) || batch.take(&["transaction"]) {
        return transaction_name(batch);
    }
    batch.take(&["work"]);
    Ok(())
}

/// Names of transactions mean nothing, except to savepoints, which are not simulated.
fn transaction_name(batch: &mut Batch<'_>) -> Result<(), SqlError> {
    const NEXT: &[&str] = &[
        "", "if", "select", "insert", "update", "delete", "set", "end", "else", "commit", "rollback",
        "begin", "declare", "print", "throw", "waitfor", "alter", "create", "drop", "truncate", "with",
        "exec",
    ];
    if !NEXT.contains(&batch.word(0).as_str()) {
        batch.name()?;
    }
    Ok(())
}

fn declare(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<(), SqlError> {
    batch.expect(&["declare"])?;
    loop {
        let name = batch.name()?.to_lowercase();
        batch.take(&["as"]);
        let kind = types::declared(&batch.parser.parse_data_type()?)?;
        let value = if batch.parser.consume_token(&Token::Eq) {
            Some(expression(batch.parser.parse_expr()?, batch.context)?)
        } else {
            None
        };
        steps.push(Step::Declare { name, kind, value });
        if !batch.parser.consume_token(&Token::Comma) {
            return Ok(());
        }
    }
}

fn condition(batch: &mut Batch<'_>) -> Result<Step, SqlError> {
    batch.expect(&["if"])?;
    let mut condition = batch.parser.parse_expr()?;
    let variables = super::rewrite::rewrite(&mut condition, batch.context)?;
    let sql = format!("select coalesce({condition}, false)");
    let condition = Statement { sql, variables, names: None, kind: StatementKind::Query };
    let (mut then, mut otherwise) = (Vec::new(), Vec::new());
    batch.statement(&mut then)?;
    while batch.parser.consume_token(&Token::SemiColon) {}
    if batch.take(&["else"]) {
        batch.statement(&mut otherwise)?;
    }
    Ok(Step::If { condition, then, otherwise })
}

fn throw(batch: &mut Batch<'_>) -> Result<Step, SqlError> {
    batch.expect(&["throw"])?;
    let number = u32::try_from(batch.parser.parse_literal_uint()?).map_err(|_| syntax("THROW"))?;
    batch.parser.expect_token(&Token::Comma)?;
    let message = batch.parser.parse_literal_string()?;
    batch.parser.expect_token(&Token::Comma)?;
    batch.parser.parse_literal_uint()?;
    Ok(Step::Throw { number, message })
}

/// `waitfor delay '00:00:05'`
fn wait(batch: &mut Batch<'_>) -> Result<Step, SqlError> {
    if !batch.take(&["waitfor", "delay"]) {
        return Err(batch.unknown());
    }
    let delay = batch.parser.parse_literal_string()?.replace('\'', "''");
    Ok(Step::Admin(vec![format!("select pg_sleep_for('{delay}'::interval)")]))
}
