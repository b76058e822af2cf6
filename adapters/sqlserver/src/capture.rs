//! How changes are told: where the server stands, on what terms each table is heard, and what has changed.
//!
//! Both ways answer the same three questions with columns of the same meaning: [`change_tracking`] by versions,
//! [`cdc`] by places in the log.

pub(crate) mod cdc;
pub(crate) mod change_tracking;

use tiberius::Row;
use wattle_core::{EntityGraph, Hint, Key, NodeId, SourceError, SourceError as Error};
use wattle_sql::key_of;

use crate::connect::Session;
use crate::position::{Mark, TrackedPosition};
use crate::settings::Capture;
use crate::value::{integer, text};
use crate::{Inner, check};

/// How far a source has come.
pub(crate) struct Standing {
    /// Everything up to here has been told; none where nothing was told yet.
    pub(crate) told: Option<Mark>,
    /// The end of what is visible.
    pub(crate) end: Mark,
}

/// On what terms a captured table is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) node: NodeId,
    object_id: Option<i64>,
    /// When the table was altered last.
    modified: Option<String>,
    /// What tells its changes; nothing where the table is not heard, or without the right to ask.
    instances: Vec<Instance>,
}

/// What tells a table's changes: change tracking, or one of up to two capture instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Changes after this mark are known.
    pub(crate) since: Mark,
    /// The capture instance's name.
    pub(crate) name: Option<String>,
}

impl Terms {
    /// Is there such a table, that the login may see?
    pub(crate) fn is_there(&self) -> bool {
        self.object_id.is_some()
    }

