//! Names of people and plain words, all made up, for whatever needs a text.

use std::sync::LazyLock;

use serde::Deserialize;

use super::rng::Rng;
use crate::catalogue::embedded_file;

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let text = embedded_file("sim/names.json").unwrap_or_default();
    let nothing = || Names { first: vec!["Some".into()], last: vec!["Body".into()], words: vec!["word".into()] };
    serde_json::from_str(text).unwrap_or_else(|_| nothing())
});

#[derive(Deserialize)]
struct Names {
    first: Vec<String>,
    last: Vec<String>,
    words: Vec<String>,
}

/// The first and last name of the person of a number. The two lists have lengths without a common divisor, so many go by before
/// two people have one name.
pub(super) fn person(number: usize) -> (&'static str, &'static str) {
    let names = &*NAMES;
    (&names.first[number % names.first.len()], &names.last[number % names.last.len()])
}

/// Any word.
pub(super) fn word(rng: &mut Rng) -> &'static str {
    rng.pick(&NAMES.words).map_or("word", String::as_str)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn thousands_of_people_have_different_names() {
        let names: BTreeSet<(&str, &str)> = (1..=3000).map(person).collect();
        assert_eq!(names.len(), 3000);
    }
}
