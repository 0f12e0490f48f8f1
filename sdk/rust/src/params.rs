//! The job's parameters, as the operator gave them.

/// Names and values, in the order of the job. They are read in `describe` only; what `map` needs of them goes through
/// the contract's constants.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// From pairs, for the bindings and for tests.
    pub fn new<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An integer within bounds, or the default where the operator gave none.
    ///
    /// # Errors
    /// A sentence for the operator where the value is no integer or is out of bounds.
    pub fn integer(&self, name: &str, default: i64, bounds: core::ops::RangeInclusive<i64>) -> Result<i64, String> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        match text.trim().parse() {
            Ok(value) if bounds.contains(&value) => Ok(value),
            _ => {
                Err([name, " must be an integer from ", &bounds.start().to_string(), " to ", &bounds.end().to_string()]
                    .concat())
            }
        }
    }

    /// Checks that there are no other parameters than these, so that a misspelt name isn't silently a default.
    ///
    /// # Errors
    /// A sentence that names the first unknown parameter.
    pub fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(["there is no parameter ", name, "; known: ", &known.join(", ")].concat()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Params;

    #[test]
    fn integers_have_defaults_and_bounds() {
        let params = Params::new([("late", "20"), ("odd", "x")]);
        assert_eq!(params.integer("late", 15, 0..=60), Ok(20));
        assert_eq!(params.integer("absent", 15, 0..=60), Ok(15));
        assert_eq!(params.integer("late", 15, 0..=9), Err("late must be an integer from 0 to 9".into()));
        assert!(params.integer("odd", 15, 0..=60).is_err());
    }

    #[test]
    fn unknown_names_are_told() {
        let params = Params::new([("lat", "20")]);
        assert_eq!(params.only(&["late"]), Err("there is no parameter lat; known: late".into()));
        assert_eq!(params.only(&["lat"]), Ok(()));
    }
}
