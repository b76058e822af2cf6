//! What rows repeat of other things.

use std::collections::HashMap;

use wattle_sample::{
    AccountId, Address, AddressId, Agreement, Fuel, Numbers, PlanId, ServicePoint, ServicePointId, World,
};

/// What rows repeat of other things: those of the World, and those that a transaction puts.
pub(crate) struct Known<'w> {
    world: &'w World,
    pub(crate) numbers: Numbers<'w>,
    addresses: HashMap<AddressId, &'w Address>,
    points: HashMap<ServicePointId, &'w ServicePoint>,
}

/// The columns in which a supply names its connections.
pub(crate) struct Connections<'k> {
    pub(crate) nmi: Option<&'k str>,
    pub(crate) second_nmi: Option<&'k str>,
    pub(crate) mirn: Option<&'k str>,
}

impl<'w> Known<'w> {
    pub(crate) fn of(world: &'w World) -> Self {
        Self { world, numbers: Numbers::of(world), addresses: HashMap::new(), points: HashMap::new() }
    }

    pub(crate) fn give_address(&mut self, address: &'w Address) {
        self.addresses.insert(address.id, address);
    }

    pub(crate) fn give_point(&mut self, point: &'w ServicePoint) {
        self.points.insert(point.id, point);
    }

    /// The number of an account.
    pub(crate) fn number(&self, account: AccountId) -> &str {
        self.numbers.get(account)
    }

    pub(crate) fn address(&self, id: AddressId) -> Option<&'w Address> {
        self.addresses.get(&id).copied().or_else(|| self.world.address(id))
    }

    pub(crate) fn plan_code(&self, plan: PlanId) -> &'w str {
        &self.world.plan(plan).code
    }

    pub(crate) fn national_number(&self, point: ServicePointId) -> &'w str {
        &self.point(point).national_number
    }

    /// The connections of an agreement, which has at most two for electricity and one for gas.
    pub(crate) fn connections(&self, agreement: &Agreement) -> Connections<'w> {
        let of = |fuel| {
            let points = agreement.service_points.iter().map(|id| self.point(*id));
            points.filter(move |point| point.fuel == fuel).map(|point| &*point.national_number)
        };
        let (mut electricity, mut gas) = (of(Fuel::Electricity), of(Fuel::Gas));
        let connections =
            Connections { nmi: electricity.next(), second_nmi: electricity.next(), mirn: gas.next() };
        assert!(
            electricity.next().is_none() && gas.next().is_none(),
            "an agreement of the World fits the columns of a supply"
        );
        connections
    }

    fn point(&self, id: ServicePointId) -> &'w ServicePoint {
        let known = self.points.get(&id).copied().or_else(|| self.world.service_point(id));
        known.expect("rows name supply points that exist or are put first")
    }
}
