//! Runs the pack's queries for every row there is.

use anyhow::{Context, Result, anyhow};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};
use wattle_core::{Entity, Key};
use wattle_sql::{Assembler, Mapping, Pack, Row, SourceValue, Template};
use wattle_testbed::Records;

/// Correa's pack.
pub(crate) fn pack() -> Pack {
    Pack::from_files(wattle_correa::PACK).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Fetches every record of an entity.
pub(crate) async fn all(client: &Client, pack: &Pack, entity: Entity) -> Result<Records> {
    let graph = pack.graph();
    let root = graph.root(entity).context("the pack feeds every entity")?;
    let node = graph.node(root);
    let columns: Vec<&str> = node.key.iter().map(|column| column.name.as_str()).collect();
    let columns = columns.join(", ");
    let relation = format!(
        "(select row_number() over (order by {columns}) - 1 as ord, {columns} from {})",
        node.relation
    );
    let run = async |template: &Template| run(client, &template.expand(&relation, "now()")).await;
    let keys = rows(client, &format!("select {columns} from {relation} k order by ord")).await?.1;
    let keys: Vec<Key> = keys.iter().map(|row| key(pack, root, row)).collect::<Result<_>>()?;
    let queries = pack.queries(entity).context("the pack has queries for every entity")?;
    let mut assembler = Assembler::new(pack, entity, &keys);
    let mut mappings = Vec::new();
    for (array, query) in queries.arrays.iter().enumerate() {
        let (names, rows) = run(&query.template).await.with_context(|| query.path.clone())?;
        let mapping =
            Mapping::of_array(pack, entity, array, &names).map_err(|errors| anyhow!("{errors:?}"))?;
        assembler.array(array, &mapping, rows)?;
        mappings.push(mapping);
    }
    let (names, rows) = run(&queries.main).await?;
    let mapping = Mapping::of_main(pack, entity, &names).map_err(|errors| anyhow!("{errors:?}"))?;
    let fetched = assembler.main(&mapping, rows)?;
    mappings.push(mapping);
    let missing = Mapping::missing_lineage(pack, entity, &mappings.iter().collect::<Vec<_>>());
    anyhow::ensure!(missing.is_empty(), "{missing:?}");
    fetched.into_iter().map(|fetched| Ok((keys[fetched.ordinal].clone(), fetched.record?))).collect()
}

fn key(pack: &Pack, node: wattle_core::NodeId, row: &Row) -> Result<Key> {
    let parts: Vec<String> = row.iter().filter_map(SourceValue::plain_text).collect();
    Ok(Key::new(pack.graph().key_types(node), parts.iter().map(String::as_str))?)
}

async fn run(client: &Client, sql: &str) -> Result<(Vec<String>, Vec<Row>)> {
    rows(client, sql).await.with_context(|| format!("in {sql}"))
}

/// The rows of a query: types from the prepared statement, values as text.
async fn rows(client: &Client, sql: &str) -> Result<(Vec<String>, Vec<Row>)> {
    let statement = client.prepare(sql).await?;
    let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
    let names = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let messages = client.simple_query(sql).await?;
    let read = |row: &SimpleQueryRow| -> Result<Row> {
        types.iter().enumerate().map(|(at, kind)| value(kind, row.get(at))).collect()
    };
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(read(row)),
        _ => None,
    });
    Ok((names, rows.collect::<Result<_>>()?))
}

fn value(kind: &Type, text: Option<&str>) -> Result<SourceValue> {
    let Some(text) = text else { return Ok(SourceValue::Null) };
    Ok(match *kind {
        Type::BOOL => SourceValue::Boolean(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 => SourceValue::Integer(text.parse()?),
        Type::NUMERIC => SourceValue::Decimal(text.to_owned()),
        Type::DATE => SourceValue::Date(text.parse()?),
        Type::TIME => SourceValue::Time(text.parse()?),
        Type::TIMESTAMP => SourceValue::Local(text.replace(' ', "T").parse()?),
        Type::TIMESTAMPTZ => SourceValue::Instant(format!("{}:00", text.replace(' ', "T")).parse()?),
        Type::BPCHAR => SourceValue::Text(text.trim_end().to_owned()),
        Type::TEXT | Type::VARCHAR | Type::UUID => SourceValue::Text(text.to_owned()),
        Type::JSON | Type::JSONB => SourceValue::Json(serde_json::from_str(text)?),
        Type::TEXT_ARRAY => {
            let inside = text.trim_start_matches('{').trim_end_matches('}');
            let parts = inside.split(',').filter(|part| !part.is_empty());
            SourceValue::Array(
                parts.map(|part| SourceValue::Text(part.trim_matches('"').to_owned())).collect(),
            )
        }
        _ => anyhow::bail!("no column is a {kind}"),
    })
}
