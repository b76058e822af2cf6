//! Functions, OPENJSON and FOR JSON.

use sqlparser::ast::{
    Expr, ForClause, ForJson, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, Query, TableFactor, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::rewrite::{raw, unfolded};
use super::types;
use crate::error::SqlError;

/// Functions whose first argument is a part of a date, written as a bare word.
const DATE_PARTS: &[&str] = &["dateadd", "datediff", "datediff_big", "datepart", "datename", "datetrunc"];

/// Rewrites a call; its arguments have been rewritten.
pub(super) fn rewrite(expression: &mut Expr) -> Result<(), SqlError> {
    let Expr::Function(function) = expression else { return Ok(()) };
    let name = function
        .name
        .0
        .last()
        .and_then(|part| part.as_ident())
        .map(|name| name.value.clone())
        .unwrap_or_default();
    match name.as_str() {
        // Words of PostgreSQL's grammar, which may not be quoted.
        "coalesce" | "nullif" => {
            *expression = raw(&format!("{name}({})", arguments(function).join(", ")));
        }
        "iif" => {
            let [condition, yes, no] = <[String; 3]>::try_from(arguments(function))
                .map_err(|_| SqlError::new(174, "The iif function requires 3 argument(s)."))?;
            *expression = raw(&format!("(case when {condition} then {yes} else {no} end)"));
        }
        "concat" => {
            let parts: Vec<_> = arguments(function)
                .iter()
                .map(|argument| format!("sys.to_text({argument}, null, null)"))
                .collect();
            *expression = raw(&format!("sys.concat_text({})", parts.join(", ")));
        }
        "count_big" => function.name = super::dml::single("count"),
        // In SQL Server the result is an int.
        "count" => *expression = raw(&format!("({function})::integer")),
        "string_agg" => {
            if !function.within_group.is_empty()
                && let FunctionArguments::List(list) = &mut function.args
            {
                let order = std::mem::take(&mut function.within_group);
                list.clauses.push(FunctionArgumentClause::OrderBy(order));
            }
        }
        name if DATE_PARTS.contains(&name) => date_part(function),
        _ => {}
    }
    Ok(())
}

fn arguments(function: &Function) -> Vec<String> {
    match &function.args {
        FunctionArguments::List(list) => list.args.iter().map(ToString::to_string).collect(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => Vec::new(),
    }
}

/// `dateadd(day, …)` as `"dateadd"('day', …)`.
fn date_part(function: &mut Function) {
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(part))) = list.args.first_mut()
        && let Expr::Identifier(name) = part
    {
        *part = raw(&format!("'{}'", name.value));
    }
}

/// `OPENJSON(x) WITH (a int '$[0]')` as a lateral subquery.
pub(super) fn open_json(table: &mut TableFactor) -> Result<(), SqlError> {
    let TableFactor::OpenJsonTable { json_expr, json_path, columns, alias } = table else { return Ok(()) };
    let path = match json_path.as_ref().map(|path| &path.value) {
        None => "'{}'".to_owned(),
        Some(Value::SingleQuotedString(path)) => json_path_array(path)?,
        Some(other) => return Err(SqlError::not_simulated(format_args!("OPENJSON with the path {other}"))),
    };
    let alias = alias.take();
    let sql = if columns.is_empty() {
        format!("select \"key\", \"value\", \"type\" from sys.json_entries({json_expr}, {path})")
    } else {
        let mut selected = Vec::new();
        for column in columns.iter() {
            let (collation, path) = collated(column.path.as_deref());
            let path = match path {
                Some(path) => json_path_array(path)?,
                // The names of columns are folded, those in JSON are not: a bare name is looked up in any case.
                None => format!("array[sys.json_key(j.e, '{}')]", column.name.value.replace('\'', "''")),
            };
            selected.push(format!("{} as {}", json_column(column, &path, collation)?, column.name));
        }
        format!("select {} from sys.json_rows({json_expr}, {path}) as j(e)", selected.join(", "))
    };
    let query = Box::new(parsed_query(&sql)?);
    *table = TableFactor::Derived {
        lateral: true,
        subquery: query,
        alias: alias.or_else(|| Some(default_alias())),
        sample: None,
    };
    Ok(())
}

