//! How often somebody may ask, over real HTTP: who asks too often is held back, and nobody else with them.

use sluice_domain::refusal::Code;

use crate::support::client::{Client, Reply};
use crate::support::node::{Hosted, until};

/// What may come at once, and then a request a second.
const PER_MINUTE: usize = 60;
/// Far more than that: whoever gets so many is held back by nothing.
const ENDLESS: usize = 20 * PER_MINUTE;

fn node() -> Hosted {
    Hosted::with("token_requests_per_minute = 60\naddress_requests_per_minute = 60\n")
}

/// Asks until it is too much: how often that was answered with `status`, and what came then.
fn burst(status: u16, mut ask: impl FnMut(usize) -> Reply) -> (usize, Reply) {
    for answered in 0..ENDLESS {
        let reply = ask(answered);
        if reply.status == 429 {
            return (answered, reply);
        }
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    panic!("{ENDLESS} requests, and never too many");
}

fn held_back((answered, reply): &(usize, Reply)) {
    assert!(*answered >= PER_MINUTE, "a burst of {PER_MINUTE} is nobody's fault: {answered}");
    assert_eq!(reply.refused(Code::TooMany), "", "the fixed sentence, and nothing else");
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!((header("retry-after"), header("cache-control")), (Some("1"), Some("no-store")));
}

#[test]
fn attack_22_a_token_that_asks_too_often_is_held_back_and_no_other() {
    let node = node();
    let [carol, cyrus, rosa] = ["carol", "cyrus", "rosa"].map(|name| node.place.client(name));
    held_back(&burst(200, |_| carol.get("/v1/me")));
    assert_eq!(cyrus.get("/v1/me").ok()["person"], "cyrus");
    assert_eq!(node.place.anybody().get("/v1/me").status, 401, "nor whoever has none");
    until("there is room in it again", || (carol.get("/v1/me").status == 200).then_some(()));
    // What is refused isn't free either.
    held_back(&burst(404, |_| rosa.get("/v1/nothing")));
}

#[test]
fn attack_22_whoever_tries_tokens_shares_a_bucket_with_all_who_have_none() {
    let node = node();
    let guess = |n: usize| Client::new(&node.place.url, Some(format!("sluice_{n:064x}")));
    held_back(&burst(401, |n| guess(n).get("/v1/me")));
    assert_eq!(node.place.client("carol").get("/v1/me").ok()["person"], "carol", "a good token has its own");
    let anybody = node.place.anybody();
    until("there is room in it again", || (anybody.get("/healthz").status == 200).then_some(()));
}
