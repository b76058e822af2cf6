//! The `planDetail` of Get Energy Account Detail v4, as a record of its own.

use super::invoice::CHARGE_TYPE;
use super::shape::{Condition, Object, Shape, may, member, must, when};

const AMOUNT: Shape = Shape::Amount;
/// Units of measure.
pub(super) const UNIT: Shape = Shape::Enum(&["KWH", "KVA", "KVAR", "KVARH", "KW", "DAYS", "METER", "MONTH"]);
const DAYS: Shape =
    Shape::List(&Shape::Enum(&["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "PUBLIC_HOLIDAYS"]));
const TIME_ZONE: Shape = Shape::Enum(&["LOCAL", "AEST"]);
const RATES: Shape = Shape::List(&Shape::Object(&RATE));

/// The body of a plan.
pub(super) static PLAN: Object =
    Object { fields: &[may("displayName", Shape::Text), must("planDetail", Shape::Object(&PLAN_DETAIL))] };

/// The detail of a contract.
pub(super) static PLAN_DETAIL: Object = Object {
    fields: &[
        must("fuelType", Shape::Enum(&["ELECTRICITY", "GAS", "DUAL"])),
        may("isContingentPlan", Shape::Boolean),
        may("meteringCharges", Shape::List(&Shape::Object(&METERING_CHARGE))),
        when(Condition::Is("fuelType", &["GAS", "DUAL"]), "gasContract", Shape::Object(&CONTRACT)),
        when(
            Condition::Is("fuelType", &["ELECTRICITY", "DUAL"]),
            "electricityContract",
            Shape::Object(&CONTRACT),
        ),
    ],
};

static METERING_CHARGE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        must("minimumValue", AMOUNT),
        may("maximumValue", AMOUNT),
        may("period", Shape::Duration),
    ],
};

static CONTRACT: Object = Object {
    fields: &[
        may("additionalFeeInformation", Shape::Text),
        must(
            "pricingModel",
            Shape::Enum(&[
                "SINGLE_RATE",
                "SINGLE_RATE_CONT_LOAD",
                "TIME_OF_USE",
                "TIME_OF_USE_CONT_LOAD",
                "FLEXIBLE",
                "FLEXIBLE_CONT_LOAD",
                "QUOTA",
            ]),
        ),
        when(Condition::Is("pricingModel", &["TIME_OF_USE"]), "timeZone", TIME_ZONE),
        must("isFixed", Shape::Boolean),
        when(Condition::IsFalse("isFixed"), "variation", Shape::Text),
        may("onExpiryDescription", Shape::Text),
        must(
            "paymentOption",
            Shape::List(&Shape::Enum(&["PAPER_BILL", "CREDIT_CARD", "DIRECT_DEBIT", "BPAY", "OTHER"])),
        ),
        may("intrinsicGreenPower", Shape::Object(&GREEN_POWER)),
        when(
            Condition::Is(
                "pricingModel",
                &["SINGLE_RATE_CONT_LOAD", "TIME_OF_USE_CONT_LOAD", "FLEXIBLE_CONT_LOAD"],
            ),
            "controlledLoad",
            Shape::List(&Shape::Object(&CONTROLLED_LOAD)),
        ),
        may("incentives", Shape::List(&Shape::Object(&INCENTIVE))),
        may("discounts", Shape::List(&Shape::Object(&DISCOUNT))),
        may("greenPowerCharges", Shape::List(&Shape::Object(&GREEN_POWER_CHARGE))),
        may("eligibility", Shape::List(&Shape::Object(&ELIGIBILITY))),
        may("fees", Shape::List(&Shape::Object(&FEE))),
        may("solarFeedInTariff", Shape::List(&Shape::Object(&FEED_IN_TARIFF))),
        must("tariffPeriod", Shape::List(&Shape::Object(&TARIFF_PERIOD))),
    ],
};

static RATE: Object =
    Object { fields: &[must("unitPrice", AMOUNT), may("measureUnit", UNIT), may("volume", Shape::Number)] };

static GREEN_POWER: Object = Object { fields: &[must("greenPercentage", Shape::Rate)] };

const BLOCK: &str = "rateBlockUType";

static CONTROLLED_LOAD: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        must(BLOCK, Shape::Enum(&["singleRate", "timeOfUseRates"])),
        may("startDate", Shape::Date),
        may("endDate", Shape::Date),
        member(BLOCK, "singleRate", Shape::Object(&CONTROLLED_LOAD_SINGLE_RATE)),
        member(BLOCK, "timeOfUseRates", Shape::List(&Shape::Object(&CONTROLLED_LOAD_TIME_OF_USE))),
    ],
};

static CONTROLLED_LOAD_SINGLE_RATE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        may("dailySupplyCharge", AMOUNT),
        must("rates", RATES),
        may("period", Shape::Duration),
    ],
};

