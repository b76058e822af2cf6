//! Values of every type, both ways, with NULL.

use crate::clients::{Connection, connect, database, error_number};
use anyhow::Result;
use tiberius::numeric::Numeric;
use tiberius::time::{Date, DateTime2, Time};
use tiberius::{ColumnData, ToSql};
use uuid::Uuid;

/// A parameter as it is given.
struct Given(ColumnData<'static>);

impl ToSql for Given {
    fn to_sql(&self) -> ColumnData<'_> {
        self.0.clone()
    }
}

fn numeric(value: i128, scale: u8) -> ColumnData<'static> {
    ColumnData::Numeric(Some(Numeric::new_with_scale(value, scale)))
}

fn text(value: &str) -> ColumnData<'static> {
    ColumnData::String(Some(value.to_owned().into()))
}

fn moment(days: u32, ticks: u64) -> ColumnData<'static> {
    ColumnData::DateTime2(Some(DateTime2::new(Date::new(days), Time::new(ticks, 7))))
}

/// Declared types with values that fit, each as it is sent and expected back.
fn samples() -> Vec<(&'static str, Vec<ColumnData<'static>>, ColumnData<'static>)> {
    let guid = Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").expect("a UUID");
    vec![
        ("bit", vec![ColumnData::Bit(Some(true)), ColumnData::Bit(Some(false))], ColumnData::Bit(None)),
        ("tinyint", vec![ColumnData::U8(Some(0)), ColumnData::U8(Some(255))], ColumnData::U8(None)),
        (
            "smallint",
            vec![ColumnData::I16(Some(i16::MIN)), ColumnData::I16(Some(i16::MAX))],
            ColumnData::I16(None),
        ),
        (
            "int",
            vec![ColumnData::I32(Some(i32::MIN)), ColumnData::I32(Some(i32::MAX))],
            ColumnData::I32(None),
        ),
        (
            "bigint",
            vec![ColumnData::I64(Some(i64::MIN)), ColumnData::I64(Some(i64::MAX))],
            ColumnData::I64(None),
        ),
        ("real", vec![ColumnData::F32(Some(1.5)), ColumnData::F32(Some(-0.1))], ColumnData::F32(None)),
        ("float", vec![ColumnData::F64(Some(0.1)), ColumnData::F64(Some(-1e300))], ColumnData::F64(None)),
        (
            "decimal(9,2)",
            vec![numeric(-123_456_789, 2), numeric(5, 2), numeric(0, 2)],
            ColumnData::Numeric(None),
        ),
        ("decimal(19,4)", vec![numeric(9_223_372_036_854_775_807, 4)], ColumnData::Numeric(None)),
        ("decimal(28,6)", vec![numeric(9_999_999_999_999_999_999_999_999_999, 6)], ColumnData::Numeric(None)),
        (
            "decimal(38,10)",
            vec![numeric(-99_999_999_999_999_999_999_999_999_999_999_999_999, 10)],
            ColumnData::Numeric(None),
        ),
        ("nvarchar(20)", vec![text("Zoë Ünï 電気 "), text("")], ColumnData::String(None)),
        ("nvarchar(max)", vec![text(&"long 🔌 ".repeat(3_000)), text("")], ColumnData::String(None)),
        ("nchar(2)", vec![text("ab")], ColumnData::String(None)),
        ("varchar(20)", vec![text("Zoë €")], ColumnData::String(None)),
        ("varchar(max)", vec![text(&"x".repeat(9_000))], ColumnData::String(None)),
        ("varbinary(8)", vec![ColumnData::Binary(Some(vec![0, 255, 1].into()))], ColumnData::Binary(None)),
        ("varbinary(max)", vec![ColumnData::Binary(Some(vec![7; 20_000].into()))], ColumnData::Binary(None)),
        ("uniqueidentifier", vec![ColumnData::Guid(Some(guid))], ColumnData::Guid(None)),
        (
            "date",
            vec![ColumnData::Date(Some(Date::new(0))), ColumnData::Date(Some(Date::new(3_652_058)))],
            ColumnData::Date(None),
        ),
        ("time(7)", vec![ColumnData::Time(Some(Time::new(863_999_999_990, 7)))], ColumnData::Time(None)),
        ("datetime2(7)", vec![moment(738_000, 12_345_678_900), moment(0, 0)], ColumnData::DateTime2(None)),
    ]
}

async fn echo(
    connection: &mut Connection,
    sql: &str,
    value: &ColumnData<'static>,
) -> Result<ColumnData<'static>> {
    let row = connection.query(sql, &[&Given(value.clone())]).await?.into_row().await?.expect("a row");
    Ok(row.into_iter().next().expect("a column"))
}

