//! Whether what was fetched from a sample retailer is what its World says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};
use wattle_core::entity::{
    PLAN_DETAIL_SLOT, PLAN_NAME_SLOT, SERVICE_POINT_SLOT, account_list_shape, customer_basic_shape, pick,
};
use wattle_core::{Entity, Key, Record};
use wattle_sample::{Account, Answers, Projection, World};

/// All records of an entity, by key.
pub type Records = BTreeMap<Key, Record>;

/// Everything that was fetched from a source.
pub struct Fetched<'r> {
    records: &'r HashMap<Entity, Records>,
}

impl<'r> Fetched<'r> {
    /// The records of all entities.
    pub fn new(records: &'r HashMap<Entity, Records>) -> Self {
        Self { records }
    }

    /// Compares every record, served with the retailer's own ids, with what the World answers.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare<P: Projection>(&self, world: &World, projection: &P) -> Result<()> {
        let visible: Vec<_> = world.accounts().filter(|account| !account.deleted).collect();
        same(&self.of(Entity::Account)?.len(), &visible.len(), "how many accounts there are")?;
        for account in visible {
            let key = projection.account_key(world, account.id);
            self.account(world, projection, account, &key).with_context(|| format!("account {key}"))?;
        }
        self.customers(world, projection)
    }

    fn account<P: Projection>(
        &self,
        world: &World,
        projection: &P,
        account: &Account,
        key: &str,
    ) -> Result<()> {
        let answers = Answers::new(world, projection);
        let record = self.record(Entity::Account, key)?;
        same(&Some(self.served(record, key)?), &answers.account_detail(account.id), "the detail")?;
        let listed = Record { body: pick(account_list_shape(), &record.body), ..record.clone() };
        same(&Some(self.served(&listed, key)?), &answers.account(account.id), "the account")?;
        let balance = self.record(Entity::Balance, key)?;
        same(&Some(balance.body.clone()), &answers.balance(account.id), "the balance")?;
        let mut invoices = self.owned(Entity::Invoice, key)?;
        invoices.sort_by(|one, other| other["issueDate"].as_str().cmp(&one["issueDate"].as_str()));
        same(&invoices, &answers.invoices(account.id, NaiveDate::MIN, NaiveDate::MAX), "invoices")?;
        let schedules = self.bodies(Entity::PaymentSchedule, key)?;
        same(&schedules, &sorted(answers.payment_schedules(account.id)), "payment schedules")?;
        let concessions = self.bodies(Entity::Concession, key)?;
        same(&concessions, &sorted(answers.concessions(account.id)), "concessions")?;
        let mut entries = self.owned(Entity::BillingTransaction, key)?;
        let instant = |entry: &Value| entry["executionDateTime"].as_str()?.parse::<DateTime<Utc>>().ok();
        entries.sort_by_key(|entry| std::cmp::Reverse(instant(entry)));
        let (oldest, newest) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        same(&entries, &answers.transactions(account.id, oldest, newest), "transactions")
    }

    fn customers<P: Projection>(&self, world: &World, projection: &P) -> Result<()> {
        let answers = Answers::new(world, projection);
        same(&self.of(Entity::Customer)?.len(), &world.customers().len(), "how many customers there are")?;
        let hidden: BTreeSet<String> = world
            .accounts()
            .filter(|account| account.deleted)
            .map(|account| projection.account_key(world, account.id))
            .collect();
        for customer in world.customers() {
            let key = projection.customer_key(world, customer.id);
            let record = self.record(Entity::Customer, &key)?;
            same(&Some(record.body.clone()), &answers.customer_detail(customer.id), "the customer")?;
            let basic = pick(customer_basic_shape(), &record.body);
            same(&Some(basic), &answers.customer(customer.id), "what the basic scope shows of the customer")?;
            let expected: BTreeSet<String> = answers
                .shareable(customer.id)
                .into_iter()
                .map(|account| projection.account_key(world, account))
                .collect();
            let own = self.of(Entity::Holding)?.values();
            let own = own.filter(|holding| holding.owners[0].as_str() == key);
            let shareable = own.filter(|holding| holding.body["shareable"] == true);
            let accounts = shareable.map(|holding| holding.owners[1].as_str().to_owned());
            let found: BTreeSet<String> = accounts.filter(|account| !hidden.contains(account)).collect();
            same(&found, &expected, "what a customer may share")
                .with_context(|| format!("customer {key}"))?;
        }
        Ok(())
    }

    fn of(&self, entity: Entity) -> Result<&'r Records> {
        self.records.get(&entity).with_context(|| format!("nothing was fetched of {entity}"))
    }

    fn record(&self, entity: Entity, key: &str) -> Result<&'r Record> {
        let found = self.of(entity)?.iter().find(|(listed, _)| listed.as_str() == key);
        found.map(|(_, record)| record).with_context(|| format!("the {entity} {key} is not there"))
    }

    fn owned(&self, entity: Entity, account: &str) -> Result<Vec<Value>> {
        let own = self.of(entity)?.values().filter(|record| record.owners[0].as_str() == account);
        own.map(|record| self.served(record, account)).collect()
    }

    /// The bodies of an account's records that name no account, in the order of their texts.
    fn bodies(&self, entity: Entity, account: &str) -> Result<Vec<Value>> {
        let own = self.of(entity)?.values().filter(|record| record.owners[0].as_str() == account);
        Ok(sorted(own.map(|record| record.body.clone()).collect()))
    }

    /// A record's body as it is served, with the retailer's own ids.
    fn served(&self, record: &Record, account: &str) -> Result<Value> {
        let mut body = self.fill(&record.body)?;
        if let Value::Object(fields) = &mut body {
            fields.insert("accountId".to_owned(), account.into());
        }
        Ok(body)
    }

    fn fill(&self, value: &Value) -> Result<Value> {
        let plan = |id: &Value, field: &str| {
            let plan = self.record(Entity::Plan, id.as_str().context("a plan's slot has its key")?)?;
            Ok(plan.body[field].clone())
        };
        match value {
            Value::Array(values) => values.iter().map(|value| self.fill(value)).collect(),
            Value::Object(fields) => match fields.iter().next() {
                Some((slot, id)) if slot == SERVICE_POINT_SLOT => Ok(id.clone()),
                Some((slot, id)) if slot == PLAN_DETAIL_SLOT => plan(id, "planDetail"),
                Some((slot, id)) if slot == PLAN_NAME_SLOT => plan(id, "displayName"),
                _ => {
                    let filled = fields.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
                    Ok(filled.collect::<Result<Map<_, _>>>()?.into())
                }
            },
            scalar => Ok(scalar.clone()),
        }
    }
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(Value::to_string);
    values
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T, what: &str) -> Result<()> {
    ensure!(found == expected, "{what}:\n found {found:?}\n World {expected:?}");
    Ok(())
}
