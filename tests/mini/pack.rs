//! The pack of the small retailer, and its tables: written once, as PostgreSQL reads them.

use regex::Regex;
use wattle_testbed::{Engine, is_mysql};

/// What SQLite reads otherwise, here and in what tests run at the source. It has no schemas, it would keep decimals as
/// floats, which are refused, and its lists are JSON.
const ON_SQLITE: [(&str, &str); 4] =
    [("crm.", ""), ("billing.", ""), ("numeric(12, 2)", "text"), ("'{}'::text[]", "'[]'")];

/// What MariaDB reads otherwise. A schema would be a database of its own, texts have no length to be a key by, and
/// `usage` is a word of its own.
const ON_MARIADB: [(&str, &str); 14] = [
    ("crm.", ""),
    ("billing.", ""),
    ("'{}'::text[]", "'[]'"),
    // No text of any length has a default on MySQL.
    ("jsonb not null", "varchar(4000) not null"),
    ("text not null default", "varchar(200) not null default"),
    ("timestamptz", "timestamp null"),
    ("account_no text not null", "account_no varchar(40) not null"),
    ("account_no text primary key", "account_no varchar(40) primary key"),
    ("plan_code text primary key", "plan_code varchar(40) primary key"),
    ("as text)", "as char)"),
    (" usage ", " `usage` "),
    ("to usage", "to `usage`"),
    ("set usage", "set `usage`"),
    (
        "on conflict (plan_code) do update set name = excluded.name",
        "on duplicate key update name = values(name)",
    ),
];

/// What SQL Server reads otherwise, in SQL and not in graphs. Texts are equal byte by byte, as on the other engines.
const ON_SQL_SERVER: [(&str, &str); 13] = [
    (r"'\{\}'::text\[\]", "'[]'"),
    (r"as text\)", "as nvarchar(40))"),
    (r"\btext\b", "nvarchar(200) collate Latin1_General_BIN2"),
    (r"\buuid\b", "uniqueidentifier"),
    (r"\bjsonb\b", "nvarchar(max)"),
    (r"\btimestamptz\b", "datetime2(3)"),
    (r"\bcurrent_timestamp\b", "sysutcdatetime()"),
    (r"\btrue as\b", "cast(1 as bit) as"),
    (r"concat_ws\(', ', ([a-z_.]+), ([a-z_.]+)\)", "concat($1, ', ' + $2)"),
    (r"(\w+) primary key\b", "$1 not null primary key"),
    (r"not null not null", "not null"),
    (r"alter table (\S+) rename (\w+) to (\w+)", "exec sp_rename '$1.$2', '$3', 'COLUMN'"),
    (r"alter table (\S+) rename to (\w+)", "exec sp_rename '$1', '$2'"),
];

/// SQL or a graph as an engine reads it.
pub(crate) fn on(engine: Engine, text: &str) -> String {
    match engine {
        Engine::Postgres => text.to_owned(),
        Engine::Sqlite => {
            ON_SQLITE.iter().fold(text.to_owned(), |text, (postgres, sqlite)| text.replace(postgres, sqlite))
        }
        Engine::MariaDb => {
            let text = ON_MARIADB
                .iter()
                .fold(text.to_owned(), |text, (postgres, mariadb)| text.replace(postgres, mariadb));
            // A column that is renamed, and not the table.
            let text =
                text.replace(" rename ", " rename column ").replace(" rename column to ", " rename to ");
            if is_mysql() && !text.contains("[node.") { without_uuids(&text) } else { text }
        }
        Engine::SqlServer if text.contains("[node.") => text.to_owned(),
        Engine::SqlServer => ON_SQL_SERVER.iter().fold(text.to_owned(), |text, (pattern, sql_server)| {
            Regex::new(pattern).expect("it is a pattern").replace_all(&text, *sql_server).into_owned()
        }),
    }
}

/// SQL as MySQL reads it, which has no type for UUIDs.
fn without_uuids(sql: &str) -> String {
    let literal = Regex::new("'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'").expect("it is a pattern");
    literal.replace_all(&sql.replace(" uuid", " binary(16)"), "uuid_to_bin($0)").into_owned()
}

/// SQL that builds tables anew, without any row.
pub(crate) fn built_anew(tables: &[&str]) -> String {
    let of = |table: &str| {
        let starts = [format!("create table {table} ("), format!(" on {table} (")];
        let statements = TABLES.split_inclusive(';').map(str::trim);
        let made = statements.filter(move |sql| starts.iter().any(|start| sql.contains(start.as_str())));
        format!("drop table {table};\n{}\n", made.collect::<Vec<_>>().join("\n"))
    };
    tables.iter().map(|table| of(table)).collect()
}

/// The beginning of a statement that reads the whole numbers `n` from 1 on, from `numbers`.
pub(crate) fn numbers(count: i64) -> String {
    format!("with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < {count})")
}

/// The schemas that PostgreSQL and SQL Server have the tables in.
pub(crate) const SCHEMAS: &str = "create schema crm; create schema billing";

/// No foreign keys: an owner may be absent, and rows may come in any order.
pub(crate) const TABLES: &str = r#"
create table crm.person (person_id int primary key, kind text not null default 'P');
create table crm.address (address_id uuid primary key, suburb text not null);
create table crm.account (
    account_no text primary key, display_name text not null default 'Home', opened_on date not null default '2024-07-01',
    address_id uuid, deleted_at timestamptz);
create index account_address_id on crm.account (address_id);
create table crm.contact (contact_id int primary key, account_no text not null, last_name text not null);
create index contact_account_no on crm.contact (account_no);
create table crm.holding (
    person_id int not null, account_no text not null, role text not null default 'H', primary key (person_id, account_no));
