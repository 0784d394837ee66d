//! Path templates such as `/api/v2/routing/queues/{queueId}/members`, and the best of several for a path.

use std::collections::HashMap;

use super::query::decode;

/// The segments that tell the families of paths apart: `/api/v2/routing`.
const FAMILY_SEGMENTS: usize = 3;

/// A path with placeholders for whole segments.
#[derive(Clone, Debug)]
struct PathTemplate(Vec<Segment>);

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    Placeholder(String),
}

/// The value of each placeholder, in order.
pub(super) type Placeholders = Vec<(String, String)>;

impl PathTemplate {
    fn new(template: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Placeholder(name.to_owned()),
            None => Segment::Literal(text.to_owned()),
        };
        Self(template.split('/').map(segment).collect())
    }

    /// What stands in the place of the placeholders of a path; `None` where the path is another one.
    fn matches(&self, path: &str) -> Option<Placeholders> {
        let mut parts = path.split('/');
        let mut found = Vec::new();
        for segment in &self.0 {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Placeholder(name) if !part.is_empty() => found.push((name.clone(), decode(part))),
                _ => return None,
            }
        }
        parts.next().is_none().then_some(found)
    }
}

/// Things by their template.
#[derive(Debug)]
pub(super) struct Paths<T>(HashMap<String, Vec<(PathTemplate, T)>>);

impl<T> Paths<T> {
    pub(super) fn of(things: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut paths: HashMap<String, Vec<(PathTemplate, T)>> = HashMap::new();
        for (template, thing) in things {
            paths.entry(family(&template).to_owned()).or_default().push((PathTemplate::new(&template), thing));
        }
        Self(paths)
    }

    /// Those that fit a path best, which is with the fewest placeholders.
    pub(super) fn best(&self, path: &str) -> Vec<(&T, Placeholders)> {
        let things = self.0.get(family(path)).into_iter().flatten();
        let fitting = things.filter_map(|(template, thing)| Some((thing, template.matches(path)?)));
        let mut fitting: Vec<(&T, Placeholders)> = fitting.collect();
        let fewest = fitting.iter().map(|(_, placeholders)| placeholders.len()).min();
        fitting.retain(|(_, placeholders)| Some(placeholders.len()) == fewest);
        fitting
    }
}

/// What a path begins with, up to the first word behind the version of the API; no template has a placeholder there.
fn family(path: &str) -> &str {
    path.match_indices('/').nth(FAMILY_SEGMENTS).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_literal_path_is_better_than_a_placeholder() {
        let templates = ["/x/y/a/{id}", "/x/y/a/me", "/x/y/a/{id}/b", "/x/y/a/{other}", "/x/y/c"];
        let paths = Paths::of(templates.map(|text| (text.to_owned(), text)));
        let chosen = |path| {
            let best = paths.best(path).into_iter();
            best.map(|(text, placeholders)| (*text, placeholders)).collect::<Vec<_>>()
        };
        let value = |name: &str| vec![(name.to_owned(), "x:y".to_owned())];
        assert_eq!(chosen("/x/y/a/me"), [("/x/y/a/me", vec![])]);
        assert_eq!(chosen("/x/y/a/x%3Ay"), [("/x/y/a/{id}", value("id")), ("/x/y/a/{other}", value("other"))]);
        assert_eq!(chosen("/x/y/a/1/b")[0].0, "/x/y/a/{id}/b");
        for none in ["/x", "/x/y/a", "/x/y/a/", "/x/y/a/1/c", "/x/y/a/1/b/"] {
            assert!(chosen(none).is_empty(), "{none}");
        }
    }
}