#[tokio::test]
async fn parameters_come_back_as_they_were_sent() -> Result<()> {
    let database = database("parameters").await?;
    let mut connection = connect(&database).await?;
    for (kind, values, null) in samples() {
        for value in values.iter().chain([&null]) {
            // PostgreSQL has no byte of its own: as an expression it is a smallint.
            let expected = match value {
                ColumnData::U8(value) => ColumnData::I16(value.map(i16::from)),
                // The driver sends a NULL of no type for it.
                ColumnData::Numeric(None)
                | ColumnData::Binary(None)
                | ColumnData::Date(None)
                | ColumnData::Time(None)
                | ColumnData::DateTime2(None) => ColumnData::String(None),
                value => value.clone(),
            };
            assert_eq!(echo(&mut connection, "select @P1", value).await?, expected, "{kind}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn columns_keep_what_they_are_given() -> Result<()> {
    let database = database("columns").await?;
    let mut connection = connect(&database).await?;
    for (number, (kind, values, null)) in samples().into_iter().enumerate() {
        database.sql(&format!("create table t{number} (id int identity primary key, v {kind} null)")).await?;
        for value in values.iter().chain([&null]) {
            let sql = format!("insert into t{number} (v) output inserted.v values (@P1)");
            assert_eq!(&echo(&mut connection, &sql, value).await?, value, "{kind}");
        }
        let rows = connection
            .simple_query(format!("select v from t{number} order by id"))
            .await?
            .into_first_result()
            .await?;
        let found: Vec<_> = rows.into_iter().flat_map(|row| row.into_iter()).collect();
        assert_eq!(found, values.iter().chain([&null]).cloned().collect::<Vec<_>>(), "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn money_has_four_places_and_datetime_its_ticks() -> Result<()> {
    let database = database("money").await?;
    database
        .sql("create table t (id int primary key, m money null, s smallmoney null, d datetime null, f datetime2(3) null)
              insert into t values (1, 12.34567, -214748.3648, '2026-01-02T03:04:05.123', '2026-01-02T03:04:05.1239'), (2, null, null, null, null)")
        .await?;
    let mut connection = connect(&database).await?;
    let rows = connection
        .simple_query("select m, s, d, cast(m as decimal(19,4)), f from t order by id")
        .await?
        .into_first_result()
        .await?;
    assert_eq!((rows[0].get::<f64, _>(0), rows[0].get::<f64, _>(1)), (Some(12.3457), Some(-214_748.364_8)));
    let exact: Option<Numeric> = rows[0].get(3);
    assert_eq!(exact, Some(Numeric::new_with_scale(123_457, 4)));
    let row: Vec<ColumnData<'static>> = rows.into_iter().nth(1).unwrap().into_iter().collect();
    assert_eq!(row[0], ColumnData::F64(None));
    assert_eq!(row[2], ColumnData::DateTime(None));
    assert_eq!(
        database.value("select convert(varchar(33), d, 121) from t where id = 1").await?.as_deref(),
        Some("2026-01-02 03:04:05.1230000")
    );
    Ok(())
}

#[tokio::test]
async fn text_is_equal_without_case_and_trailing_blanks() -> Result<()> {
    let database = database("equality").await?;
    database
        .sql("create table t (k nvarchar(20) not null primary key, b nvarchar(20) collate Latin1_General_BIN2 null)
              insert into t values (N'Ab1 ', N'Ab1')")
        .await?;
    let mut connection = connect(&database).await?;
    for (sql, expected) in [
        ("select count(*) from t where k = N'aB1'", 1),
        ("select count(*) from t where k = N'aB1   '", 1),
        ("select count(*) from t where k = N' ab1'", 0),
        ("select count(*) from t where k = N'Áb1'", 0),
        ("select count(*) from t where k like N'AB%'", 1),
        ("select count(*) from t where b = N'ab1'", 0),
        ("select count(*) from t where b = N'Ab1 '", 1),
        ("select len(k) from t", 3),
        ("select datalength(k) from t", 8),
    ] {
        let row = connection.simple_query(sql).await?.into_row().await?.unwrap();
        assert_eq!(row.get::<i32, _>(0), Some(expected), "{sql}");
    }
    let duplicate = connection.execute("insert into t (k) values (@P1)", &[&"AB1"]).await;
    assert_eq!(error_number(duplicate), 2627);
    database.sql("create table fixed (c char(4) null); insert into fixed values ('ab')").await?;
    assert_eq!(database.value("select c from fixed where c = N'AB'").await?.as_deref(), Some("ab  "));
    assert_eq!(
        database.value("select cast(c as nchar(3)) + N'|' from fixed").await?.as_deref(),
        Some("ab |")
    );
    let row = connection.simple_query("select k from t").await?.into_row().await?.unwrap();
    assert_eq!(row.get::<&str, _>(0), Some("Ab1 "));
    let long = connection.execute("insert into t (k) values (@P1)", &[&"123456789012345678901"]).await;
    assert_eq!(error_number(long), 2628);
    Ok(())
}