create index holding_account_no on crm.holding (account_no);
create table billing.plan (
    plan_code text primary key, name text not null,
    detail jsonb not null default '{"fuelType": "ELECTRICITY", "electricityContract":
        {"pricingModel": "SINGLE_RATE", "isFixed": true, "paymentOption": ["BPAY"], "tariffPeriod": []}}');
create table billing.balance (account_no text primary key, amount numeric(12, 2) not null);
create table billing.bill (
    bill_id int primary key, account_no text not null, issued_on date not null default '2026-10-01',
    usage numeric(12, 2) not null default 0);
create index bill_account_no on billing.bill (account_no);
create table billing.bill_line (
    bill_id int not null, line_no int not null, label text not null, amount numeric(12, 2) not null,
    primary key (bill_id, line_no));
"#;

pub(crate) const GRAPH: &str = r#"
zone = "Australia/Melbourne"

[node.person]
relation = "crm.person"
key = ["person_id integer"]

[node.address]
relation = "crm.address"
key = ["address_id uuid"]

[node.account]
relation = "crm.account"
key = ["account_no text"]
refers_to = [{ node = "address", by = ["address_id"] }]

[node.contact]
relation = "crm.contact"
key = ["contact_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]

[node.holding]
relation = "crm.holding"
key = ["person_id integer", "account_no text"]
owned_by = [{ node = "person", by = ["person_id"] }, { node = "account", by = ["account_no"] }]

[node.plan]
relation = "billing.plan"
key = ["plan_code text"]

[node.balance]
relation = "billing.balance"
key = ["account_no text"]
owned_by = [{ node = "account", by = ["account_no"] }]

[node.bill]
relation = "billing.bill"
key = ["bill_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]

[node.bill_line]
relation = "billing.bill_line"
key = ["bill_id integer", "line_no integer"]
owned_by = [{ node = "bill", by = ["bill_id"], moves = false, changes = "with-predecessor" }]

[entity.customer]
root = "person"

[entity.plan]
root = "plan"

[entity.account]
root = "account"
reads = ["address", "contact"]

[entity.holding]
root = "holding"

[entity.balance]
root = "balance"

[entity.invoice]
root = "bill"
reads = ["bill_line"]

[map.customer]
customerUType = { P = "person", O = "organisation" }

[map.holding]
role = { H = "HOLDER", J = "JOINT_HOLDER" }
"#;

/// The files of the pack.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("graph.toml", GRAPH),
    (
        "fetch/customer.sql",
        r#"select k.ord as "$ord", p.person_id as "$key", p.kind as "customerUType",
                  case p.kind when 'P' then 'Nguyen' end as "person.lastName",
                  case p.kind when 'O' then 'Nguyen' end as "organisation.agentLastName",
                  case p.kind when 'O' then 'Unspecified' end as "organisation.agentRole",
                  case p.kind when 'O' then 'Nguyen Bakery' end as "organisation.businessName",
                  case p.kind when 'O' then 'SOLE_TRADER' end as "organisation.organisationType"
           from {keys} k join crm.person p on p.person_id = k.person_id"#,
    ),
    (
        "fetch/plan.sql",
        r#"select k.ord as "$ord", p.plan_code as "$key", p.name as "displayName", p.detail as "planDetail"
           from {keys} k join billing.plan p on p.plan_code = k.plan_code"#,
    ),
    (
        "fetch/account.sql",
        r#"select k.ord as "$ord", a.account_no as "$key", d.address_id as "$from.address",
                  a.account_no as "accountNumber", a.opened_on as "creationDate",
                  concat_ws(', ', a.display_name, d.suburb) as "displayName"
           from {keys} k join crm.account a on a.account_no = k.account_no
           left join crm.address d on d.address_id = a.address_id
           where a.deleted_at is null"#,
    ),
    (
        // A contact is told by its name, as the nickname of a plan: each of an account's contacts is one. Without a name it
        // spoils the account.
        "fetch/account.plans.sql",
        r#"select k.ord as "$ord", c.contact_id as "$from.contact", c.last_name as "nickname", 'none' as "$plan",
                  case when c.last_name is not null then '2024-07-01' end as "planOverview.startDate"
           from {keys} k join crm.contact c on c.account_no = k.account_no order by c.contact_id"#,
    ),
    (
        "fetch/holding.sql",
        r#"select k.ord as "$ord", h.person_id as "$key.person_id", h.account_no as "$key.account_no",
                  h.person_id as "$owner.customer", h.account_no as "$owner.account", h.role, true as "shareable"
           from {keys} k join crm.holding h on h.person_id = k.person_id and h.account_no = k.account_no"#,
    ),
    (
        "fetch/balance.sql",
        r#"select k.ord as "$ord", b.account_no as "$key", b.account_no as "$owner.account", b.amount as "balance"
           from {keys} k join billing.balance b on b.account_no = k.account_no"#,
    ),
    ("fetch/invoice.sql", INVOICE),
    (
        "fetch/invoice.electricity.otherCharges.sql",
        r#"select k.ord as "$ord", l.label as "description", l.amount
           from {keys} k join billing.bill_line l on l.bill_id = k.bill_id order by l.line_no"#,
    ),
];

pub(crate) const INVOICE: &str = r#"select k.ord as "$ord", b.bill_id as "$key", b.account_no as "$owner.account",
       cast(b.bill_id as text) as "invoiceNumber", b.issued_on as "issueDate", b.usage as "balanceAtIssue",
       'NOT_PAID' as "paymentStatus", b.usage as "electricity.totalUsageCharges",
       0 as "electricity.totalGenerationCredits", 0 as "electricity.totalOnceOffCharges",
       0 as "electricity.totalOnceOffDiscounts"
from {keys} k join billing.bill b on b.bill_id = k.bill_id"#;
