//! The standard's rules for customers, accounts, invoices, billing transactions and what is agreed of accounts, as far as the World's answers use
//! them.

use serde_json::Value;

fn get<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or_else(|| panic!("{name} is mandatory in {value}"))
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    get(value, name).as_str().unwrap_or_else(|| panic!("{name} is a string in {value}"))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v Vec<Value> {
    get(value, name).as_array().unwrap_or_else(|| panic!("{name} is a list in {value}"))
}

fn optional_list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let values = value.get(name).map(|_| list(value, name));
    assert!(values.is_none_or(|values| !values.is_empty()), "{name} is empty rather than left out");
    values.into_iter().flatten()
}

fn word(value: &Value, name: &str, words: &[&str]) {
    let found = text(value, name);
    assert!(words.contains(&found), "{name} is {found} in {value}");
}

/// The union's selector names the one member that is there.
fn union<'v>(value: &'v Value, selector: &str, members: &[&str]) -> (&'v str, &'v Value) {
    let chosen = text(value, selector);
    assert!(members.contains(&chosen), "{selector} is {chosen}");
    for member in members {
        assert_eq!(
            value.get(member).is_some(),
            *member == chosen,
            "{selector} {chosen}, {member}, in {value}"
        );
    }
    (chosen, get(value, chosen))
}

fn decimal(value: &Value, fewest: usize) {
    let written = value.as_str().unwrap_or_else(|| panic!("{value} is a string"));
    let digits = written.strip_prefix('-').unwrap_or(written);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!((1..=16).contains(&whole.len()) && (fewest..=16).contains(&fraction.len()), "{written}");
    assert!(whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()), "{written}");
    assert!(fraction.len() <= fewest || !fraction.ends_with('0'), "{written} has superfluous zeros");
}

pub(crate) fn amount(value: &Value) {
    decimal(value, 2);
}

fn rate(value: &Value) {
    decimal(value, 0);
}

fn optional(value: &Value, name: &str, check: fn(&Value)) {
    value.get(name).into_iter().for_each(check);
}

fn date(value: &Value) {
    let written = value.as_str().unwrap();
    assert!(written.len() == 10 && written.parse::<chrono::NaiveDate>().is_ok(), "{written}");
}

fn instant(value: &Value) {
    let written = value.as_str().unwrap();
    let parsed = chrono::DateTime::parse_from_rfc3339(written).unwrap();
    assert!([36_000, 39_600].contains(&parsed.offset().local_minus_utc()), "{written} is not Melbourne's");
}

fn no_null(value: &Value) {
    match value {
        Value::Null => panic!("null"),
        Value::Array(values) => values.iter().for_each(no_null),
        Value::Object(fields) => fields.values().for_each(no_null),
        _ => {}
    }
}

pub(crate) fn account(value: &Value) {
    no_null(value);
    assert!(!text(value, "accountId").is_empty() && !text(value, "accountNumber").is_empty());
    word(value, "openStatus", &["OPEN", "CLOSED"]);
    date(get(value, "creationDate"));
    for plan in list(value, "plans") {
        assert!(list(plan, "servicePointIds").iter().all(Value::is_string));
        let overview = get(plan, "planOverview");
        date(get(overview, "startDate"));
        optional(overview, "endDate", date);
    }
}

pub(crate) fn account_detail(value: &Value) {
    for plan in list(value, "plans") {
        let detail = get(plan, "planDetail");
        let fuel = text(detail, "fuelType");
        assert_eq!(detail.get("gasContract").is_some(), ["GAS", "DUAL"].contains(&fuel));
        assert_eq!(detail.get("electricityContract").is_some(), ["ELECTRICITY", "DUAL"].contains(&fuel));
        for charge in optional_list(detail, "meteringCharges") {
            text(charge, "displayName");
            amount(get(charge, "minimumValue"));
            optional(charge, "maximumValue", amount);
        }
        detail.get("electricityContract").into_iter().for_each(contract);
        if let Some(gas) = detail.get("gasContract") {
            assert_eq!(text(gas, "pricingModel"), "SINGLE_RATE");
            contract(gas);
        }
        for contact in optional_list(plan, "authorisedContacts") {
            text(contact, "lastName");
            list(contact, "middleNames");
        }
    }
}

