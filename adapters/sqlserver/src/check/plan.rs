//! How SQL Server would run a query, by its own plan.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use wattle_core::{Severity, SourceError};

use super::Check;
use crate::catalogue::{Catalogue, same};
use crate::connect::literal;
use crate::dialect::quote;
use crate::value::{integer, text};

/// Steps that read a table or an index from end to end.
const SCANS: [&str; 4] = ["Table Scan", "Clustered Index Scan", "Index Scan", "Columnstore Index Scan"];

impl Check<'_> {
    /// May the login see plans? Nothing else needs it, so that without it only less is known.
    pub(super) async fn may_see_plans(&mut self) -> Result<bool, SourceError> {
        let asked = "select has_perms_by_name(db_name(), 'DATABASE', 'SHOWPLAN'), user_name()";
        let rows = self.session.rows("look at the login's rights", asked).await?;
        let permitted = rows.first().and_then(|row| integer(row, 0)) == Some(1);
        if !permitted {
            let user = quote(&rows.first().and_then(|row| text(row, 1)).unwrap_or_default());
            self.findings.add(
                Severity::Advice,
                "the login may not see plans: nobody has looked whether indexes serve the pack's queries",
                format!("grant showplan to {user};  -- it may be revoked again after a check"),
            );
        }
        Ok(permitted)
    }

    /// Looks at the plan of a query, which is not run.
    pub(super) async fn plan(
        &mut self,
        catalogue: &Catalogue,
        file: &str,
        sql: &str,
        time: &str,
    ) -> Result<(), SourceError> {
        let doing = format!("plan {file}");
        // As a variable, whose value the plan is made without: it is the plan for any keys.
        let asked = format!(
            "declare @P1 nvarchar(max), @P2 nvarchar(40); set @P1 = N'[]'; set @P2 = {}; {sql}",
            literal(time)
        );
        self.session.batch(&doing, "set showplan_xml on").await?;
        let shown = self.session.batch(&doing, &asked).await;
        self.session.batch(&doing, "set showplan_xml off").await?;
        let mut whole = Vec::new();
        for document in shown?.iter().flatten().filter_map(|row| text(row, 0)) {
            for (schema, name) in scanned(&document) {
                let tables = self.inner.graph().node_ids().filter_map(|node| catalogue.table(node));
                let mut tables = tables.filter(|it| same(&it.schema, &schema) && same(&it.name, &name));
                // What a plan names that is no node was refused by its name already.
                let read = tables.next().map(|it| (format!("{}.{}", it.schema, it.name), it.row_count));
                whole.extend(read.filter(|read| !whole.contains(read)));
            }
        }
        self.findings.plan(file, whole);
        Ok(())
    }
}

/// The tables that a plan reads from end to end, by schema and name.
fn scanned(plan: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(plan);
    let (mut found, mut scans) = (Vec::new(), false);
    // A plan that cannot be read to its end tells what it told until then.
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"RelOp" => {
                    scans =
                        attribute(&element, "PhysicalOp").is_some_and(|step| SCANS.contains(&step.as_str()));
                }
                b"Object" if scans => found.extend(
                    attribute(&element, "Schema")
                        .zip(attribute(&element, "Table"))
                        .map(|(schema, table)| (plain(&schema), plain(&table))),
                ),
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    found
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    Some(found.normalized_value(XmlVersion::Explicit1_0).ok()?.into_owned())
}

/// A name without its brackets.
fn plain(name: &str) -> String {
    name.trim_start_matches('[').trim_end_matches(']').replace("]]", "]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_told_from_seeks() {
        // The form of a plan by the schema that Microsoft publishes: showplan/2004/07/showplanxml.xsd.
        let plan = r#"<?xml version="1.0" encoding="utf-16"?>
            <ShowPlanXML xmlns="http://schemas.microsoft.com/sqlserver/2004/07/showplan" Version="1.539"><BatchSequence><Batch>
            <Statements><StmtSimple StatementText="select &lt;" StatementType="SELECT"><QueryPlan><RelOp NodeId="0"
            PhysicalOp="Nested Loops" LogicalOp="Inner Join"><OutputList/><NestedLoops Optimized="0">
            <RelOp NodeId="1" PhysicalOp="Table-valued function" LogicalOp="Table-valued function"><TableValuedFunction>
            <Object Table="[OPENJSON_EXPLICIT]" Alias="[keys_asked]"/></TableValuedFunction></RelOp>
            <RelOp NodeId="2" PhysicalOp="Clustered Index Seek" LogicalOp="Clustered Index Seek"><IndexScan Ordered="1">
            <Object Database="[b]" Schema="[crm]" Table="[Account]" Index="[PK]" IndexKind="Clustered"/></IndexScan></RelOp>
            <RelOp NodeId="3" PhysicalOp="Clustered Index Scan" LogicalOp="Clustered Index Scan"><IndexScan Ordered="0">
            <DefinedValues><DefinedValue><ColumnReference Table="[x]"/></DefinedValue></DefinedValues>
            <Object Database="[b]" Schema="[crm]" Table="[Odd ]]name&amp;]" Index="[PK]" IndexKind="Clustered"/></IndexScan>
            </RelOp></NestedLoops></RelOp></QueryPlan></StmtSimple></Statements></Batch></BatchSequence></ShowPlanXML>"#;
        assert_eq!(scanned(plan), [("crm".to_owned(), "Odd ]name&".to_owned())]);
        assert!(scanned("<ShowPlanXML><RelOp PhysicalOp=\"Table Scan\">").is_empty());
    }
}
