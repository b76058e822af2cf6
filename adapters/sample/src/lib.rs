//! One seeded World of energy customers and what happens to it, known to no engine.
//!
//! A [`World`] has persons and organisations, accounts held alone, jointly or for somebody else, addresses that accounts
//! share, supply points of electricity and gas, a plan catalogue, agreements, authorised contacts, payment schedules, concessions, and for
//! every account years of invoices and a ledger that adds up to its balance. Each sample retailer has a *projection* of
//! it into its own schema.
//!
//! - **It is deterministic.** Equal [`WorldConfig`]s make equal Worlds, on every machine and with every build whose
//!   [`VERSION`] is the same, so a seed and a count of mutations are all that needs to be stored.
//! - **It is compact.** Histories are worked out from the seed whenever somebody asks; only what mutations changed is kept.
//! - **It happens before today.** Nothing is dated on [`WorldConfig::today`] or later, but for due dates and
//!   holdings that are known to end. Times are Melbourne's.
//! - **Numbers are exact**: [`Cents`] and [`Decimal`], never floats.
//!
//! [`World::mutate`] lets the next transaction of a busy retailer happen. It is a list of [`Effect`]s that a projection
//! executes as SQL; those with [`Mutation::rolled_back`] are to be executed and rolled back, and leave the World as it was.
//! A workload that must survive a lost connection uses [`World::draft`] before its transaction and [`World::apply`] after.
//!
//! [`Workload`] is that loop for any database with a [`Session`], and [`Table`] and [`Row`] write the SQL.
//!
//! [`Answers`] says what the API should answer about a World, from the World's own model: the oracle of end-to-end tests.

mod account;
mod address;
mod answers;
mod books;
mod calendar;
mod catalogue;
mod code;
mod concession;
mod customer;
mod decimal;
mod dice;
mod draft;
mod effect;
mod history;
mod id;
mod invoice;
mod ledger;
mod mutation;
mod numbers;
mod pack;
mod person;
mod plan;
mod population;
pub mod published;
mod rating;
mod reach;
mod row;
mod schedule;
mod workload;
mod world;

pub use account::{Account, Agreement, Contact, Holding};
pub use address::{Address, Fuel, ServicePoint};
pub use answers::{Answers, Projection};
pub use calendar::Clock;
pub use code::{
    AddressPurpose, Calculation, CardScheme, ChargeType, ConcessionTarget, ConcessionType, Day, DemandPeriod,
    DiscountCategory, DiscountType, EmailPurpose, FeeTerm, FeeType, FeedInPayer, FeedInScheme, FuelType,
    GreenCharge, GreenScheme, IncentiveCategory, IndustryRelease, LoadPeriod, OccupationRelease,
    OrganisationType, PaymentMethod, PaymentOption, PaymentStatus, PhonePurpose, PricingModel, Restriction,
    Role, TimeZone, TouPeriod, Unit, UsageType, WalletIdentifier, WalletProvider,
};
pub use concession::Concession;
pub use customer::{Customer, Occupation, Organisation, Party};
pub use decimal::{Cents, Decimal};
pub use effect::{Effect, FeeChange, Noise, NoiseKind, PriceChange};
pub use id::{
    AccountId, AddressId, AgreementId, ContactId, CustomerId, EntryId, InvoiceId, PlanId, ServicePointId,
};
pub use invoice::{ChargeLine, Invoice, LineKind, PayOnTime, Scope};
pub use ledger::{Adjustment, Detail, LedgerEntry, Metered};
pub use mutation::{Mutation, MutationKind};
pub use numbers::Numbers;
pub use person::PersonName;
pub use plan::{
    Contract, ControlledLoad, DemandCharge, Discount, DiscountMethod, Eligibility, Fee, FeedIn, FeedInPrice,
    FeedInTariff, GreenPowerCharge, Incentive, LoadPrice, LoadTimes, LoadWindow, MeteringCharge, Plan,
    Prices, Rate, TariffPeriod, TouPrice, Window,
};
pub use reach::{AddressForm, Email, LinedAddress, PafAddress, Phone, PostBox, PostalAddress};
pub use row::{OnConflict, Row, Table};
pub use schedule::{BankAccount, PaymentMeans, PaymentSchedule, Wallet};
pub use workload::{Progress, Session, Step, Workload};
pub use world::{World, WorldConfig};

/// Rises with every change that makes another World or other mutations of the same seed. Stored Worlds of another
/// version cannot be continued.
pub const VERSION: u32 = 3;
