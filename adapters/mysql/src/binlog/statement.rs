//! Statements in the log: what they do to which tables, as far as their text shows it.
//!
//! Rows of a log in row format do not come as statements. What does come so is the beginning and end of transactions,
//! whatever alters tables, TRUNCATE, and writes of a session that logs statements.

/// A statement that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// A transaction begins, or the part of a distributed one.
    Begin { distributed: bool },
    /// A transaction ends.
    End,
    /// A distributed transaction's part is committed or rolled back, by the name that it was prepared under.
    DistributedEnd { name: String, commits: bool },
    /// Something is done to tables. `columns` are those that they have from here on, new ones or by a new name.
    Tables { effect: Effect, tables: Vec<TableName>, columns: Vec<String> },
    /// A database is gone, with all tables in it.
    DropDatabase { schema: String },
    /// Nothing is done to rows or tables.
    Other,
}

/// What is done to tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Rows may be others.
    Rows,
    /// The table is described anew, and rows may be others.
    Altered,
    /// The table is described anew, and every row reads as before.
    AlteredOnly,
}

/// A table as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// As written, and in upper case when it is a word that is not quoted.
    Word {
        text: String,
        upper: String,
    },
    /// A quoted name. In double quotes it may be a text as well.
    Quoted(String),
    Symbol(char),
    /// A text or a number.
    Value,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word { upper, .. } if upper == word)
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Word { text, .. } | Self::Quoted(text) => Some(text),
            Self::Symbol(_) | Self::Value => None,
        }
    }
}

/// Words between a verb and the tables it is about.
const BEFORE_TABLES: [&str; 22] = [
    "LOW_PRIORITY",
    "HIGH_PRIORITY",
    "DELAYED",
    "QUICK",
    "IGNORE",
    "INTO",
    "FROM",
    "TABLE",
    "TABLES",
    "ONLINE",
    "OFFLINE",
    "IF",
    "NOT",
    "EXISTS",
    "OR",
    "REPLACE",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "LOCAL",
    "NO_WRITE_TO_BINLOG",
    "CONCURRENT",
];

/// How the clauses of an ALTER TABLE begin that leave every row as it reads. What is added is an index, a key, a
/// constraint, a column or a partition, unless it is versions of rows.
const HARMLESS: [&[&str]; 14] = [
    &["ADD"],
    &["DROP", "INDEX"],
    &["DROP", "KEY"],
    &["DROP", "CONSTRAINT"],
    &["DROP", "FOREIGN"],
    &["DROP", "CHECK"],
    &["RENAME", "COLUMN"],
    &["RENAME", "INDEX"],
    &["RENAME", "KEY"],
    &["COMMENT"],
    &["ALGORITHM"],
    &["LOCK"],
    &["ENABLE", "KEYS"],
    &["DISABLE", "KEYS"],
];
const HARMFUL: [&[&str]; 2] = [&["ADD", "SYSTEM"], &["ADD", "PERIOD"]];

/// What an ALTER TABLE adds that is no column.
const NO_COLUMN: [&str; 10] = [
    "INDEX",
    "KEY",
    "CONSTRAINT",
    "PRIMARY",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "FOREIGN",
    "CHECK",
    "PARTITION",
];

/// What a statement does.
pub(crate) fn understand(sql: &str) -> Statement {
    let tokens = tokens(sql);
    let Some(Token::Word { upper: verb, .. }) = tokens.first() else { return Statement::Other };
    let rest = &tokens[1..];
    let first_is = |words: &[&str]| rest.first().is_some_and(|token| token.is_any(words));
    match verb.as_str() {
        "BEGIN" => Statement::Begin { distributed: false },
        "START" if first_is(&["TRANSACTION"]) => Statement::Begin { distributed: false },
        "COMMIT" => Statement::End,
        "ROLLBACK" if !first_is(&["TO"]) => Statement::End,
        "XA" => distributed(sql, rest),
        "INSERT" | "REPLACE" => on(Effect::Rows, first_tables(rest, false)),
        "UPDATE" => on(Effect::Rows, all_names(until(rest, &["SET"]))),
        "DELETE" => on(Effect::Rows, all_names(until(rest, &["WHERE"]))),
        "TRUNCATE" => on(Effect::Rows, first_tables(rest, false)),
        "LOAD" => {
            let into = rest.iter().position(|token| token.is("TABLE")).unwrap_or(rest.len());
            on(Effect::Rows, first_tables(&rest[into..], false))
        }
        "CREATE" | "DROP" | "ALTER" | "RENAME" | "OPTIMIZE" | "REPAIR" => defines(verb, rest),
        _ => Statement::Other,
    }
}

