//! The CDS's enumerations that the World uses. Projections turn them into their retailer's own codes.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $cds:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $cds, "`")] $variant,)+
        }

        impl $name {
            /// All values, in the order of the standard.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The standard's word for it.
            pub const fn cds(self) -> &'static str {
                match self {
                    $(Self::$variant => $cds,)+
                }
            }
        }
    )+};
}

codes! {
    /// What a plan supplies.
    FuelType { Electricity = "ELECTRICITY", Gas = "GAS", Dual = "DUAL" }

    /// How a contract is priced.
    PricingModel {
        SingleRate = "SINGLE_RATE",
        SingleRateControlledLoad = "SINGLE_RATE_CONT_LOAD",
        TimeOfUse = "TIME_OF_USE",
        TimeOfUseControlledLoad = "TIME_OF_USE_CONT_LOAD",
        Flexible = "FLEXIBLE",
        FlexibleControlledLoad = "FLEXIBLE_CONT_LOAD",
        Quota = "QUOTA",
    }

    /// How a bill may be paid under a contract.
    PaymentOption {
        PaperBill = "PAPER_BILL",
        CreditCard = "CREDIT_CARD",
        DirectDebit = "DIRECT_DEBIT",
        Bpay = "BPAY",
        Other = "OTHER",
    }

    /// The kind of a tariff period or of an other charge.
    ChargeType {
        Environmental = "ENVIRONMENTAL",
        Regulated = "REGULATED",
        Network = "NETWORK",
        Metering = "METERING",
        RetailService = "RETAIL_SERVICE",
        Rcti = "RCTI",
        Other = "OTHER",
    }

    /// In which zone's time the hours of a contract are.
    TimeZone { Local = "LOCAL", Aest = "AEST" }

    /// When a time-of-use price applies.
    TouPeriod {
        Peak = "PEAK",
        OffPeak = "OFF_PEAK",
        Shoulder = "SHOULDER",
        Shoulder1 = "SHOULDER1",
        Shoulder2 = "SHOULDER2",
    }

    /// When a price of a controlled load applies.
    LoadPeriod { Peak = "PEAK", OffPeak = "OFF_PEAK", Shoulder = "SHOULDER", SolarSponge = "SOLAR_SPONGE" }

    /// The time-of-use type of a billed quantity.
    UsageType {
        Peak = "PEAK",
        OffPeak = "OFF_PEAK",
        OffPeakDemand = "OFF_PEAK_DEMAND_CHARGE",
        Shoulder = "SHOULDER",
        Shoulder1 = "SHOULDER1",
        Shoulder2 = "SHOULDER2",
        ControlledLoad = "CONTROLLED_LOAD",
        Solar = "SOLAR",
        Aggregate = "AGGREGATE",
        AllDay = "ALL_DAY",
        Excess = "EXCESS",
    }

    /// The unit of a price or of a quantity.
    Unit {
        Kwh = "KWH",
        Kva = "KVA",
        Kvar = "KVAR",
        Kvarh = "KVARH",
        Kw = "KW",
        Days = "DAYS",
        Meter = "METER",
        Month = "MONTH",
    }

    /// A day on which a window applies.
    Day {
        Sun = "SUN",
        Mon = "MON",
        Tue = "TUE",
        Wed = "WED",
        Thu = "THU",
        Fri = "FRI",
        Sat = "SAT",
        PublicHolidays = "PUBLIC_HOLIDAYS",
    }

    /// Whether a discount has conditions.
    DiscountType { Conditional = "CONDITIONAL", Guaranteed = "GUARANTEED", Other = "OTHER" }

    /// What a discount is for.
    DiscountCategory {
        PayOnTime = "PAY_ON_TIME",
        DirectDebit = "DIRECT_DEBIT",
        GuaranteedDiscount = "GUARANTEED_DISCOUNT",
        Other = "OTHER",
    }

    /// What an incentive is.
    IncentiveCategory { Gift = "GIFT", AccountCredit = "ACCOUNT_CREDIT", Other = "OTHER" }

    /// Whose green power it is.
    GreenScheme { GreenPower = "GREENPOWER", Other = "OTHER" }

    /// How green power is charged.
    GreenCharge {
        PerDay = "FIXED_PER_DAY",
        PerWeek = "FIXED_PER_WEEK",
        PerMonth = "FIXED_PER_MONTH",
        PerUnit = "FIXED_PER_UNIT",
        OfUse = "PERCENT_OF_USE",
        OfBill = "PERCENT_OF_BILL",
    }

    /// Who may have a plan.
    Restriction {
        ExistingCustomer = "EXISTING_CUST",
        ExistingPool = "EXISTING_POOL",
        ExistingSolar = "EXISTING_SOLAR",
        ExistingBattery = "EXISTING_BATTERY",
        ExistingSmartMeter = "EXISTING_SMART_METER",
        ExistingBasicMeter = "EXISTING_BASIC_METER",
        SeniorCard = "SENIOR_CARD",
        SmallBusiness = "SMALL_BUSINESS",
        NoSolarFeedIn = "NO_SOLAR_FIT",
        NewCustomer = "NEW_CUSTOMER",
        OnlineOnly = "ONLINE_ONLY",
        EquipmentSupplier = "REQ_EQUIP_SUPPLIER",
        ThirdPartyOnly = "THIRD_PARTY_ONLY",
        SportClubMember = "SPORT_CLUB_MEMBER",
        OrganisationMember = "ORG_MEMBER",
        SpecificLocation = "SPECIFIC_LOCATION",
        MinimumUsage = "MINIMUM_USAGE",
        LoyaltyMember = "LOYALTY_MEMBER",
        GroupBuyMember = "GROUP_BUY_MEMBER",
        ContingentPlan = "CONTINGENT_PLAN",
        Other = "OTHER",
    }

    /// What a fee is for.
    FeeType {
        Exit = "EXIT",
        Establishment = "ESTABLISHMENT",
        LatePayment = "LATE_PAYMENT",
        Disconnection = "DISCONNECTION",
        DisconnectionMovingOut = "DISCONNECT_MOVE_OUT",
        DisconnectionNotPaying = "DISCONNECT_NON_PAY",
        Reconnection = "RECONNECTION",
        Connection = "CONNECTION",
        PaymentProcessing = "PAYMENT_PROCESSING",
        CreditCardProcessing = "CC_PROCESSING",
        ChequeDishonour = "CHEQUE_DISHONOUR",
        DirectDebitDishonour = "DD_DISHONOUR",
        Membership = "MEMBERSHIP",
        Contribution = "CONTRIBUTION",
        PaperBill = "PAPER_BILL",
        Other = "OTHER",
    }

    /// How often a fee is due, or that it is a share of the bill.
    FeeTerm {
        Fixed = "FIXED",
        OneYear = "1_YEAR",
        TwoYears = "2_YEAR",
        ThreeYears = "3_YEAR",
        FourYears = "4_YEAR",
        FiveYears = "5_YEAR",
        PercentOfBill = "PERCENT_OF_BILL",
        Annual = "ANNUAL",
        Daily = "DAILY",
        Weekly = "WEEKLY",
        Monthly = "MONTHLY",
        Biannual = "BIANNUAL",
        Variable = "VARIABLE",
    }

    /// Whose feed-in scheme it is.
    FeedInScheme { Premium = "PREMIUM", Current = "CURRENT", Variable = "VARIABLE", Other = "OTHER" }

    /// Who pays for what is fed in.
    FeedInPayer { Government = "GOVERNMENT", Retailer = "RETAILER" }

    /// Over what a demand is measured or charged.
    DemandPeriod { Day = "DAY", Month = "MONTH", TariffPeriod = "TARIFF_PERIOD" }

    /// How far an invoice is paid.
    PaymentStatus { Paid = "PAID", PartiallyPaid = "PARTIALLY_PAID", NotPaid = "NOT_PAID" }

    /// How a payment was made.
    PaymentMethod {
        DirectDebit = "DIRECT_DEBIT",
        Card = "CARD",
        Transfer = "TRANSFER",
        Bpay = "BPAY",
        Cash = "CASH",
        Cheque = "CHEQUE",
        Other = "OTHER",
    }

    /// How much a concession is worth.
    ConcessionType { FixedAmount = "FIXED_AMOUNT", FixedPercentage = "FIXED_PERCENTAGE", Variable = "VARIABLE" }

    /// The release of the Australian occupations that a code is from.
    OccupationRelease {
        V1_0 = "ANZSCO_1220.0_2006_V1.0",
        V1_1 = "ANZSCO_1220.0_2006_V1.1",
        V1_2 = "ANZSCO_1220.0_2013_V1.2",
        V1_3 = "ANZSCO_1220.0_2013_V1.3",
    }

    /// The release of the Australian industries that a code is from.
    IndustryRelease { V1 = "ANZSIC_1292.0_2006_V1.0", V2 = "ANZSIC_1292.0_2006_V2.0" }

    /// What an organisation is by law.
    OrganisationType {
        Company = "COMPANY",
        Government = "GOVERNMENT_ENTITY",
        Other = "OTHER",
        Partnership = "PARTNERSHIP",
        SoleTrader = "SOLE_TRADER",
        Trust = "TRUST",
    }

    /// What a telephone number is for.
    PhonePurpose {
        Home = "HOME",
        International = "INTERNATIONAL",
        Mobile = "MOBILE",
        Other = "OTHER",
        Unspecified = "UNSPECIFIED",
        Work = "WORK",
    }

    /// What an e-mail address is for.
    EmailPurpose { Home = "HOME", Other = "OTHER", Unspecified = "UNSPECIFIED", Work = "WORK" }

    /// What a postal address is for.
    AddressPurpose { Mail = "MAIL", Other = "OTHER", Physical = "PHYSICAL", Registered = "REGISTERED", Work = "WORK" }

    /// What a concession lowers.
    ConcessionTarget {
        Invoice = "INVOICE",
        Usage = "USAGE",
        ServiceCharge = "SERVICE_CHARGE",
        ControlledLoad = "CONTROLLED_LOAD",
    }

    /// Whose card it is that is charged.
    CardScheme {
        Visa = "VISA",
        Mastercard = "MASTERCARD",
        Amex = "AMEX",
        Diners = "DINERS",
        Other = "OTHER",
        Unknown = "UNKNOWN",
    }

    /// How the amount of a payment comes about.
    Calculation { Static = "STATIC", Balance = "BALANCE", Calculated = "CALCULATED" }

    /// What names a digital wallet.
    WalletIdentifier { Email = "EMAIL", ContactName = "CONTACT_NAME", Telephone = "TELEPHONE" }

    /// Whose digital wallet it is.
    WalletProvider { Paypal = "PAYPAL_AU", Other = "OTHER" }

    /// As what a customer holds an account. These are Wattle's words; the standard has none.
    Role {
        Holder = "HOLDER",
        JointHolder = "JOINT_HOLDER",
        SecondaryUser = "SECONDARY_USER",
        NominatedRepresentative = "NOMINATED_REPRESENTATIVE",
    }
}
