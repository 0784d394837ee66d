//! Names of members that speak for their values.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::rules::Expression;
use crate::model::Object;

/// Fewest characters of a secret beside its name.
const SHORTEST: usize = 4;

/// Most letters of a word that says which secret is used, not what it is.
const LONGEST_WORD: usize = 24;

/// Most characters between two slashes of a path; what is longer may be a key in Base64.
const LONGEST_STEP: usize = 20;

/// What the names around a value say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::canonical) enum Hint {
    /// Nothing.
    #[default]
    None,
    /// It is a secret, or says which one is used.
    Vague,
    /// It is a key or a token.
    Key,
    /// It is a password.
    Password,
}

/// What names and values mean.
pub(super) struct Names {
    words: RawNames,
    plain: BTreeSet<String>,
    schemes: Vec<String>,
    pub(super) templates: Vec<Expression>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNames {
    password: Vec<String>,
    password_words: BTreeSet<String>,
    key: Vec<String>,
    vague: Vec<String>,
    neutral: BTreeSet<String>,
    about: BTreeSet<String>,
    pair_names: Vec<String>,
    pair_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawValues {
    plain: BTreeSet<String>,
    schemes: Vec<String>,
    templates: Vec<String>,
}

/// What one name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It holds something of this kind.
    Holds(Hint),
    /// It is about what is named above it.
    About,
}

impl Names {
    pub(super) fn of(names: RawNames, values: RawValues) -> Self {
        let templates = values.templates.into_iter().map(Expression::new).collect();
        Self { words: names, plain: values.plain, schemes: values.schemes, templates }
    }

    /// What is said of the values below a member; only a name that the schema leaves open says something by itself.
    pub(super) fn below(&self, name: &str, is_open: bool, above: Hint) -> Hint {
        match self.meaning(name) {
            Meaning::About => Hint::None,
            Meaning::Holds(hint) if is_open => hint.max(above),
            Meaning::Holds(_) => above,
        }
    }

    /// The value of a pair of name and value, and what the name says of it.
    pub(super) fn pair_in(&self, object: &Object<'_>) -> Option<(Hint, String)> {
        let value = self.words.pair_values.iter().find(|name| object.get(name).is_some())?;
        let name = self.words.pair_names.iter().find_map(|name| object.get(name)?.as_str())?;
        match self.meaning(name) {
            Meaning::Holds(hint) if hint > Hint::None => Some((hint, value.clone())),
            _ => None,
        }
    }

    /// Whether the value of a pair is among names of members.
    pub(super) fn is_pair<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        names.any(|name| self.words.pair_values.iter().any(|value| value == name))
    }

    /// Whether a value is a secret, given what the names around it say.
    pub(super) fn is_secret(&self, value: &str, hint: Hint) -> bool {
        if hint == Hint::None || self.is_plain(value) {
            return false;
        }
        let rest = self.without_templates(value.trim());
        let has_digits_only = rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_punctuation());
        let has_upper_only = rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if longest_run(&rest) < SHORTEST || has_upper_only {
            return false;
        }
        let is_key = !has_digits_only && !is_address(&rest);
        match hint {
            Hint::None => false,
            Hint::Password => true,
            Hint::Key => is_key,
            Hint::Vague => is_key && !is_word(&rest) && !is_id(&rest) && !is_mail_address(&rest),
        }
    }

    fn meaning(&self, name: &str) -> Meaning {
        let mut words = words_of(name);
        let is_bare =
            |word: &String| word.bytes().all(|byte| byte.is_ascii_digit()) || self.words.neutral.contains(word);
        while words.last().is_some_and(is_bare) {
            words.pop();
        }
        let Some(last) = words.last() else { return Meaning::Holds(Hint::None) };
        if self.words.about.contains(last) {
            return Meaning::About;
        }
        let joined = words.concat();
        let one = joined.strip_suffix('s').unwrap_or(&joined);
        let ends = |list: &[String]| list.iter().any(|end| joined.ends_with(end) || one.ends_with(end));
        let hint = if ends(&self.words.password) || self.words.password_words.contains(last) {
            Hint::Password
        } else if ends(&self.words.key) {
            Hint::Key
        } else if ends(&self.words.vague) {
            Hint::Vague
        } else {
            Hint::None
        };
        Meaning::Holds(hint)
    }

    fn is_plain(&self, value: &str) -> bool {
        let is_letter = |c: &char| !matches!(c, '_' | '-' | ' ');
        // Longer values are not looked up.
        let word: String = value.chars().filter(is_letter).take(32).collect();
        self.plain.contains(&word.to_ascii_lowercase())
    }

    /// What is left of a value without what is filled in later and without the scheme of a header.
    fn without_templates(&self, value: &str) -> String {
        let templates = self.templates.iter().filter_map(Expression::get);
        let rest = templates.fold(value.as_bytes().to_vec(), |rest, template| template.replace_all(&rest, b" ").into());
        let rest = String::from_utf8_lossy(&rest);
        let rest = rest.trim();
        let scheme = self.schemes.iter().find(|scheme| {
            rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                && rest[scheme.len()..].chars().next().is_none_or(char::is_whitespace)
        });
        scheme.map_or(rest, |scheme| rest[scheme.len()..].trim()).to_owned()
    }
}

/// The words of a name, in small letters: `trunk_sipPassword-1` has four.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let is_hump = c.is_uppercase()
            && (before.is_lowercase() || before.is_uppercase() && rest.peek().is_some_and(|next| next.is_lowercase()));
        let is_number = c.is_ascii_digit() != before.is_ascii_digit();
        if !c.is_alphanumeric() || is_hump || is_number {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The longest stretch of a text without spaces, brackets and the like.
fn longest_run(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | '<' | '>' | '*' | '•' | '…');
    text.split(ends).map(|run| run.chars().count()).max().unwrap_or(0)
}

fn is_word(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_joined = text.contains(['_', '-', ' ', '.']);
    text.chars().all(|c| c.is_alphabetic() || matches!(c, '_' | '-' | ' ' | '.'))
        && (is_joined || letters <= LONGEST_WORD)
}

/// Whether a text is a URL without a query, or a path.
fn is_address(text: &str) -> bool {
    let is_step = |step: &str| step.len() <= LONGEST_STEP && !step.contains(['+', '=']);
    let is_path = || text.starts_with('/') && text.matches('/').count() > 1 && text.split('/').all(is_step);
    text.contains("://") && !text.contains('?') || is_path()
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn is_mail_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && !user.contains([':', ' ']) && host.contains('.') && !host.contains([':', ' ', '@'])
    })
}