fn on(effect: Effect, tables: Vec<TableName>) -> Statement {
    Statement::Tables { effect, tables, columns: Vec::new() }
}

fn distributed(sql: &str, rest: &[Token]) -> Statement {
    let Some(verb) = rest.first() else { return Statement::Other };
    if verb.is_any(&["START", "BEGIN"]) {
        return Statement::Begin { distributed: true };
    }
    if !verb.is_any(&["COMMIT", "ROLLBACK"]) {
        return Statement::Other;
    }
    if rest.iter().any(|token| token.is("PHASE")) {
        return Statement::End;
    }
    // The name as it stands behind `XA COMMIT`.
    let name = sql.trim().splitn(3, char::is_whitespace).nth(2).unwrap_or_default().trim().to_owned();
    Statement::DistributedEnd { name, commits: verb.is("COMMIT") }
}

/// CREATE, DROP, ALTER and RENAME of tables and indexes; of databases.
fn defines(verb: &str, rest: &[Token]) -> Statement {
    let what = rest.iter().position(|token| {
        token.is_any(&[
            "TABLE",
            "TABLES",
            "INDEX",
            "DATABASE",
            "SCHEMA",
            "VIEW",
            "TRIGGER",
            "PROCEDURE",
            "FUNCTION",
            "EVENT",
            "USER",
            "ROLE",
            "SEQUENCE",
            "SERVER",
            "TABLESPACE",
            "PACKAGE",
            "TEMPORARY",
        ])
    });
    let Some(what) = what else { return Statement::Other };
    match &rest[what] {
        token if token.is_any(&["TABLE", "TABLES"]) => {
            let rest = &rest[what..];
            match verb {
                "ALTER" => alters(rest),
                "DROP" => on(Effect::Altered, first_tables(rest, true)),
                "RENAME" => on(Effect::Altered, all_names(rest)),
                "OPTIMIZE" | "REPAIR" => on(Effect::AlteredOnly, first_tables(rest, true)),
                _ => on(Effect::Altered, first_tables(rest, false)),
            }
        }
        token if token.is("INDEX") => {
            let on_table = rest.iter().position(|token| token.is("ON")).map_or(rest.len(), |at| at + 1);
            on(Effect::AlteredOnly, first_tables(&rest[on_table..], false))
        }
        token if token.is_any(&["DATABASE", "SCHEMA"]) && verb == "DROP" => {
            let name = rest[what + 1..].iter().find(|token| !token.is_any(&["IF", "EXISTS"]));
            let schema = name.and_then(Token::name).unwrap_or_default().to_owned();
            Statement::DropDatabase { schema }
        }
        _ => Statement::Other,
    }
}

fn alters(rest: &[Token]) -> Statement {
    let mut tables = first_tables(rest, false);
    // From behind the name on: clauses that commas outside of parentheses divide.
    let skipped = rest.iter().take_while(|token| token.is_any(&BEFORE_TABLES)).count();
    let name_len = if tables.first().is_some_and(|table| table.schema.is_some()) { 3 } else { 1 };
    let clauses = rest.get(skipped + name_len..).unwrap_or_default();
    let mut depth = 0;
    let divided = clauses.split(|token| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == Token::Symbol(',')
    });
    let (mut effect, mut columns) = (Effect::AlteredOnly, Vec::new());
    for clause in divided {
        let begins = |words: &&[&str]| begins_with(clause, words);
        if !HARMLESS.iter().any(&begins) || HARMFUL.iter().any(begins) {
            effect = Effect::Altered;
        }
        columns.extend(columns_of(clause));
    }
    // A table that is renamed, or exchanges rows with another.
    for (at, token) in clauses.iter().enumerate() {
        if token.is_any(&["RENAME", "TABLE"]) {
            let after = clauses[at + 1..].iter().take_while(|token| token.is_any(&["TO", "AS"])).count();
            tables.extend(name_at(&clauses[at + 1 + after..]).map(|(table, _)| table));
        }
    }
    Statement::Tables { effect, tables, columns }
}