static CONTROLLED_LOAD_TIME_OF_USE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        may("dailySupplyCharge", AMOUNT),
        must("rates", RATES),
        may("period", Shape::Duration),
        must("timeOfUse", Shape::List(&Shape::Object(&CONTROLLED_LOAD_WINDOW))),
        must("type", Shape::Enum(&["PEAK", "OFF_PEAK", "SHOULDER", "SOLAR_SPONGE"])),
    ],
};

static CONTROLLED_LOAD_WINDOW: Object = Object {
    fields: &[
        may("days", DAYS),
        when(Condition::Present("endTime"), "startTime", Shape::Time),
        when(Condition::Present("startTime"), "endTime", Shape::Time),
        when(
            Condition::Either(
                &Condition::Absent(&["startTime", "endTime"]),
                &Condition::Present("additionalInfoUri"),
            ),
            "additionalInfo",
            Shape::Text,
        ),
        may("additionalInfoUri", Shape::Uri),
    ],
};

static INCENTIVE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        must("description", Shape::Text),
        must("category", Shape::Enum(&["GIFT", "ACCOUNT_CREDIT", "OTHER"])),
        may("eligibility", Shape::Text),
    ],
};

const METHOD: &str = "methodUType";

static DISCOUNT: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        must("type", Shape::Enum(&["CONDITIONAL", "GUARANTEED", "OTHER"])),
        when(
            Condition::Is("type", &["CONDITIONAL"]),
            "category",
            Shape::Enum(&["PAY_ON_TIME", "DIRECT_DEBIT", "GUARANTEED_DISCOUNT", "OTHER"]),
        ),
        may("endDate", Shape::Date),
        must(METHOD, Shape::Enum(&["percentOfBill", "percentOfUse", "fixedAmount", "percentOverThreshold"])),
        member(METHOD, "percentOfBill", Shape::Object(&PERCENT)),
        member(METHOD, "percentOfUse", Shape::Object(&PERCENT)),
        member(METHOD, "fixedAmount", Shape::Object(&FIXED_AMOUNT)),
        member(METHOD, "percentOverThreshold", Shape::Object(&PERCENT_OVER_THRESHOLD)),
    ],
};

static PERCENT: Object = Object { fields: &[must("rate", Shape::Rate)] };
static FIXED_AMOUNT: Object = Object { fields: &[must("amount", AMOUNT)] };
static PERCENT_OVER_THRESHOLD: Object =
    Object { fields: &[must("rate", Shape::Rate), must("usageAmount", AMOUNT)] };

const PERCENT_TYPES: &[&str] = &["PERCENT_OF_USE", "PERCENT_OF_BILL"];
const FIXED_TYPES: &[&str] = &["FIXED_PER_DAY", "FIXED_PER_WEEK", "FIXED_PER_MONTH", "FIXED_PER_UNIT"];

static GREEN_POWER_CHARGE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        must("scheme", Shape::Enum(&["GREENPOWER", "OTHER"])),
        must(
            "type",
            Shape::Enum(&[
                "FIXED_PER_DAY",
                "FIXED_PER_WEEK",
                "FIXED_PER_MONTH",
                "FIXED_PER_UNIT",
                "PERCENT_OF_USE",
                "PERCENT_OF_BILL",
            ]),
        ),
        must("tiers", Shape::List(&Shape::Object(&GREEN_POWER_TIER))),
    ],
};

static GREEN_POWER_TIER: Object = Object {
    fields: &[
        must("percentGreen", Shape::Rate),
        when(Condition::Is("type", PERCENT_TYPES), "rate", Shape::Rate),
        when(Condition::Is("type", FIXED_TYPES), "amount", AMOUNT),
    ],
};

static ELIGIBILITY: Object = Object {
    fields: &[
        must(
            "type",
            Shape::Enum(&[
                "EXISTING_CUST",
                "EXISTING_POOL",
                "EXISTING_SOLAR",
                "EXISTING_BATTERY",
                "EXISTING_SMART_METER",
                "EXISTING_BASIC_METER",
                "SENIOR_CARD",
                "SMALL_BUSINESS",
                "NO_SOLAR_FIT",
                "NEW_CUSTOMER",
                "ONLINE_ONLY",
                "REQ_EQUIP_SUPPLIER",
                "THIRD_PARTY_ONLY",
                "SPORT_CLUB_MEMBER",
                "ORG_MEMBER",
                "SPECIFIC_LOCATION",
                "MINIMUM_USAGE",
                "LOYALTY_MEMBER",
                "GROUP_BUY_MEMBER",
                "CONTINGENT_PLAN",
                "OTHER",
            ]),
        ),
        must("information", Shape::Text),
        may("description", Shape::Text),
    ],
};

