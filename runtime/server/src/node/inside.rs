//! What stays inside of a request: the candidate and the keys of its commitments.
//!
//! # Guarantees
//! - [`Inside::load`] gives a candidate and its assessment only if both are, byte for byte, what the request on record
//!   commits to. Reviewers look at that pair, and that pair is sealed.
//! - A key is never written over another: the first ones lie in a file of their own, and that of a later assessment in
//!   a file that has its commitment for a name. So a write that is cut off spoils nothing that is on record. An assessment
//!   that comes out the same again keeps its key; only what it was compared with is written anew.
//!
//! # Does not guarantee
//! That a candidate can still be opened after the rules of assessment changed with a new version of the program: then
//! the assessment is another one, and the job has to be run again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluice_disclosure::{Appetite, Assessment, Candidate, Context, Overrides, assess};
use sluice_domain::digest::Commitment;
use sluice_domain::grant::{Grant, Tightening};
use sluice_domain::limits::Limits;
use sluice_domain::refusal::Refusal;
use sluice_domain::review::ReleaseRequest;
use sluice_domain::state::State;
use sluice_engine::raw::RawOutput;

use super::grants;
use super::stop::{Done, Fault, Stop};
use crate::files::{self, Key};

const CANDIDATE: &str = "candidate.json";
const KEYS: &str = "keys.json";
const CANDIDATE_BYTES_MAX: u64 = 1 << 32;
/// Somebody's own words, escaped, with their key.
const NOTE_BYTES_MAX: u64 = 64 * 1024;
/// The findings of a comparison are kept beside the keys.
const KEYS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Keys of the commitments, and the commitment to the raw output, which is for the agency's own reruns.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    candidate: String,
    assessment: String,
    /// What was known outside of the candidate when it was first assessed.
    context: String,
    /// A mark of what it had been compared with.
    compared: u64,
    raw_key: String,
    raw: Commitment,
    protections: Vec<String>,
}

/// The key of an assessment after the first, and what was known outside of the candidate then.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    assessment: String,
    context: String,
    compared: u64,
}

/// Somebody's own words, and the key of their commitment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    key: String,
    note: String,
}

impl Keys {
    /// Those of the first assessment.
    fn first(self) -> Again {
        Again { assessment: self.assessment, context: self.context, compared: self.compared }
    }
}

fn written(context: &Context) -> Done<String> {
    String::from_utf8(context.to_inside_bytes()).map_err(Stop::fault("keep a context"))
}

fn context(text: &str) -> Done<Context> {
    Context::from_inside_bytes(text.as_bytes()).map_err(Stop::fault("open a context"))
}

/// The appetite of a request: its grant's, tightened where a custodian had it so, and then loosened by the exceptions
/// that hold. Whatever assesses a candidate that is on record takes this one.
///
/// # Errors
/// Secret data, a tightening that would loosen, or an exception that wouldn't.
pub(super) fn appetite(state: &State, grant: &Grant, request: &ReleaseRequest) -> Result<Appetite, Refusal> {
    tightened(grants::appetite(state, grant)?, &request.tightening)?.with_exceptions(request)
}

/// The same appetite, stricter where `tightening` says so.
///
/// # Errors
/// A tightening that would loosen.
pub(super) fn tightened(appetite: Appetite, tightening: &Tightening) -> Result<Appetite, Refusal> {
    let Tightening { threshold, rounding } = *tightening;
    appetite.tightened(&Overrides { threshold, rounding_base: rounding, ..Overrides::default() })
}

/// A request's folder inside.
pub(super) struct Inside {
    folder: PathBuf,
}

/// Fresh keys, one for each commitment.
pub(super) struct Fresh {
    pub candidate: Key,
    pub assessment: Key,
    pub raw: Key,
}

/// What a request commits to.
pub(super) struct Committed {
    pub candidate: Commitment,
    pub assessment: Commitment,
}

/// What was opened of a request.
pub(super) struct Loaded {
    pub candidate: Candidate,
    pub assessment: Assessment,
    /// The key of the assessment's commitment.
    pub key: Key,
    /// What was known outside of the candidate when it was last assessed.
    pub context: Context,
    /// A mark of what it had been compared with then.
    pub compared: u64,
}

impl Inside {
    pub fn at(folder: PathBuf) -> Inside {
        Inside { folder }
    }

    /// Keeps a candidate under fresh keys, and gives the commitments that go on record.
    pub fn keep(
        &self,
        raw: &RawOutput,
        candidate: &Candidate,
        (appetite, context, compared): (&Appetite, &Context, u64),
        fresh: &Fresh,
        protections: Vec<String>,
    ) -> Done<Committed> {
        let kept = Stop::fault("keep a candidate");
        let bytes = candidate.to_inside_bytes();
        let assessment = assess(candidate, appetite, context);
        let committed = Committed {
            candidate: Commitment::new(&fresh.candidate, &bytes),
            assessment: assessment.commitment(&fresh.assessment),
        };
        let keys = Keys {
            candidate: hex::encode(fresh.candidate),
            assessment: hex::encode(fresh.assessment),
            context: written(context)?,
            compared,
            raw_key: hex::encode(fresh.raw),
            raw: raw.commitment(&fresh.raw),
            protections,
        };
        let keys = serde_json::to_vec(&keys).map_err(Stop::fault("keep a candidate"))?;
        files::folder(&self.folder).map_err(&kept)?;
        files::write(&self.folder.join(CANDIDATE), &bytes).map_err(&kept)?;
        files::write(&self.folder.join(KEYS), &keys).map_err(&kept)?;
        Ok(committed)
    }

