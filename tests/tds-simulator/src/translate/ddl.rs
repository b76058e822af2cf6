//! Definitions of tables, views and indexes.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, AlterTableOperation, ColumnDef, ColumnOption, CreateTable, Ident, ObjectName, ObjectNamePart,
    OrderByOptions, PrimaryKeyConstraint, TableConstraint, UniqueConstraint, Visit, Visitor,
};

use super::batch::Context;
use super::{Statement, StatementKind, Step, rewrite, types};
use crate::error::SqlError;

pub(super) fn create_table(mut table: CreateTable, context: Context<'_>) -> Result<Vec<Step>, SqlError> {
    let mut before = remembered_names(&table);
    rewrite::rewrite(&mut table, context)?;
    let name = with_schema(&table.name).to_string();
    let temporary = if name.starts_with("\"#") { "temporary " } else { "" };
    let mut parts = Vec::new();
    for column in &table.columns {
        parts.push(column_definition(column, &mut before)?);
    }
    parts.extend(table.constraints.iter().map(constraint));
    let mut steps = vec![Step::Admin(before)];
    steps.push(definition(format!("create {temporary}table {name} ({})", parts.join(", "))));
    Ok(steps)
}

pub(super) fn alter_table(mut table: ast::AlterTable, context: Context<'_>) -> Result<Vec<Step>, SqlError> {
    let mut before = remembered_names(&table);
    rewrite::rewrite(&mut table, context)?;
    let name = with_schema(&table.name).to_string();
    let mut operations = Vec::new();
    for operation in &table.operations {
        operations.push(match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                format!("add column {}", column_definition(column_def, &mut before)?)
            }
            AlterTableOperation::AddConstraint { constraint: added, .. } => {
                format!("add {}", constraint(added))
            }
            AlterTableOperation::DropColumn { .. } | AlterTableOperation::DropConstraint { .. } => {
                operation.to_string()
            }
            other => return Err(SqlError::not_simulated(format_args!("alter table {name} {other}"))),
        });
    }
    Ok(vec![Step::Admin(before), definition(format!("alter table {name} {}", operations.join(", ")))])
}

/// Definitions that need no more than the rewriting of names and expressions.
pub(super) fn other(mut statement: ast::Statement, context: Context<'_>) -> Result<Vec<Step>, SqlError> {
    let mut before = Vec::new();
    match &statement {
        ast::Statement::CreateView(view) => before = remembered_names(&view.name),
        ast::Statement::CreateSchema { schema_name: ast::SchemaName::Simple(name), .. } => {
            before = remembered_names(name);
        }
        ast::Statement::CreateIndex(index) => before = remembered_names(index),
        _ => {}
    }
    if let ast::Statement::CreateSchema { schema_name, .. } = &mut statement
        && let ast::SchemaName::NamedAuthorization(name, _) = schema_name
    {
        *schema_name = ast::SchemaName::Simple(name.clone());
    }
    rewrite::rewrite(&mut statement, context)?;
    Ok(vec![Step::Admin(before), definition(statement.to_string())])
}

pub(super) fn definition(sql: String) -> Step {
    Step::Run(Statement { sql, variables: Vec::new(), names: None, kind: StatementKind::Definition })
}

/// A table without a schema is created in `dbo`, a temporary one is not.
fn with_schema(name: &ObjectName) -> ObjectName {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(table)] if !table.value.starts_with('#') => ObjectName(vec![
            ObjectNamePart::Identifier(Ident::with_quote('"', "dbo")),
            ObjectNamePart::Identifier(table.clone()),
        ]),
        _ => name.clone(),
    }
}

/// A column for PostgreSQL; `before` gets what its type needs.
fn column_definition(column: &ColumnDef, before: &mut Vec<String>) -> Result<String, SqlError> {
    let kind = types::declared(&rewrite::unfolded(&column.data_type))?;
    before.extend(types::domain(kind));
    let mut definition = format!("{} {}", column.name, types::column(kind));
    for option in &column.options {
        let name = option.name.as_ref().map(|name| format!("constraint {name} ")).unwrap_or_default();
        let part = match &option.option {
            ColumnOption::Identity(identity) => identity_definition(identity),
            ColumnOption::Collation(collation) => format!("collate sys.{collation}"),
            // PostgreSQL gives names to constraints only, and a default is none.
            ColumnOption::Default(value) => format!("default {value}"),
            ColumnOption::Null | ColumnOption::NotNull => option.option.to_string(),
            ColumnOption::PrimaryKey(_)
            | ColumnOption::Unique(_)
            | ColumnOption::ForeignKey(_)
            | ColumnOption::Check(_) => {
                format!("{name}{}", option.option)
            }
            other => return Err(SqlError::not_simulated(format_args!("column {} {other}", column.name))),
        };
        definition = format!("{definition} {part}");
    }
    Ok(definition)
}

/// A constraint; PostgreSQL takes no order of the columns of a key.
fn constraint(constraint: &TableConstraint) -> String {
    let mut constraint = constraint.clone();
    if let TableConstraint::PrimaryKey(PrimaryKeyConstraint { columns, .. })
    | TableConstraint::Unique(UniqueConstraint { columns, .. }) = &mut constraint
    {
        columns.iter_mut().for_each(|column| column.column.options = OrderByOptions::default());
    }
    constraint.to_string()
}

fn identity_definition(identity: &ast::IdentityPropertyKind) -> String {
    let (ast::IdentityPropertyKind::Autoincrement(property) | ast::IdentityPropertyKind::Identity(property)) =
        identity;
    let (seed, increment) = match &property.parameters {
        Some(
            ast::IdentityPropertyFormatKind::FunctionCall(given)
            | ast::IdentityPropertyFormatKind::StartAndIncrement(given),
        ) => (given.seed.to_string(), given.increment.to_string()),
        None => ("1".to_owned(), "1".to_owned()),
    };
    format!("generated always as identity (start with {seed} increment by {increment})")
}

/// PostgreSQL sees all names in lower case: how they were written is kept for the catalogue.
fn remembered_names(tree: &impl Visit) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();

        fn pre_visit_ident(&mut self, name: &Ident) -> ControlFlow<()> {
            if name.value != name.value.to_lowercase() {
                self.0.push(format!("select sys.remember_name('{}')", name.value.replace('\'', "''")));
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(Vec::new());
    // Nothing in it breaks off.
    let _ = tree.visit(&mut names);
    names.0
}
