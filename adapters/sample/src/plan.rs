//! Plans: the CDS's `planDetail`, as far as the World uses it.

use crate::code::{
    ChargeType, Day, DemandPeriod, DiscountCategory, DiscountType, FeeTerm, FeeType, FeedInPayer,
    FeedInScheme, FuelType, GreenCharge, GreenScheme, IncentiveCategory, LoadPeriod, PaymentOption,
    PricingModel, Restriction, TimeZone, TouPeriod, Unit,
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
    /// Whether the electricity and the gas of a dual plan depend on each other, if that is said.
    pub contingent: Option<bool>,
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
    /// What it is.
    pub description: Option<&'static str>,
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
    /// What else there is to say about fees.
    pub fee_information: Option<&'static str>,
    /// How it is priced.
    pub pricing_model: PricingModel,
    /// In which time windows are; given for time-of-use pricing.
    pub time_zone: Option<TimeZone>,
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
    /// What new customers are given.
    pub incentives: Vec<Incentive>,
    /// Discounts.
    pub discounts: Vec<Discount>,
    /// What green power costs that is not included.
    pub green_charges: Vec<GreenPowerCharge>,
    /// Who may have it.
    pub eligibility: Vec<Eligibility>,
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
    /// Dollars per day, ex GST, if they are the same for all.
    pub daily_supply: Option<Decimal>,
    /// The daily supply charge in bands, if it is not.
    pub supply_bands: Vec<Rate>,
    /// In which time its windows are, if not in the contract's.
    pub time_zone: Option<TimeZone>,
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
        /// What it is.
        description: Option<&'static str>,
        /// The price beyond the quota, GST included, where there is a quota.
        general: Option<Decimal>,
        /// Steps in ascending volume.
        rates: Vec<Rate>,
        /// In what time the steps are counted, by ISO 8601.
        every: Option<&'static str>,
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
    /// What it is.
    pub description: Option<&'static str>,
    /// Steps in ascending volume.
    pub rates: Vec<Rate>,
    /// In what time the steps are counted, by ISO 8601.
    pub every: Option<&'static str>,
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
    /// What it is.
    pub description: Option<&'static str>,
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
    /// Since when it is offered,
    pub from: Option<&'static str>,
    /// and until when, as dates.
    pub until: Option<&'static str>,
    /// Dollars per day, ex GST.
    pub daily_supply: Option<Decimal>,
    /// One price at all times, or prices by time of day.
    pub prices: Vec<LoadPrice>,
}

/// A price of a controlled load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPrice {
    /// Its title.
    pub display_name: &'static str,
    /// What it is.
    pub description: Option<&'static str>,
    /// Steps in ascending volume.
    pub rates: Vec<Rate>,
    /// In what time the steps are counted, by ISO 8601.
    pub every: Option<&'static str>,
    /// When it applies, if not at all times.
    pub times: Option<LoadTimes>,
}

/// When a price of a controlled load applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadTimes {
    /// What the network calls these times.
    pub period: LoadPeriod,
    /// The times.
    pub windows: Vec<LoadWindow>,
}

/// Some hours that a network may not have fixed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LoadWindow {
    /// On which days, if that is said.
    pub days: Option<&'static [Day]>,
    /// From and to, `hh:mm:ss`, if they are fixed.
    pub hours: Option<(&'static str, &'static str)>,
    /// How they come about, if they are not.
    pub information: Option<&'static str>,
    /// Where more is said about it.
    pub link: Option<&'static str>,
}

/// Something that is given to who takes a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incentive {
    /// Its title.
    pub display_name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Of what kind it is.
    pub category: IncentiveCategory,
    /// Who gets it, if not everybody.
    pub eligibility: Option<&'static str>,
}

/// What green power costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreenPowerCharge {
    /// Its title.
    pub display_name: &'static str,
    /// What it is.
    pub description: Option<&'static str>,
    /// Whose green power it is.
    pub scheme: GreenScheme,
    /// How it is charged.
    pub charge: GreenCharge,
    /// For which share of green power it is how much: dollars, or a share where the charge is one.
    pub tiers: Vec<(Decimal, Decimal)>,
}

/// Who may have a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligibility {
    /// In the standard's terms.
    pub restriction: Restriction,
    /// What the customer reads.
    pub information: &'static str,
    /// More about it.
    pub description: Option<&'static str>,
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
    /// Until when it is given, as a date, if it ends.
    pub until: Option<&'static str>,
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
    /// What it is.
    pub description: Option<&'static str>,
    /// Since when it is paid,
    pub from: Option<&'static str>,
    /// and until when, as dates.
    pub until: Option<&'static str>,
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
    Single {
        /// Steps in ascending volume.
        rates: Vec<Rate>,
        /// In what time the steps are counted, by ISO 8601.
        every: Option<&'static str>,
    },
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
    /// In what time its volume is counted, by ISO 8601.
    pub every: Option<&'static str>,
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