fn contract(value: &Value) {
    let model = text(value, "pricingModel");
    let models = [
        "SINGLE_RATE",
        "SINGLE_RATE_CONT_LOAD",
        "TIME_OF_USE",
        "TIME_OF_USE_CONT_LOAD",
        "FLEXIBLE",
        "FLEXIBLE_CONT_LOAD",
        "QUOTA",
    ];
    assert!(models.contains(&model));
    assert!(value.get("timeZone").is_some() || !model.starts_with("TIME_OF_USE"));
    let quota = |period: &Value| period["singleRate"].get("generalUnitPrice").is_some();
    assert!(model != "QUOTA" || list(value, "tariffPeriod").iter().all(quota));
    assert_eq!(value.get("controlledLoad").is_some(), model.ends_with("CONT_LOAD"));
    assert_ne!(value.get("variation").is_some(), get(value, "isFixed").as_bool().unwrap());
    assert!(!list(value, "paymentOption").is_empty() && !list(value, "tariffPeriod").is_empty());
    for load in optional_list(value, "controlledLoad") {
        text(load, "displayName");
        let (kind, prices) = union(load, "rateBlockUType", &["singleRate", "timeOfUseRates"]);
        for price in prices.as_array().map_or(std::slice::from_ref(prices), Vec::as_slice) {
            optional(price, "dailySupplyCharge", amount);
            rates(price);
            assert_eq!(price.get("timeOfUse").is_some(), kind == "timeOfUseRates");
            optional_list(price, "timeOfUse").for_each(load_window);
        }
    }
    optional_list(value, "greenPowerCharges").for_each(green_power);
    list(value, "tariffPeriod").iter().for_each(tariff_period);
    optional_list(value, "discounts").for_each(discount);
    for fee in optional_list(value, "fees") {
        text(fee, "type");
        let share = text(fee, "term") == "PERCENT_OF_BILL";
        assert!(share == fee.get("rate").is_some() && share != fee.get("amount").is_some());
        optional(fee, "rate", rate);
        optional(fee, "amount", amount);
    }
    optional_list(value, "solarFeedInTariff").for_each(feed_in);
}

fn load_window(value: &Value) {
    let (from, until) = (value.get("startTime"), value.get("endTime"));
    assert_eq!(from.is_some(), until.is_some());
    let said = value.get("additionalInfo").is_some();
    assert!(said || (from.is_some() && value.get("additionalInfoUri").is_none()));
}

fn green_power(value: &Value) {
    let share = text(value, "type").starts_with("PERCENT");
    for tier in list(value, "tiers") {
        rate(get(tier, "percentGreen"));
        assert!(share == tier.get("rate").is_some() && share != tier.get("amount").is_some());
        optional(tier, "rate", rate);
        optional(tier, "amount", amount);
    }
}

