//! A tree of T-SQL, rewritten in place into one that prints as PostgreSQL's SQL.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, DataType, Expr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, ObjectNamePart,
    OrderByExpr, Query, Select, SelectItem, SetExpr, TableFactor, TopQuantity, Value, ValueWithSpan,
    VisitMut, VisitorMut,
};

use super::batch::Context;
use super::{functions, types};
use crate::error::SqlError;

/// The schema that answers for `INFORMATION_SCHEMA`, whose types PostgreSQL's own would name in its way.
const INFORMATION_SCHEMA: &str = "ms_information_schema";

/// Rewrites a tree; answers the variables behind its placeholders.
pub(super) fn rewrite(tree: &mut impl VisitMut, context: Context<'_>) -> Result<Vec<String>, SqlError> {
    let mut rewriter = Rewriter { context, variables: Vec::new() };
    match tree.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.variables),
        ControlFlow::Break(failure) => Err(failure),
    }
}

/// A name of an object as PostgreSQL writes it.
pub(super) fn object_name(mut name: ObjectName, context: Context<'_>) -> Result<String, SqlError> {
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(part) = part {
            fold(part);
        }
    }
    relation(&mut name, context)?;
    Ok(name.to_string())
}

/// Names are equal in any case: all of them are written in lower case.
pub(super) fn fold(name: &mut Ident) {
    name.value = name.value.to_lowercase();
    name.quote_style = Some('"');
}

/// The columns' names as the client wrote them, or none where it wrote `*`.
pub(super) fn names(body: &SetExpr) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => item_names(&select.projection),
        SetExpr::SetOperation { left, .. } => names(left),
        SetExpr::Query(query) => names(&query.body),
        _ => None,
    }
}

pub(super) fn item_names(items: &[SelectItem]) -> Option<Vec<String>> {
    items
        .iter()
        .map(|item| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) if !name.value.starts_with('@') => {
                Some(name.value.clone())
            }
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().map(|name| name.value.clone())
            }
            SelectItem::UnnamedExpr(_) => Some(String::new()),
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
            _ => None,
        })
        .collect()
}

/// Takes the database off a name, and puts our schema in place of one of PostgreSQL's.
fn relation(name: &mut ObjectName, context: Context<'_>) -> Result<(), SqlError> {
    if let [ObjectNamePart::Identifier(database), _, _] = name.0.as_slice() {
        if !database.value.eq_ignore_ascii_case(context.database) {
            return Err(SqlError::not_simulated(format_args!("another database: {name}")));
        }
        name.0.remove(0);
    }
    if let Some(ObjectNamePart::Identifier(schema)) = name.0.first_mut()
        && schema.value == "information_schema"
    {
        INFORMATION_SCHEMA.clone_into(&mut schema.value);
    }
    Ok(())
}

