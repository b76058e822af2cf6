//! What administrators say: change tracking, change data capture, logins, users, grants.

use sqlparser::tokenizer::Token;

use super::batch::{Batch, syntax};
use super::{Step, ddl, rewrite, types};
use crate::error::SqlError;

/// Reads a statement of this kind, if one comes next.
pub(super) fn read(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<bool, SqlError> {
    let two = (batch.word(0), batch.word(1));
    let sql = match (two.0.as_str(), two.1.as_str()) {
        ("alter", "database") => alter_database(batch)?,
        ("alter", "table") => return alter_table(batch, steps),
        ("alter", "role") => alter_role(batch)?,
        ("create", "login") => create_login(batch)?,
        ("create", "user") => create_user(batch)?,
        ("drop", "index") => return drop_index(batch, steps),
        ("exec" | "execute", "sp_rename") => return rename(batch, steps),
        ("exec" | "execute", "sys") => procedure(batch)?,
        ("grant" | "revoke" | "deny", _) => grant(batch)?,
        ("kill", _) => {
            batch.expect(&["kill"])?;
            format!("select sys.kill({})", batch.parser.parse_literal_uint()?)
        }
        _ => return Ok(false),
    };
    steps.push(Step::Admin(vec![sql]));
    Ok(true)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.to_lowercase().replace('"', "\"\""))
}

/// `alter database current set …`
fn alter_database(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    batch.expect(&["alter", "database"])?;
    let name = batch.name()?;
    if !name.eq_ignore_ascii_case("current") && !name.eq_ignore_ascii_case(batch.context.database) {
        return Err(SqlError::not_simulated(format_args!("another database: {name}")));
    }
    batch.expect(&["set"])?;
    let setting = batch.name()?.to_lowercase();
    let sql = match setting.as_str() {
        "allow_snapshot_isolation" | "read_committed_snapshot" => {
            let on = batch.take(&["on"]);
            if !on {
                batch.expect(&["off"])?;
            }
            format!("update sys.settings set {setting} = {on}")
        }
        "read_only" => "update sys.settings set read_only = true".to_owned(),
        "read_write" => "update sys.settings set read_only = false".to_owned(),
        "change_tracking" => change_tracking(batch)?,
        _ => return Err(SqlError::not_simulated(format_args!("alter database … set {setting}"))),
    };
    // Nobody is in the way of these settings here.
    let _ = batch.take(&["with", "rollback", "immediate"]) || batch.take(&["with", "no_wait"]);
    Ok(sql)
}

