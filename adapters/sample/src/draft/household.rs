//! New customers with their accounts.

use chrono::NaiveDate;

use super::Draft;
use crate::account::{Account, Agreement, Contact, Holding};
use crate::address::{Address, Fuel, ServicePoint};
use crate::calendar;
use crate::catalogue::{self, Product};
use crate::code::Role;
use crate::customer::Customer;
use crate::decimal::Cents;
use crate::dice::{Dice, Stream};
use crate::effect::Effect;
use crate::id::{AccountId, AddressId, AgreementId, ContactId, CustomerId, PlanId, ServicePointId};
use crate::person::PersonName;
use crate::schedule::PaymentSchedule;

/// An account as it is opened, and what its history will follow from.
pub(crate) struct Life {
    pub(crate) account: AccountId,
    mail: AddressId,
    pub(crate) opened: NaiveDate,
    pub(crate) closed: Option<NaiveDate>,
    pub(crate) business: bool,
    pub(crate) bill_months: u32,
    pub(crate) parts: Vec<(PlanId, Vec<ServicePointId>)>,
}

/// When an account is opened and closed.
#[derive(Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) opened: NaiveDate,
    pub(crate) closed: Option<NaiveDate>,
}

/// Where an account is supplied, and with what.
struct Premises {
    site: AddressId,
    zone: usize,
    points: Vec<(ServicePointId, Fuel)>,
}

