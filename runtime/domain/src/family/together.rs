//! What families of one dataset have to have in common: they are protected together.

use std::collections::BTreeSet;

use super::{CELLS_DEEP_MAX, CELLS_MAX, FamilyTerms};
use crate::dataset::Dataset;
use crate::method::Method;
use crate::refusal::{Code, Refusal};

/// Whether the tables of these families can be protected together, as far as their sizes tell.
///
/// # Errors
/// How many cells there would be, and how many there may be.
pub fn check_together<'a>(
    dataset: &Dataset,
    families: impl IntoIterator<Item = &'a FamilyTerms>,
) -> Result<(), Refusal> {
    let (mut cells, mut dimensions) = (0_u64, BTreeSet::new());
    for family in families {
        cells = cells.saturating_add(family.cells(dataset));
        let bottom = |name: &str| dataset.dictionary.finest(name).map(|column| column.name.clone());
        dimensions.extend(family.finest().filter_map(bottom));
    }
    let most = if dimensions.len() > 2 { CELLS_DEEP_MAX } else { CELLS_MAX };
    if cells <= most {
        return Ok(());
    }
    let text = format!("{cells} cells would be published, and at most {most} can be protected together");
    let what = "take coarser levels, or leave out dimensions or margins";
    Err(Refusal::with(Code::Malformed, format!("{text} over {} dimensions: {what}", dimensions.len())))
}

/// The method of these families, which are those of a dataset that aren't withdrawn: suppression if there are none.
///
/// # Errors
/// Two methods.
pub fn method_together<'a>(families: impl IntoIterator<Item = &'a FamilyTerms>) -> Result<Method, Refusal> {
    let mut families = families.into_iter();
    let Some(first) = families.next() else { return Ok(Method::suppress()) };
    match families.find(|family| family.method != first.method) {
        None => Ok(first.method),
        Some(other) => Err(Refusal::with(
            Code::Malformed,
            format!(
                "`{}` and `{}` name two methods: a cell that is in tables of several families has one value, so all \
                 families of a dataset are protected by the same method; withdraw those of the other",
                first.name, other.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, method: Option<&str>) -> FamilyTerms {
        let mut terms = serde_json::json!({ "dataset": "town", "name": name, "title": "People", "dimensions": [] });
        if let (Some(method), Some(fields)) = (method, terms.as_object_mut()) {
            fields.insert("method".to_owned(), method.into());
        }
        serde_json::from_value(terms).expect("they are terms")
    }

    #[test]
    fn families_of_one_dataset_have_one_method() {
        let (plain, rounded) = (named("plain", None), named("rounded", Some("controlled_rounding")));
        assert_eq!(method_together([]), Ok(Method::Suppress));
        assert_eq!(method_together([&plain, &named("same", Some("suppress"))]), Ok(Method::Suppress));
        assert_eq!(method_together([&rounded]), Ok(Method::ControlledRounding));
        let refused = method_together([&rounded, &rounded, &plain]).expect_err("two methods");
        let detail = refused.detail.expect("it says why");
        assert!(detail.starts_with("`rounded` and `plain` name two methods"), "{detail}");
    }

    #[test]
    fn a_family_that_names_no_method_is_suppressed_and_is_written_as_before() {
        let plain = named("plain", None);
        assert_eq!(plain.method, Method::Suppress);
        let written = serde_json::to_string(&plain).expect("it serialises");
        assert!(!written.contains("method"), "{written}");
        let rounded = serde_json::to_value(named("rounded", Some("controlled_rounding"))).expect("it serialises");
        assert_eq!(rounded["method"], "controlled_rounding");
    }
}
