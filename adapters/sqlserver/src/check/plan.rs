//! How SQL Server would run a query, by its own plan.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use wattle_core::{Severity, SourceError};
use wattle_sql::words;

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

    fn unseen(&mut self, file: &str, why: &str) {
        let what =
            format!("the plan of {file} was not seen, and nobody knows whether indexes serve it: {why}");
        self.findings.add(Severity::Advice, what, words("look at the query's plan by hand"));
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
        let shown = match shown {
            Ok(shown) => shown,
            // As where a query names another database, in which the right is wanted too.
            Err(SourceError::Config { what, .. }) => {
                self.unseen(file, &what);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let documents: Vec<_> = shown.iter().flatten().filter_map(|row| scanned(&text(row, 0)?)).collect();
        if documents.is_empty() {
            self.unseen(file, "the server shows it in a form that Wattle does not know");
            return Ok(());
        }
        let mut whole = Vec::new();
        for scans in documents {
            for (schema, name) in scans {
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

/// The tables that a plan reads from end to end, by schema and name; none of what is no plan, or cannot be read to its end.
fn scanned(plan: &str) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::from_str(plan);
    let (mut found, mut scans, mut steps) = (Vec::new(), false, 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"RelOp" => {
                    steps += 1;
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
            Event::Eof => return (steps > 0).then_some(found),
            _ => {}
        }
    }
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
        assert_eq!(scanned(plan), Some(vec![("crm".to_owned(), "Odd ]name&".to_owned())]));
        for none in [
            "",
            "<ShowPlanXML></ShowPlanXML>",
            "<ShowPlanXML><RelOp></ShowPlanXML>",
            &plan[..plan.len() - 40],
        ] {
            assert_eq!(scanned(none), None, "{none}");
        }
    }
}
