//! Mutations: what happens at a retailer all day, one source transaction at a time.

use crate::dice::{Dice, Stream};
use crate::draft::Draft;
use crate::effect::Effect;
use crate::world::World;

/// One transaction of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// How many mutations the World had gone through before.
    pub index: u64,
    /// What it is. [`MutationKind::Noise`] also where the World had nothing to do another kind on.
    pub kind: MutationKind,
    /// Whether the source rolls the transaction back after executing it. The World is then left as it was.
    pub rolled_back: bool,
    /// What it does, in order.
    pub effects: Vec<Effect>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $weight:literal,)+) => {
        /// Kinds of mutations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum MutationKind {
            $($(#[$doc])* $name,)+
        }

        impl MutationKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name, which [`MutationKind::from_name`] reads.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// How often it happens, relative to the others.
            const fn weight(self) -> usize {
                match self {
                    $(Self::$name => $weight,)+
                }
            }
        }
    };
}

kinds! {
    /// Rows that the CDR never needs.
    Noise: 5_000,
    /// A payment; the invoices it pays change their status.
    Payment: 1_500,
    /// A bill with its lines, ledger entries and the new balance.
    NewInvoice: 1_000,
    /// A charge that comes late: the latest bill is issued again with one more line.
    LateCharge: 150,
    /// An estimated read is replaced by the actual one, and the bill corrected by a line.
    ActualRead: 300,
    /// A customer, an address, a supply point, an account, an agreement and a holding, all at once.
    NewCustomer: 250,
    /// A customer's name is corrected, and perhaps what else is known of them.
    EditCustomer: 100,
    /// A customer has other telephone numbers and e-mail addresses.
    ChangeContactDetails: 80,
    /// A customer has other postal addresses.
    ChangePostalAddresses: 60,
    /// The agreement ends and another begins, at another supply point and address.
    MoveHouse: 150,
    /// The agreement ends and another begins on another plan.
    SwitchPlan: 150,
    /// An address, perhaps of several accounts, is corrected.
    EditAddress: 150,
    /// An address is deleted, and those who used it lose it.
    DeleteAddress: 20,
    /// An account is agreed to be paid in another way.
    ChangePaymentSchedule: 80,
    /// An account is no longer paid in an agreed way.
    EndPaymentSchedule: 30,
    /// A concession is granted to an account.
    GrantConcession: 60,
    /// The day on which a concession ends is set.
    EndConcession: 40,
    /// A concession is taken back.
    WithdrawConcession: 30,
    /// An account gets one more authorised contact.
    AddContact: 100,
    /// An authorised contact moves to another account.
    MoveContact: 80,
    /// An authorised contact is removed.
    RemoveContact: 50,
    /// A customer gets a holding on an account of somebody else.
    AddHolding: 120,
    /// A holding is deleted.
    RemoveHolding: 60,
    /// A holding ends, but its row stays.
    EndHolding: 40,
    /// A holding changes its role.
    ChangeRole: 60,
    /// A customer may share an account no longer, or again.
    FlipShareable: 120,
    /// An account is closed and its agreements end.
    CloseAccount: 60,
    /// An account is marked as deleted.
    DeleteAccount: 40,
    /// An account that was marked as deleted is not any more.
    UndeleteAccount: 35,
    /// A closed account is purged with everything on it.
    PurgeAccount: 10,
    /// An account gets another number.
    RenumberAccount: 30,
    /// An account's number changes between upper and lower case.
    RecaseAccount: 20,
    /// A price of a plan changes.
    ChangePrice: 20,
    /// A plan is revised in a fee.
    RevisePlan: 10,
    /// A bill and its ledger entries move to another account.
    MoveInvoice: 60,
    /// A bill is deleted with its lines and ledger entries.
    VoidInvoice: 30,
    /// A credit for an eighth of all accounts, in one transaction.
    MassCredit: 2,
    /// A note on all bills of about a month, in one transaction.
    MassAnnotation: 3,
}

impl MutationKind {
    /// The kind with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    fn throw(dice: &mut Dice) -> Self {
        let total = Self::ALL.iter().map(|kind| kind.weight()).sum();
        let mut left = dice.below(total);
        for kind in Self::ALL {
            if left < kind.weight() {
                return *kind;
            }
            left -= kind.weight();
        }
        Self::Noise
    }
}

/// Of a hundred transactions so many are rolled back.
const ROLLED_BACK_PERCENT: usize = 2;

impl World {
    /// The next mutation. It follows from the seed, the number of mutations so far and the World's state.
    pub fn draft(&self) -> Mutation {
        let mut dice = self.mutation_dice();
        let kind = MutationKind::throw(&mut dice);
        let rolled_back = dice.chance(ROLLED_BACK_PERCENT);
        self.draft_with(kind, rolled_back, dice)
    }

    /// The next mutation if it is to be of this kind; never rolled back.
    pub fn draft_kind(&self, kind: MutationKind) -> Mutation {
        self.draft_with(kind, false, self.mutation_dice())
    }

    /// Lets a mutation happen that was drafted on this World in this state.
    ///
    /// # Panics
    /// When the World has gone through another mutation since it was drafted.
    pub fn apply(&mut self, mutation: &Mutation) {
        assert_eq!(mutation.index, self.mutation_count, "a mutation fits the state it was drafted on");
        self.mutation_count += 1;
        if !mutation.rolled_back {
            for effect in &mutation.effects {
                self.take(effect);
            }
        }
    }

    /// Drafts the next mutation and lets it happen.
    pub fn mutate(&mut self) -> Mutation {
        let mutation = self.draft();
        self.apply(&mutation);
        mutation
    }

    /// Drafts the next mutation, of a given kind, and lets it happen.
    pub fn mutate_kind(&mut self, kind: MutationKind) -> Mutation {
        let mutation = self.draft_kind(kind);
        self.apply(&mutation);
        mutation
    }

    fn mutation_dice(&self) -> Dice {
        Dice::new(self.config().seed, Stream::Mutation, self.mutation_count)
    }

    fn draft_with(&self, kind: MutationKind, rolled_back: bool, dice: Dice) -> Mutation {
        let mut draft = Draft::new(self, dice);
        let kind = if draft.run(kind).is_some() { kind } else { MutationKind::Noise };
        if kind == MutationKind::Noise {
            draft.effects.clear();
            draft.noise();
        }
        Mutation { index: self.mutation_count, kind, rolled_back, effects: draft.effects }
    }
}
