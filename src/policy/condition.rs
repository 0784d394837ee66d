//! Conditions of rules, in CEL (<https://cel.dev>).
//!
//! A condition asks for what lies beyond its entity by calling functions. Nothing is looked up before it is asked for: the condition
//! is evaluated with what is known, what it asked for is answered, and so again until it holds or does not. Because `&&`, `||`,
//! `exists` and `all` need no more than what decides them, a question whose answer changes nothing is never put.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::objects::Key;
use cel::{Context, ExecutionError, IdedExpr, Program};

use crate::model::{EntityKey, Value};

/// The name of the function that gives the entity a reference points to.
pub(crate) const TARGET: &str = "target";

/// The variable with how many entities of which domain depend on what changed.
pub(super) const REACH: &str = "reach";

/// Most rounds of questions and answers; a condition that asks for something new each time is one that never ends.
const MOST_ROUNDS: usize = 16;

/// A compiled condition.
pub struct Condition {
    source: String,
    program: Program,
    uses_reach: bool,
}

/// What a condition can speak of.
pub(crate) struct Facts<'f> {
    /// Values by variable name; the absent ones are empty maps or null.
    pub(crate) variables: Vec<(&'static str, Fact<'f>)>,
    /// The functions that it can call, each with one text.
    pub(crate) functions: &'f [&'static str],
    /// What such a call gives, or why that cannot be told.
    pub(crate) answer: &'f dyn Fn(&Call) -> Result<Answer, String>,
}

/// The value of a variable.
pub(crate) enum Fact<'f> {
    /// A JSON value.
    Json(Option<&'f Value<'f>>),
    /// An entity; the empty map where there is none.
    Entity(Option<&'f Value<'f>>),
    /// A text.
    Text(&'f str),
    /// A truth value.
    Flag(bool),
    /// How many there are of what.
    Counts(&'f BTreeMap<String, u64>),
}

/// A call of a function in a condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    /// The function.
    pub(crate) function: &'static str,
    /// What it was called with.
    pub(crate) argument: String,
}

/// What a call gives; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Answer(cel::Value);

/// Why a condition neither holds nor does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undecided {
    /// What it asked for cannot be told, for these reasons.
    Untold(BTreeSet<String>),
    /// It makes no sense of what it was given.
    Mistaken(String),
}

impl std::fmt::Display for Undecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Untold(reasons) => f.write_str(&reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; ")),
            Self::Mistaken(problem) => f.write_str(problem),
        }
    }
}

impl Answer {
    /// An entity; the empty map where there is none.
    pub(crate) fn entity(value: Option<&Value<'_>>) -> Self {
        Self(value.map_or_else(empty, to_cel))
    }

    /// An entity by its key, which is its member `key`.
    pub(crate) fn keyed(key: &EntityKey, value: &Value<'_>) -> Self {
        Self(with_key(key, value))
    }

    /// A list of entities by their keys, likewise.
    pub(crate) fn entities<'v>(values: impl IntoIterator<Item = (&'v EntityKey, Value<'v>)>) -> Self {
        Self(cel::Value::from(values.into_iter().map(|(key, value)| with_key(key, &value)).collect::<Vec<_>>()))
    }

    /// A truth value.
    pub(crate) fn flag(flag: bool) -> Self {
        Self(cel::Value::Bool(flag))
    }

    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(cel::Value::from(text.into()))
    }
}

/// What was asked for and what came back.
#[derive(Default)]
struct Talk {
    answers: BTreeMap<Call, Result<Answer, String>>,
    open: BTreeSet<Call>,
    untold: BTreeSet<String>,
}

