//! The tables of a source, as its catalogue has them, to propose a pack from.

use super::review::parts;
use super::{SqlDialect, SqlSession};
use crate::{ForeignKey, Table, TableColumn};

/// Rows of relation, column, type, `1` if it may be NULL, and the place in the primary key from one.
const POSTGRES_COLUMNS: &str = "
    select format('%I.%I', n.nspname, c.relname), a.attname, format_type(a.atttypid, null),
           case when a.attnotnull then '0' else '1' end,
           (select k.at::text from unnest(i.indkey::smallint[]) with ordinality k (attnum, at) where k.attnum = a.attnum)
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
    order by 1, a.attnum";

/// Rows of relation, a name of the key within it, column, referenced relation, referenced column, and `1` if it cascades.
const POSTGRES_KEYS: &str = "
    select format('%I.%I', n.nspname, c.relname), f.conname, a.attname,
           format('%I.%I', m.nspname, r.relname), b.attname, case when f.confdeltype = 'c' then '1' else '0' end
    from pg_constraint f
    join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_class r on r.oid = f.confrelid join pg_namespace m on m.oid = r.relnamespace
    cross join unnest(f.conkey, f.confkey) with ordinality k (here, there, at)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.here
    join pg_attribute b on b.attrelid = r.oid and b.attnum = k.there
    where f.contype = 'f' and f.conparentid = 0
    order by 1, 2, k.at";

const MYSQL_COLUMNS: &str = "
    select concat('`', replace(c.table_name, '`', '``'), '`'), c.column_name, case c.data_type when 'binary' then c.column_type else c.data_type end,
           case c.is_nullable when 'YES' then '1' else '0' end, cast(k.ordinal_position as char)
    from information_schema.columns c
    join information_schema.tables t
      on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
    left join information_schema.key_column_usage k
      on k.table_schema = c.table_schema and k.table_name = c.table_name and k.column_name = c.column_name
     and k.constraint_name = 'PRIMARY'
    where c.table_schema = database()
    order by c.table_name, c.ordinal_position";

const SQLSERVER_COLUMNS: &str = "
    select '[' + replace(s.name, ']', ']]') + '].[' + replace(t.name, ']', ']]') + ']', c.name, ty.name,
           case c.is_nullable when 1 then '1' else '0' end,
           (select cast(ic.key_ordinal as nvarchar(3)) from sys.indexes i
            join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id
            where i.object_id = t.object_id and i.is_primary_key = 1 and ic.column_id = c.column_id)
    from sys.tables t
    join sys.schemas s on s.schema_id = t.schema_id
    join sys.columns c on c.object_id = t.object_id
    join sys.types ty on ty.user_type_id = c.system_type_id
    where t.is_ms_shipped = 0
    order by s.name, t.name, c.column_id";

const SQLSERVER_KEYS: &str = "
    select '[' + replace(s.name, ']', ']]') + '].[' + replace(t.name, ']', ']]') + ']', f.name, c.name,
           '[' + replace(q.name, ']', ']]') + '].[' + replace(r.name, ']', ']]') + ']', d.name,
           case f.delete_referential_action when 1 then '1' else '0' end
    from sys.foreign_keys f
    join sys.foreign_key_columns k on k.constraint_object_id = f.object_id
    join sys.tables t on t.object_id = f.parent_object_id join sys.schemas s on s.schema_id = t.schema_id
    join sys.tables r on r.object_id = f.referenced_object_id join sys.schemas q on q.schema_id = r.schema_id
    join sys.columns c on c.object_id = t.object_id and c.column_id = k.parent_column_id
    join sys.columns d on d.object_id = r.object_id and d.column_id = k.referenced_column_id
    order by s.name, t.name, f.name, k.constraint_column_id";

const SQLITE_COLUMNS: &str = "
    select printf('\"%w\"', s.name), x.name, lower(case x.type when '' then 'text' else x.type end),
           case when x.\"notnull\" = 1 or x.pk > 0 then '0' else '1' end, nullif(cast(x.pk as text), '0')
    from sqlite_schema s, pragma_table_xinfo(s.name) x
    where s.type = 'table' and s.name not like 'sqlite\\_%' escape '\\' and s.name not like 'wattle\\_%' escape '\\'
    order by s.name, x.cid";

