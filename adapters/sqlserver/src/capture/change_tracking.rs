//! Change tracking: the keys of changed rows, each once, with the version of the transaction that changed it last.

use wattle_core::{EntityGraph, Hint, NodeId, SourceError};

use super::Heard;
use crate::catalogue::{Table, same};
use crate::connect::literal;
use crate::dialect::quote;

/// The version of the last transaction that a snapshot includes, or that is visible: all of it is told.
pub(crate) const STANDING: &str =
    "select change_tracking_current_version(), change_tracking_current_version(), sysutcdatetime()";

pub(super) fn terms_query(graph: &EntityGraph, node: NodeId) -> String {
    let object = format!("object_id({})", literal(&graph.node(node).relation));
    format!(
        "select {} as ord, {object}, change_tracking_min_valid_version({object}), \
         (select convert(varchar(33), t.modify_date, 126) from sys.tables t where t.object_id = {object}), \
         null",
        node.index()
    )
}

pub(super) fn changes_query(graph: &EntityGraph, heard: &Heard, most: u64) -> String {
    let node = graph.node(heard.node);
    let columns: Vec<String> = node.key.iter().map(|key| format!("ct.{}", quote(&key.name))).collect();
    format!(
        "select top ({most}) ct.SYS_CHANGE_VERSION, ct.SYS_CHANGE_OPERATION, {} \
         from changetable(changes {}, {}) as ct order by ct.SYS_CHANGE_VERSION",
        columns.join(", "),
        node.relation,
        heard.after
    )
}

pub(super) fn hint(operation: &str) -> Hint {
    match operation {
        "I" => Hint::Insert,
        "D" => Hint::Delete,
        _ => Hint::Update,
    }
}

pub(super) fn untold(graph: &EntityGraph, node: NodeId) -> SourceError {
    let node = graph.node(node);
    SourceError::Config {
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

/// Does change tracking name a row by just these columns?
pub(crate) fn tracks_by(table: &Table, key: &[&str]) -> bool {
    let primary = table.primary_key();
    primary.len() == key.len() && key.iter().all(|name| primary.iter().any(|column| same(column, name)))
}
