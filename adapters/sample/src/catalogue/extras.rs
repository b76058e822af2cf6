//! What there is to a contract besides energy: incentives, discounts, green power, who may have it, and fees.

use super::{PRODUCTS, Product};
use crate::code::{
    DiscountCategory, DiscountType, FeeTerm, FeeType, GreenCharge, GreenScheme, IncentiveCategory,
    Restriction,
};
use crate::decimal::Decimal;
use crate::plan::{Discount, DiscountMethod, Eligibility, Fee, GreenPowerCharge, Incentive};

pub(super) fn incentives(product: Product) -> Vec<Incentive> {
    let incentive = |category, display_name, description, eligibility| Incentive {
        display_name,
        description,
        category,
        eligibility,
    };
    let credit = incentive(
        IncentiveCategory::AccountCredit,
        "Welcome credit",
        "$50 off the first bill",
        Some("New customers who pay by direct debit"),
    );
    match product {
        Product::Flat | Product::Gas => vec![credit],
        Product::SolarTou => vec![
            incentive(IncentiveCategory::Gift, "A tree", "We plant a tree for you, and send a picture", None),
            credit,
            incentive(IncentiveCategory::Other, "Footy tickets", "Two a season, while they last", None),
        ],
        _ => vec![],
    }
}

pub(super) fn discounts(product: Product) -> Vec<Discount> {
    let discount = |display_name, kind, category, method| Discount {
        display_name,
        description: None,
        kind,
        category,
        until: None,
        method,
    };
    let pay_on_time = Discount {
        description: Some("When the bill is paid by its due date"),
        ..discount(
            "Pay on time",
            DiscountType::Conditional,
            Some(DiscountCategory::PayOnTime),
            DiscountMethod::PercentOfBill(Decimal::new(3, 2)),
        )
    };
    let direct_debit = discount(
        "Direct debit",
        DiscountType::Conditional,
        Some(DiscountCategory::DirectDebit),
        DiscountMethod::FixedAmount(Decimal::new(250, 2)),
    );
    let guaranteed = Discount {
        description: Some("Off usage charges, always"),
        ..discount(
            "Usage discount",
            DiscountType::Guaranteed,
            Some(DiscountCategory::GuaranteedDiscount),
            DiscountMethod::PercentOfUse(Decimal::new(55, 3)),
        )
    };
    let volume = discount(
        "Volume discount",
        DiscountType::Other,
        None,
        DiscountMethod::PercentOverThreshold { rate: Decimal::new(125, 3), usage: Decimal::new(500_000, 2) },
    );
    let two_sites = Discount {
        until: Some("2028-12-31"),
        ..discount(
            "Two sites or more",
            DiscountType::Conditional,
            Some(DiscountCategory::Other),
            DiscountMethod::PercentOfBill(Decimal::new(2, 2)),
        )
    };
    match product {
        Product::TimeOfUse | Product::TouControlled => vec![guaranteed],
        Product::Business => vec![volume, pay_on_time, two_sites],
        Product::Flat | Product::Dual => vec![pay_on_time, direct_debit],
        Product::Gas => {
            vec![guaranteed, volume, pay_on_time, direct_debit, two_sites]
        }
        _ => vec![],
    }
}

pub(super) fn green_charges(product: Product) -> Vec<GreenPowerCharge> {
    let charge = |display_name, scheme, charge, tiers: &[(i64, i64)]| GreenPowerCharge {
        display_name,
        description: None,
        scheme,
        charge,
        tiers: tiers
            .iter()
            .map(|(share, value)| (Decimal::new(*share, 2), Decimal::new(*value, 4)))
            .collect(),
    };
    match product {
        Product::TimeOfUse => vec![
            GreenPowerCharge {
                description: Some("Accredited; on top of all usage"),
                ..charge(
                    "GreenPower",
                    GreenScheme::GreenPower,
                    GreenCharge::PerUnit,
                    &[(25, 132), (50, 264), (100, 528)],
                )
            },
            charge(
                "GreenPower share",
                GreenScheme::GreenPower,
                GreenCharge::OfUse,
                &[(10, 125), (100, 1_250)],
            ),
            charge("Green bill", GreenScheme::Other, GreenCharge::OfBill, &[(100, 1_000)]),
        ],
        Product::SolarTou => vec![
            charge("Green day", GreenScheme::GreenPower, GreenCharge::PerDay, &[(100, 5_500)]),
            charge("Green week", GreenScheme::Other, GreenCharge::PerWeek, &[(10, 11_000), (20, 22_000)]),
            charge("Green month", GreenScheme::Other, GreenCharge::PerMonth, &[(50, 175_000)]),
        ],
        _ => vec![],
    }
}

