//! INSERT, UPDATE and DELETE.

use sqlparser::ast::{
    self, AssignmentTarget, Expr, FromTable, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    OutputClause, SelectItem, TableFactor, TableObject, TableWithJoins, UpdateTableFromKind,
};

use super::batch::Context;
use super::{InsertColumns, Statement, StatementKind, rewrite};
use crate::error::SqlError;

pub(super) fn insert(mut insert: ast::Insert, context: Context<'_>) -> Result<Statement, SqlError> {
    let names = output(&mut insert.output, &mut insert.returning)?;
    insert.into = true;
    let variables = rewrite::rewrite(&mut insert, context)?;
    let TableObject::TableName(table) = &insert.table else {
        return Err(SqlError::not_simulated(insert));
    };
    let table = table.to_string();
    // DEFAULT VALUES names no column and needs none.
    let listed = !insert.columns.is_empty() || insert.source.is_none();
    let columns = if listed { InsertColumns::Listed } else { InsertColumns::All };
    Ok(Statement {
        sql: insert.to_string(),
        variables,
        names,
        kind: StatementKind::Insert { table, columns },
    })
}

pub(super) fn update(mut update: ast::Update, context: Context<'_>) -> Result<Statement, SqlError> {
    let names = output(&mut update.output, &mut update.returning)?;
    if update.limit.is_some() {
        return Err(SqlError::not_simulated(update));
    }
    if let Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) =
        update.from.take()
    {
        let (target, others) = split(&update.table, from)?;
        update.table = target;
        update.from = none_if_empty(others.from).map(UpdateTableFromKind::AfterSet);
        update.selection = all(others.conditions.into_iter().chain(update.selection));
    }
    for assignment in &mut update.assignments {
        // PostgreSQL takes the bare column only.
        if let AssignmentTarget::ColumnName(name) = &mut assignment.target
            && let Some(column) = name.0.pop()
        {
            name.0 = vec![column];
        }
    }
    let variables = rewrite::rewrite(&mut update, context)?;
    Ok(Statement { sql: update.to_string(), variables, names, kind: StatementKind::Change })
}

pub(super) fn delete(mut delete: ast::Delete, context: Context<'_>) -> Result<Statement, SqlError> {
    let names = output(&mut delete.output, &mut delete.returning)?;
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = delete.from;
    let mut from = from;
    let mut second = delete.using.take().unwrap_or_default();
    if let Some(table) = delete.tables.pop() {
        // `delete t from x t join …`: the parser takes what follows FROM for the tables.
        second = std::mem::take(&mut from);
        from.push(table_of(table));
    }
    if !second.is_empty() {
        let target = from.pop().ok_or_else(|| SqlError::not_simulated("DELETE without a table"))?;
        let (target, others) = split(&target, second)?;
        from = vec![target];
        delete.using = none_if_empty(others.from);
        delete.selection = all(others.conditions.into_iter().chain(delete.selection));
    }
    delete.from = FromTable::WithFromKeyword(from);
    let variables = rewrite::rewrite(&mut delete, context)?;
    Ok(Statement { sql: delete.to_string(), variables, names, kind: StatementKind::Change })
}

/// What a FROM clause holds besides the target.
struct Others {
    from: Vec<TableWithJoins>,
    conditions: Vec<Expr>,
}

/// Takes the target of an UPDATE or DELETE out of its FROM clause, where PostgreSQL does not want it.
fn split(target: &TableWithJoins, from: Vec<TableWithJoins>) -> Result<(TableWithJoins, Others), SqlError> {
    let wanted = relation_name(&target.relation);
    let mut others = Others { from: Vec::new(), conditions: Vec::new() };
    let mut found = None;
    for mut table in from {
        if found.is_some() || !is_target(&table.relation, &wanted) {
            others.from.push(table);
            continue;
        }
        let joins = std::mem::take(&mut table.joins).into_iter();
        for join in joins {
            match join.join_operator {
                JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) => {
                    others.conditions.push(on);
                }
                JoinOperator::CrossJoin(_) => {}
                _ => {
                    return Err(SqlError::not_simulated(format_args!(
                        "an outer join or APPLY on the target {wanted} of UPDATE or DELETE"
                    )));
                }
            }
            others.from.push(TableWithJoins { relation: join.relation, joins: Vec::new() });
        }
        found = Some(table);
    }
    // A target that FROM does not name is joined with all of it.
    Ok((found.unwrap_or_else(|| target.clone()), others))
}

fn relation_name(relation: &TableFactor) -> String {
    match relation {
        TableFactor::Table { name, .. } => unquoted(name),
        other => other.to_string(),
    }
}

fn unquoted(name: &ObjectName) -> String {
    let parts: Vec<_> =
        name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.to_lowercase()).collect();
    parts.join(".")
}

fn is_target(relation: &TableFactor, wanted: &str) -> bool {
    match relation {
        TableFactor::Table { alias: Some(alias), .. } => alias.name.value.eq_ignore_ascii_case(wanted),
        TableFactor::Table { name, .. } => unquoted(name) == wanted,
        _ => false,
    }
}

fn table_of(name: ObjectName) -> TableWithJoins {
    let relation = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_directives: Vec::new(),
        inheritance: None,
    };
    TableWithJoins { relation, joins: Vec::new() }
}

fn none_if_empty(tables: Vec<TableWithJoins>) -> Option<Vec<TableWithJoins>> {
    if tables.is_empty() { None } else { Some(tables) }
}

/// Everything that must hold, as one condition.
fn all(conditions: impl Iterator<Item = Expr>) -> Option<Expr> {
    conditions.map(|condition| Expr::Nested(Box::new(condition))).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: ast::BinaryOperator::And,
        right: Box::new(right),
    })
}

/// `OUTPUT inserted.[id]` as `RETURNING "id"`; answers the names of the columns.
fn output(
    output: &mut Option<OutputClause>,
    returning: &mut Option<Vec<SelectItem>>,
) -> Result<Option<Vec<String>>, SqlError> {
    let Some(clause) = output.take() else { return Ok(None) };
    let OutputClause::Output { mut select_items, into_table: None, .. } = clause else {
        return Err(SqlError::not_simulated(clause));
    };
    for item in &mut select_items {
        let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item
        else {
            *item = SelectItem::Wildcard(ast::WildcardAdditionalOptions::default());
            continue;
        };
        if let Expr::CompoundIdentifier(parts) = expression {
            *expression = Expr::Identifier(parts.pop().unwrap_or_else(|| Ident::new("")));
        }
    }
    let names = rewrite::item_names(&select_items);
    *returning = Some(select_items);
    Ok(names)
}

/// A name of one part.
pub(super) fn single(name: &str) -> ObjectName {
    ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))])
}
