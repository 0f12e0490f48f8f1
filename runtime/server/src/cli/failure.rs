//! How a command can fail, and the exit code that tells scripts which.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | it went well |
//! | 1 | the answer is no: a verification failed, a module doesn't build |
//! | 2 | the command can't be carried out as it was typed |
//! | 3 | the node refused |
//! | 4 | the node can't be reached |
//! | 5 | the node, or this program, failed: our fault |

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use sluice_server::api::types::Problem;

use super::say;

/// What each exit code means, for `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 ok; 1 the answer is no (a verification failed); 2 usage; 3 refused by the \
node; 4 node unreachable; 5 our fault.";

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// A verification failed, or something that was asked for doesn't hold.
    Negative(String),
    /// The command can't be carried out as it was typed: a file that isn't there, arguments that don't fit.
    Usage(String),
    /// The node refused, on static grounds.
    Refused(Box<Problem>),
    /// No node answers.
    Unreachable(String),
    /// The node or this program failed.
    Fault(String),
}

/// What a command comes to.
pub type Answer<T = ()> = Result<T, Failure>;

impl Failure {
    /// A file that can't be read or written.
    pub fn file(what: &str, path: &Path, error: &impl Display) -> Failure {
        Failure::Usage(format!("failed to {what} {}: {error}", path.display()))
    }

    /// From what the node answered instead of a result.
    pub fn problem(problem: Problem) -> Failure {
        if problem.code == "fault" || problem.status >= 500 && problem.status != 503 {
            let incident = problem.incident.map(|id| format!(" The node's log has it as {id}.")).unwrap_or_default();
            return Failure::Fault(format!("{}{incident}", problem.title));
        }
        Failure::Refused(Box::new(problem))
    }

    /// The refusal's code, where the node refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Failure::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// In words: for a refusal its sentence, its detail and its code.
    pub fn text(&self) -> String {
        match self {
            Failure::Negative(text) | Failure::Usage(text) | Failure::Unreachable(text) | Failure::Fault(text) => {
                text.clone()
            }
            Failure::Refused(problem) => match &problem.detail {
                Some(detail) => format!("{}: {detail} [{}]", problem.title.trim_end_matches('.'), problem.code),
                None => format!("{} [{}]", problem.title, problem.code),
            },
        }
    }

    /// Says it on stderr and returns the exit code.
    pub fn report(&self) -> ExitCode {
        let (name, code) = match self {
            Failure::Negative(_) => ("", 1),
            Failure::Usage(_) => ("usage: ", 2),
            Failure::Refused(_) => ("refused: ", 3),
            Failure::Unreachable(_) => ("unreachable: ", 4),
            Failure::Fault(_) => ("fault: ", 5),
        };
        say::note(format_args!("{name}{}", say::plain(&self.text())));
        ExitCode::from(code)
    }
}
