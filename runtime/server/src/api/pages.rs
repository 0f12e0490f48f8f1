//! Lists, a page at a time.

use serde::Deserialize;
use sluice_domain::refusal::Code;
use utoipa::IntoParams;

use super::types::Page;
use crate::node::{Done, Stop};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items, 1 to 500; 100 where it is left out.
    pub limit: Option<usize>,
    /// What the page before gave as `next`.
    pub cursor: Option<String>,
}

/// The page of `items` that is asked for; `name` gives what tells one item from the others.
///
/// # Errors
/// A limit out of range, or a cursor that no page gave.
pub fn page<T>(items: Vec<T>, paging: &Paging, name: impl Fn(&T) -> &str) -> Done<Page<T>> {
    let limit = paging.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Stop::with(Code::Malformed, "a limit is between 1 and 500"));
    }
    let from = match &paging.cursor {
        None => 0,
        Some(cursor) => match items.iter().position(|item| name(item) == cursor) {
            Some(position) => position + 1,
            None => return Err(Stop::with(Code::Malformed, "no page gave that cursor")),
        },
    };
    let more = items.len() > from.saturating_add(limit);
    let items: Vec<T> = items.into_iter().skip(from).take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| name(last).to_owned());
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_to_the_list() {
        let all: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let paging = Paging { limit: Some(3), cursor };
            let page = page(all.clone(), &paging, String::as_str).expect("each cursor was given");
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_limit_or_a_cursor_of_ones_own_is_refused() {
        for paging in [
            Paging { limit: Some(0), cursor: None },
            Paging { limit: Some(501), cursor: None },
            Paging { limit: None, cursor: Some("x".to_owned()) },
        ] {
            assert!(page(vec!["a".to_owned()], &paging, String::as_str).is_err());
        }
    }
}
