//! The rules, read from their files and applied to a text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;

use super::names::{Names, RawNames, RawValues};

/// Most rules there can be.
const MOST: usize = WORDS * 64;

/// How many words a set of rules takes.
const WORDS: usize = 8;

/// Fewest bytes of a text that holds a secret beside what gives it away; most texts have fewer.
const SHORTEST: usize = 10;

/// Most bytes of a compiled expression.
const SIZE_LIMIT: usize = 64 << 20;

/// All rules, behind the words that a text has to hold before any of them is tried.
pub(super) struct RuleSet {
    pub(super) version: u32,
    pub(super) names: Names,
    keywords: AhoCorasick,
    /// The rules of each keyword.
    by_keyword: Vec<Vec<usize>>,
    rules: Vec<Rule>,
    /// What is no secret under any rule of others.
    placeholders: Allow,
}

struct Rule {
    id: String,
    expression: Expression,
    group: usize,
    entropy: f64,
    allow: Vec<Allow>,
    /// Whether it is one of the rules of others, which share what they allow.
    is_foreign: bool,
    /// Whether it is for texts only, not for a name and its value.
    is_text_only: bool,
}

/// An expression that is compiled when it is first needed: most are never.
pub(super) struct Expression {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

struct Allow {
    target: Target,
    expressions: Vec<Expression>,
    stop_words: StopWords,
}

/// Words that are in no secret, looked for together once they are needed.
struct StopWords {
    words: Vec<String>,
    automaton: OnceLock<Option<AhoCorasick>>,
}

/// What an allowed expression is matched with.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

#[derive(Deserialize)]
struct RawFile {
    #[serde(default)]
    allowlist: RawAllow,
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScan {
    version: u32,
    adapt: Vec<RawAdapt>,
    left_out: BTreeMap<String, String>,
    text_only: RawTextOnly,
    allow: BTreeMap<String, Vec<String>>,
    rules: Vec<RawRule>,
    names: RawNames,
    values: RawValues,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdapt {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTextOnly {
    rules: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    #[serde(rename = "description")]
    _description: String,
    regex: String,
    keywords: Vec<String>,
    #[serde(default)]
    entropy: f64,
    #[serde(default, rename = "secretGroup")]
    group: usize,
    #[serde(default)]
    allowlists: Vec<RawAllow>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    #[serde(default, rename = "regexTarget")]
    target: Target,
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default, rename = "stopwords")]
    stop_words: Vec<String>,
}

impl RuleSet {
    /// Reads the rules of others and our own file.
    pub(super) fn read(foreign: &str, own: &str) -> Result<Self, String> {
        let foreign: RawFile = toml::from_str(foreign).map_err(|error| error.to_string())?;
        let own: RawScan = toml::from_str(own).map_err(|error| error.to_string())?;
        let ids: BTreeSet<&str> = foreign.rules.iter().chain(&own.rules).map(|rule| rule.id.as_str()).collect();
        let named = own.left_out.keys().chain(own.allow.keys()).chain(&own.text_only.rules);
        if let Some(unknown) = named.into_iter().find(|id| !ids.contains(id.as_str())) {
            return Err(format!("scan.toml names the rule {unknown}, which there is not"));
        }
        if ids.len() < foreign.rules.len() + own.rules.len() {
            return Err("two rules have one id".to_owned());
        }
        let foreign_rules = foreign.rules.into_iter().filter(|rule| !own.left_out.contains_key(&rule.id));
        let raw: Vec<(RawRule, bool)> =
            foreign_rules.map(|rule| (rule, true)).chain(own.rules.into_iter().map(|rule| (rule, false))).collect();
        if raw.len() > MOST {
            return Err(format!("there are {} rules, more than {MOST}", raw.len()));
        }
        let mut rules = Vec::new();
        let mut by_word: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, (rule, is_foreign)) in raw.into_iter().enumerate() {
            if rule.keywords.is_empty() {
                return Err(format!("the rule {} has no keywords", rule.id));
            }
            for word in &rule.keywords {
                by_word.entry(word.to_ascii_lowercase()).or_default().push(index);
            }
            let expression = own.adapt.iter().fold(rule.regex, |text, adapt| text.replace(&adapt.from, &adapt.to));
            let mut allow: Vec<Allow> = rule.allowlists.into_iter().map(Allow::of).collect();
            if let Some(regexes) = own.allow.get(&rule.id) {
                allow.push(Allow::of(RawAllow { regexes: regexes.clone(), ..RawAllow::default() }));
            }
            let is_text_only = own.text_only.rules.contains(&rule.id);
            let (id, group, entropy) = (rule.id, rule.group, rule.entropy);
            rules.push(Rule {
                id,
                expression: Expression::new(expression),
                group,
                entropy,
                allow,
                is_foreign,
                is_text_only,
            });
        }
        Ok(Self {
            version: own.version,
            names: Names::of(own.names, own.values),
            keywords: automaton(by_word.keys()).map_err(|error| error.to_string())?,
            by_keyword: by_word.into_values().collect(),
            rules,
            placeholders: Allow::of(foreign.allowlist),
        })
    }

