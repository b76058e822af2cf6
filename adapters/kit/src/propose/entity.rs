//! Which table an entity is taken to be rooted in.

use wattle_core::Entity;

/// Words in the names of tables, the best first.
fn words(entity: Entity) -> &'static [&'static str] {
    match entity {
        Entity::Customer => &["customer", "client", "party", "consumer", "person"],
        Entity::Plan => &["plan", "product", "offer"],
        Entity::Account => &["account"],
        Entity::Holding => &["holding", "holder", "grant", "account_party", "membership"],
        Entity::Balance => &["balance", "debtor", "debt"],
        Entity::Invoice => &["invoice", "bill", "statement"],
        Entity::BillingTransaction => &["transaction", "posting", "ledger", "entry"],
        Entity::PaymentSchedule => &["schedule", "direct_debit", "autopay", "mandate"],
        Entity::Concession => &["concession", "rebate"],
    }
}

/// How well a table's name fits an entity, the lower the better: the word's place, then how much else the name says.
pub(super) fn fit(entity: Entity, name: &str) -> Option<(usize, usize)> {
    let name = name.to_lowercase();
    let found = words(entity).iter().position(|word| name.contains(word))?;
    let whole = name.trim_end_matches('s').trim_start_matches("tbl_");
    Some((found, whole.len().saturating_sub(words(entity)[found].len())))
}
