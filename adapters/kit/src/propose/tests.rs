use super::*;

fn table(relation: &str, columns: &[(&str, &str, bool)], key: &[&str], to: &[(&str, &str, &str)]) -> Table {
    let column = |(name, sql_type, nullable): &(&str, &str, bool)| TableColumn {
        name: (*name).to_owned(),
        sql_type: (*sql_type).to_owned(),
        nullable: *nullable,
    };
    let foreign = |(column, relation, referenced): &(&str, &str, &str)| ForeignKey {
        columns: vec![(*column).to_owned()],
        relation: (*relation).to_owned(),
        referenced: vec![(*referenced).to_owned()],
        cascades: false,
    };
    Table {
        relation: relation.to_owned(),
        columns: columns.iter().map(column).collect(),
        primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
        foreign_keys: to.iter().map(foreign).collect(),
    }
}

#[test]
fn what_is_known_is_written_and_what_is_not_is_listed() {
    let tables = [
        table("shop.client", &[("id", "integer", false)], &["id"], &[]),
        table("shop.account", &[("no", "varchar", false), ("display_name", "text", true)], &["no"], &[]),
        table(
            "shop.bill",
            &[("id", "integer", false), ("account", "varchar", false), ("due_date", "date", true)],
            &["id"],
            &[("account", "shop.account", "no")],
        ),
        table("shop.audit", &[("at", "timestamp", false)], &[], &[]),
        table("shop.reading", &[("id", "integer", false)], &["id"], &[]),
    ];
    let proposal = propose(&tables, SqlDialect::SqlServer, "Australia/Perth");
    let file = |path: &str| proposal.files.iter().find(|(it, _)| it == path).map(|(_, text)| text.as_str());
    let graph = file("graph.toml").unwrap();
    assert!(graph.contains("[entity.invoice]\nroot = \"bill\""), "{graph}");
    assert!(graph.contains("{ node = \"account\", by = [\"account\"] }, # owns"), "{graph}");
    assert!(graph.contains("# [node.reading]"), "{graph}");
    let invoice = file("fetch/invoice.sql").unwrap();
    assert!(invoice.contains("t.[due_date] as \"dueDate\""), "{invoice}");
    assert!(invoice.contains("t.[account] as \"$owner.account\""), "{invoice}");
    assert!(invoice.contains("\"invoiceNumber\"  mandatory"), "{invoice}");
    assert!(proposal.undecided.iter().any(|it| it.contains("shop.audit has no primary key")));
    assert!(proposal.undecided.iter().any(|it| it.contains("root of holding")), "{:?}", proposal.undecided);
}

#[test]
fn a_table_that_does_not_reach_its_owner_is_left_to_decide() {
    let tables = [
        table("account", &[("no", "integer", false)], &["no"], &[]),
        table(
            "invoice",
            &[("no", "integer", false), ("account", "integer", true)],
            &["no"],
            &[("account", "account", "no")],
        ),
    ];
    let proposal = propose(&tables, SqlDialect::SqlServer, "Australia/Perth");
    assert!(proposal.undecided.iter().any(|it| it.contains("no owning edges lead from it to account")));
    assert!(proposal.files.iter().all(|(path, _)| path != "fetch/invoice.sql"));
}

#[test]
fn a_column_named_as_another_tables_key_is_an_edge_where_no_foreign_key_is() {
    let tables = [
        table("[cust].[Account]", &[("AccountId", "int", false)], &["AccountId"], &[]),
        table(
            "[bill].[Invoice]",
            &[("InvoiceId", "bigint", false), ("AccountId", "int", false), ("Id", "int", false)],
            &["InvoiceId"],
            &[],
        ),
        // Neither the same type nor a name of its own.
        table("[bill].[Import]", &[("Id", "int", false), ("AccountId", "nvarchar", false)], &["Id"], &[]),
    ];
    let proposal = propose(&tables, SqlDialect::SqlServer, "Australia/Perth");
    let graph = &proposal.files[0].1;
    assert_eq!(graph.matches("node = \"account\", by = [\"AccountId\"]").count(), 1, "{graph}");
    assert!(graph.contains("(by its name: no foreign key says so)"), "{graph}");
    assert!(graph.contains("[entity.invoice]\nroot = \"invoice\""), "{graph}");
}