static FEE: Object = Object {
    fields: &[
        must(
            "type",
            Shape::Enum(&[
                "EXIT",
                "ESTABLISHMENT",
                "LATE_PAYMENT",
                "DISCONNECTION",
                "DISCONNECT_MOVE_OUT",
                "DISCONNECT_NON_PAY",
                "RECONNECTION",
                "CONNECTION",
                "PAYMENT_PROCESSING",
                "CC_PROCESSING",
                "CHEQUE_DISHONOUR",
                "DD_DISHONOUR",
                "MEMBERSHIP",
                "CONTRIBUTION",
                "PAPER_BILL",
                "OTHER",
            ]),
        ),
        must(
            "term",
            Shape::Enum(&[
                "FIXED",
                "1_YEAR",
                "2_YEAR",
                "3_YEAR",
                "4_YEAR",
                "5_YEAR",
                "PERCENT_OF_BILL",
                "ANNUAL",
                "DAILY",
                "WEEKLY",
                "MONTHLY",
                "BIANNUAL",
                "VARIABLE",
            ]),
        ),
        when(Condition::IsNot("term", &["PERCENT_OF_BILL"]), "amount", AMOUNT),
        when(Condition::Is("term", &["PERCENT_OF_BILL"]), "rate", Shape::Rate),
        may("description", Shape::Text),
    ],
};

const TARIFF: &str = "tariffUType";

static FEED_IN_TARIFF: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        may("startDate", Shape::Date),
        may("endDate", Shape::Date),
        must("scheme", Shape::Enum(&["PREMIUM", "CURRENT", "VARIABLE", "OTHER"])),
        must("payerType", Shape::Enum(&["GOVERNMENT", "RETAILER"])),
        must(TARIFF, Shape::Enum(&["singleTariff", "timeVaryingTariffs"])),
        member(TARIFF, "singleTariff", Shape::Object(&SINGLE_TARIFF)),
        member(TARIFF, "timeVaryingTariffs", Shape::List(&Shape::Object(&TIME_VARYING_TARIFF))),
    ],
};

static SINGLE_TARIFF: Object = Object { fields: &[must("rates", RATES), may("period", Shape::Duration)] };

static TIME_VARYING_TARIFF: Object = Object {
    fields: &[
        may("type", Shape::Enum(&["PEAK", "OFF_PEAK", "SHOULDER"])),
        must("displayName", Shape::Text),
        may("rates", RATES),
        may("period", Shape::Duration),
        must("timeVariations", Shape::List(&Shape::Object(&TIME_VARIATION))),
    ],
};

static TIME_VARIATION: Object =
    Object { fields: &[must("days", DAYS), may("startTime", Shape::Time), may("endTime", Shape::Time)] };

static TARIFF_PERIOD: Object = Object {
    fields: &[
        may("type", CHARGE_TYPE),
        must("displayName", Shape::Text),
        must("startDate", Shape::MonthDay),
        must("endDate", Shape::MonthDay),
        may("dailySupplyChargeType", Shape::Enum(&["SINGLE", "BAND"])),
        when(Condition::Is("dailySupplyChargeType", &["SINGLE"]), "dailySupplyCharge", AMOUNT),
        when(
            Condition::Is("dailySupplyChargeType", &["BAND"]),
            "bandedDailySupplyCharges",
            Shape::List(&Shape::Object(&BANDED_CHARGE)),
        ),
        may("timeZone", TIME_ZONE),
        must(BLOCK, Shape::Enum(&["singleRate", "timeOfUseRates", "demandCharges"])),
        member(BLOCK, "singleRate", Shape::Object(&SINGLE_RATE)),
        member(BLOCK, "timeOfUseRates", Shape::List(&Shape::Object(&TIME_OF_USE_RATE))),
        member(BLOCK, "demandCharges", Shape::List(&Shape::Object(&DEMAND_CHARGE))),
    ],
};

static BANDED_CHARGE: Object =
    Object { fields: &[must("unitPrice", AMOUNT), may("measureUnit", UNIT), may("volume", Shape::Number)] };

static SINGLE_RATE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        when(Condition::Is("pricingModel", &["QUOTA"]), "generalUnitPrice", AMOUNT),
        must("rates", RATES),
        may("period", Shape::Duration),
    ],
};

static TIME_OF_USE_RATE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        must("rates", RATES),
        may("period", Shape::Duration),
        must("timeOfUse", Shape::List(&Shape::Object(&TIME_OF_USE_WINDOW))),
        must("type", Shape::Enum(&["PEAK", "OFF_PEAK", "SHOULDER", "SHOULDER1", "SHOULDER2"])),
    ],
};

static TIME_OF_USE_WINDOW: Object =
    Object { fields: &[must("days", DAYS), must("startTime", Shape::Time), must("endTime", Shape::Time)] };

static DEMAND_CHARGE: Object = Object {
    fields: &[
        must("displayName", Shape::Text),
        may("description", Shape::Text),
        must("amount", AMOUNT),
        may("measureUnit", UNIT),
        must("startTime", Shape::Time),
        must("endTime", Shape::Time),
        may("days", DAYS),
        may("minDemand", AMOUNT),
        may("maxDemand", AMOUNT),
        must("measurementPeriod", Shape::Enum(&["DAY", "MONTH", "TARIFF_PERIOD"])),
        must("chargePeriod", Shape::Enum(&["DAY", "MONTH", "TARIFF_PERIOD"])),
    ],
};