/// `= on (change_retention = 2 days, auto_cleanup = on)`, `= off`, `(change_retention = …)`
fn change_tracking(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    let mut on = "null";
    if batch.parser.consume_token(&Token::Eq) {
        on = if batch.take(&["on"]) {
            "true"
        } else {
            batch.expect(&["off"])?;
            "false"
        };
    }
    let (mut period, mut units, mut auto) = ("null".to_owned(), "null".to_owned(), "null");
    if batch.parser.consume_token(&Token::LParen) {
        loop {
            let option = batch.name()?.to_lowercase();
            batch.parser.expect_token(&Token::Eq)?;
            match option.as_str() {
                "change_retention" => {
                    period = batch.parser.parse_literal_uint()?.to_string();
                    units = literal(&batch.name()?.to_lowercase());
                }
                "auto_cleanup" if batch.take(&["on"]) => auto = "true",
                "auto_cleanup" if batch.take(&["off"]) => auto = "false",
                _ => return Err(syntax(&option)),
            }
            if !batch.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        batch.parser.expect_token(&Token::RParen)?;
    }
    Ok(format!("select sys.track_database({on}, {period}, {units}, {auto})"))
}

/// `alter table t enable change_tracking`, `alter table t alter column c …`; other forms are left to the parser.
fn alter_table(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<bool, SqlError> {
    let start = batch.parser.index();
    batch.expect(&["alter", "table"])?;
    let object = batch.parser.parse_object_name(false)?;
    let table = rewrite::object_name(object, batch.context)?;
    if batch.take(&["enable", "change_tracking"]) {
        let mut columns = false;
        if batch.take(&["with"]) {
            batch.parser.expect_token(&Token::LParen)?;
            batch.expect(&["track_columns_updated"])?;
            batch.parser.expect_token(&Token::Eq)?;
            columns = batch.take(&["on"]) || !batch.take(&["off"]);
            batch.parser.expect_token(&Token::RParen)?;
        }
        steps.push(Step::Admin(vec![format!("select sys.track_table({}, {columns})", literal(&table))]));
    } else if batch.take(&["disable", "change_tracking"]) {
        steps.push(Step::Admin(vec![format!("select sys.untrack_table({})", literal(&table))]));
    } else if batch.take(&["alter", "column"]) {
        let column = quoted(&batch.name()?);
        let kind = types::declared(&batch.parser.parse_data_type()?)?;
        let nulls = if batch.take(&["not", "null"]) {
            "set"
        } else {
            batch.take(&["null"]);
            "drop"
        };
        steps.push(Step::Admin(types::domain(kind).into_iter().collect()));
        let kind = types::column(kind);
        steps.push(ddl::definition(format!(
            "alter table {table} alter column {column} type {kind} using {column}::{kind}, \
             alter column {column} {nulls} not null"
        )));
    } else {
        while batch.parser.index() > start {
            batch.parser.prev_token();
        }
        return Ok(false);
    }
    Ok(true)
}

/// The procedures of change data capture and the parameters they know, in the order of the functions that answer for them.
const PROCEDURES: &[(&str, &[&str])] = &[
    ("sp_cdc_enable_db", &[]),
    (
        "sp_cdc_enable_table",
        &["@source_schema", "@source_name", "@role_name", "@capture_instance", "@captured_column_list"],
    ),
    ("sp_cdc_disable_table", &["@source_schema", "@source_name", "@capture_instance"]),
    ("sp_cdc_start_job", &["@job_type"]),
    ("sp_cdc_stop_job", &["@job_type"]),
    ("sp_cdc_cleanup_change_table", &["@capture_instance", "@low_water_mark"]),
];

/// `exec sys.sp_cdc_enable_table @source_schema = N'dbo', …`
fn procedure(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    batch.parser.advance_token();
    batch.expect(&["sys"])?;
    batch.parser.expect_token(&Token::Period)?;
    let name = batch.name()?.to_lowercase();
    let Some((_, parameters)) = PROCEDURES.iter().find(|(known, _)| *known == name) else {
        return Err(SqlError::not_simulated(format_args!("exec sys.{name}")));
    };
    let mut given = vec!["null".to_owned(); parameters.len()];
    while batch.word(0).starts_with('@') {
        let parameter = batch.name()?.to_lowercase();
        let Some(place) = parameters.iter().position(|known| *known == parameter) else {
            return Err(SqlError::not_simulated(format_args!("the parameter {parameter} of sys.{name}")));
        };
        batch.parser.expect_token(&Token::Eq)?;
        given[place] = match batch.parser.next_token().token {
            Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => literal(&text),
            Token::HexStringLiteral(digits) => literal(&format!("0x{digits}")),
            Token::Number(number, _) => literal(&number),
            Token::Word(word) if word.value.eq_ignore_ascii_case("null") => "null".to_owned(),
            other => return Err(syntax(&other.to_string())),
        };
        if !batch.parser.consume_token(&Token::Comma) {
            break;
        }
    }
    Ok(format!("select sys.{name}({})", given.join(", ")))
}

/// `exec sp_rename 's.t', 'new'`, `exec sp_rename 's.t.c', 'new', 'column'`
fn rename(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<bool, SqlError> {
    batch.parser.advance_token();
    batch.expect(&["sp_rename"])?;
    let old = batch.parser.parse_literal_string()?;
    batch.parser.expect_token(&Token::Comma)?;
    let new = batch.parser.parse_literal_string()?;
    let kind = match batch.parser.consume_token(&Token::Comma) {
        true => batch.parser.parse_literal_string()?.to_lowercase(),
        false => "object".to_owned(),
    };
    let parts: Vec<String> = old.split('.').map(|part| quoted(part.trim_matches(['[', ']']))).collect();
    let new_name = quoted(&new);
    let mut before = vec![format!("select sys.remember_name({})", literal(&new))];
    let mut after = Vec::new();
    let sql = match (kind.as_str(), parts.as_slice()) {
        ("object", [schema, table]) => format!("alter table {schema}.{table} rename to {new_name}"),
        ("column", [schema, table, column]) => {
            let plain = |name: &str| literal(&name.trim_matches('"').replace("\"\"", "\""));
            let (table_name, column_name) = (literal(&format!("{schema}.{table}")), plain(column));
            before.push(format!("select sys.check_rename({table_name}, {column_name})"));
            after.push(format!("select sys.rename_noted({table_name}, {column_name}, {})", plain(&new_name)));
            format!("alter table {schema}.{table} rename column {column} to {new_name}")
        }
        _ => return Err(SqlError::not_simulated(format_args!("sp_rename of {old} as {kind}"))),
    };
    steps.push(Step::Admin(before));
    steps.push(ddl::definition(sql));
    steps.push(Step::Admin(after));
    Ok(true)
}

fn drop_index(batch: &mut Batch<'_>, steps: &mut Vec<Step>) -> Result<bool, SqlError> {
    batch.expect(&["drop", "index"])?;
    let exists = if batch.take(&["if", "exists"]) { "if exists " } else { "" };
    let index = batch.name()?;
    batch.expect(&["on"])?;
    let object = batch.parser.parse_object_name(false)?;
    let schema = match object.0.as_slice() {
        [.., schema, _table] => schema.as_ident().map(|schema| schema.value.clone()),
        _ => None,
    };
    let schema = quoted(schema.as_deref().unwrap_or("dbo"));
    steps.push(ddl::definition(format!("drop index {exists}{schema}.{}", quoted(&index))));
    Ok(true)
}

fn create_login(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    batch.expect(&["create", "login"])?;
    let name = batch.name()?;
    batch.expect(&["with", "password"])?;
    batch.parser.expect_token(&Token::Eq)?;
    let password = batch.parser.parse_literal_string()?;
    while batch.parser.consume_token(&Token::Comma) {
        // Policies and default databases change nothing here.
        batch.name()?;
        batch.parser.expect_token(&Token::Eq)?;
        batch.name()?;
    }
    Ok(format!("create role {} login password {}", quoted(&name), literal(&password)))
}

fn create_user(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    batch.expect(&["create", "user"])?;
    let name = batch.name()?;
    if batch.take(&["for", "login"]) || batch.take(&["from", "login"]) {
        let login = batch.name()?;
        if !login.eq_ignore_ascii_case(&name) {
            return Err(SqlError::not_simulated("a user with another name than its login"));
        }
    }
    Ok(format!("select sys.create_user({})", literal(&name.to_lowercase())))
}

/// `alter role db_datareader add member x`
fn alter_role(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    batch.expect(&["alter", "role"])?;
    let role = batch.name()?.to_lowercase();
    let verb = if batch.take(&["add", "member"]) {
        "add"
    } else {
        batch.expect(&["drop", "member"])?;
        "drop"
    };
    let member = batch.name()?.to_lowercase();
    Ok(format!("select sys.{verb}_member({}, {})", literal(&role), literal(&member)))
}

/// `grant select, view change tracking on [schema::]x to y`
fn grant(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    let verb = batch.word(0);
    batch.parser.advance_token();
    let mut permissions = Vec::new();
    let mut permission = String::new();
    let mut columns = String::new();
    loop {
        let next = batch.parser.next_token().token;
        match next {
            Token::Word(word) if ["on", "to", "from"].contains(&word.value.to_lowercase().as_str()) => {
                batch.parser.prev_token();
                break;
            }
            Token::Word(word) => {
                let space = if permission.is_empty() { "" } else { " " };
                permission = format!("{permission}{space}{}", word.value.to_lowercase());
            }
            Token::Comma => permissions.push(std::mem::take(&mut permission)),
            Token::LParen => columns = column_list(batch)?,
            other => return Err(syntax(&other.to_string())),
        }
    }
    permissions.push(permission);
    let (mut class, mut object) = ("database", String::new());
    if batch.take(&["on"]) {
        class = "object";
        if batch.take(&["schema"]) {
            class = "schema";
            double_colon(batch)?;
        } else if batch.take(&["object"]) {
            double_colon(batch)?;
        }
        let name = batch.parser.parse_object_name(false)?;
        object = rewrite::object_name(name, batch.context)?;
    }
    if batch.parser.consume_token(&Token::LParen) {
        columns = column_list(batch)?;
    }
    if !batch.take(&["to"]) {
        batch.expect(&["from"])?;
    }
    let to = batch.name()?.to_lowercase();
    let permissions: Vec<_> = permissions.iter().map(|permission| literal(permission)).collect();
    Ok(format!(
        "select sys.change_permissions({}, array[{}], {}, {}, {}, {})",
        literal(&verb),
        permissions.join(", "),
        literal(class),
        literal(&object),
        literal(&columns),
        literal(&to)
    ))
}

fn double_colon(batch: &mut Batch<'_>) -> Result<(), SqlError> {
    batch.parser.expect_token(&Token::DoubleColon)?;
    Ok(())
}

/// Columns up to the closing parenthesis, as PostgreSQL writes them.
fn column_list(batch: &mut Batch<'_>) -> Result<String, SqlError> {
    let mut columns = Vec::new();
    loop {
        columns.push(quoted(&batch.name()?));
        if !batch.parser.consume_token(&Token::Comma) {
            break;
        }
    }
    batch.parser.expect_token(&Token::RParen)?;
    Ok(format!("({})", columns.join(", ")))
}