/// The columns that a clause adds, or the new name of one. Too many do no harm.
fn columns_of(clause: &[Token]) -> Vec<String> {
    let names = |tokens: &[Token]| tokens.iter().filter_map(Token::name).map(str::to_owned).collect();
    if begins_with(clause, &["RENAME", "COLUMN"]) {
        return names(&clause[clause.len() - 1..]);
    }
    if !begins_with(clause, &["ADD"]) {
        return Vec::new();
    }
    let words = clause.iter().take_while(|token| token.is_any(&["ADD", "COLUMN", "IF", "NOT", "EXISTS"]));
    match &clause[words.count()..] {
        list @ [Token::Symbol('('), ..] => names(list),
        [first, ..] if !first.is_any(&NO_COLUMN) => names(std::slice::from_ref(first)),
        _ => Vec::new(),
    }
}

fn begins_with(clause: &[Token], words: &[&str]) -> bool {
    clause.len() >= words.len() && clause.iter().zip(words).all(|(token, word)| token.is(word))
}

fn until<'t>(tokens: &'t [Token], words: &[&str]) -> &'t [Token] {
    let end = tokens.iter().position(|token| token.is_any(words)).unwrap_or(tokens.len());
    &tokens[..end]
}

/// The table that comes first, or all of the list that it begins.
fn first_tables(tokens: &[Token], all: bool) -> Vec<TableName> {
    let mut rest = &tokens[tokens.iter().take_while(|token| token.is_any(&BEFORE_TABLES)).count()..];
    let mut tables = Vec::new();
    while let Some((table, length)) = name_at(rest) {
        tables.push(table);
        rest = &rest[length..];
        match rest.first() {
            Some(Token::Symbol(',')) if all => rest = &rest[1..],
            _ => break,
        }
    }
    tables
}

/// Every name there is: too many do no harm.
fn all_names(tokens: &[Token]) -> Vec<TableName> {
    let mut tables = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match name_at(&tokens[at..]) {
            Some((table, length)) => {
                tables.push(table);
                at += length;
            }
            None => at += 1,
        }
    }
    tables
}

/// A name, of one part or two, and how many tokens it takes.
fn name_at(tokens: &[Token]) -> Option<(TableName, usize)> {
    let first = tokens.first()?.name()?.to_owned();
    if let [_, Token::Symbol('.'), second, ..] = tokens
        && let Some(name) = second.name()
    {
        return Some((TableName { schema: Some(first), name: name.to_owned() }, 3));
    }
    Some((TableName { schema: None, name: first }, 1))
}

/// A statement's words, names and symbols. What is in comments that servers run is part of it.
fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' => {
                tokens.push(Token::Value);
                quoted_len(rest, c)
            }
            '`' | '"' => {
                let length = quoted_len(rest, c);
                let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
                tokens.push(Token::Quoted(inside.replace(&format!("{c}{c}"), &c.to_string())));
                length
            }
            '#' => line_len(rest),
            '-' if rest.starts_with("--") => line_len(rest),
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => {
                let version = rest.find('!').map_or(rest.len(), |at| at + 1);
                let digits = rest[version..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
                version + digits
            }
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '*' if rest.starts_with("*/") => 2,
            c if c.is_alphanumeric() || matches!(c, '_' | '$') => {
                let length = rest
                    .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$'))
                    .unwrap_or(rest.len());
                let text = rest[..length].to_owned();
                let number = text.bytes().all(|byte| byte.is_ascii_digit());
                let upper = text.to_uppercase();
                tokens.push(if number { Token::Value } else { Token::Word { text, upper } });
                length
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Symbol(c));
                }
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

