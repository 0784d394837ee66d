//! Path templates such as `/api/v2/routing/queues/{queueId}/members`, and the best of several for a path.

use super::query::decode;

/// A path with placeholders for whole segments.
#[derive(Clone, Debug)]
pub(super) struct PathTemplate(Vec<Segment>);

#[derive(Clone, Debug)]
enum Segment {
    Literal(String),
    Placeholder(String),
}

/// The value of each placeholder, in order.
pub(super) type Placeholders = Vec<(String, String)>;

impl PathTemplate {
    pub(super) fn new(template: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Placeholder(name.to_owned()),
            None => Segment::Literal(text.to_owned()),
        };
        Self(template.split('/').map(segment).collect())
    }

    /// What stands in the place of the placeholders of a path; `None` where the path is another one.
    pub(super) fn matches(&self, path: &str) -> Option<Placeholders> {
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

/// Of several things with a template those that fit a path best, which is with the fewest placeholders.
pub(super) fn best<'t, T>(things: &'t [(PathTemplate, T)], path: &str) -> Vec<(&'t T, Placeholders)> {
    let fitting = things.iter().filter_map(|(template, thing)| Some((thing, template.matches(path)?)));
    let mut fitting: Vec<(&T, Placeholders)> = fitting.collect();
    let fewest = fitting.iter().map(|(_, placeholders)| placeholders.len()).min();
    fitting.retain(|(_, placeholders)| Some(placeholders.len()) == fewest);
    fitting
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_literal_path_is_better_than_a_placeholder() {
        let templates = ["/a/{id}", "/a/me", "/a/{id}/b", "/a/{other}"].map(|text| (PathTemplate::new(text), text));
        let chosen = |path| {
            let best = best(&templates, path).into_iter();
            best.map(|(text, placeholders)| (*text, placeholders)).collect::<Vec<_>>()
        };
        let value = |name: &str| vec![(name.to_owned(), "x:y".to_owned())];
        assert_eq!(chosen("/a/me"), [("/a/me", vec![])]);
        assert_eq!(chosen("/a/x%3Ay"), [("/a/{id}", value("id")), ("/a/{other}", value("other"))]);
        assert_eq!(chosen("/a/1/b")[0].0, "/a/{id}/b");
        for none in ["/a", "/a/", "/a/1/c", "/a/1/b/"] {
            assert!(chosen(none).is_empty(), "{none}");
        }
    }
}