fn tariff_period(value: &Value) {
    let kinds = ["ENVIRONMENTAL", "REGULATED", "NETWORK", "METERING", "RETAIL_SERVICE", "RCTI", "OTHER"];
    word(value, "type", &kinds);
    text(value, "displayName");
    assert!(text(value, "startDate").len() == 5 && text(value, "endDate").len() == 5);
    let supply = value.get("dailySupplyChargeType").and_then(Value::as_str);
    assert_eq!(supply == Some("SINGLE"), value.get("dailySupplyCharge").is_some());
    assert_eq!(supply == Some("BAND"), value.get("bandedDailySupplyCharges").is_some());
    optional(value, "dailySupplyCharge", amount);
    let (kind, block) = union(value, "rateBlockUType", &["singleRate", "timeOfUseRates", "demandCharges"]);
    match kind {
        "singleRate" => {
            text(block, "displayName");
            rates(block);
        }
        "timeOfUseRates" => {
            for price in list(value, kind) {
                text(price, "displayName");
                word(price, "type", &["PEAK", "OFF_PEAK", "SHOULDER", "SHOULDER1", "SHOULDER2"]);
                rates(price);
                for window in list(price, "timeOfUse") {
                    assert!(!list(window, "days").is_empty());
                    assert!(text(window, "startTime") < text(window, "endTime"));
                }
            }
        }
        _ => {
            for charge in list(value, kind) {
                text(charge, "displayName");
                amount(get(charge, "amount"));
                optional(charge, "minDemand", amount);
                optional(charge, "maxDemand", amount);
                word(charge, "measurementPeriod", &["DAY", "MONTH", "TARIFF_PERIOD"]);
                word(charge, "chargePeriod", &["DAY", "MONTH", "TARIFF_PERIOD"]);
                assert!(text(charge, "startTime") < text(charge, "endTime"));
            }
        }
    }
}

fn rates(value: &Value) {
    let rates = list(value, "rates");
    assert!(!rates.is_empty());
    for rate in rates {
        amount(get(rate, "unitPrice"));
        assert!(rate.get("volume").is_none_or(Value::is_number));
        assert!(
            rates.len() == 1 || std::ptr::eq(rate, &rates[rates.len() - 1]) || rate.get("volume").is_some()
        );
    }
}

fn discount(value: &Value) {
    text(value, "displayName");
    word(value, "type", &["CONDITIONAL", "GUARANTEED", "OTHER"]);
    assert!(text(value, "type") != "CONDITIONAL" || value.get("category").is_some());
    let methods = ["percentOfBill", "percentOfUse", "fixedAmount", "percentOverThreshold"];
    let (method, member) = union(value, "methodUType", &methods);
    assert_eq!(member.get("amount").is_some(), method == "fixedAmount");
    assert_eq!(member.get("usageAmount").is_some(), method == "percentOverThreshold");
    optional(member, "amount", amount);
    optional(member, "usageAmount", amount);
    optional(member, "rate", rate);
}

fn feed_in(value: &Value) {
    text(value, "displayName");
    word(value, "scheme", &["PREMIUM", "CURRENT", "VARIABLE", "OTHER"]);
    word(value, "payerType", &["GOVERNMENT", "RETAILER"]);
    let (kind, tariff) = union(value, "tariffUType", &["singleTariff", "timeVaryingTariffs"]);
    if kind == "singleTariff" {
        return rates(tariff);
    }
    for part in list(value, kind) {
        text(part, "displayName");
        rates(part);
        for variation in list(part, "timeVariations") {
            assert!(!list(variation, "days").is_empty());
        }
    }
}

pub(crate) fn invoice(value: &Value) {
    no_null(value);
    assert!(!text(value, "accountId").is_empty() && !text(value, "invoiceNumber").is_empty());
    date(get(value, "issueDate"));
    optional(value, "dueDate", date);
    ["invoiceAmount", "gstAmount", "balanceAtIssue"].iter().for_each(|name| amount(get(value, name)));
    word(value, "paymentStatus", &["PAID", "PARTIALLY_PAID", "NOT_PAID"]);
    let used =
        |fuel: &str| value.get(fuel).is_some_and(|charges| text(charges, "totalUsageCharges") != "0.00");
    assert!(value.get("period").is_some() || !(used("gas") || used("electricity")));
    if let Some(period) = value.get("period") {
        assert!(text(period, "startDate") <= text(period, "endDate"));
    }
    assert!(!used("electricity") || !list(value, "servicePoints").is_empty());
    for charges in ["gas", "electricity"].iter().filter_map(|fuel| value.get(*fuel)) {
        let totals =
            ["totalUsageCharges", "totalGenerationCredits", "totalOnceOffCharges", "totalOnceOffDiscounts"];
        totals.iter().for_each(|name| amount(get(charges, name)));
        amount(get(charges, "totalGst"));
        for other in optional_list(charges, "otherCharges") {
            amount(get(other, "amount"));
            text(other, "description");
        }
    }
    if let Some(charges) = value.get("accountCharges") {
        ["totalCharges", "totalDiscounts", "totalGst"].iter().for_each(|name| amount(get(charges, name)));
    }
    if let Some(discount) = value.get("payOnTimeDiscount") {
        amount(get(discount, "discountAmount"));
        date(get(discount, "date"));
    }
}

