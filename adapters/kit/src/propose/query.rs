//! Skeletons of the main queries.

use std::fmt::Write;

use wattle_core::Entity;
use wattle_core::entity::{Field, Object, Presence, Shape};

use super::graph::Draft;
use crate::SqlDialect;

/// The main query of an entity that has a root: its key and owners, the columns whose names say which field they are,
/// and as comments the fields that are still to fill.
pub(super) fn skeleton(draft: &Draft<'_>, dialect: SqlDialect, entity: Entity) -> Option<String> {
    let root = *draft.roots.get(&entity)?;
    let node = &draft.nodes[root];
    let mut selected = vec![format!("k.ord as \"$ord\"")];
    let key_aliases = |alias: &str, table: &str, columns: &[String], names: &[String]| -> Vec<String> {
        let written = |(column, name): (&String, &String)| {
            let part = if columns.len() == 1 { String::new() } else { format!(".{name}") };
            format!("{table}.{} as \"{alias}{part}\"", dialect.quote(column))
        };
        columns.iter().zip(names).map(written).collect()
    };
    selected.extend(key_aliases("$key", "t", &node.table.primary_key, &node.table.primary_key));
    let mut joins = String::new();
    for (number, owner) in entity.owners().iter().enumerate() {
        let to = *draft.roots.get(owner)?;
        let mut alias = "t".to_owned();
        let way = draft.path(root, to)?;
        for (step, (at, edge)) in way.iter().enumerate() {
            let edge = &draft.nodes[*at].edges[*edge];
            let predecessor = draft.nodes[edge.to].table;
            if step + 1 == way.len() {
                let name = format!("$owner.{owner}");
                selected.extend(key_aliases(&name, &alias, &edge.columns, &predecessor.primary_key));
                continue;
            }
            let next = format!("o{number}_{step}");
            let on = edge.columns.iter().zip(&predecessor.primary_key);
            let on: Vec<String> = on
                .map(|(column, key)| {
                    format!("{next}.{} = {alias}.{}", dialect.quote(key), dialect.quote(column))
                })
                .collect();
            let _ = write!(joins, "\njoin {} {next} on {}", predecessor.relation, on.join(" and "));
            selected.extend(key_aliases(
                &format!("$from.{}", draft.nodes[edge.to].name),
                &next,
                &predecessor.primary_key,
                &predecessor.primary_key,
            ));
            alias = next;
        }
    }
    let mut open = Vec::new();
    fields(entity.shape(), "", true, &mut |path, field, mandatory| {
        let plain = |text: &str| text.replace(['_', '.'], "").to_lowercase();
        let named = node.table.columns.iter().find(|column| plain(&column.name) == plain(path));
        match named {
            Some(column) if !matches!(field.shape, Shape::List(_)) => {
                selected.push(format!("t.{} as \"{path}\"", dialect.quote(&column.name)));
            }
            _ => open.push(to_fill(entity, path, field, mandatory)),
        }
    });
    for read in
        draft.reads.get(&entity).into_iter().flatten().filter(|read| draft.way_misses(root, entity, **read))
    {
        let name = &draft.nodes[*read].name;
        open.push(format!(
            "rows of {name}: select their key as \"$from.{name}\" where they are read, or fold it"
        ));
    }
    let key = node.table.primary_key.iter().map(|name| {
        let name = dialect.quote(name);
        format!("t.{name} = k.{name}")
    });
    let mut text = format!("-- The records of {entity}, each a row of {}.\n", node.table.relation);
    let _ = writeln!(text, "select {}", selected.join(",\n       "));
    if !open.is_empty() {
        text.push_str("       -- Still to fill; take out what is optional and not there:\n");
        open.iter().for_each(|line| {
            let _ = writeln!(text, "       -- {line}");
        });
    }
    let _ = writeln!(
        text,
        "from {{keys}} k\njoin {} t on {}{joins}",
        node.table.relation,
        key.collect::<Vec<_>>().join(" and ")
    );
    Some(text)
}

/// Every field outside arrays, by its path, and whether it must be there.
fn fields(
    object: &'static Object,
    prefix: &str,
    mandatory: bool,
    each: &mut impl FnMut(&str, &'static Field, bool),
) {
    for field in object.fields {
        let path = if prefix.is_empty() { field.name.to_owned() } else { format!("{prefix}.{}", field.name) };
        let must = mandatory && matches!(field.presence, Presence::Mandatory);
        match field.shape {
            Shape::Object(object) => fields(object, &path, must, each),
            _ => each(&path, field, must),
        }
    }
}

fn to_fill(entity: Entity, path: &str, field: &Field, mandatory: bool) -> String {
    let presence = match field.presence {
        Presence::Mandatory if mandatory => "mandatory",
        Presence::Mandatory => "mandatory where the object around it is there",
        Presence::Optional => "optional",
        Presence::If(_) => "conditional",
        Presence::Member { .. } => "when the union's type names it",
    };
    let what = match field.shape {
        Shape::List(_) => return format!("an array: fetch/{entity}.{path}.sql  {presence}"),
        Shape::Enum(words) => words.join(" or "),
        Shape::Amount => "an amount".to_owned(),
        Shape::Rate => "a rate, 1 is 100 %".to_owned(),
        Shape::Date => "a date".to_owned(),
        Shape::DateTime => "a date-time".to_owned(),
        Shape::Boolean => "a boolean".to_owned(),
        Shape::Natural | Shape::Number => "a number".to_owned(),
        Shape::ServicePoint => "the retailer's id of the service point".to_owned(),
        _ => "text".to_owned(),
    };
    format!(", <value> as \"{path}\"  {presence}: {what}")
}
