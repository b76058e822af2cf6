//! The numbers of accounts while a transaction is written.

use std::collections::HashMap;

use crate::id::AccountId;
use crate::world::World;

/// The numbers of accounts for a projection whose rows name them: those of the World, and those that a transaction
/// gives.
#[derive(Clone, Debug)]
pub struct Numbers<'w> {
    world: &'w World,
    given: HashMap<AccountId, String>,
}

impl<'w> Numbers<'w> {
    /// The numbers as the World has them.
    pub fn of(world: &'w World) -> Self {
        Self { world, given: HashMap::new() }
    }

    /// Notes the number of an account that is put or renumbered.
    pub fn give(&mut self, account: AccountId, number: &str) {
        self.given.insert(account, number.to_owned());
    }

    /// The number of an account.
    ///
    /// # Panics
    /// When the account is neither in the World nor has been given a number.
    pub fn get(&self, account: AccountId) -> &str {
        let given = self.given.get(&account).map(String::as_str);
        let known = || self.world.account(account).map(|account| &*account.number);
        given.or_else(known).expect("rows are written for accounts that exist or are put first")
    }
}