fn default_alias() -> sqlparser::ast::TableAlias {
    sqlparser::ast::TableAlias {
        explicit: true,
        name: sqlparser::ast::Ident::with_quote('"', "openjson"),
        columns: Vec::new(),
        at: None,
    }
}

/// The collation that the batch put before a path, and the path.
fn collated(path: Option<&str>) -> (&str, Option<&str>) {
    const DATABASE: &str = "sql_latin1_general_cp1_ci_as";
    match path.and_then(|path| path.split_once(':')) {
        Some((collation, "")) => (collation, None),
        Some((collation, path)) if !collation.contains('$') => (collation, Some(path)),
        _ => (DATABASE, path),
    }
}

fn json_column(
    column: &sqlparser::ast::OpenJsonTableColumn,
    path: &str,
    collation: &str,
) -> Result<String, SqlError> {
    if column.as_json {
        return Ok(format!("(j.e #> {path})::text::bpchar"));
    }
    let kind = types::declared(&unfolded(&column.r#type))?;
    Ok(match types::characters(kind) {
        Some(length) => {
            let length = length.map_or("null".to_owned(), |length| length.to_string());
            format!("sys.to_text((j.e #>> {path})::bpchar, {length}, null) collate sys.\"{collation}\"")
        }
        None => format!("cast((j.e #>> {path}) as {})", types::expression(kind)),
    })
}

/// `$.a.b[2]` as `'{a,b,2}'`.
fn json_path_array(path: &str) -> Result<String, SqlError> {
    let unknown = || SqlError::new(13_607, format!("JSON path is not properly formatted: {path}"));
    let rest = path
        .trim_start_matches("lax ")
        .trim_start_matches("strict ")
        .strip_prefix('$')
        .ok_or_else(unknown)?;
    let mut steps = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let step;
        if let Some(index) = rest.strip_prefix('[') {
            (step, rest) = index.split_once(']').ok_or_else(unknown)?;
        } else if let Some(name) = rest.strip_prefix(".\"") {
            (step, rest) = name.split_once('"').ok_or_else(unknown)?;
        } else if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            (step, rest) = name.split_at(end);
        } else {
            return Err(unknown());
        }
        steps.push(format!("\"{}\"", step.replace('"', "\\\"")));
    }
    Ok(format!("'{{{}}}'", steps.join(",").replace('\'', "''")))
}

/// `FOR JSON PATH` as one value of JSON.
pub(super) fn for_json(query: &mut Query) -> Result<(), SqlError> {
    let Some(clause) = query.for_clause.take() else { return Ok(()) };
    let ForClause::Json { for_json: ForJson::Path, root: None, include_null_values, without_array_wrapper } =
        clause
    else {
        return Err(SqlError::not_simulated(format_args!("{clause}")));
    };
    let sql = format!(
        "select sys.for_json(json_agg(row_to_json(r)), {include_null_values}, {without_array_wrapper}) as \"json\" \
         from (select 1) as r"
    );
    let inner = std::mem::replace(query, parsed_query(&sql)?);
    if let sqlparser::ast::SetExpr::Select(select) = query.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived { subquery, .. } = &mut from.relation
    {
        **subquery = inner;
    }
    Ok(())
}

fn parsed_query(sql: &str) -> Result<Query, SqlError> {
    let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql)
        .map_err(|failure| super::batch::syntax(&failure.to_string()))?;
    match parsed.pop() {
        Some(sqlparser::ast::Statement::Query(query)) => Ok(*query),
        _ => Err(SqlError::not_simulated(sql)),
    }
}
