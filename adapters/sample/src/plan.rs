//! Plans: the CDS's `planDetail`, as far as the World uses it.

use crate::code::{
    ChargeType, Day, DemandPeriod, DiscountCategory, DiscountType, FeeTerm, FeeType, FeedInPayer,
    FeedInScheme, FuelType, PaymentOption, PricingModel, TouPeriod, Unit,
};
use crate::decimal::Decimal;
use crate::id::PlanId;

/// A plan of the catalogue, shared by many accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// A short code, unique.
    pub code: String,
    /// Its title.
    pub display_name: String,
    /// What it supplies.
    pub fuel: FuelType,
    /// A charge for the meter, if there is one.
    pub metering: Option<MeteringCharge>,
    /// The electricity contract, for electricity and dual fuel.
    pub electricity: Option<Contract>,
    /// The gas contract, for gas and dual fuel.
    pub gas: Option<Contract>,
    pub(crate) rating: Rating,
}

/// A charge for the meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeteringCharge {
    /// Its title.
    pub display_name: &'static str,
    /// From how much,
    pub minimum: Decimal,
    /// to how much,
    pub maximum: Option<Decimal>,
    /// and how often, as an ISO 8601 duration.
    pub period: &'static str,
}

/// What is agreed for one fuel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// How it is priced.
    pub pricing_model: PricingModel,
    /// Whether windows are in local time; given for time-of-use pricing.
    pub local_time: bool,
    /// Whether prices are fixed.
    pub is_fixed: bool,
    /// How prices may vary when they are not fixed.
    pub variation: Option<&'static str>,
    /// What happens when it ends.
    pub on_expiry: Option<&'static str>,
    /// How bills may be paid.
    pub payment_options: Vec<PaymentOption>,
    /// The share of green power that is included.
    pub green_share: Option<Decimal>,
    /// Prices over the calendar year.
    pub periods: Vec<TariffPeriod>,
    /// The controlled load's prices.
    pub controlled_load: Option<ControlledLoad>,
    /// Discounts.
    pub discounts: Vec<Discount>,
    /// Fees.
    pub fees: Vec<Fee>,
    /// What is paid for energy fed in.
    pub feed_ins: Vec<FeedIn>,
}

/// Prices during a part of every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TariffPeriod {
    /// The kind of charge.
    pub kind: ChargeType,
    /// Its title.
    pub display_name: &'static str,
    /// First day, `mm-dd`.
    pub from: &'static str,
    /// Last day, `mm-dd`.
    pub until: &'static str,
    /// Dollars per day, ex GST.
    pub daily_supply: Option<Decimal>,
    /// The prices.
    pub prices: Prices,
}

/// The prices of a tariff period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prices {
    /// One price at all times, possibly in steps.
    Single {
        /// Its title.
        display_name: &'static str,
        /// Steps in ascending volume.
        rates: Vec<Rate>,
    },
    /// Prices by time of day.
    TimeOfUse(Vec<TouPrice>),
    /// Charges for demand.
    Demand(Vec<DemandCharge>),
}

/// A price per unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Dollars per unit, ex GST.
    pub unit_price: Decimal,
    /// The unit.
    pub unit: Unit,
    /// How far this step reaches, for stepped prices.
    pub volume: Option<u32>,
}

/// A price at some times of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouPrice {
    /// Peak, off-peak or shoulder.
    pub period: TouPeriod,
    /// Its title.
    pub display_name: &'static str,
    /// Steps in ascending volume.
    pub rates: Vec<Rate>,
    /// When it applies.
    pub windows: Vec<Window>,
}

/// Some hours on some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// On which days.
    pub days: &'static [Day],
    /// From, `hh:mm:ss`.
    pub from: &'static str,
    /// To, `hh:mm:ss`, included.
    pub until: &'static str,
}

/// A charge for demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemandCharge {
    /// Its title.
    pub display_name: &'static str,
    /// Dollars per unit, ex GST.
    pub amount: Decimal,
    /// The unit.
    pub unit: Unit,
    /// When demand is measured.
    pub window: Window,
    /// The least demand charged for, in kW.
    pub minimum: Option<Decimal>,
    /// The most demand charged for, in kW.
    pub maximum: Option<Decimal>,
    /// Over what it is measured.
    pub measured_over: DemandPeriod,
    /// Over what it is charged.
    pub charged_over: DemandPeriod,
}

/// Prices of a load that the network switches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlledLoad {
    /// Its title.
    pub display_name: &'static str,
    /// Dollars per day, ex GST.
    pub daily_supply: Option<Decimal>,
    /// The price.
    pub rates: Vec<Rate>,
}

/// A discount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// Its title.
    pub display_name: &'static str,
    /// What it is.
    pub description: Option<&'static str>,
    /// Whether it has conditions.
    pub kind: DiscountType,
    /// What it is for.
    pub category: Option<DiscountCategory>,
    /// How it is worked out.
    pub method: DiscountMethod,
}

/// How a discount is worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscountMethod {
    /// A share of the bill.
    PercentOfBill(Decimal),
    /// A share of usage charges.
    PercentOfUse(Decimal),
    /// Dollars.
    FixedAmount(Decimal),
    /// A share of what is used beyond a threshold.
    PercentOverThreshold {
        /// The share.
        rate: Decimal,
        /// The threshold.
        usage: Decimal,
    },
}

/// A fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// What for.
    pub kind: FeeType,
    /// How often.
    pub term: FeeTerm,
    /// Dollars, or for [`FeeTerm::PercentOfBill`] the share of the bill.
    pub value: Decimal,
    /// What it is.
    pub description: Option<&'static str>,
}

/// What is paid for energy fed into the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedIn {
    /// Its title.
    pub display_name: &'static str,
    /// Whose scheme.
    pub scheme: FeedInScheme,
    /// Who pays.
    pub payer: FeedInPayer,
    /// How much.
    pub tariff: FeedInTariff,
}

/// The prices of a feed-in tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedInTariff {
    /// One price at all times.
    Single(Rate),
    /// Prices by time of day.
    Varying(Vec<FeedInPrice>),
}

/// A feed-in price at some times of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedInPrice {
    /// Peak, off-peak or shoulder.
    pub period: TouPeriod,
    /// Its title.
    pub display_name: &'static str,
    /// The price.
    pub rate: Rate,
    /// When it applies.
    pub window: Window,
}

/// What the World rates usage with. It never changes, so that an account's past bills stay what they were when the
/// plan's prices change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rating {
    pub(crate) usage: RatingModel,
    pub(crate) supply: Decimal,
    pub(crate) controlled: Option<Decimal>,
    pub(crate) feed_in: Option<Decimal>,
    pub(crate) demand: Option<Decimal>,
    pub(crate) gas: Decimal,
    pub(crate) gas_supply: Decimal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RatingModel {
    Flat(Decimal),
    TimeOfUse { peak: Decimal, off_peak: Decimal, shoulder: Decimal },
}