impl Condition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// What the parser says.
    pub fn compile(source: &str) -> Result<Self, String> {
        let program = Program::compile(source).map_err(|errors| errors.to_string())?;
        let uses_reach = program.references().has_variable(REACH);
        Ok(Self { source: source.to_owned(), program, uses_reach })
    }

    /// The text of the condition.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it asks how much depends on what changed.
    #[must_use]
    pub(super) fn uses_reach(&self) -> bool {
        self.uses_reach
    }

    /// The texts that the condition calls functions with, each with the name of the function.
    #[must_use]
    pub(super) fn literal_calls(&self) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        literal_calls(self.program.expression(), &mut found);
        found
    }

    /// Whether the condition holds, and what it called to find out.
    ///
    /// # Errors
    /// Why it could not be decided.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Result<(bool, BTreeSet<Call>), Undecided> {
        let talk = Arc::new(Mutex::new(Talk::default()));
        let mistaken = |problem: String| Undecided::Mistaken(problem);
        let mut context = Context::default();
        for (name, fact) in &facts.variables {
            let value = match fact {
                Fact::Json(value) => value.map_or(cel::Value::Null, to_cel),
                Fact::Entity(value) => value.map_or_else(empty, to_cel),
                Fact::Text(text) => cel::Value::from(*text),
                Fact::Flag(flag) => cel::Value::Bool(*flag),
                Fact::Counts(counts) => {
                    let counted = |(name, count): (&String, &u64)| {
                        (Key::from(name.as_str()), cel::Value::Int(i64::try_from(*count).unwrap_or(i64::MAX)))
                    };
                    cel::Value::from(counts.iter().map(counted).collect::<HashMap<_, _>>())
                }
            };
            context.add_variable_from_value(*name, value);
        }
        for &function in facts.functions {
            let talk = Arc::clone(&talk);
            let called = move |argument: Arc<String>| ask(&talk, Call { function, argument: argument.to_string() });
            context.add_function(function, called).map_err(|error| mistaken(error.to_string()))?;
        }
        for _ in 0..MOST_ROUNDS {
            let outcome = self.program.execute(&context);
            let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
            let (open, untold) = (std::mem::take(&mut talk.open), std::mem::take(&mut talk.untold));
            match outcome {
                Ok(cel::Value::Bool(holds)) => {
                    let answers = std::mem::take(&mut talk.answers);
                    let told = answers.into_iter().filter(|(_, answer)| answer.is_ok()).map(|(call, _)| call);
                    return Ok((holds, told.collect()));
                }
                Ok(other) => return Err(mistaken(format!("it gives {}, not true or false", other.type_of()))),
                Err(_) if !open.is_empty() => {
                    for call in open {
                        let answer = (facts.answer)(&call);
                        talk.answers.insert(call, answer);
                    }
                }
                Err(_) if !untold.is_empty() => return Err(Undecided::Untold(untold)),
                Err(error) => return Err(mistaken(error.to_string())),
            }
        }
        Err(mistaken(format!("it asks for something new more than {MOST_ROUNDS} times")))
    }
}