struct Rewriter<'a> {
    context: Context<'a>,
    variables: Vec<String>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn post_visit_ident(&mut self, name: &mut Ident) -> ControlFlow<SqlError> {
        fold(name);
        ControlFlow::Continue(())
    }

    fn post_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<SqlError> {
        flow(relation(name, self.context))
    }

    fn post_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<SqlError> {
        match &mut value.value {
            Value::NationalStringLiteral(text) => {
                value.value = Value::SingleQuotedString(std::mem::take(text))
            }
            // Binary, not a string of bits.
            Value::HexStringLiteral(digits) => {
                value.value = Value::EscapedStringLiteral(format!("\\x{digits}"))
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<SqlError> {
        flow(self.expression(expression))
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        if select.into.is_some() {
            return ControlFlow::Break(SqlError::not_simulated("SELECT … INTO"));
        }
        if select.projection.iter().any(assigns) {
            return ControlFlow::Break(SqlError::not_simulated("SELECT that assigns a variable: use SET"));
        }
        for table in &mut select.from {
            for join in &mut table.joins {
                apply(join);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        flow(limit(query).and_then(|()| super::functions::for_json(query)))
    }

    fn post_visit_order_by_expr(&mut self, order: &mut OrderByExpr) -> ControlFlow<SqlError> {
        // SQL Server sorts NULL below everything.
        let descending = matches!(order.options.sort, Some(ast::OrderBySort::Desc));
        order.options.nulls_first = Some(!descending);
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<SqlError> {
        if let TableFactor::Table { with_hints, .. } = table {
            if let Some(hint) = with_hints.iter().find(|hint| !is_harmless(hint)) {
                return ControlFlow::Break(SqlError::not_simulated(format_args!("the table hint {hint}")));
            }
            with_hints.clear();
        }
        if let TableFactor::OpenJsonTable { .. } = table {
            return flow(functions::open_json(table));
        }
        ControlFlow::Continue(())
    }
}

fn flow(result: Result<(), SqlError>) -> ControlFlow<SqlError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(failure) => ControlFlow::Break(failure),
    }
}

impl Rewriter<'_> {
    fn expression(&mut self, expression: &mut Expr) -> Result<(), SqlError> {
        match expression {
            Expr::Identifier(name) if name.value.starts_with('@') => *expression = self.variable(&name.value),
            Expr::Value(value) => {
                if let Value::EscapedStringLiteral(text) = &value.value
                    && text.starts_with("\\x")
                {
                    *expression = raw(&format!("'{text}'::bytea"));
                } else if let Value::Placeholder(name) = &value.value {
                    *expression = self.variable(&name.to_lowercase());
                }
            }
            Expr::Function(_) => functions::rewrite(expression)?,
            Expr::Cast { expr, data_type, kind, .. } => {
                let kind_is_try = matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast);
                *expression = cast(expr, data_type, kind_is_try, None)?;
            }
            Expr::Convert { is_try, expr, data_type: Some(data_type), styles, .. } => {
                *expression = cast(expr, data_type, *is_try, styles.first())?;
            }
            Expr::Like { any, expr, pattern, escape_char, negated } if !*any => {
                let not = if *negated { "not " } else { "" };
                let escape = escape_char.as_ref().map_or("''".to_owned(), ToString::to_string);
                *expression = raw(&format!("({not}sys.is_like({expr}, {pattern}, {escape}))"));
            }
            Expr::Trim { expr, trim_where: None, trim_what: None, .. } => {
                *expression = raw(&format!("btrim(sys.raw({expr}))::bpchar"));
            }
            _ => {}
        }
        Ok(())
    }

    /// A variable of the batch, a parameter, or one of the server's own.
    fn variable(&mut self, name: &str) -> Expr {
        match name {
            "@@spid" => return raw("pg_backend_pid()"),
            "@@version" => return raw("sys.version_text()"),
            "@@servername" => return raw("'simulator'::bpchar"),
            "@@identity" => return raw("sys.scope_identity()"),
            _ => {}
        }
        let number = match self.variables.iter().position(|known| known == name) {
            Some(position) => position + 1,
            None => {
                self.variables.push(name.to_owned());
                self.variables.len()
            }
        };
        raw(&format!("${number}"))
    }
}

/// Whether a table hint changes neither locks nor results here, where readers take no locks.
fn is_harmless(hint: &Expr) -> bool {
    const HARMLESS: &[&str] = &[
        "nolock",
        "readuncommitted",
        "readcommitted",
        "readcommittedlock",
        "rowlock",
        "paglock",
        "snapshot",
        "forceseek",
        "forcescan",
        "index",
    ];
    let text = hint.to_string().replace('"', "").to_lowercase();
    HARMLESS.contains(&text.split(['(', ' ', '=']).next().unwrap_or_default())
}

/// Whether an item of a SELECT is `@v = …`.
fn assigns(item: &SelectItem) -> bool {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value.starts_with('@'),
        SelectItem::UnnamedExpr(Expr::BinaryOp { op: ast::BinaryOperator::Eq, .. }) => true,
        _ => false,
    }
}

/// Text of PostgreSQL's SQL as an expression.
pub(super) fn raw(sql: &str) -> Expr {
    Expr::Identifier(Ident {
        value: sql.to_owned(),
        quote_style: None,
        span: sqlparser::tokenizer::Span::empty(),
    })
}

fn cast(expression: &Expr, kind: &DataType, is_try: bool, style: Option<&Expr>) -> Result<Expr, SqlError> {
    if is_try {
        return Err(SqlError::not_simulated(format_args!("TRY_CAST or TRY_CONVERT of {expression}")));
    }
    let kind = types::declared(&unfolded(kind))?;
    Ok(raw(&match (types::characters(kind), style) {
        (Some(length), style) => {
            let length = length.map_or("null".to_owned(), |length| length.to_string());
            let style = style.map_or("null".to_owned(), ToString::to_string);
            let text = format!("sys.to_text({expression}, {length}, {style})");
            if types::is_fixed(kind) { format!("sys.padded({text}, {length})") } else { text }
        }
        (None, _) if types::is_integer(kind) => {
            format!("cast(sys.whole({expression}) as {})", types::expression(kind))
        }
        (None, _) => format!("cast({expression} as {})", types::expression(kind)),
    }))
}

/// A type whose name has been folded and quoted like any other.
pub(super) fn unfolded(kind: &DataType) -> DataType {
    let mut kind = kind.clone();
    if let DataType::Custom(name, _) = &mut kind {
        for part in &mut name.0 {
            if let ObjectNamePart::Identifier(part) = part {
                part.quote_style = None;
            }
        }
    }
    kind
}

/// APPLY as a lateral join.
fn apply(join: &mut Join) {
    let operator = match join.join_operator {
        JoinOperator::CrossApply => JoinOperator::CrossJoin(JoinConstraint::None),
        JoinOperator::OuterApply => JoinOperator::LeftOuter(JoinConstraint::On(raw("true"))),
        _ => return,
    };
    join.join_operator = operator;
    if let TableFactor::Derived { lateral, .. } = &mut join.relation {
        *lateral = true;
    }
}

/// TOP as LIMIT.
fn limit(query: &mut Query) -> Result<(), SqlError> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let Some(top) = select.top.take() else { return Ok(()) };
    if top.percent || top.with_ties || query.limit_clause.is_some() {
        return Err(SqlError::not_simulated("TOP with PERCENT, TIES or OFFSET"));
    }
    let count = match top.quantity {
        Some(TopQuantity::Expr(count)) => count,
        Some(TopQuantity::Constant(count)) => raw(&count.to_string()),
        None => return Err(SqlError::not_simulated("TOP without a number")),
    };
    query.limit_clause =
        Some(LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: Vec::new() });
    Ok(())
}
