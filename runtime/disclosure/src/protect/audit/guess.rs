//! Solvers, which guess. Nothing that they say makes a target safe: integers check every guess.
//!
//! # Guarantees
//! No clock: microlp is given a limit of branches, and problems of limited size. A solver that fails says so.
//!
//! # Does not guarantee
//! That a guess fits, or that "impossible" is true; the worst that a wrong answer does is to call a safe target unsafe.
//!
//! Source: microlp 0.7, a simplex in floating point with branch and bound.

#![allow(clippy::float_arithmetic, reason = "floats are only guesses here; integers check them")]

use microlp::{ComparisonOp, Error, OptimizationDirection, Problem, SolveOptions, Variable};

use super::Limit;
use super::model::Model;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// The highest goal in real numbers.
    Relaxed,
    /// Whole numbers that reach the need, in so many branches.
    Enough(u64),
    /// The highest goal in whole numbers, in so many branches.
    Most(u64),
}

/// What the solver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Values of the variables that may fit.
    Guesses(Vec<Vec<i64>>),
    /// Nothing reaches the need.
    Impossible,
    /// It doesn't know.
    Failed(Limit),
}

/// Something that guesses.
pub(super) trait Solver {
    /// Guesses a solution.
    fn solve(&self, model: &Model, ask: Ask) -> Answer;
}

/// The solver that is used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Microlp;

impl Solver for Microlp {
    fn solve(&self, model: &Model, ask: Ask) -> Answer {
        let (problem, variables) = problem(model, ask);
        let mut options = SolveOptions::default();
        if let Ask::Enough(nodes) | Ask::Most(nodes) = ask {
            options.node_limit = Some(nodes);
        }
        let solution = match problem.solve_with(options) {
            Ok(outcome) => match outcome.into_solution() {
                Ok(solution) => solution,
                Err(_) => return Answer::Failed(Limit::Nodes),
            },
            Err(Error::Infeasible) => return Answer::Impossible,
            Err(_) => return Answer::Failed(Limit::Solver),
        };
        let short = |need: i64| solution.objective() < need as f64 - 1e-4;
        if ask == Ask::Relaxed && model.need.is_some_and(short) {
            return Answer::Impossible;
        }
        let values: Vec<f64> = variables.iter().map(|variable| solution.var_value(*variable)).collect();
        Answer::Guesses(guesses(&values))
    }
}

fn problem(model: &Model, ask: Ask) -> (Problem, Vec<Variable>) {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let mut weights = vec![0.0; model.bounds.len()];
    if !matches!(ask, Ask::Enough(_)) {
        for (place, coefficient) in &model.goal {
            if let Some(weight) = weights.get_mut(*place) {
                *weight = f64::from(*coefficient);
            }
        }
    }
    let add = |((lower, upper), weight): (&(i32, i32), f64)| match ask {
        Ask::Relaxed => problem.add_var(weight, (f64::from(*lower), f64::from(*upper))),
        _ => problem.add_integer_var(weight, (*lower, *upper)),
    };
    let variables: Vec<Variable> = model.bounds.iter().zip(weights).map(add).collect();
    let terms = |row: &[(usize, i32)]| -> Vec<(Variable, f64)> {
        row.iter().filter_map(|(place, c)| Some((*variables.get(*place)?, f64::from(*c)))).collect()
    };
    for row in &model.rows {
        problem.add_constraint(terms(row), ComparisonOp::Eq, 0.0);
    }
    if let (Some(need), Ask::Enough(_)) = (model.need, ask) {
        problem.add_constraint(terms(&model.goal), ComparisonOp::Ge, need as f64);
    }
    (problem, variables)
}

/// The values, rounded; and small multiples of them that are whole, which are moves even where the values aren't.
fn guesses(values: &[f64]) -> Vec<Vec<i64>> {
    let rounded = |factor: f64| values.iter().map(|value| (value * factor).round() as i64).collect();
    let whole = |factor: &f64| values.iter().all(|value| (value * factor - (value * factor).round()).abs() < 1e-5);
    let mut guesses = vec![rounded(1.0)];
    guesses.extend([2.0, 3.0, 4.0, 5.0, 6.0].into_iter().find(|factor| whole(factor)).map(rounded));
    guesses
}