fn line_len(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// The length of a quoted text with its quotes, in which the quote may stand doubled or, in a text, behind a backslash.
fn quoted_len(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_none_or(|(_, next)| *next != quote) {
                return at + 1;
            }
            chars.next();
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> (Effect, Vec<String>) {
        let Statement::Tables { effect, tables, .. } = understand(sql) else {
            panic!("{sql}: {:?}", understand(sql))
        };
        let name = |table: TableName| match table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name,
        };
        (effect, tables.into_iter().map(name).collect())
    }

    #[test]
    fn writes_name_their_tables() {
        for (sql, names) in [
            ("insert ignore into `billing`.`bill` (a) select a from other", vec!["billing.bill"]),
            ("REPLACE bill VALUES ('into x')", vec!["bill"]),
            ("truncate table `a``b`", vec!["a`b"]),
            ("truncate bill", vec!["bill"]),
            ("load data local infile 'f' into table bill fields terminated by ','", vec!["bill"]),
        ] {
            assert_eq!(tables(sql), (Effect::Rows, names.into_iter().map(str::to_owned).collect()), "{sql}");
        }
        let (_, names) =
            tables("update bill b join account a on a.no = b.no set b.x = 1 where a.y in (select 1 from z)");
        assert!(names.contains(&"bill".to_owned()) && names.contains(&"account".to_owned()));
        assert!(!names.contains(&"z".to_owned()), "{names:?}");
        let (_, names) = tables("delete b from bill b where b.no = 7");
        assert!(names.contains(&"bill".to_owned()));
    }

    #[test]
    fn alterations_are_harmless_or_not() {
        let effect = |sql| tables(sql).0;
        for sql in [
            "alter table bill add index (a, b), comment 'x, drop column a'",
            "alter table billing.bill add column c decimal(10, 2) not null default 0",
            "alter online table bill rename column a to b, algorithm = instant",
            "alter table bill add nickname text, add primary key (a)",
            "create unique index i on billing.bill (a)",
            "drop index i on bill",
        ] {
            assert_eq!(effect(sql), Effect::AlteredOnly, "{sql}");
        }
        for sql in [
            "alter table bill drop column c",
            "alter table bill add index (a), modify c varchar(2)",
            "alter table bill truncate partition p1",
            "alter table bill add system versioning",
            "create table bill like other",
            "drop table if exists x, bill",
        ] {
            assert_eq!(effect(sql), Effect::Altered, "{sql}");
        }
        let renamed = tables("rename table a.bill to a.old, a.new to a.bill").1;
        for name in ["a.bill", "a.old", "a.new"] {
            assert!(renamed.contains(&name.to_owned()), "{renamed:?}");
        }
        assert!(tables("alter table hidden rename to billing.bill").1.contains(&"billing.bill".to_owned()));
        assert!(tables("alter table a exchange partition p with table bill").1.contains(&"bill".to_owned()));
        assert_eq!(tables("drop table x, y").1, ["x", "y"]);
    }

    #[test]
    fn columns_that_a_table_has_from_here_on_are_told() {
        for (sql, names) in [
            ("alter table bill rename column a to `b`, rename column if exists c to d", vec!["b", "d"]),
            ("alter table bill add column if not exists a int, add b int after c", vec!["a", "b"]),
            ("alter table bill add unique key (a), add primary key (b), comment 'add c'", vec![]),
            ("alter table bill rename index a to b", vec![]),
        ] {
            let Statement::Tables { columns, .. } = understand(sql) else { panic!("{sql}") };
            assert_eq!(columns, names, "{sql}");
        }
        let Statement::Tables { columns, .. } = understand("alter table bill add (a int, b text)") else {
            panic!("it alters a table")
        };
        assert!(["a", "b"].iter().all(|name| columns.iter().any(|column| column == name)), "{columns:?}");
    }

    #[test]
    fn what_concerns_no_lasting_table_is_nothing() {
        for sql in [
            "create temporary table bill (a int)",
            "DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `bill`",
            "create view bill as select 1",
            "grant select on bill to x",
            "create trigger t before insert on bill for each row set @a = 1",
            "savepoint x",
            "rollback to x",
            "flush tables",
        ] {
            assert_eq!(understand(sql), Statement::Other, "{sql}");
        }
    }

    #[test]
    fn transactions_begin_and_end() {
        assert_eq!(understand("BEGIN"), Statement::Begin { distributed: false });
        assert_eq!(understand("COMMIT"), Statement::End);
        assert_eq!(understand("XA START X'61',X'',1"), Statement::Begin { distributed: true });
        let name = "X'616263',X'',1".to_owned();
        assert_eq!(
            understand("XA COMMIT X'616263',X'',1"),
            Statement::DistributedEnd { name: name.clone(), commits: true }
        );
        assert_eq!(
            understand("XA ROLLBACK X'616263',X'',1"),
            Statement::DistributedEnd { name, commits: false }
        );
        assert_eq!(understand("XA COMMIT X'61',X'',1 ONE PHASE"), Statement::End);
        assert_eq!(understand("drop database billing"), Statement::DropDatabase { schema: "billing".into() });
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in ".*") {
            understand(&sql);
        }
    }
}
