//! Ids of the World's things. They are neutral: each retailer's projection makes its own keys of them.

use std::fmt;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident($number:ty);)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

id! {
    /// A person or an organisation.
    CustomerId(u32);
    /// An account; stays the same when the account's number changes.
    AccountId(u32);
    /// An address.
    AddressId(u32);
    /// A supply point of electricity or gas.
    ServicePointId(u32);
    /// A plan of the catalogue.
    PlanId(u32);
    /// An agreement: one account on one plan. Later agreements have higher numbers.
    AgreementId(u32);
    /// A person who may act on an account. Later contacts have higher numbers.
    ContactId(u32);
    /// An invoice. The upper bits are the account it was first issued to, which it may have left since.
    InvoiceId(u64);
    /// An entry of a ledger. The upper bits are the account it was first posted to.
    EntryId(u64);
}

/// Numbers from here on belong to what mutations add; below it is the history an account is born with.
pub(crate) const FIRST_ADDED: u16 = 4096;

const SEQUENCE_BITS: u32 = 16;

impl InvoiceId {
    pub(crate) fn new(account: AccountId, sequence: u16) -> Self {
        Self(join(account, sequence))
    }

    pub(crate) fn born_to(self) -> AccountId {
        AccountId((self.0 >> SEQUENCE_BITS) as u32)
    }

    pub(crate) fn sequence(self) -> u16 {
        self.0 as u16
    }

    /// The number printed on the bill.
    pub fn number(self) -> String {
        format!("INV{:06}-{:04}", self.born_to(), self.sequence())
    }
}

impl EntryId {
    pub(crate) fn new(account: AccountId, sequence: u16) -> Self {
        Self(join(account, sequence))
    }

    pub(crate) fn born_to(self) -> AccountId {
        AccountId((self.0 >> SEQUENCE_BITS) as u32)
    }

    pub(crate) fn sequence(self) -> u16 {
        self.0 as u16
    }
}

fn join(account: AccountId, sequence: u16) -> u64 {
    (u64::from(account.0) << SEQUENCE_BITS) | u64::from(sequence)
}
