//! Reads what several accounts have, in one list.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{QueryResult, Value};
use serde::Deserialize;
use wattle_tenants::dialect::given;

use crate::call::{Call, Which};
use crate::error::{ApiError, ErrorCode};
use crate::ids::{Customer, Kind, ResourceId};
use crate::query::{Page, Window};

use super::{consented, read_with, total};

/// One page of what several accounts have.
pub(crate) struct Listed {
    /// The customer whose arrangement it is.
    pub(crate) customer: Customer,
    /// How many records there are on all pages.
    pub(crate) total: u64,
    /// The records of the page, in order.
    pub(crate) records: Vec<Record>,
}

/// A record and its account.
pub(crate) struct Record {
    /// The source that knows the account.
    pub(crate) source_system: String,
    /// The account there.
    pub(crate) account_id: String,
    /// The stored body, or value.
    pub(crate) body: String,
}

/// What a list is of.
struct List {
    table: &'static str,
    /// The column with what is served.
    body: &'static str,
    /// Which records, of those of the accounts: parameters 5 and on are given for it.
    filter: &'static str,
    /// What they are in the order of, before source and id.
    at: &'static str,
    order: &'static str,
    /// What an account must have, or else it is not available for now.
    needs: &'static str,
}

/// What accounts owe, by account.
pub(crate) async fn balances(call: &Call<'_>, page: Page) -> Result<Listed, ApiError> {
    let list = List {
        table: "balance",
        body: "balance",
        filter: "r.source_id = (select min(b.source_id) from balance b
                                where b.source_system = r.source_system and b.account_id = r.account_id)
                 and $5::text is null and $6::text is null",
        at: "r.account_id",
        order: "r.source_system, r.at",
        needs: "exists (select 1 from balance b where b.source_system = p.source_system and b.account_id = p.account_id)",
    };
    let nothing = || Value::from(None::<String>);
    read(call, &list, [nothing(), nothing()], page).await
}

/// The invoices that were issued in a window, newest first.
pub(crate) async fn invoices(
    call: &Call<'_>,
    window: Window<NaiveDate>,
    page: Page,
) -> Result<Listed, ApiError> {
    let list = List {
        table: "invoice",
        body: "body",
        filter: "r.issue_date between $5 and $6",
        at: "r.issue_date",
        order: "r.at desc, r.source_system, r.source_id",
        needs: "true",
    };
    read(call, &list, [window.oldest.into(), window.newest.into()], page).await
}

/// The billing transactions that took effect in a window, newest first.
pub(crate) async fn billing_transactions(
    call: &Call<'_>,
    window: Window<DateTime<Utc>>,
    page: Page,
) -> Result<Listed, ApiError> {
    let list = List {
        table: "billing_transaction",
        body: "body",
        filter: "r.executed_at between $5 and $6",
        at: "r.executed_at",
        order: "r.at desc, r.source_system, r.source_id",
        needs: "true",
    };
    read(call, &list, [window.oldest.into(), window.newest.into()], page).await
}

/// Reads a page of a list: what matches is counted by its keys, and bodies are read of the page alone. `permitted` are the accounts that it is of; what is asked for and may not be shared makes
/// it empty, and is named.
async fn read(call: &Call<'_>, list: &List, filter: [Value; 2], page: Page) -> Result<Listed, ApiError> {
    let asked = Asked::of(call)?;
    let further: Vec<Value> = filter.into_iter().chain([page.limit().into(), page.offset().into()]).collect();
    let rows = read_with(call, further, |backend, values| {
        let (permitted, refused) = match &asked {
            None => (permitted_of_all(list), "null".to_owned()),
            Some(asked) => {
                let given =
                    given(backend, "g", &["ord", "source_system", "account_id"], asked.columns(), values);
                (permitted_of_these(list, &given), REFUSED.to_owned())
            }
        };
        let List { table, body, filter, at, order, .. } = list;
        format!(
            "{consent}, {permitted}, matching as (
                select r.source_system, r.source_id, r.account_id, {at} as at from permitted p
                join {table} r on r.source_system = p.source_system and r.account_id = p.account_id
                where {filter}
            ), page as (select * from matching r order by {order} limit $7 offset $8)
            select c.standing, c.customer_source, c.customer_id, c.key_version, {refused} as refused,
                   (select count(*) from matching) as total, r.source_system, r.account_id,
                   (select b.{body} from {table} b
                    where b.source_system = r.source_system and b.source_id = r.source_id) as body
            from consent c left join page r on true
            order by {order}",
            consent = consent!(),
        )
    })
    .await?;
    let (customer, _) = consented(&rows)?;
    if let Some(asked) = asked {
        asked.require_all(&customer, &rows[0])?;
    }
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(source_system) = row.try_get::<Option<String>>("", "source_system")? {
            let (account_id, body) = (row.try_get("", "account_id")?, row.try_get("", "body")?);
            records.push(Record { source_system, account_id, body });
        }
    }
    Ok(Listed { customer, total: total(&rows[0])?, records })
}

