//! The World at its beginning.

use chrono::NaiveDate;

use crate::calendar;
use crate::code::ConcessionType;
use crate::concession::Concession;
use crate::dice::{Dice, Stream};
use crate::draft::{Draft, Life, Lifetime};
use crate::effect::Effect;
use crate::history::{Birth, Habit};
use crate::world::World;

/// How many months histories reach back beyond the window that the CDR asks for.
const EXTRA_MONTHS: u32 = 4;

/// Fills an empty World.
pub(crate) fn populate(world: &mut World) {
    let config = world.config().clone();
    let mut household_count = 0;
    while (world.customers().len() as u32) < config.customers {
        let room = config.customers - world.customers().len() as u32;
        let dice = Dice::new(config.seed, Stream::Population, household_count);
        household_count += 1;
        let mut draft = Draft::new(world, dice);
        let lives = draft.household(room, |dice| lifetime(config.today, dice));
        let (mut effects, mut dice) = (draft.effects, draft.dice);
        for effect in &mut effects {
            if let Effect::PutAccount(account) = effect {
                account.deleted = dice.chance(1);
            }
            world.take(effect);
        }
        for life in lives {
            let concession = concession(&life, config.seed, &mut dice);
            let birth = birth(world, &life, concession.as_ref().map(|c| c.kind), &mut dice);
            world.set_birth(life.account, birth, concession);
        }
    }
}

fn lifetime(today: NaiveDate, dice: &mut Dice) -> Lifetime {
    let age = if dice.chance(60) { dice.range(900..5_000) } else { dice.range(20..900) };
    let opened = calendar::shift(today, -age);
    let closed =
        (dice.chance(8) && age > 100).then(|| calendar::shift(today, -dice.range(5..age.min(600) - 60)));
    Lifetime { opened, closed }
}

fn concession(life: &Life, seed: u64, dice: &mut Dice) -> Option<Concession> {
    let kind = match dice.below(100) {
        0..8 => ConcessionType::FixedPercentage,
        8..11 => ConcessionType::FixedAmount,
        11..13 => ConcessionType::Variable,
        _ => return None,
    };
    let mut details = Dice::new(seed, Stream::Terms, u64::from(life.account.0) << 1);
    (!life.business).then(|| Concession::throw(life.account, 1, kind, life.opened, &mut details))
}

fn birth(world: &World, life: &Life, concession: Option<ConcessionType>, dice: &mut Dice) -> Birth {
    let config = world.config();
    let reach = calendar::months_earlier(config.today, config.months + EXTRA_MONTHS);
    let habit = match dice.below(100) {
        0..60 => Habit::Prompt,
        60..78 => Habit::Late,
        78..86 => Habit::Partial,
        86..98 => Habit::Smoothed,
        _ => Habit::Silent,
    };
    Birth {
        from: life.opened.max(calendar::shift(reach, dice.range(0..28))),
        until: life.closed,
        bill_months: life.bill_months,
        parts: life.parts.clone(),
        business: life.business,
        concession,
        habit,
    }
}
