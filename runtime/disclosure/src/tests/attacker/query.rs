//! What can be asked at a desk, and what it can answer.

/// A column of the town's register. A city lies in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Region,
    City,
    Age,
    Sex,
    /// A quasi-identifier: a date of birth.
    Birth,
    /// What nobody may learn of a person: 0 or 1.
    Ill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// How many people.
    Subjects,
    /// The sum of their incomes.
    Income,
}

/// What the operator's program does to one person's income.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tweak {
    AsIs,
    Twice(u32),
    Replaced(u32, i128),
}

/// A table: of the people whose codes are among the allowed, without those excluded, grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) filter: Vec<(Column, Vec<u32>)>,
    pub(crate) exclude: Vec<u32>,
    pub(crate) by: Vec<Column>,
    pub(crate) measure: Measure,
    pub(crate) tweak: Tweak,
}

impl Query {
    /// One figure over everybody.
    pub(crate) fn of(measure: Measure) -> Query {
        Query { filter: Vec::new(), exclude: Vec::new(), by: Vec::new(), measure, tweak: Tweak::AsIs }
    }

    /// How many people are ill.
    pub(crate) fn ill() -> Query {
        Query::of(Measure::Subjects).only(Column::Ill, [1])
    }

    pub(crate) fn only(mut self, column: Column, codes: impl IntoIterator<Item = u32>) -> Query {
        self.filter.push((column, codes.into_iter().collect()));
        self
    }

    pub(crate) fn without(mut self, subject: u32) -> Query {
        self.exclude.push(subject);
        self
    }

    pub(crate) fn by(mut self, columns: &[Column]) -> Query {
        self.by.extend(columns);
        self
    }

    pub(crate) fn tweaked(mut self, tweak: Tweak) -> Query {
        self.tweak = tweak;
        self
    }

    /// Whether the filter lets a code of a column pass.
    pub(crate) fn allowed(&self, column: Column, code: u32) -> bool {
        self.filter.iter().all(|(filtered, codes)| *filtered != column || codes.contains(&code))
    }
}

/// The rows of a release. A figure that is withheld is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rows: Vec<(Vec<u32>, Option<i128>)>,
    /// 1 if figures are exact.
    pub(crate) base: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Released(Table),
    /// The desk looked at data and didn't release.
    Held,
    /// The desk can tell from the query alone that it doesn't answer it by itself.
    Outside,
}

/// Something that answers by itself. Operators are numbered.
pub(crate) trait Desk {
    fn ask(&mut self, operator: usize, query: &Query) -> Answer;
}