pub(crate) fn transaction(value: &Value) {
    no_null(value);
    assert!(!text(value, "accountId").is_empty());
    instant(get(value, "executionDateTime"));
    let kinds = ["usage", "demand", "onceOff", "otherCharges", "payment"];
    let (kind, detail) = union(value, "transactionUType", &kinds);
    amount(get(detail, "amount"));
    let credit = text(detail, "amount").starts_with('-') || kind == "payment";
    assert!(!credit || value.get("gst").is_none(), "{value}");
    optional(value, "gst", amount);
    for adjustment in optional_list(detail, "adjustments") {
        amount(get(adjustment, "amount"));
        text(adjustment, "description");
    }
    for factor in optional_list(detail, "calculationFactors") {
        assert!(get(factor, "value").is_number());
        word(factor, "type", &["DLF", "MLF"]);
    }
    match kind {
        "usage" | "demand" => {
            text(detail, "timeOfUseType");
            assert!(get(detail, if kind == "usage" { "usage" } else { "rate" }).is_number());
            instant(get(detail, "startDate"));
            instant(get(detail, "endDate"));
            assert!(get(detail, "isEstimate").is_boolean());
        }
        "onceOff" => assert!(!text(detail, "description").is_empty()),
        "otherCharges" => {
            text(detail, "description");
            date(get(detail, "startDate"));
            date(get(detail, "endDate"));
        }
        _ => word(detail, "method", &["DIRECT_DEBIT", "CARD", "TRANSFER", "BPAY", "CASH", "CHEQUE", "OTHER"]),
    }
}

pub(crate) fn customer(value: &Value) {
    no_null(value);
    let (kind, party) = union(value, "customerUType", &["person", "organisation"]);
    instant(get(party, "lastUpdateTime"));
    if kind == "person" {
        assert!(!text(party, "lastName").is_empty());
        list(party, "middleNames");
        assert_eq!(party.get("occupationCode").is_some(), party.get("occupationCodeVersion").is_some());
    } else {
        for name in ["agentLastName", "agentRole", "businessName"] {
            assert!(!text(party, name).is_empty());
        }
        let kinds = ["COMPANY", "GOVERNMENT_ENTITY", "OTHER", "PARTNERSHIP", "SOLE_TRADER", "TRUST"];
        word(party, "organisationType", &kinds);
        assert_eq!(text(party, "abn").len(), 11);
        assert_eq!(party.get("industryCode").is_some(), party.get("industryCodeVersion").is_some());
        optional(party, "establishmentDate", date);
    }
}

const STATES: &[&str] = &["NSW", "QLD", "VIC", "NT", "WA", "SA", "TAS", "ACT", "AAT"];

