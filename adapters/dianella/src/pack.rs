//! The retailer's pack, embedded.

macro_rules! pack {
    ($($path:literal,)+) => {
        /// The files of the pack: path within it, text.
        pub const PACK: &[(&str, &str)] = &[$(($path, include_str!(concat!("../pack/", $path))),)+];
    };
}

pack! {
    "graph.toml",
    "fetch/account.authorisedContacts.sql",
    "fetch/account.plans.servicePointIds.sql",
    "fetch/account.plans.sql",
    "fetch/account.sql",
    "fetch/balance.sql",
    "fetch/billing_transaction.demand.adjustments.sql",
    "fetch/billing_transaction.demand.calculationFactors.sql",
    "fetch/billing_transaction.otherCharges.adjustments.sql",
    "fetch/billing_transaction.sql",
    "fetch/billing_transaction.usage.adjustments.sql",
    "fetch/billing_transaction.usage.calculationFactors.sql",
    "fetch/customer.sql",
    "fetch/holding.sql",
    "fetch/invoice.electricity.otherCharges.sql",
    "fetch/invoice.gas.otherCharges.sql",
    "fetch/invoice.servicePoints.sql",
    "fetch/invoice.sql",
    "fetch/plan.planDetail.electricityContract.controlledLoad.singleRate.rates.sql",
    "fetch/plan.planDetail.electricityContract.controlledLoad.sql",
    "fetch/plan.planDetail.electricityContract.discounts.sql",
    "fetch/plan.planDetail.electricityContract.fees.sql",
    "fetch/plan.planDetail.electricityContract.solarFeedInTariff.singleTariff.rates.sql",
    "fetch/plan.planDetail.electricityContract.solarFeedInTariff.sql",
    "fetch/plan.planDetail.electricityContract.solarFeedInTariff.timeVaryingTariffs.rates.sql",
    "fetch/plan.planDetail.electricityContract.solarFeedInTariff.timeVaryingTariffs.sql",
    "fetch/plan.planDetail.electricityContract.tariffPeriod.demandCharges.sql",
    "fetch/plan.planDetail.electricityContract.tariffPeriod.singleRate.rates.sql",
    "fetch/plan.planDetail.electricityContract.tariffPeriod.sql",
    "fetch/plan.planDetail.electricityContract.tariffPeriod.timeOfUseRates.rates.sql",
    "fetch/plan.planDetail.electricityContract.tariffPeriod.timeOfUseRates.sql",
    "fetch/plan.planDetail.gasContract.fees.sql",
    "fetch/plan.planDetail.gasContract.tariffPeriod.singleRate.rates.sql",
    "fetch/plan.planDetail.gasContract.tariffPeriod.sql",
    "fetch/plan.planDetail.meteringCharges.sql",
    "fetch/plan.sql",
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::PACK;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pack/fetch");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("fetch/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        files.sort();
        let embedded: Vec<&str> = PACK.iter().map(|(path, _)| *path).collect();
        assert_eq!(embedded[0], "graph.toml");
        assert_eq!(embedded[1..], files);
    }
}
