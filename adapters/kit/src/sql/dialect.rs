//! What differs from engine to engine.

use super::last_part;
use super::review::parts;
use crate::bench::End;

/// Whose SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlDialect {
    /// PostgreSQL.
    PostgreSql,
    /// MariaDB and MySQL.
    MySql,
    /// Microsoft SQL Server.
    SqlServer,
    /// SQLite.
    Sqlite,
}

/// Are values of this type compared and set without more ado?
pub(super) fn is_plain(sql_type: &str) -> bool {
    ["char", "text", "int", "num", "dec", "date", "time", "bool", "bit"]
        .iter()
        .any(|it| sql_type.contains(it))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

impl SqlDialect {
    /// A name as SQL writes it, whatever is in it.
    pub(crate) fn quote(self, name: &str) -> String {
        match self {
            Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::SqlServer => format!("[{}]", name.replace(']', "]]")),
            Self::PostgreSql | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// A value to compare a column with.
    pub(super) fn literal(self, value: &str, sql_type: &str) -> String {
        match self {
            Self::MySql if sql_type.starts_with("binary") => format!("x'{}'", value.replace('-', "")),
            Self::MySql => text(&value.replace('\\', "\\\\")),
            Self::SqlServer if sql_type.starts_with('n') => format!("N{}", text(value)),
            Self::SqlServer | Self::PostgreSql | Self::Sqlite => text(value),
        }
    }

    /// A value to put into a column.
    pub(super) fn typed(self, value: &str, sql_type: &str) -> String {
        match self {
            Self::PostgreSql => format!("cast({} as {sql_type})", text(value)),
            Self::MySql | Self::SqlServer | Self::Sqlite => self.literal(value, sql_type),
        }
    }

    /// A column's value as text.
    pub(super) fn shown(self, column: &str, sql_type: &str) -> String {
        match self {
            Self::MySql if sql_type.starts_with("binary") => format!("lower(hex({column}))"),
            Self::MySql => format!("cast({column} as char)"),
            Self::SqlServer => format!("cast({column} as nvarchar(4000))"),
            Self::PostgreSql | Self::Sqlite => format!("cast({column} as text)"),
        }
    }

    /// The first row of what is selected.
    pub(super) fn first(self, shown: &str, rest: &str) -> String {
        match self {
            Self::SqlServer => format!("select top 1 {shown} {rest}"),
            Self::PostgreSql | Self::MySql | Self::Sqlite => format!("select {shown} {rest} limit 1"),
        }
    }

    pub(super) fn overriding(self) -> &'static str {
        if self == Self::PostgreSql { " overriding system value" } else { "" }
    }

    /// An insert that gives values to a column for which the database would make them.
    pub(super) fn with_identity(self, relation: &str, insert: &str) -> String {
        format!("set identity_insert {relation} on; {insert}; set identity_insert {relation} off")
    }

    /// The columns of a relation: name, type, and `1` where the database makes the value, `2` where it does unless it is
    /// told otherwise.
    pub(super) fn columns(self, relation: &str) -> String {
        match self {
            Self::PostgreSql => format!(
                "select attname, format_type(atttypid, atttypmod), case when attgenerated <> '' then '1' else '0' end
                 from pg_attribute where attrelid = {}::regclass and attnum > 0 and not attisdropped order by attnum",
                text(relation)
            ),
            Self::MySql => format!(
                "select column_name, column_type, case when extra like '%VIRTUAL GENERATED%' or extra like '%STORED GENERATED%' then '1' else '0' end
                 from information_schema.columns where {} order by ordinal_position",
                mysql_table(relation)
            ),
            Self::SqlServer => format!(
                "select c.name,
                        case when t.name in ('decimal', 'numeric')
                             then t.name + '(' + cast(c.precision as nvarchar(5)) + ',' + cast(c.scale as nvarchar(5)) + ')'
                             when t.name in ('char', 'varchar') and c.max_length > 0
                             then t.name + '(' + cast(c.max_length as nvarchar(5)) + ')'
                             when t.name in ('nchar', 'nvarchar') and c.max_length > 0
                             then t.name + '(' + cast(c.max_length / 2 as nvarchar(5)) + ')'
                             else t.name end,
                        case when c.is_computed = 1 or t.name = 'timestamp' or c.generated_always_type <> 0 then '1' when c.is_identity = 1 then '2' else '0' end
                 from sys.columns c
                 join sys.types t on t.user_type_id = c.user_type_id where c.object_id = object_id({})",
                text(relation)
            ),
            Self::Sqlite => format!(
                "select name, case type when '' then 'text' else type end, case when hidden > 1 then '1' else '0' end
                 from pragma_table_xinfo({})",
                text(relation.trim_matches('"'))
            ),
        }
    }

    /// The columns that some unique index has.
    pub(super) fn unique(self, relation: &str) -> String {
        match self {
            Self::PostgreSql => format!(
                "select distinct a.attname from pg_index i join pg_attribute a
                 on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
                 where i.indrelid = {}::regclass and i.indisunique",
                text(relation)
            ),
            Self::MySql => format!(
                "select distinct column_name from information_schema.statistics where non_unique = 0 and {}",
                mysql_table(relation)
            ),
            Self::SqlServer => format!(
                "select c.name from sys.indexes i
                 join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id
                 join sys.columns c on c.object_id = ic.object_id and c.column_id = ic.column_id
                 where i.is_unique = 1 and i.object_id = object_id({})",
                text(relation)
            ),
            Self::Sqlite => format!(
                "select distinct c.name from pragma_index_list({}) i, pragma_index_info(i.name) c where i.\"unique\" = 1",
                text(relation.trim_matches('"'))
            ),
        }
    }

    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::PostgreSql => "begin",
            Self::MySql => "start transaction",
            Self::SqlServer => "begin transaction",
            // The lock is taken at once: a reader that becomes a writer may be refused.
            Self::Sqlite => "begin immediate",
        }
    }

    pub(super) fn end(self, end: End) -> &'static str {
        match (self, end) {
            (Self::SqlServer, End::Commit) => "commit transaction",
            (Self::SqlServer, End::Rollback) => "rollback transaction",
            (_, End::Commit) => "commit",
            (_, End::Rollback) => "rollback",
        }
    }

    /// How the engine counts statements, where it does.
    pub(super) fn counter(self) -> Option<Counter> {
        let (sql, counts_own) = match self {
            Self::PostgreSql => (
                "select sum(s.calls)::bigint from pg_stat_statements s join pg_database d on d.oid = s.dbid
                 where d.datname = current_database() and s.query ~* '^\\s*(select|with|fetch|declare)'
                   and s.query not like '%pg_stat_statements%'",
                false,
            ),
            // Whatever else there is, such as the parts of a long parameter, is no query.
            Self::MySql => ("show global status like 'Com_select'", false),
            Self::SqlServer => (
                "select cntr_value from sys.dm_os_performance_counters where counter_name = 'Batch Requests/sec'",
                true,
            ),
            // It runs within its users' own processes.
            Self::Sqlite => return None,
        };
        Some(Counter { sql, counts_own })
    }

    /// What lists the adapter's connections to this database, where the engine tells: on SQL Server and PostgreSQL by the
    /// name that Wattle gives itself, on MySQL by its login, as those that were opened after the bench's own. Another
    /// Wattle's at the same database are among them.
    pub(super) fn connections(self, login: Option<&str>) -> Option<String> {
        match self {
            Self::PostgreSql => Some(
                "select pid from pg_stat_activity where datname = current_database()
                 and application_name like 'wattle%' and pid <> pg_backend_pid()"
                    .to_owned(),
            ),
            Self::MySql => login.map(|login| {
                format!(
                    "select id from information_schema.processlist where user = {} and db = database() and id > connection_id()",
                    text(login)
                )
            }),
            Self::SqlServer => Some(
                "select session_id from sys.dm_exec_sessions
                 where program_name = 'wattle' and database_id = db_id() and session_id <> @@spid"
                    .to_owned(),
            ),
            Self::Sqlite => None,
        }
    }

    pub(super) fn kill(self, connection: &str) -> String {
        match self {
            Self::PostgreSql => format!("select pg_terminate_backend({connection})"),
            Self::MySql => format!("kill connection {connection}"),
            Self::SqlServer | Self::Sqlite => format!("kill {connection}"),
        }
    }

    /// Gives a table another name in its own schema.
    pub(super) fn rename(self, from: &str, to: &str) -> String {
        match self {
            Self::MySql => format!("rename table {from} to {to}"),
            // The new name is taken as it stands, brackets and all.
            Self::SqlServer => {
                let name = parts(to).pop().unwrap_or_default();
                format!("exec sp_rename {}, {}", text(from), text(&name))
            }
            Self::PostgreSql | Self::Sqlite => format!("alter table {from} rename to {}", last_part(to)),
        }
    }

    /// How long a lock may be waited for: whoever waits for a table keeps all others out of it.
    pub(super) fn bounded_locks(self) -> &'static str {
        match self {
            Self::PostgreSql => "set lock_timeout = '5s'",
            Self::MySql => "set lock_wait_timeout = 5",
            Self::SqlServer => "set lock_timeout 5000",
            Self::Sqlite => "pragma busy_timeout = 5000",
        }
    }
}

/// How an engine counts statements.
pub(super) struct Counter {
    /// The count is the last value of the first row.
    pub(super) sql: &'static str,
    /// Are the bench's own among them, this one too?
    pub(super) counts_own: bool,
}

fn mysql_table(relation: &str) -> String {
    let parts: Vec<&str> = relation.split('.').map(|part| part.trim_matches(['`', '"'])).collect();
    match &parts[..] {
        [schema, table] => format!("table_schema = {} and table_name = {}", text(schema), text(table)),
        _ => format!("table_schema = database() and table_name = {}", text(parts[0])),
    }
}
