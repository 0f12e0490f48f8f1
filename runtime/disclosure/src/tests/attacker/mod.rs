//! A seeded attacker: a small town, operators who collude, and hundreds of questions.
//!
//! A test hands the attacker a [`Desk`], which is any way of answering [queries](Query): the attacker asks by several
//! methods, writes down every exact figure that it gets, and *claims* what it is certain of. A person is *isolated* if
//! a claim about them is right. The desks here ([`desks`]) are those that a hurried agency would build, and each falls
//! to the attacks that it doesn't know of; a desk worth its name is put against the same [`methods::everything`].
//!
//! - [`town`]: people, and what of them is public.
//! - [`query`]: what can be asked, and what can be answered.
//! - [`desks`]: two desks that the attacker beats.
//! - [`notebook`]: what was asked and what it says; elimination over all of it.
//! - [`methods`]: drop-one, duplicate-one, swap-value, complement, tracker, padding, two oracles, reconstruction.
//!
//! The attacker uses exact figures only. A desk that rounds says so in its tables, and then figures are no equations.

pub(crate) mod desks;
mod elimination;
pub(crate) mod methods;
pub(crate) mod notebook;
pub(crate) mod query;
pub(crate) mod town;

mod attacks;
mod families;