/// The answer to a call, where it is known; else it is noted that it is asked for.
fn ask(talk: &Mutex<Talk>, call: Call) -> Result<cel::Value, ExecutionError> {
    let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
    let function = call.function;
    match talk.answers.get(&call).cloned() {
        Some(Ok(Answer(value))) => Ok(value),
        Some(Err(reason)) => {
            talk.untold.insert(reason.clone());
            Err(ExecutionError::function_error(function, reason))
        }
        None => {
            talk.open.insert(call);
            Err(ExecutionError::function_error(function, "it is not yet known"))
        }
    }
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

fn literal_calls<'e>(expression: &'e IdedExpr, found: &mut Vec<(&'e str, &'e str)>) {
    let mut below: Vec<&IdedExpr> = Vec::new();
    match &expression.expr {
        Expr::Call(call) => {
            if let [IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }] = call.args.as_slice()
                && call.target.is_none()
            {
                found.push((&call.func_name, text.inner()));
            }
            below.extend(call.target.as_deref());
            below.extend(&call.args);
        }
        Expr::Comprehension(inner) => {
            below.extend([&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result]);
        }
        Expr::List(list) => below.extend(&list.elements),
        Expr::Select(select) => below.push(&select.operand),
        Expr::Map(map) => below.extend(map.entries.iter().flat_map(|entry| entry_parts(&entry.expr))),
        Expr::Struct(made) => below.extend(made.entries.iter().flat_map(|entry| entry_parts(&entry.expr))),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
    for part in below {
        literal_calls(part, found);
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

fn empty() -> cel::Value {
    cel::Value::from(HashMap::<Key, cel::Value>::new())
}

/// An entity with its key, which is no part of the stored form.
fn with_key(key: &EntityKey, value: &Value<'_>) -> cel::Value {
    let members = value.as_object().into_iter().flat_map(crate::model::Object::iter);
    let members = members.map(|(name, value)| (Key::from(name), to_cel(value)));
    cel::Value::from(members.chain([(Key::from("key"), cel::Value::from(key.as_str()))]).collect::<HashMap<_, _>>())
}

/// A JSON value as CEL sees it; a number beyond 64 bits becomes a double, which is enough to compare it.
fn to_cel(value: &Value<'_>) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match number.as_str().parse() {
            Ok(integer) => cel::Value::Int(integer),
            Err(_) => cel::Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_ref()),
        Value::Array(items) => cel::Value::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Object(object) => {
            let members: HashMap<Key, cel::Value> =
                object.iter().map(|(name, value)| (Key::from(name), to_cel(value))).collect();
            cel::Value::from(members)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Whether a condition holds where `yes` and `no` are known and nothing else is, and what it put to whoever answers.
    fn decided(source: &str) -> (Result<bool, Undecided>, Vec<String>) {
        let asked = RefCell::new(Vec::new());
        let answer = |call: &Call| {
            asked.borrow_mut().push(call.argument.clone());
            match call.argument.as_str() {
                "yes" => Ok(Answer::flag(true)),
                "no" => Ok(Answer::flag(false)),
                other => Err(format!("{other} is not captured")),
            }
        };
        let facts = Facts { variables: vec![("name", Fact::Text("A"))], functions: &["is"], answer: &answer };
        let held = Condition::compile(source).unwrap().holds(&facts).map(|(holds, _)| holds);
        (held, asked.into_inner())
    }

    #[test]
    fn what_decides_alone_leaves_the_rest_unasked() {
        let asked = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(decided("name == 'A' || is('yes')"), (Ok(true), asked(&[])));
        assert_eq!(decided("is('yes') && name == 'B'"), (Ok(false), asked(&[])));
        assert_eq!(decided("is('yes') && is('yes')"), (Ok(true), asked(&["yes"])));
        assert_eq!(decided("['yes', 'no'].exists(n, is(n))"), (Ok(true), asked(&["no", "yes"])));
    }

    #[test]
    fn what_cannot_be_told_is_neither_true_nor_false() {
        let untold = |names: &[&str]| {
            Err(Undecided::Untold(names.iter().map(|name| format!("{name} is not captured")).collect()))
        };
        assert_eq!(decided("is('x')").0, untold(&["x"]));
        assert_eq!(decided("!is('x')").0, untold(&["x"]));
        assert_eq!(decided("is('x') || is('yes')").0, Ok(true));
        assert_eq!(decided("is('yes') || is('x')").0, Ok(true));
        assert_eq!(decided("is('x') || is('no')").0, untold(&["x"]));
        assert_eq!(decided("is('x') && is('no')").0, Ok(false));
        assert_eq!(decided("['x', 'y'].exists(n, is(n))").0, untold(&["x", "y"]));
    }

    #[test]
    fn a_mistake_is_told_as_one() {
        let mistaken = |source: &str| matches!(decided(source).0, Err(Undecided::Mistaken(_)));
        assert!(mistaken("name.missing == 1") && mistaken("name") && mistaken("is(1)") && mistaken("unknown('x')"));
    }

    #[test]
    fn calls_with_a_text_are_found_wherever_they_stand() {
        let source =
            "[1].exists(x, is('a')) && {'k': is('b')}['k'] && [is('c')][0] && !is('d') && name.startsWith('e')";
        let condition = Condition::compile(source).unwrap();
        let found: BTreeSet<&str> = condition.literal_calls().into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, ["a", "b", "c", "d"].into());
    }
}