pub(crate) fn customer_detail(value: &Value) {
    customer(value);
    let (kind, party) = union(value, "customerUType", &["person", "organisation"]);
    if kind == "person" {
        let phones = list(party, "phoneNumbers");
        for phone in phones {
            let purposes = ["HOME", "INTERNATIONAL", "MOBILE", "OTHER", "UNSPECIFIED", "WORK"];
            word(phone, "purpose", &purposes);
            assert_ne!(
                phone.get("areaCode").is_some(),
                ["INTERNATIONAL", "MOBILE"].contains(&text(phone, "purpose")),
                "{phone}"
            );
            let digits = text(phone, "number").trim_start_matches('0');
            assert!(text(phone, "fullNumber").starts_with(text(phone, "countryCode")), "{phone}");
            assert!(text(phone, "fullNumber").contains(digits), "{phone}");
        }
        let preferred = |values: &[Value]| values.iter().filter(|value| value["isPreferred"] == true).count();
        let emails = list(party, "emailAddresses");
        assert!(preferred(phones) <= 1 && preferred(emails) <= 1);
        assert!(emails.iter().all(|email| text(email, "address").contains('@')));
    }
    let addresses = list(party, "physicalAddresses");
    let of = |purpose: &str| addresses.iter().filter(|address| text(address, "purpose") == purpose).count();
    assert!(addresses.is_empty() || (of("REGISTERED") == 1 && of("MAIL") <= 1), "{party}");
    for address in addresses {
        match union(address, "addressUType", &["simple", "paf"]) {
            ("simple", lines) => {
                assert!(!text(lines, "addressLine1").is_empty() && !text(lines, "city").is_empty());
                let abroad = lines.get("country").is_some_and(|country| country != "AUS");
                assert!(
                    abroad || (STATES.contains(&text(lines, "state")) && text(lines, "postcode").len() == 4)
                );
            }
            (_, parts) => {
                assert!(!text(parts, "localityName").is_empty() && STATES.contains(&text(parts, "state")));
                assert_eq!(text(parts, "postcode").len(), 4);
                let house = ["thoroughfareNumber1", "lotNumber"].iter().any(|name| parts.get(name).is_some());
                assert_ne!(house, parts.get("postalDeliveryNumber").is_some(), "{parts}");
            }
        }
    }
}

pub(crate) fn payment_schedule(value: &Value) {
    no_null(value);
    optional(value, "amount", amount);
    let members = ["cardDebit", "directDebit", "digitalWallet", "manualPayment"];
    let (kind, means) = union(value, "paymentScheduleUType", &members);
    if kind == "manualPayment" {
        assert!(text(means, "billFrequency").starts_with('P'));
        return;
    }
    assert!(text(means, "paymentFrequency").starts_with('P'));
    word(means, "calculationType", &["STATIC", "BALANCE", "CALCULATED"]);
    assert_eq!(value.get("amount").is_some(), text(means, "calculationType") == "STATIC");
    match kind {
        "cardDebit" => {
            word(means, "cardScheme", &["VISA", "MASTERCARD", "AMEX", "DINERS", "OTHER", "UNKNOWN"])
        }
        "directDebit" => {
            let open = !get(means, "isTokenised").as_bool().unwrap();
            for name in ["bsb", "accountNumber"] {
                assert_eq!(means.get(name).is_some(), open, "{means}");
                assert!(!open || text(means, name).bytes().all(|byte| byte.is_ascii_digit()), "{means}");
            }
        }
        _ => {
            assert!(!text(means, "name").is_empty() && !text(means, "identifier").is_empty());
            word(means, "type", &["EMAIL", "CONTACT_NAME", "TELEPHONE"]);
            word(means, "provider", &["PAYPAL_AU", "OTHER"]);
        }
    }
}

pub(crate) fn concession(value: &Value) {
    no_null(value);
    word(value, "type", &["FIXED_AMOUNT", "FIXED_PERCENTAGE", "VARIABLE"]);
    let kind = text(value, "type");
    assert!(!text(value, "displayName").is_empty());
    assert_eq!(value.get("additionalInfo").is_some(), kind == "VARIABLE");
    assert_eq!(value.get("discountFrequency").is_some(), kind != "VARIABLE");
    assert_eq!(value.get("amount").is_some(), kind == "FIXED_AMOUNT");
    assert_eq!(value.get("percentage").is_some(), kind == "FIXED_PERCENTAGE");
    optional(value, "amount", amount);
    optional(value, "percentage", rate);
    optional(value, "startDate", date);
    optional(value, "endDate", date);
    for target in optional_list(value, "appliedTo") {
        let words = ["INVOICE", "USAGE", "SERVICE_CHARGE", "CONTROLLED_LOAD"];
        assert!(words.contains(&target.as_str().unwrap()), "{value}");
    }
}
