//! The same request again: under one key, several times at once, or when it can't change anything any more.

use std::sync::Barrier;

use serde_json::{Value, json};
use sluice_domain::refusal::Code;
use sluice_server::serve::{Options, Serving, serve};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::duties::{drafted, entry};
use crate::support::acts::{count, nameless, terms, text};
use crate::support::client::{Client, Reply};
use crate::support::node::{Place, SLUICE, folder};
use crate::support::shared::{flights, shared};

/// The same request under one key, from several threads at the same moment.
fn at_once(client: &Client, path: &str, key: &str, body: &[u8]) -> Vec<Reply> {
    const THREADS: usize = 6;
    let barrier = Barrier::new(THREADS);
    let send = || {
        barrier.wait();
        client.call("POST", path, &[("content-type", "application/json"), ("idempotency-key", key)], Some(body))
    };
    std::thread::scope(|scope| {
        let sent: Vec<_> = (0..THREADS).map(|_| scope.spawn(send)).collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// That all got one answer; it.
fn one_answer(replies: &[Reply]) -> Value {
    let answer = replies[0].ok();
    for reply in replies {
        assert_eq!((reply.status, reply.text()), (replies[0].status, replies[0].text()));
    }
    answer
}

#[test]
fn the_same_request_sent_several_times_at_once_is_done_once_and_answered_each_time() {
    let shared = shared();
    let place = &shared.place;
    let carol = place.client("carol");
    for _ in 0..4 {
        let id = text(&carol.post("/v1/grants", &json!({ "terms": terms(flights(None)) })).ok()["id"]);
        let signed = one_answer(&at_once(&carol, &format!("/v1/grants/{id}/sign"), &format!("sign-{id}"), b""));
        assert_eq!(signed["signatures"].as_array().unwrap().len(), 1);
    }
    let reviewed = place.reviewed(&place.plan(&shared.narrow, &count("SELECT origin FROM flights", "origin")));
    let path = format!("/v1/requests/{}/votes", reviewed.request);
    let vote = json!({ "verdict": "approve", "reason": "fits" }).to_string();
    for (reviewer, state) in [("rosa", "voting"), ("ravi", "approved")] {
        let key = format!("vote-{}", reviewed.request);
        let voted = one_answer(&at_once(&place.client(reviewer), &path, &key, vote.as_bytes()));
        assert_eq!((&voted["state"], &voted["voted"]), (&json!(state), &json!(true)));
    }
    let releases = place.client("abel").get("/v1/releases?limit=500").ok();
    let of_job = releases["items"].as_array().unwrap().iter().filter(|release| release["job"] == reviewed.job.as_str());
    assert_eq!(of_job.count(), 1);
}

/// A node of one's own whose slots are long enough to do several things within one.
struct Slow {
    place: Place,
    serving: Option<Serving>,
    runtime: Runtime,
    _folder: TempDir,
}

impl Slow {
    fn start() -> Slow {
        let folder = folder();
        let (home, runtime) = (folder.path().join("home"), Runtime::new().unwrap());
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let options = Options { listen, slot_ms: Some(6_000), starter: true, ..Options::new(SLUICE.into()) };
        let serving = runtime.block_on(serve(&home, options)).expect("a node starts");
        let place = Place { home, url: format!("http://{}", serving.address()) };
        Slow { place, serving: Some(serving), runtime, _folder: folder }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            // A test that has failed already has its own message.
            let _ended = self.runtime.block_on(serving.stop());
        }
    }
}

/// All of an answer but for names and times.
fn told(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (reply.status, headers, nameless(&reply.text()))
}

#[test]
fn attack_15_cancelling_does_not_tell_whether_a_job_is_decided() {
    let node = Slow::start();
    let place = &node.place;
    place.register(&entry("things"));
    place.seal("things", "csv", b"id,kind\na,x\nb,y\n");
    let grant = place.grant(&drafted("things")["terms"]);
    let jobs = [(); 2].map(|()| place.plan(&grant, &count("SELECT kind FROM things", "kind")));
    let [open, decided] = jobs.map(|job| place.reviewed(&job));
    for reviewer in ["rosa", "ravi"] {
        place.vote(&decided.request, reviewer, "reject", "outside_purpose");
    }
    let cancel = |job: &str, key: &str| {
        let path = format!("/v1/jobs/{job}/cancel");
        place.client("olga").call("POST", &path, &[("idempotency-key", key)], Some(&[]))
    };
    let answers = [&open, &decided].map(|reviewed| {
        let before = place.verified();
        let replies = ["first", "first", "other"].map(|key| cancel(&reviewed.job, &format!("{key}-{}", reviewed.job)));
        assert_eq!(replies[0].text(), replies[1].text(), "the same key, byte for byte the same answer");
        (replies.each_ref().map(told), place.verified() - before)
    });
    let inside = [&open, &decided].map(|reviewed| text(&place.inside(&reviewed.job)["state"]));
    let seen = [&open, &decided].map(|reviewed| nameless(&place.seen(&reviewed.job)));
    assert_eq!(inside, ["cancelled", "not_released"], "the two do differ");
    assert_eq!(answers[0], answers[1], "and nobody outside is told, by an answer or by the ledger's size");
    assert_eq!((answers[0].0[0].0, answers[0].1), (200, 2), "an event for each request, none for a repetition");
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains(r#""state":"under_review""#), "{}", seen[0]);
    // At the end of the slot each shows what it came to.
    for (reviewed, last) in [(&open, "cancelled"), (&decided, "not_released")] {
        let states = place.client("olga").states(&reviewed.job, |state| state != "under_review");
        assert_eq!(states.last().unwrap().0, last);
        cancel(&reviewed.job, "late").refused(Code::WrongState);
    }
}
