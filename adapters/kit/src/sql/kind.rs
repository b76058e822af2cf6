//! What a column can hold, from its type in the catalogue.

use super::SqlDialect;

/// A kind of values, with its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Number {
        smallest: String,
        largest: String,
    },
    /// Text of so many characters at most, as far as the kit goes.
    Text {
        length: usize,
    },
    Date,
    /// A date and time without a zone.
    Local,
    /// A point in time.
    Instant,
}

/// As long as a text is made, where its column sets no limit or a wider one.
const LONG_ENOUGH: usize = 2_000;
/// The digits of a decimal before and after its point, where its column sets no limit.
const DIGITS: (usize, usize) = (21, 6);
/// No two of them alike, so that rounding shows.
const FRACTION: &str = "37194628503719462850371946285037194628";

/// The kind of a type in the engine's notation and lower case; none of a type whose values have no exact form, or which
/// takes only some of them.
pub(super) fn kind(dialect: SqlDialect, sql_type: &str) -> Option<ColumnKind> {
    let (base, rest) = sql_type.split_once('(').unwrap_or((sql_type, ""));
    let (arguments, rest) = rest.split_once(')').unwrap_or((rest, ""));
    let arguments: Vec<Option<usize>> = arguments.split(',').map(|it| it.trim().parse().ok()).collect();
    let unsigned = sql_type.contains("unsigned");
    // `timestamp(3) with time zone` has its precision in the middle.
    let words = base.split_whitespace().chain(rest.split_whitespace());
    let base: Vec<&str> = words.filter(|word| !matches!(*word, "unsigned" | "zerofill")).collect();
    let base = base.join(" ");
    let base = base.as_str();
    if let Some((smallest, largest)) = integer(dialect, base, unsigned) {
        return Some(ColumnKind::Number { smallest, largest });
    }
    match (dialect, base) {
        // SQLite keeps them as floats.
        (SqlDialect::Sqlite, "decimal" | "numeric" | "real" | "float" | "double") => None,
        (_, "decimal" | "numeric") => Some(decimal(&arguments, unsigned)),
        (SqlDialect::SqlServer, "money") => Some(number("-922337203685477.5808", "922337203685477.5807")),
        (SqlDialect::SqlServer, "smallmoney") => Some(number("-214748.3648", "214748.3647")),
        (_, "date") => Some(ColumnKind::Date),
        (SqlDialect::PostgreSql, "timestamp with time zone") | (SqlDialect::MySql, "timestamp") => {
            Some(ColumnKind::Instant)
        }
        (SqlDialect::SqlServer, "datetimeoffset") => Some(ColumnKind::Instant),
        (SqlDialect::PostgreSql, "timestamp without time zone") => Some(ColumnKind::Local),
        (_, "datetime" | "datetime2" | "smalldatetime") => Some(ColumnKind::Local),
        (
            _,
            "char" | "character" | "varchar" | "character varying" | "nchar" | "nvarchar" | "text" | "citext"
            | "tinytext" | "mediumtext" | "longtext",
        ) => {
            let limit = if base == "tinytext" { Some(60) } else { arguments.first().copied().flatten() };
            Some(ColumnKind::Text { length: limit.unwrap_or(LONG_ENOUGH).min(LONG_ENOUGH) })
        }
        _ => None,
    }
}

fn number(smallest: &str, largest: &str) -> ColumnKind {
    ColumnKind::Number { smallest: smallest.to_owned(), largest: largest.to_owned() }
}

fn integer(dialect: SqlDialect, base: &str, unsigned: bool) -> Option<(String, String)> {
    let bits = match (dialect, base) {
        (SqlDialect::SqlServer, "tinyint") => return Some(("0".into(), "255".into())),
        (SqlDialect::Sqlite, "integer" | "int" | "bigint") => 64,
        (_, "tinyint") => 8,
        (_, "smallint") => 16,
        (_, "mediumint") => 24,
        (_, "int" | "integer") => 32,
        (_, "bigint") => 64,
        _ => return None,
    };
    let half = 1_i128 << (bits - 1);
    Some(if unsigned {
        ("0".to_owned(), (2 * half - 1).to_string())
    } else {
        ((-half).to_string(), (half - 1).to_string())
    })
}

fn decimal(arguments: &[Option<usize>], unsigned: bool) -> ColumnKind {
    let (precision, scale) = match arguments {
        [Some(precision)] => (*precision, 0),
        [Some(precision), Some(scale)] => (*precision, *scale),
        _ => (DIGITS.0, DIGITS.1),
    };
    let whole = match precision.saturating_sub(scale) {
        0 => "0".to_owned(),
        digits => "9".repeat(digits),
    };
    let fraction = &FRACTION[..scale.min(FRACTION.len())];
    let largest = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
    let smallest = if unsigned { "0".to_owned() } else { format!("-{largest}") };
    ColumnKind::Number { smallest, largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_each_engines_notation() {
        let of = |dialect, sql_type: &str| kind(dialect, sql_type);
        let text = |length| Some(ColumnKind::Text { length });
        assert_eq!(of(SqlDialect::PostgreSql, "character varying(40)"), text(40));
        assert_eq!(of(SqlDialect::PostgreSql, "timestamp(3) with time zone"), Some(ColumnKind::Instant));
        assert_eq!(of(SqlDialect::PostgreSql, "timestamp without time zone"), Some(ColumnKind::Local));
        let decimal = |dialect, sql_type| match of(dialect, sql_type) {
            Some(ColumnKind::Number { smallest, largest }) => (smallest, largest),
            other => panic!("{sql_type}: {other:?}"),
        };
        assert_eq!(decimal(SqlDialect::PostgreSql, "numeric(6,2)"), ("-9999.37".into(), "9999.37".into()));
        assert_eq!(decimal(SqlDialect::MySql, "decimal(3,3) unsigned"), ("0".into(), "0.371".into()));
        assert_eq!(decimal(SqlDialect::MySql, "bigint(20) unsigned").1, u64::MAX.to_string());
        assert_eq!(decimal(SqlDialect::MySql, "int unsigned zerofill").1, u32::MAX.to_string());
        assert_eq!(decimal(SqlDialect::Sqlite, "integer").0, i64::MIN.to_string());
        assert_eq!(of(SqlDialect::SqlServer, "nvarchar(max)"), text(LONG_ENOUGH));
        assert_eq!(of(SqlDialect::SqlServer, "datetime2(7)"), Some(ColumnKind::Local));
        for none in ["double", "enum('a','b')", "bytea", "json", "boolean"] {
            assert_eq!(of(SqlDialect::MySql, none), None, "{none}");
        }
        assert_eq!(of(SqlDialect::Sqlite, "decimal(10,2)"), None);
    }
}
