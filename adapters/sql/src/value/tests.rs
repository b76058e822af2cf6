use super::*;
use proptest::prelude::*;

fn wire(value: SourceValue, shape: &Shape) -> Value {
    value.to_wire(shape, Reading { zone: chrono_tz::Australia::Melbourne, codes: None }).unwrap().unwrap()
}

fn decimal(text: &str) -> SourceValue {
    SourceValue::Decimal(text.into())
}

#[test]
fn amounts_have_two_decimals_and_more_only_if_needed() {
    for (given, expected) in
        [("12", "12.00"), ("12.5", "12.50"), ("0.285340", "0.28534"), ("-3.10", "-3.10"), ("-0.000", "0.00")]
    {
        assert_eq!(wire(decimal(given), &Shape::Amount), json!(expected));
    }
    assert_eq!(wire(SourceValue::Integer(7), &Shape::Amount), json!("7.00"));
}

#[test]
fn numbers_are_exact() {
    let number = wire(decimal("123456789012345678.123456789012345000"), &Shape::Number);
    assert_eq!(number.to_string(), "123456789012345678.123456789012345");
}

#[test]
fn naive_times_take_the_zone_and_its_daylight_saving() {
    let local = |y, m, d, h, min| {
        SourceValue::Local(NaiveDate::from_ymd_opt(y, m, d).unwrap().and_hms_opt(h, min, 0).unwrap())
    };
    let cases = [
        (local(2026, 1, 15, 9, 0), "2026-01-15T09:00:00+11:00"),
        (local(2026, 7, 15, 9, 0), "2026-07-15T09:00:00+10:00"),
        // 5 April 2026: 02:30 happens twice; the earlier one still has daylight saving.
        (local(2026, 4, 5, 2, 30), "2026-04-05T02:30:00+11:00"),
        // 4 October 2026: 02:30 is skipped.
        (local(2026, 10, 4, 2, 30), "2026-10-04T03:30:00+11:00"),
    ];
    for (given, expected) in cases {
        assert_eq!(wire(given, &Shape::DateTime), json!(expected));
    }
}

#[test]
fn text_is_read_as_what_the_field_wants() {
    let text = |text: &str| SourceValue::Text(text.into());
    for (given, shape, expected) in [
        ("12.5", Shape::Amount, json!("12.50")),
        ("0.285340", Shape::Rate, json!("0.28534")),
        ("007", Shape::Amount, json!("007")),
        ("1e3", Shape::Amount, json!("1e3")),
        ("true", Shape::Boolean, json!(true)),
        ("2026-01-15", Shape::Date, json!("2026-01-15")),
        ("2026-01-15 09:00:00", Shape::Date, json!("2026-01-15")),
        ("2026-01-15 09:00", Shape::DateTime, json!("2026-01-15T09:00:00+11:00")),
        ("2026-01-14 22:00:00Z", Shape::DateTime, json!("2026-01-15T09:00:00+11:00")),
        ("2026-01-15T09:00:00+11:00", Shape::DateTime, json!("2026-01-15T09:00:00+11:00")),
        ("2026-01-15", Shape::DateTime, json!("2026-01-15T00:00:00+11:00")),
        ("soon", Shape::DateTime, json!("soon")),
    ] {
        assert_eq!(wire(text(given), &shape), expected, "{given}");
    }
    assert_eq!(wire(text("12.50"), &Shape::Number).to_string(), "12.5");
    assert_eq!(wire(SourceValue::Integer(0), &Shape::Boolean), json!(false));
    let list = Shape::List(&Shape::Text);
    assert_eq!(wire(text("[\"a\", \"b\"]"), &list), json!(["a", "b"]));
    assert!(text("a, b").to_wire(&list, Reading { zone: chrono_tz::UTC, codes: None }).is_err());
    let reading = Reading { zone: chrono_tz::UTC, codes: None };
    assert!(SourceValue::Integer(2).to_wire(&Shape::Boolean, reading).is_err());
    assert!(text("twelve").to_wire(&Shape::Number, reading).is_err());
    assert!(text("soon").instant(chrono_tz::UTC).is_err());
}

#[test]
fn an_unknown_code_names_the_rule_and_not_the_value() {
    let codes = BTreeMap::from([("P".to_owned(), "PAID".to_owned())]);
    let reading = Reading { zone: chrono_tz::UTC, codes: Some(&codes) };
    let shape = Shape::Enum(&["PAID"]);
    let text = |code: &str| SourceValue::Text(code.into());
    assert_eq!(text("P").to_wire(&shape, reading).unwrap(), Some(json!("PAID")));
    let codes = BTreeMap::from([("Y".to_owned(), "true".to_owned())]);
    let flag = text("Y").to_wire(&Shape::Boolean, Reading { codes: Some(&codes), ..reading });
    assert_eq!(flag.unwrap(), Some(json!(true)), "codes of a field that is not text");
    let error = text("secret").to_wire(&shape, reading).unwrap_err();
    assert!(error.contains("[map]") && !error.contains("secret"));
}

proptest! {
    #[test]
    fn a_decimal_keeps_its_value(whole in any::<i64>(), fraction in "[0-9]{0,12}") {
        let given = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
        let shown = wire(decimal(&given), &Shape::Amount);
        let shown = shown.as_str().unwrap();
        let strip = |text: &str| {
            let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
            if text == "-0" { "0".to_owned() } else { text.to_owned() }
        };
        prop_assert_eq!(strip(shown), strip(&given));
    }
}