impl Draft<'_> {
    /// A new customer of today.
    pub(super) fn new_customer(&mut self) -> Option<()> {
        let lifetime = Lifetime { opened: self.business_day(), closed: None };
        for life in self.household(3, |_| lifetime) {
            self.effects.push(Effect::PutBalance(life.account, Cents(0)));
        }
        Some(())
    }

    /// A household or business of at most `room` customers, with its accounts.
    pub(crate) fn household(&mut self, room: u32, lifetime: impl Fn(&mut Dice) -> Lifetime) -> Vec<Life> {
        match self.dice.below(100) {
            0..8 => self.business(room, lifetime),
            8..20 if room > 1 => {
                let lifetime = lifetime(&mut self.dice);
                vec![self.couple(lifetime)]
            }
            20..26 if room > 1 => {
                let lifetime = lifetime(&mut self.dice);
                vec![self.family(lifetime)]
            }
            26..32 => {
                let person = self.person();
                let (home, other) = (lifetime(&mut self.dice), lifetime(&mut self.dice));
                let first = self.home(person, home);
                let second = self.second_home(person, other, first.mail);
                vec![first, second]
            }
            _ => {
                let person = self.person();
                let lifetime = lifetime(&mut self.dice);
                vec![self.home(person, lifetime)]
            }
        }
    }

    /// An organisation with one account per site, all bills to the first one, and perhaps a representative.
    fn business(&mut self, room: u32, lifetime: impl Fn(&mut Dice) -> Lifetime) -> Vec<Life> {
        let id = CustomerId(self.next.customer);
        self.next.customer += 1;
        let mut details = self.details(id);
        let today = self.world.config().today;
        let organisation = Customer::organisation(id, &mut self.dice, &mut details, today);
        self.effects.push(Effect::PutCustomer(organisation));
        let representative = (room > 1 && self.dice.chance(70)).then(|| self.person());
        let sites = 1 + self.dice.below(5) * self.dice.below(2);
        let mut head_office = None;
        let mut lives = Vec::new();
        for _ in 0..sites {
            let premises = self.premises(&[Fuel::Electricity]);
            let mail = *head_office.get_or_insert(premises.site);
            let lifetime = lifetime(&mut self.dice);
            let life = self.open_account(&premises, mail, lifetime, true);
            self.hold(id, &life, Role::Holder);
            if let Some(person) = representative {
                self.hold(person, &life, Role::NominatedRepresentative);
            }
            lives.push(life);
        }
        lives
    }

    fn couple(&mut self, lifetime: Lifetime) -> Life {
        let (one, other) = (self.person(), self.person());
        let premises = self.any_premises();
        let life = self.open_account(&premises, premises.site, lifetime, false);
        self.hold(one, &life, Role::JointHolder);
        self.hold(other, &life, Role::JointHolder);
        life
    }

    fn family(&mut self, lifetime: Lifetime) -> Life {
        let (holder, user) = (self.person(), self.person());
        let life = self.home(holder, lifetime);
        self.hold(user, &life, Role::SecondaryUser);
        life
    }

    fn home(&mut self, person: CustomerId, lifetime: Lifetime) -> Life {
        let premises = self.any_premises();
        let life = self.open_account(&premises, premises.site, lifetime, false);
        self.hold(person, &life, Role::Holder);
        life
    }

    /// A holiday house with bills sent home, or a gas account of its own at home.
    fn second_home(&mut self, person: CustomerId, lifetime: Lifetime, mail: AddressId) -> Life {
        let premises = if self.dice.chance(50) { self.any_premises() } else { self.gas_at(mail) };
        let life = self.open_account(&premises, mail, lifetime, false);
        self.hold(person, &life, Role::Holder);
        life
    }

    fn person(&mut self) -> CustomerId {
        let id = CustomerId(self.next.customer);
        self.next.customer += 1;
        let mut details = self.details(id);
        let person = Customer::person(id, &mut self.dice, &mut details, self.world.config().today);
        self.effects.push(Effect::PutCustomer(person));
        id
    }

    /// What a customer's details are thrown with.
    fn details(&self, id: CustomerId) -> Dice {
        Dice::new(self.world.config().seed, Stream::Customer, u64::from(id.0))
    }

    pub(super) fn new_address(&mut self) -> Address {
        let id = AddressId(self.next.address);
        self.next.address += 1;
        let address = Address::throw(id, &mut self.dice);
        self.effects.push(Effect::PutAddress(address.clone()));
        address
    }

    pub(super) fn new_service_point(&mut self, fuel: Fuel, site: AddressId) -> ServicePointId {
        let id = ServicePointId(self.next.service_point);
        self.next.service_point += 1;
        self.effects.push(Effect::PutServicePoint(ServicePoint::at(id, fuel, site)));
        id
    }

    fn premises(&mut self, fuels: &[Fuel]) -> Premises {
        let address = self.new_address();
        let points = fuels.iter().map(|fuel| (self.new_service_point(*fuel, address.id), *fuel)).collect();
        Premises { site: address.id, zone: address.zone(), points }
    }

    /// A place to live: now and then one that a former customer has left.
    fn any_premises(&mut self) -> Premises {
        if self.dice.chance(10)
            && let Some(premises) = self.vacancy()
        {
            return premises;
        }
        match self.dice.below(100) {
            0..68 => self.premises(&[Fuel::Electricity]),
            68..74 => self.premises(&[Fuel::Gas]),
            74..78 => self.premises(&[Fuel::Electricity, Fuel::Electricity]),
            _ => self.premises(&[Fuel::Electricity, Fuel::Gas]),
        }
    }

    fn vacancy(&mut self) -> Option<Premises> {
        let account = AccountId(self.dice.below(self.world.next_ids().account.max(1) as usize) as u32);
        let slot = self.world.slot(account).filter(|slot| slot.account.closed.is_some())?;
        let former = slot.agreements.last()?;
        let points: Vec<_> =
            former.service_points.iter().filter_map(|id| self.world.service_point(*id)).collect();
        let address = self.world.address(points.first()?.site?)?;
        let points = points.iter().map(|point| (point.id, point.fuel)).collect();
        Some(Premises { site: address.id, zone: address.zone(), points })
    }

    fn gas_at(&mut self, site: AddressId) -> Premises {
        let points = vec![(self.new_service_point(Fuel::Gas, site), Fuel::Gas)];
        Premises { site, zone: self.dice.below(crate::address::ZONES.len()), points }
    }

    fn open_account(
        &mut self,
        premises: &Premises,
        mail: AddressId,
        lifetime: Lifetime,
        business: bool,
    ) -> Life {
        let id = AccountId(self.next.account);
        self.next.account += 1;
        let Lifetime { opened, closed } = lifetime;
        let bill_months = if business || self.dice.chance(30) { 1 } else { 3 };
        let number = format!("{}-{:06}", self.number_prefix(), id.0 + 1);
        let account = Account { id, number, opened, closed, deleted: false, mail: Some(mail), bill_months };
        self.effects.push(Effect::PutAccount(account));
        self.agree_on_payment(id);
        let parts = self.agree(id, premises, lifetime, business);
        for _ in 0..if self.dice.chance(20) { 1 + self.dice.below(2) } else { 0 } {
            self.new_contact(id);
        }
        Life { account: id, mail, opened, closed, business, bill_months, parts }
    }

    /// Most customers have agreed on how they pay, and a few in two ways.
    fn agree_on_payment(&mut self, account: AccountId) {
        let mut dice = Dice::new(self.world.config().seed, Stream::Terms, (u64::from(account.0) << 1) + 1);
        let count = match dice.below(100) {
            0..20 => 0,
            20..90 => 1,
            _ => 2,
        };
        for number in 1..=count {
            let schedule = PaymentSchedule::throw(account, number, &mut dice);
            self.effects.push(Effect::PutPaymentSchedule(schedule));
        }
    }

    pub(super) fn number_prefix(&mut self) -> String {
        let letters = ["a", "b", "d", "g", "k", "m", "q", "r", "t", "w"];
        format!("{}{}", self.dice.pick(&letters), self.dice.pick(&letters))
    }

    pub(super) fn new_contact(&mut self, account: AccountId) {
        let id = ContactId(self.next.contact);
        self.next.contact += 1;
        let name = PersonName::throw(&mut self.dice);
        self.effects.push(Effect::PutContact(Contact { id, account, name }));
    }

    /// The agreements for premises: electricity and gas on one dual plan or apart.
    fn agree(
        &mut self,
        account: AccountId,
        premises: &Premises,
        lifetime: Lifetime,
        business: bool,
    ) -> Vec<(PlanId, Vec<ServicePointId>)> {
        let of =
            |fuel| premises.points.iter().filter(|(_, f)| *f == fuel).map(|(id, _)| *id).collect::<Vec<_>>();
        let (electricity, gas) = (of(Fuel::Electricity), of(Fuel::Gas));
        let all: Vec<_> = electricity.iter().chain(&gas).copied().collect();
        if gas.is_empty() {
            let product = self.electricity_product(business);
            return vec![self.supply(account, product, premises.zone, all, electricity, lifetime)];
        }
        if electricity.is_empty() {
            return vec![self.supply(account, Product::Gas, premises.zone, all, vec![], lifetime)];
        }
        if self.dice.chance(60) {
            return vec![self.supply(account, Product::Dual, premises.zone, all, electricity, lifetime)];
        }
        let product = self.electricity_product(business);
        let one = self.supply(account, product, premises.zone, electricity.clone(), electricity, lifetime);
        vec![one, self.supply(account, Product::Gas, premises.zone, gas, vec![], lifetime)]
    }

    fn electricity_product(&mut self, business: bool) -> Product {
        if business { Product::Business } else { self.home_product() }
    }

    pub(super) fn home_product(&mut self) -> Product {
        match self.dice.below(100) {
            0..30 => Product::Flat,
            30..50 => Product::TimeOfUse,
            50..62 => Product::FlatControlled,
            62..70 => Product::TouControlled,
            70..82 => Product::SolarFlat,
            82..92 => Product::SolarTou,
            _ => Product::Demand,
        }
    }

    /// An agreement, perhaps with one before it on another plan of the same zone.
    fn supply(
        &mut self,
        account: AccountId,
        product: Product,
        zone: usize,
        service_points: Vec<ServicePointId>,
        electricity: Vec<ServicePointId>,
        lifetime: Lifetime,
    ) -> (PlanId, Vec<ServicePointId>) {
        let mut started = lifetime.opened;
        let last = lifetime.closed.unwrap_or(self.world.config().today);
        let long_ago = (last - started).num_days() > 200;
        if long_ago && !electricity.is_empty() && self.dice.chance(15) {
            let until = calendar::shift(last, -self.dice.range(60..190));
            let former = if product == Product::Flat { Product::TimeOfUse } else { Product::Flat };
            let former = catalogue::plan_of(former, zone);
            self.put_agreement(account, former, service_points.clone(), started, Some(until));
            started = calendar::shift(until, 1);
        }
        let plan = catalogue::plan_of(product, zone);
        self.put_agreement(account, plan, service_points, started, lifetime.closed);
        (plan, electricity)
    }

    pub(super) fn put_agreement(
        &mut self,
        account: AccountId,
        plan: PlanId,
        service_points: Vec<ServicePointId>,
        started: NaiveDate,
        ended: Option<NaiveDate>,
    ) {
        let id = AgreementId(self.next.agreement);
        self.next.agreement += 1;
        let nickname =
            self.dice.chance(12).then(|| self.dice.pick(&["Home", "Beach house", "Mum's", "Café", "Shed"]));
        let agreement = Agreement { id, account, plan, service_points, started, ended, nickname };
        self.effects.push(Effect::PutAgreement(agreement));
    }

    fn hold(&mut self, customer: CustomerId, life: &Life, role: Role) {
        let shareable = self.dice.chance(95);
        let today = self.world.config().today;
        // A few holdings have ended, and a few are known to end: at least a month ahead, lest a run crosses the day.
        let ended = match self.dice.below(100) {
            0..2 if role == Role::JointHolder && life.closed.is_none() => Some(calendar::shift(today, -20)),
            2..4 if life.closed.is_none() => Some(calendar::shift(today, self.dice.range(31..300))),
            _ => None,
        };
        let holding = Holding { customer, account: life.account, role, shareable, since: life.opened, ended };
        self.effects.push(Effect::PutHolding(holding));
    }
}
