//! Payment schedules and concessions.

use super::{Draft, is_open};
use crate::code::ConcessionType;
use crate::concession::Concession;
use crate::effect::Effect;
use crate::schedule::PaymentSchedule;

/// More concessions than anyone has at a time.
const MOST_CONCESSIONS: usize = 4;

impl Draft<'_> {
    /// An account that is paid in no agreed way gets one, any other another one.
    pub(super) fn change_payment_schedule(&mut self) -> Option<()> {
        let slot = self.pick(is_open)?;
        let numbers: Vec<u8> = slot.schedules.iter().map(|schedule| schedule.number).collect();
        let number = if numbers.is_empty() { 1 } else { self.dice.pick(&numbers) };
        let schedule = PaymentSchedule::throw(slot.account.id, number, &mut self.dice);
        self.effects.push(Effect::PutPaymentSchedule(schedule));
        Some(())
    }

    pub(super) fn end_payment_schedule(&mut self) -> Option<()> {
        let slot = self.pick(|slot| !slot.schedules.is_empty())?;
        let schedule = &slot.schedules[self.dice.below(slot.schedules.len())];
        self.effects.push(Effect::DeletePaymentSchedule(schedule.account, schedule.number));
        Some(())
    }

    pub(super) fn grant_concession(&mut self) -> Option<()> {
        let slot = self.pick(|slot| is_open(slot) && slot.concessions.len() < MOST_CONCESSIONS)?;
        let number = slot.concessions.last().map_or(1, |last| last.number.wrapping_add(1).max(1));
        let (kind, started) = (self.dice.pick(ConcessionType::ALL), self.business_day());
        let taken = slot.concessions.iter().any(|concession| concession.number == number);
        let concession = Concession::throw(slot.account.id, number, kind, started, &mut self.dice);
        (!taken).then(|| self.effects.push(Effect::PutConcession(concession)))
    }

    pub(super) fn end_concession(&mut self) -> Option<()> {
        let slot = self.pick(|slot| !slot.concessions.is_empty())?;
        let mut concession = slot.concessions[self.dice.below(slot.concessions.len())].clone();
        concession.ended = Some(self.business_day());
        self.effects.push(Effect::PutConcession(concession));
        Some(())
    }

    pub(super) fn withdraw_concession(&mut self) -> Option<()> {
        let slot = self.pick(|slot| !slot.concessions.is_empty())?;
        let concession = &slot.concessions[self.dice.below(slot.concessions.len())];
        self.effects.push(Effect::DeleteConcession(concession.account, concession.number));
        Some(())
    }
}
