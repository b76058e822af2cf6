//! Change tracking: where it stands, on what terms, and what it says.

use tiberius::Row;
use wattle_core::{EntityGraph, Hint, Key, NodeId, SourceError, SourceError as Error};
use wattle_sql::key_of;

use crate::catalogue::Table;
use crate::connect::{Session, literal};
use crate::dialect::quote;
use crate::position::TrackedPosition;
use crate::value::{integer, text};
use crate::{Inner, check};

/// The version of the last transaction that a snapshot includes, or that is visible.
pub(crate) const VERSION: &str = "select change_tracking_current_version(), sysutcdatetime()";

/// On what terms a captured table is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) node: NodeId,
    object_id: Option<i64>,
    /// Changes after this version are known; none without tracking, or without the right to ask.
    pub(crate) since: Option<i64>,
    /// When the table was altered last.
    modified: Option<String>,
}

impl Terms {
    /// Is there such a table, that the login may see?
    pub(crate) fn is_there(&self) -> bool {
        self.object_id.is_some()
    }

    /// Is the table another than before, or altered?
    pub(crate) fn is_altered(&self, before: &Self) -> bool {
        self.object_id != before.object_id || self.modified != before.modified
    }

    /// Is it another table by the same name?
    pub(crate) fn is_replaced(&self, before: &Self) -> bool {
        self.object_id != before.object_id
    }
}

/// A changed row.
pub(crate) struct Changed {
    pub(crate) version: i64,
    pub(crate) node: NodeId,
    pub(crate) key: Key,
    pub(crate) hint: Hint,
}

/// The query for the terms of all captured tables.
pub(crate) fn terms_query(graph: &EntityGraph) -> String {
    let each = graph.captured().map(|node| {
        let object = format!("object_id({})", literal(&graph.node(node).relation));
        format!(
            "select {} as ord, {object}, change_tracking_min_valid_version({object}), \
             (select convert(varchar(33), t.modify_date, 126) from sys.tables t where t.object_id = {object})",
            node.index()
        )
    });
    each.collect::<Vec<_>>().join(" union all ") + " order by 1"
}

/// What the rows of that query say.
pub(crate) fn terms_of(graph: &EntityGraph, rows: &[Row]) -> Result<Vec<Terms>, Error> {
    let captured: Vec<NodeId> = graph.captured().collect();
    let terms: Vec<Terms> = rows
        .iter()
        .filter_map(|row| {
            let at = integer(row, 0)?;
            let node = *captured.iter().find(|node| i64::try_from(node.index()) == Ok(at))?;
            let (object_id, since) = (integer(row, 1), integer(row, 2));
            Some(Terms { node, object_id, since, modified: text(row, 3) })
        })
        .collect();
    if terms.len() == captured.len() {
        return Ok(terms);
    }
    Err(Error::Bug { what: "the query of what is tracked does not name every table".into() })
}

/// The version that the rows of [`VERSION`] tell.
pub(crate) fn version_of(rows: &[Row]) -> Result<i64, Error> {
    rows.first().and_then(|row| integer(row, 0)).ok_or_else(|| Error::Config {
        what: "the source's database does not track changes".into(),
        fix: "alter database current set change_tracking = on (change_retention = 7 days, auto_cleanup = on)"
            .into(),
    })
}

/// A table of which changes are not told, though it is there.
pub(crate) fn untracked(graph: &EntityGraph, node: NodeId) -> Error {
    let node = graph.node(node);
    Error::Config {
        what: format!(
            "the changes of {} (node `{}`) are not told: it is not tracked, or the login has no VIEW CHANGE TRACKING on it",
            node.relation, node.name
        ),
        fix: format!(
            "alter table {0} enable change_tracking; grant view change tracking on {0} to the login",
            node.relation
        ),
    }
}

/// The query for the changes of a table after a version: one more than the limit, to know whether there are more.
pub(crate) fn changes_query(graph: &EntityGraph, node: NodeId, after: i64, limit: u32) -> String {
    let node = graph.node(node);
    let columns: Vec<String> = node.key.iter().map(|key| format!("ct.{}", quote(&key.name))).collect();
    format!(
        "select top ({}) ct.SYS_CHANGE_VERSION, ct.SYS_CHANGE_OPERATION, {} \
         from changetable(changes {}, {after}) as ct order by ct.SYS_CHANGE_VERSION",
        u64::from(limit) + 1,
        columns.join(", "),
        node.relation
    )
}

/// What a row of that query says.
pub(crate) fn changed(graph: &EntityGraph, node: NodeId, row: &Row) -> Result<Changed, Error> {
    let lacking = || Error::Bug { what: "a change came without its version or key".into() };
    let version = integer(row, 0).ok_or_else(lacking)?;
    let hint = match text(row, 1).as_deref() {
        Some("I") => Hint::Insert,
        Some("D") => Hint::Delete,
        _ => Hint::Update,
    };
    let width = graph.node(node).key.len();
    let values: Vec<String> =
        (2..2 + width).map(|at| text(row, at)).collect::<Option<_>>().ok_or_else(lacking)?;
    Ok(Changed { version, node, key: key_of(graph, node, &values)?, hint })
}

/// A position at or after everything that is visible now.
pub(crate) async fn now(session: &mut Session) -> Result<TrackedPosition, SourceError> {
    let rows = session.rows("look where change tracking stands", VERSION).await?;
    Ok(TrackedPosition::new(session.identity().clone(), version_of(&rows)?))
}

/// Makes sure that changes can be heard, and returns a position that no change after this call precedes.
pub(crate) async fn begin(inner: &Inner) -> Result<TrackedPosition, SourceError> {
    let (mut session, catalogue) = check::require_heard(inner, inner.connector.connect().await?).await?;
    for node in inner.graph().captured() {
        catalogue.key_types(inner.graph(), node)?;
    }
    now(&mut session).await
}

/// Does change tracking name a row by just these columns?
pub(crate) fn tracks_by(table: &Table, key: &[&str]) -> bool {
    let primary = table.primary_key();
    primary.len() == key.len()
        && key.iter().all(|name| primary.iter().any(|column| crate::catalogue::same(column, name)))
}
