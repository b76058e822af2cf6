//! Change data capture: change tables that a job of the server fills from its log, each change with the place of its
//! commit in the log (LSN).
//!
//! Change tables are read themselves, and not by `cdc.fn_cdc_get_all_changes_…`, whose answer to a place that is no longer
//! kept is the misleading error 313. What is kept is asked in the same snapshot as the changes.

use wattle_core::{EntityGraph, Hint, NodeId, SourceError};

use super::Heard;
use crate::connect::literal;
use crate::dialect::quote;
use crate::position::Mark;

/// Up to where the job has come; and the end of the log, which is at or after everything that is visible.
pub(crate) const STANDING: &str = "select (select top (1) convert(varchar(22), m.start_lsn, 1) \
     from cdc.lsn_time_mapping m order by m.start_lsn desc), \
     (select l.log_end_lsn from sys.dm_db_log_stats(db_id()) l), sysutcdatetime()";

/// A row for each capture instance that has the key and has begun, and one for a table without.
pub(super) fn terms_query(graph: &EntityGraph, node: NodeId) -> String {
    let object = format!("object_id({})", literal(&graph.node(node).relation));
    format!(
        "select {} as ord, {object}, i.since, \
         (select convert(varchar(33), t.modify_date, 126) from sys.tables t where t.object_id = {object}), i.instance \
         from (select 1 as one) o outer apply (select convert(varchar(22), c.start_lsn, 1) as since, \
         c.capture_instance as instance from cdc.change_tables c \
         where c.source_object_id = {object} and c.start_lsn is not null and {}) i",
        node.index(),
        has_key(graph, node)
    )
}

/// The condition that the capture instance `c` has the columns of a node's key, and not others that had their names.
pub(crate) fn has_key(graph: &EntityGraph, node: NodeId) -> String {
    let key = &graph.node(node).key;
    let names: Vec<String> = key.iter().map(|key| literal(&key.name)).collect();
    format!(
        "(select count(*) from cdc.captured_columns k join sys.columns s on s.object_id = c.source_object_id \
         and s.column_id = k.column_id and s.name = k.column_name \
         where k.object_id = c.object_id and k.column_name in ({})) = {}",
        names.join(", "),
        key.len()
    )
}

/// An update is told as its row before and after it: the key may be another.
pub(super) fn changes_query(graph: &EntityGraph, heard: &Heard, until: &Mark, most: u64) -> String {
    let key = &graph.node(heard.node).key;
    let columns: Vec<String> = key.iter().map(|key| format!("ct.{}", quote(&key.name))).collect();
    let instance = heard.instance.as_deref().unwrap_or_default();
    format!(
        "select top ({most}) convert(varchar(22), ct.[__$start_lsn], 1), ct.[__$operation], {} from cdc.{} ct \
         where ct.[__$start_lsn] > {} and ct.[__$start_lsn] <= {until} order by ct.[__$start_lsn]",
        columns.join(", "),
        quote(&format!("{instance}_CT")),
        heard.after
    )
}

pub(super) fn hint(operation: &str) -> Hint {
    match operation {
        "1" => Hint::Delete,
        "2" => Hint::Insert,
        _ => Hint::Update,
    }
}

pub(super) fn untold(graph: &EntityGraph, node: NodeId) -> SourceError {
    let node = graph.node(node);
    SourceError::Config {
        what: format!(
            "the changes of {} (node `{}`) are not told: no capture instance has its key, or the job has not begun with it",
            node.relation, node.name
        ),
        fix: "run `wattle check`, which prints the call of sys.sp_cdc_enable_table".into(),
    }
}