    /// The candidate and its assessment, if they are what the request commits to.
    pub fn load(&self, request: &ReleaseRequest, appetite: &Appetite, limits: &Limits) -> Done<Loaded> {
        let wrong = |why: &'static str| Stop::Fault(Fault::new("open a candidate", why));
        let keys = self.keys()?;
        let path = self.folder.join(CANDIDATE);
        let bytes = files::read(&path, CANDIDATE_BYTES_MAX).map_err(Stop::fault("open a candidate"))?;
        if Commitment::new(&key(&keys.candidate)?, &bytes) != request.candidate {
            return Err(wrong("the candidate on the disk isn't the one on record"));
        }
        let candidate = Candidate::from_inside_bytes(&bytes, limits).map_err(Stop::fault("open a candidate"))?;
        let last = self.again(&request.assessment)?.unwrap_or_else(|| keys.first());
        let (key, context) = (key(&last.assessment)?, context(&last.context)?);
        let assessment = assess(&candidate, appetite, &context);
        if assessment.commitment(&key) != request.assessment {
            return Err(wrong("the assessment isn't the one on record"));
        }
        Ok(Loaded { candidate, assessment, key, context, compared: last.compared })
    }

    /// A mark of what the candidate had been compared with when it was last assessed.
    pub fn compared(&self, request: &ReleaseRequest) -> Done<u64> {
        match self.again(&request.assessment)? {
            Some(again) => Ok(again.compared),
            None => Ok(self.keys()?.compared),
        }
    }

    /// Keeps the key of a later assessment of the candidate, and gives the commitment that goes on record. Until it
    /// does, the one before stays the one that counts.
    pub fn keep_again(&self, found: &Assessment, key: &Key, context: &Context, compared: u64) -> Done<Commitment> {
        let commitment = found.commitment(key);
        let again = Again { assessment: hex::encode(key), context: written(context)?, compared };
        let again = serde_json::to_vec(&again).map_err(Stop::fault("keep an assessment"))?;
        files::write(&self.again_path(&commitment), &again).map_err(Stop::fault("keep an assessment"))?;
        Ok(commitment)
    }

    /// Removes the key of an assessment that didn't come on record.
    pub fn forget(&self, commitment: &Commitment) {
        // Without an event nobody looks for it: what can't be removed only lies there.
        let _ = std::fs::remove_file(self.again_path(commitment));
    }

    fn again_path(&self, commitment: &Commitment) -> PathBuf {
        self.folder.join(format!("assessment-{}.json", commitment.as_str()))
    }

    /// The key of a later assessment; none where the commitment is the first one's.
    fn again(&self, commitment: &Commitment) -> Done<Option<Again>> {
        match files::read(&self.again_path(commitment), KEYS_BYTES_MAX) {
            Ok(bytes) => parsed(&bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Stop::fault("open a candidate")(error)),
        }
    }

    /// Whether another run gave the same raw output.
    pub fn is_same(&self, raw: &RawOutput) -> Done<bool> {
        let keys = self.keys()?;
        Ok(raw.commitment(&key(&keys.raw_key)?) == keys.raw)
    }

    /// Keeps a reviewer's own words under a key of their own, and gives the commitment that goes on record.
    pub fn keep_note(&self, round: u32, person: &str, note_key: &Key, note: &str) -> Done<Commitment> {
        let text = serde_json::json!({ "key": hex::encode(note_key), "note": note }).to_string();
        let path = self.folder.join(format!("note-{round}-{person}.json"));
        write_note(&path, text.as_bytes())?;
        Ok(Commitment::new(note_key, note.as_bytes()))
    }

    /// Keeps why somebody asks for an exception under a key of its own, and gives the commitment that goes on record.
    pub fn keep_reason(&self, round: u32, key: &Key, reason: &str) -> Done<Commitment> {
        let commitment = Commitment::new(key, reason.as_bytes());
        let text = serde_json::json!({ "key": hex::encode(key), "note": reason }).to_string();
        write_note(&self.reason_path(round, &commitment), text.as_bytes())?;
        Ok(commitment)
    }

    /// Why somebody asked for an exception, if it is what is on record.
    pub fn reason(&self, round: u32, commitment: &Commitment) -> Done<String> {
        let path = self.reason_path(round, commitment);
        let bytes = files::read(&path, NOTE_BYTES_MAX).map_err(Stop::fault("open a reason"))?;
        let Note { key: of, note } = parsed(&bytes)?;
        if Commitment::new(&key(&of)?, note.as_bytes()) != *commitment {
            return Err(Stop::Fault(Fault::new("open a reason", "the reason on the disk isn't the one on record")));
        }
        Ok(note)
    }

    /// Removes a reason that didn't come on record.
    pub fn forget_reason(&self, round: u32, commitment: &Commitment) {
        // Without an event nobody looks for it, and the next start sweeps it.
        let _ = std::fs::remove_file(self.reason_path(round, commitment));
    }

    fn reason_path(&self, round: u32, commitment: &Commitment) -> PathBuf {
        self.folder.join(format!("reason-{round}-{}.json", commitment.as_str()))
    }

    fn keys(&self) -> Done<Keys> {
        let bytes = files::read(&self.folder.join(KEYS), KEYS_BYTES_MAX).map_err(Stop::fault("open a candidate"))?;
        parsed(&bytes)
    }
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Done<T> {
    serde_json::from_slice(bytes).map_err(|_| Stop::Fault(Fault::new("open a candidate", "its keys can't be read")))
}

fn write_note(path: &Path, bytes: &[u8]) -> Done<()> {
    files::write(path, bytes).map_err(Stop::fault("keep a note"))
}

fn key(text: &str) -> Done<Key> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key)
        .map_err(|_| Stop::Fault(Fault::new("open a candidate", "a key can't be read")))?;
    Ok(key)
}
