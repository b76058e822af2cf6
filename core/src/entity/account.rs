//! Get Energy Accounts v2 and Get Energy Account Detail v4.

use super::shape::{Condition, Field, Object, Shape, may, must, when};

/// An absent openStatus means OPEN.
const OPEN: Condition = Condition::IsNot("openStatus", &["CLOSED"]);

const ACCOUNT_NUMBER: Field = may("accountNumber", Shape::Text);
const DISPLAY_NAME: Field = may("displayName", Shape::Text);
const OPEN_STATUS: Field = may("openStatus", Shape::Enum(&["OPEN", "CLOSED"]));
const CREATION_DATE: Field = when(OPEN, "creationDate", Shape::Date);
const NICKNAME: Field = may("nickname", Shape::Text);
const SERVICE_POINT_IDS: Field = must("servicePointIds", Shape::List(&Shape::ServicePoint));
const PLAN_OVERVIEW: Field = when(OPEN, "planOverview", Shape::Object(&OVERVIEW));

static OVERVIEW: Object = Object {
    fields: &[
        may("displayName", Shape::PlanName),
        must("startDate", Shape::Date),
        may("endDate", Shape::Date),
    ],
};

/// An account as listed.
pub(super) static ACCOUNT: Object = Object {
    fields: &[
        ACCOUNT_NUMBER,
        DISPLAY_NAME,
        OPEN_STATUS,
        CREATION_DATE,
        must("plans", Shape::List(&Shape::Object(&LISTED_PLAN))),
    ],
};

static LISTED_PLAN: Object = Object { fields: &[NICKNAME, SERVICE_POINT_IDS, PLAN_OVERVIEW] };

/// An account in full: what a record holds.
pub(super) static ACCOUNT_DETAIL: Object = Object {
    fields: &[
        ACCOUNT_NUMBER,
        DISPLAY_NAME,
        OPEN_STATUS,
        CREATION_DATE,
        must("plans", Shape::List(&Shape::Object(&DETAILED_PLAN))),
    ],
};

static DETAILED_PLAN: Object = Object {
    fields: &[
        NICKNAME,
        SERVICE_POINT_IDS,
        PLAN_OVERVIEW,
        when(OPEN, "planDetail", Shape::PlanDetail),
        // Of the account, and yet the schema has them in each of its plans.
        may("authorisedContacts", Shape::List(&Shape::Object(&CONTACT))),
    ],
};

static CONTACT: Object = Object {
    fields: &[
        may("firstName", Shape::Text),
        must("lastName", Shape::Text),
        // The schema calls it optional, the text mandatory and possibly empty: it is always sent.
        must("middleNames", Shape::List(&Shape::Text)),
        may("prefix", Shape::Text),
        may("suffix", Shape::Text),
    ],
};