    /// What tells the changes after a mark: the latest that goes back so far, since it was made for columns that others
    /// lack; or else the one that goes back furthest.
    pub(crate) fn told(&self, after: Option<Mark>) -> Option<&Instance> {
        let reaches = |told: &&Instance| after.is_none_or(|after| told.since <= after);
        let latest = self.instances.iter().filter(reaches).max_by_key(|told| told.since);
        latest.or_else(|| self.instances.iter().min_by_key(|told| told.since))
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

/// A table whose changes after a mark are to be read.
pub(crate) struct Heard {
    pub(crate) node: NodeId,
    pub(crate) after: Mark,
    pub(crate) instance: Option<String>,
}

/// A changed row.
pub(crate) struct Changed {
    pub(crate) mark: Mark,
    pub(crate) node: NodeId,
    pub(crate) key: Key,
    pub(crate) hint: Hint,
}

impl Capture {
    /// The query for where the source stands: up to where it has told, the end, and the time in UTC.
    pub(crate) fn standing_query(self) -> &'static str {
        match self {
            Self::ChangeTracking => change_tracking::STANDING,
            Self::Cdc => cdc::STANDING,
        }
    }

    /// What the rows of that query say.
    pub(crate) fn standing_of(self, rows: &[Row]) -> Result<Standing, Error> {
        let mark = |at| rows.first().and_then(|row| text(row, at)).map(|text| self.mark(&text)).transpose();
        let end = mark(1)?.ok_or_else(|| self.silent())?;
        Ok(Standing { told: mark(0)?, end })
    }

    /// The query for the terms of all captured tables.
    pub(crate) fn terms_query(self, graph: &EntityGraph) -> String {
        let each = graph.captured().map(|node| match self {
            Self::ChangeTracking => change_tracking::terms_query(graph, node),
            Self::Cdc => cdc::terms_query(graph, node),
        });
        each.collect::<Vec<_>>().join(" union all ") + " order by 1"
    }

    /// What the rows of that query say.
    pub(crate) fn terms_of(self, graph: &EntityGraph, rows: &[Row]) -> Result<Vec<Terms>, Error> {
        let mut all = Vec::new();
        for node in graph.captured() {
            let is_its = |row: &&Row| integer(row, 0) == i64::try_from(node.index()).ok();
            let its: Vec<&Row> = rows.iter().filter(is_its).collect();
            let first = *its.first().ok_or_else(|| Error::Bug {
                what: "the query of the tables' terms does not name every table".into(),
            })?;
            let told = |row: &&Row| Some((text(row, 2)?, text(row, 4)));
            let instances = its
                .iter()
                .filter_map(told)
                .map(|(since, name)| self.mark(&since).map(|since| Instance { since, name }));
            all.push(Terms {
                node,
                object_id: integer(first, 1),
                modified: text(first, 3),
                instances: instances.collect::<Result<_, _>>()?,
            });
        }
        Ok(all)
    }

    /// The query for the changes of a table up to a mark: one row more than the limit, to know whether there are more.
    pub(crate) fn changes_query(
        self,
        graph: &EntityGraph,
        heard: &Heard,
        until: &Mark,
        limit: u32,
    ) -> String {
        let most = u64::from(limit) + 1;
        match self {
            Self::ChangeTracking => change_tracking::changes_query(graph, heard, most),
            Self::Cdc => cdc::changes_query(graph, heard, until, most),
        }
    }

    /// What a row of that query says; nothing of a row without its key.
    pub(crate) fn changed(
        self,
        graph: &EntityGraph,
        node: NodeId,
        row: &Row,
    ) -> Result<Option<Changed>, Error> {
        let lacking = || Error::Bug { what: "a change came without its mark".into() };
        let mark = self.mark(&text(row, 0).ok_or_else(lacking)?)?;
        let operation = text(row, 1).unwrap_or_default();
        let hint = match self {
            Self::ChangeTracking => change_tracking::hint(&operation),
            Self::Cdc => cdc::hint(&operation),
        };
        let width = graph.node(node).key.len();
        let values: Option<Vec<String>> = (2..2 + width).map(|at| text(row, at)).collect();
        let Some(values) = values else { return Ok(None) };
        Ok(Some(Changed { mark, node, key: key_of(graph, node, &values)?, hint }))
    }

    /// A table of which changes are not told, though it is there.
    pub(crate) fn untold(self, graph: &EntityGraph, node: NodeId) -> Error {
        match self {
            Self::ChangeTracking => change_tracking::untold(graph, node),
            Self::Cdc => cdc::untold(graph, node),
        }
    }

    fn mark(self, text: &str) -> Result<Mark, Error> {
        let mark = match self {
            Self::ChangeTracking => text.parse().ok().map(Mark::Version),
            Self::Cdc => Mark::lsn(text),
        };
        mark.ok_or_else(|| Error::Bug { what: format!("the source stands at `{text}`, which is no mark") })
    }

    /// The database does not say where it stands.
    fn silent(self) -> Error {
        let (what, fix) = match self {
            Self::ChangeTracking => (
                "the source's database does not track changes",
                "alter database current set change_tracking = on (change_retention = 7 days, auto_cleanup = on)",
            ),
            Self::Cdc => (
                "the source does not tell where its log ends",
                "run `wattle check`, which prints the grants that are missing",
            ),
        };
        Error::Config { what: what.into(), fix: fix.into() }
    }
}

/// A position at or after everything that is visible now.
pub(crate) async fn now(inner: &Inner, session: &mut Session) -> Result<TrackedPosition, SourceError> {
    Ok(TrackedPosition::new(session.identity().clone(), standing(inner, session).await?.end))
}

async fn standing(inner: &Inner, session: &mut Session) -> Result<Standing, SourceError> {
    let capture = inner.options.capture;
    let rows = session.rows("look where the source stands", capture.standing_query()).await?;
    capture.standing_of(&rows)
}

/// Makes sure that changes can be heard, and returns a position that no change after this call precedes.
pub(crate) async fn begin(inner: &Inner) -> Result<TrackedPosition, SourceError> {
    let (capture, graph) = (inner.options.capture, inner.graph());
    let (mut session, catalogue) = check::require_heard(inner, inner.connector.connect().await?).await?;
    for node in graph.captured() {
        catalogue.key_types(graph, node)?;
    }
    let rows = session.rows("look at what is told", &capture.terms_query(graph)).await?;
    // Where nothing was told yet, what is told begins after the latest table that was taken up.
    let taken_up =
        capture.terms_of(graph, &rows)?.iter().filter_map(|terms| Some(terms.told(None)?.since)).max();
    let told = standing(inner, &mut session).await?.told;
    let begin = told.max(taken_up).ok_or_else(|| capture.silent())?;
    Ok(TrackedPosition::new(session.identity().clone(), begin))
}