/// Who may have what, dealt out to the products in turn.
const RESTRICTIONS: [(Restriction, &str); 21] = [
    (Restriction::ExistingCustomer, "For customers that we have"),
    (Restriction::ExistingPool, "For homes with a pool"),
    (Restriction::ExistingSolar, "For homes with solar panels"),
    (Restriction::ExistingBattery, "For homes with a battery"),
    (Restriction::ExistingSmartMeter, "Needs a smart meter"),
    (Restriction::ExistingBasicMeter, "For basic meters"),
    (Restriction::SeniorCard, "For holders of a seniors card"),
    (Restriction::SmallBusiness, "For small businesses"),
    (Restriction::NoSolarFeedIn, "Not with a feed-in tariff"),
    (Restriction::NewCustomer, "For new customers"),
    (Restriction::OnlineOnly, "Sold on our site alone"),
    (Restriction::EquipmentSupplier, "Needs equipment of a supplier we name"),
    (Restriction::ThirdPartyOnly, "Sold by brokers alone"),
    (Restriction::SportClubMember, "For members of a club"),
    (Restriction::OrganisationMember, "For members of an organisation"),
    (Restriction::SpecificLocation, "Where we say so"),
    (Restriction::MinimumUsage, "From 100 kWh a month on"),
    (Restriction::LoyaltyMember, "For members of our programme"),
    (Restriction::GroupBuyMember, "For a group that buys together"),
    (Restriction::ContingentPlan, "With the other fuel alone"),
    (Restriction::Other, "Ask us"),
];

pub(super) fn eligibility(product: Product) -> Vec<Eligibility> {
    let turn = PRODUCTS.iter().position(|(listed, ..)| *listed == product);
    let mine = RESTRICTIONS.iter().enumerate().filter(|(index, _)| Some(index % PRODUCTS.len()) == turn);
    mine.map(|(index, (restriction, information))| Eligibility {
        restriction: *restriction,
        information,
        description: (index < PRODUCTS.len()).then_some("Checked when the contract begins"),
    })
    .collect()
}

/// Cents, or ten-thousandths for a share of the bill.
type ListedFee = (FeeType, FeeTerm, i64, Option<&'static str>);

const HOME_FEES: &[ListedFee] = &[
    (FeeType::LatePayment, FeeTerm::Fixed, 1_200, Some("For each reminder")),
    (FeeType::CreditCardProcessing, FeeTerm::PercentOfBill, 72, None),
    (FeeType::Disconnection, FeeTerm::Fixed, 5_835, None),
    (FeeType::PaperBill, FeeTerm::Monthly, 175, None),
];

const BUSINESS_FEES: &[ListedFee] = &[
    (FeeType::LatePayment, FeeTerm::Fixed, 1_200, Some("For each reminder")),
    (FeeType::CreditCardProcessing, FeeTerm::PercentOfBill, 72, None),
    (FeeType::Disconnection, FeeTerm::Fixed, 5_835, None),
    (FeeType::Exit, FeeTerm::OneYear, 15_000, Some("When left within the first year")),
    (FeeType::Exit, FeeTerm::TwoYears, 12_000, Some("When left within the second year")),
    (FeeType::Exit, FeeTerm::ThreeYears, 9_000, Some("When left within the third year")),
    (FeeType::Exit, FeeTerm::FourYears, 6_000, Some("When left within the fourth year")),
    (FeeType::Exit, FeeTerm::FiveYears, 3_000, Some("When left within the fifth year")),
    (FeeType::Establishment, FeeTerm::Fixed, 4_400, None),
    (FeeType::DisconnectionMovingOut, FeeTerm::Fixed, 2_950, None),
    (FeeType::DisconnectionNotPaying, FeeTerm::Fixed, 8_800, None),
    (FeeType::Reconnection, FeeTerm::Fixed, 6_470, None),
    (FeeType::Connection, FeeTerm::Variable, 11_000, Some("At least; by what the distributor charges")),
    (FeeType::PaymentProcessing, FeeTerm::Daily, 110, None),
    (FeeType::ChequeDishonour, FeeTerm::Fixed, 1_500, None),
    (FeeType::DirectDebitDishonour, FeeTerm::Fixed, 950, None),
    (FeeType::Membership, FeeTerm::Annual, 9_900, Some("Of the buying group")),
    (FeeType::Contribution, FeeTerm::Biannual, 2_500, Some("To a local fund")),
    (FeeType::Other, FeeTerm::Weekly, 130, Some("For access to interval data")),
];

pub(super) fn fees(business: bool) -> Vec<Fee> {
    let listed = if business { BUSINESS_FEES } else { HOME_FEES };
    let fee = |(kind, term, value, description): &ListedFee| {
        let scale = if *term == FeeTerm::PercentOfBill { 4 } else { 2 };
        Fee { kind: *kind, term: *term, value: Decimal::new(*value, scale), description: *description }
    };
    listed.iter().map(fee).collect()
}
