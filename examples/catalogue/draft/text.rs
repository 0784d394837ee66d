//! TOML as the domain files are written.

/// The longest line.
const WIDTH: usize = 120;

/// `name = […]`, on one line where it fits.
pub(crate) fn list<T: AsRef<str>>(name: &str, values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{:?}", value.as_ref())).collect();
    let line = format!("{name} = [{}]\n", values.join(", "));
    if line.len() <= WIDTH { line } else { format!("{name} = [\n  {},\n]\n", values.join(",\n  ")) }
}

/// `name = { … }`.
pub(crate) fn inline<'v>(name: &str, values: impl IntoIterator<Item = (&'v String, &'v String)>) -> String {
    format!("{name} = {}\n", braces(values))
}

/// `{ … }`.
pub(crate) fn braces<'v>(values: impl IntoIterator<Item = (&'v String, &'v String)>) -> String {
    let pairs: Vec<String> = values.into_iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}