/// The consented accounts that may be shared now.
fn permitted_of_all(list: &List) -> String {
    format!(
        "permitted as (
            select p.source_system, p.account_id from (
                select aa.source_system, aa.account_id, {sharing} as sharing
                from consent c join arrangement_account aa on aa.arrangement_id = c.arrangement_id
                where c.standing = 'good') p
            where p.sharing = 2 and {needs})",
        sharing = sharing!(),
        needs = list.needs,
    )
}

/// The accounts that are asked for, where all of them may be shared now; `judged` says of each what may.
fn permitted_of_these(list: &List, given: &str) -> String {
    format!(
        "asked as (
            select g.ord, g.source_system, g.account_id, (
                       select {sharing} from arrangement_account aa
                       where aa.arrangement_id = c.arrangement_id
                         and aa.source_system = g.source_system and aa.account_id = g.account_id
                   ) as sharing
            from consent c join {given} on true where c.standing = 'good'
        ), judged as (
            select p.ord, p.source_system, p.account_id,
                   least(coalesce(p.sharing, 0), case when {needs} then 2 else 1 end) as sharing
            from asked p
        ), permitted as (
            select distinct source_system, account_id from judged
            where not exists (select 1 from judged where sharing < 2))",
        sharing = sharing!(),
        needs = list.needs,
    )
}

/// Those asked for that may not be shared now, by their place, and what may be shared of each.
const REFUSED: &str =
    "(select json_agg(json_build_array(j.ord, j.sharing))::text from judged j where j.sharing < 2)";

/// The accounts that a body asks for, and what their ids name.
struct Asked(Vec<(String, Option<ResourceId>)>);

impl Asked {
    fn of(call: &Call<'_>) -> Result<Option<Self>, ApiError> {
        let Which::These(ids) = call.which()? else { return Ok(None) };
        let recipient = call.recipient();
        let open = |id: String| {
            let named = recipient.open(Kind::Account, &id);
            (id, named)
        };
        Ok(Some(Self(ids.into_iter().map(open).collect())))
    }

    /// The place, source and key of each that names something.
    fn columns(&self) -> Vec<Vec<String>> {
        let mut columns = vec![Vec::new(), Vec::new(), Vec::new()];
        for (ord, (_, named)) in self.0.iter().enumerate() {
            if let Some(named) = named {
                columns[0].push(ord.to_string());
                columns[1].push(named.source_system.clone());
                columns[2].push(named.source_id.clone());
            }
        }
        columns
    }

    /// Refuses the request when one of them may not be shared, naming every one that may not.
    fn require_all(&self, customer: &Customer, row: &QueryResult) -> Result<(), ApiError> {
        #[derive(Deserialize)]
        struct Refused(String, i64);
        let refused: Vec<Refused> = match row.try_get::<Option<String>>("", "refused")? {
            Some(text) => serde_json::from_str(&text).map_err(ApiError::unexpected)?,
            None => Vec::new(),
        };
        let mut errors = Vec::new();
        for (ord, (id, named)) in self.0.iter().enumerate() {
            let sharing = refused
                .iter()
                .find(|Refused(at, _)| *at == ord.to_string())
                .map(|Refused(_, sharing)| *sharing);
            let theirs = named.as_ref().is_some_and(|named| named.is_for(customer));
            match (theirs, sharing) {
                (true, None) => {}
                (true, Some(1)) => errors.push((ErrorCode::UnavailableEnergyAccount, id.clone())),
                (true, Some(_)) | (false, _) => errors.push((ErrorCode::InvalidEnergyAccount, id.clone())),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(ApiError::of_body(errors)) }
    }
}