    /// The rule by which a text holds a secret.
    pub(super) fn find(&self, text: &str) -> Option<&str> {
        if text.len() < SHORTEST || is_uuid(text) {
            return None;
        }
        self.first(&self.candidates(text)?, text, |_| true)
    }

    /// The rule by which a value is a secret beside a name that a rule knows.
    pub(super) fn find_beside(&self, name: &str, value: &str) -> Option<&str> {
        self.first(&self.candidates(name)?, &format!("{name} = {value}"), |rule| !rule.is_text_only)
    }

    /// The rules one of whose keywords is in a text, as bits.
    fn candidates(&self, text: &str) -> Option<[u64; WORDS]> {
        let mut all = self.keywords.find_overlapping_iter(text).peekable();
        all.peek()?;
        let mut candidates = [0; WORDS];
        for found in all {
            for rule in &self.by_keyword[found.pattern().as_usize()] {
                candidates[rule / 64] |= 1 << (rule % 64);
            }
        }
        Some(candidates)
    }

    fn first(&self, candidates: &[u64; WORDS], text: &str, takes: impl Fn(&Rule) -> bool) -> Option<&str> {
        for (index, word) in candidates.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let rule = &self.rules[index * 64 + left.trailing_zeros() as usize];
                left &= left - 1;
                if takes(rule) && self.holds(rule, text) {
                    return Some(&rule.id);
                }
            }
        }
        None
    }

    fn holds(&self, rule: &Rule, text: &str) -> bool {
        // An expression that cannot be compiled hides too much rather than too little; the tests compile all of them.
        let Some(expression) = rule.expression.get() else { return true };
        expression.captures_iter(text.as_bytes()).any(|found| {
            let secret = rule.secret(&found);
            let is_allowed = |allow: &Allow| allow.allows(secret, &found[0], text.as_bytes());
            (rule.entropy <= 0.0 || entropy(secret) > rule.entropy)
                && !(rule.is_foreign && is_allowed(&self.placeholders))
                && !rule.allow.iter().any(is_allowed)
        })
    }

    /// Every expression that cannot be compiled, with its rule.
    #[cfg(test)]
    pub(super) fn broken(&self) -> Vec<(&str, &str)> {
        let all = self.rules.iter().flat_map(|rule| {
            let allowed = rule.allow.iter().flat_map(|allow| &allow.expressions);
            std::iter::once(&rule.expression).chain(allowed).map(|expression| (rule.id.as_str(), expression))
        });
        let shared = self.placeholders.expressions.iter().map(|expression| ("allowlist", expression));
        let templates = self.names.templates.iter().map(|expression| ("templates", expression));
        let broken = all.chain(shared).chain(templates).filter(|(_, expression)| expression.get().is_none());
        broken.map(|(id, expression)| (id, expression.text.as_str())).collect()
    }
}

impl Rule {
    /// The secret in what was found: the group that the rule names, else the first that took part, else all of it.
    fn secret<'t>(&self, found: &Captures<'t>) -> &'t [u8] {
        let named = if self.group > 0 { found.get(self.group) } else { None };
        let first = || found.iter().skip(1).flatten().find(|group| !group.is_empty());
        named.or_else(first).or_else(|| found.get(0)).map_or(&[], |group| group.as_bytes())
    }
}

impl Expression {
    pub(super) fn new(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    pub(super) fn get(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.text).unicode(false).size_limit(SIZE_LIMIT).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl Allow {
    fn of(raw: RawAllow) -> Self {
        let stop_words = StopWords { words: raw.stop_words, automaton: OnceLock::new() };
        Self { target: raw.target, expressions: raw.regexes.into_iter().map(Expression::new).collect(), stop_words }
    }

    fn allows(&self, secret: &[u8], found: &[u8], text: &[u8]) -> bool {
        let target = match self.target {
            Target::Secret => secret,
            Target::Match => found,
            Target::Line => text,
        };
        let is_match = |expression: &Expression| expression.get().is_some_and(|regex| regex.is_match(target));
        self.stop_words.are_in(secret) || self.expressions.iter().any(is_match)
    }
}

impl StopWords {
    fn are_in(&self, secret: &[u8]) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let automaton = self.automaton.get_or_init(|| automaton(self.words.iter()).ok());
        automaton.as_ref().is_some_and(|automaton| automaton.is_match(secret))
    }
}

fn automaton<W: AsRef<[u8]>>(words: impl Iterator<Item = W>) -> Result<AhoCorasick, BuildError> {
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(words)
}

/// Whether a text is an id, which most texts are.
fn is_uuid(text: &str) -> bool {
    let is_at_its_place = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_at_its_place)
}

/// Shannon's entropy, in bits for each byte.
#[allow(clippy::cast_precision_loss, reason = "a text has fewer bytes than a double counts exactly")]
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let share = |count: &usize| *count as f64 / text.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}