// A key that names no columns points at the primary key.
const SQLITE_KEYS: &str = "
    select printf('\"%w\"', s.name), cast(f.id as text), f.\"from\", printf('\"%w\"', f.\"table\"),
           coalesce(f.\"to\", (select name from pragma_table_info(f.\"table\") where pk = f.seq + 1)),
           case f.on_delete when 'CASCADE' then '1' else '0' end
    from sqlite_schema s, pragma_foreign_key_list(s.name) f
    where s.type = 'table'
    order by s.name, f.id, f.seq";

/// Reads all tables that the session sees.
///
/// # Errors
/// The database's message.
pub async fn tables(session: &mut impl SqlSession) -> Result<Vec<Table>, String> {
    let (columns, keys) = match session.dialect() {
        SqlDialect::PostgreSql => (POSTGRES_COLUMNS, Some(POSTGRES_KEYS)),
        SqlDialect::MySql => (MYSQL_COLUMNS, None),
        SqlDialect::Sqlite => (SQLITE_COLUMNS, Some(SQLITE_KEYS)),
        SqlDialect::SqlServer => (SQLSERVER_COLUMNS, Some(SQLSERVER_KEYS)),
    };
    let mut tables: Vec<Table> = Vec::new();
    let mut places: Vec<Vec<(usize, String)>> = Vec::new();
    for row in session.rows(columns).await? {
        let [Some(relation), Some(name), Some(sql_type), nullable, place] = &row[..] else { continue };
        if tables.last().is_none_or(|table| table.relation != *relation) {
            tables.push(Table { relation: relation.clone(), ..Table::default() });
            places.push(Vec::new());
        }
        let (Some(table), Some(places)) = (tables.last_mut(), places.last_mut()) else { continue };
        let nullable = nullable.as_deref() == Some("1");
        table.columns.push(TableColumn { name: name.clone(), sql_type: sql_type.to_lowercase(), nullable });
        places.extend(place.as_ref().and_then(|place| Some((place.parse().ok()?, name.clone()))));
    }
    for (table, mut places) in tables.iter_mut().zip(places) {
        places.sort();
        table.primary_key = places.into_iter().map(|(_, name)| name).collect();
    }
    match keys {
        Some(keys) => foreign_keys(session, keys, &mut tables).await?,
        None => foreign_keys_as_made(session, &mut tables).await?,
    }
    Ok(tables)
}

async fn foreign_keys(session: &mut impl SqlSession, keys: &str, tables: &mut [Table]) -> Result<(), String> {
    let mut last = None;
    for row in session.rows(keys).await? {
        let [Some(relation), Some(name), Some(column), Some(to), Some(referenced), cascades] = &row[..]
        else {
            continue;
        };
        let Some(table) = tables.iter_mut().find(|table| table.relation == *relation) else { continue };
        if last.as_ref() != Some(&(relation.clone(), name.clone())) {
            last = Some((relation.clone(), name.clone()));
            let cascades = cascades.as_deref() == Some("1");
            let key =
                ForeignKey { columns: Vec::new(), relation: to.clone(), referenced: Vec::new(), cascades };
            table.foreign_keys.push(key);
        }
        if let Some(key) = table.foreign_keys.last_mut() {
            key.columns.push(column.clone());
            key.referenced.push(referenced.clone());
        }
    }
    Ok(())
}

/// MySQL's catalogue has foreign keys only for whoever may do more than read; how a table is made is shown to readers.
async fn foreign_keys_as_made(session: &mut impl SqlSession, tables: &mut [Table]) -> Result<(), String> {
    for table in tables {
        let made = match session.rows(&format!("show create table {}", table.relation)).await {
            // Whoever may read some of the columns is not shown it either, and has a table without foreign keys.
            Err(error) if error.starts_with("error 1142") => Vec::new(),
            made => made?,
        };
        let made = made.into_iter().next().and_then(|row| row.into_iter().nth(1)).flatten();
        table.foreign_keys = made.iter().flat_map(|made| made.lines()).filter_map(foreign_key).collect();
    }
    Ok(())
}

/// Reads ``CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `parent` (`b`) ON DELETE CASCADE`` within one database, and no other
/// line.
fn foreign_key(line: &str) -> Option<ForeignKey> {
    let (columns, referenced) = line.split_once(" FOREIGN KEY (")?.1.split_once(") REFERENCES ")?;
    let (relation, rest) = referenced.split_once(" (")?;
    let (to, actions) = rest.split_once(')')?;
    let names = |columns: &str| columns.split(',').map(|column| parts(column.trim()).concat()).collect();
    (parts(relation).len() == 1).then(|| ForeignKey {
        columns: names(columns),
        relation: relation.to_owned(),
        referenced: names(to),
        cascades: actions.contains("ON DELETE CASCADE"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_read_as_tables_are_made() {
        let line = "  CONSTRAINT `c` FOREIGN KEY (`x`,`a.b`) REFERENCES `acc``ount` (`no`,`kind`) ON DELETE CASCADE,";
        let expected = ForeignKey {
            columns: vec!["x".into(), "a.b".into()],
            relation: "`acc``ount`".into(),
            referenced: vec!["no".into(), "kind".into()],
            cascades: true,
        };
        assert_eq!(foreign_key(line), Some(expected));
        let elsewhere = "CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `other`.`t` (`id`)";
        assert_eq!(foreign_key(elsewhere), None);
        assert_eq!(foreign_key("  KEY `acct_no` (`acct_no`),"), None);
    }
}
