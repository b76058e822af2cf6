//! How a statement would be run: PostgreSQL's plan, in the form in which SQL Server shows its own.

use std::fmt::Write;

use serde_json::Value as Json;

use super::columns::{Bound, Raw};
use super::run::Variables;
use super::{Outcome, Session};
use crate::error::SqlError;
use crate::translate::Statement;
use crate::wire::{Column, SqlType, Value};

impl Session {
    /// Answers with the plan of a statement, which is not run.
    pub(super) async fn show_plan(
        &self,
        statement: &Statement,
        variables: &Variables,
    ) -> Result<Outcome, SqlError> {
        let row = self.client.query_one("select sys.is_permitted('showplan', 0)", &[]).await?;
        if !row.get::<_, bool>(0) {
            let message = format!("SHOWPLAN permission denied in database '{}'.", self.database);
            return Err(SqlError::new(262, message));
        }
        let (mut kinds, mut bound) = (Vec::new(), Vec::new());
        for name in &statement.variables {
            let (kind, value) = self.bound_value(name, variables)?;
            bound.push(Bound(value.to_postgres(&kind)));
            kinds.push(kind);
        }
        let sql = statement.sql.replace("sys.json_rows(", "sys.some_json_rows(");
        let sql = format!("explain (format json, verbose) {sql}");
        let prepared = self.client.prepare_typed(&sql, &kinds).await?;
        let bound = bound.iter().map(|value| value as _).collect::<Vec<_>>();
        // SQL Server looks at a table by itself when it first plans for it.
        self.client.batch_execute("select sys.make_statistics()").await?;
        let row = self.client.query_one(&prepared, &bound).await?;
        let Raw(plan) = row.try_get(0)?;
        let plan: Json = serde_json::from_slice(plan)
            .map_err(|failure| SqlError::not_simulated(format_args!("this plan: {failure}")))?;
        let mut steps = String::new();
        show_steps(&plan, &mut steps);
        let document = format!(
            "<ShowPlanXML xmlns=\"http://schemas.microsoft.com/sqlserver/2004/07/showplan\" Version=\"1.539\"><BatchSequence>\
             <Batch><Statements><StmtSimple StatementType=\"SELECT\"><QueryPlan>{steps}</QueryPlan></StmtSimple></Statements>\
             </Batch></BatchSequence></ShowPlanXML>"
        );
        let name = "Microsoft SQL Server 2005 XML Showplan".to_owned();
        let columns = vec![Column { name, kind: SqlType::NVarChar(None) }];
        Ok(Outcome::Rows { columns, rows: vec![vec![Value::Text(document)]] })
    }
}

/// The steps that read a table, one after the other: of the others nothing is asked.
fn show_steps(plan: &Json, steps: &mut String) {
    match plan {
        Json::Array(parts) => parts.iter().for_each(|part| show_steps(part, steps)),
        Json::Object(node) => {
            let text = |name: &str| node.get(name).and_then(Json::as_str);
            if let (Some(kind), Some(schema), Some(table)) =
                (text("Node Type"), text("Schema"), text("Relation Name"))
            {
                let step = match kind {
                    "Seq Scan" => "Clustered Index Scan",
                    "Index Scan" | "Index Only Scan" if node.get("Index Cond").is_none() => "Index Scan",
                    _ => "Index Seek",
                };
                let (schema, table) = (escaped(schema), escaped(table));
                // Writing to a String cannot fail.
                let _ = write!(
                    steps,
                    "<RelOp LogicalOp=\"{step}\" PhysicalOp=\"{step}\"><OutputList/><IndexScan Ordered=\"0\"><DefinedValues/>\
                     <Object Database=\"[d]\" Schema=\"[{schema}]\" Table=\"[{table}]\" Index=\"[i]\"/></IndexScan></RelOp>"
                );
            }
            node.values().for_each(|value| show_steps(value, steps));
        }
        _ => {}
    }
}

fn escaped(name: &str) -> String {
    name.replace(']', "]]").replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
