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

/// Of several things with a template the one that fits a path best: with the fewest placeholders.
pub(super) fn best<'t, T>(things: &'t [(PathTemplate, T)], path: &str) -> Option<(&'t T, Placeholders)> {
    let fitting = things.iter().filter_map(|(template, thing)| Some((thing, template.matches(path)?)));
    fitting.min_by_key(|(_, placeholders)| placeholders.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_literal_path_is_better_than_a_placeholder() {
        let templates = ["/a/{id}", "/a/me", "/a/{id}/b"].map(|text| (PathTemplate::new(text), text));
        let chosen = |path| best(&templates, path).map(|(text, placeholders)| (*text, placeholders));
        assert_eq!(chosen("/a/me").unwrap(), ("/a/me", vec![]));
        assert_eq!(chosen("/a/x%3Ay").unwrap(), ("/a/{id}", vec![("id".to_owned(), "x:y".to_owned())]));
        assert_eq!(chosen("/a/1/b").unwrap().0, "/a/{id}/b");
        for none in ["/a", "/a/", "/a/1/c", "/a/1/b/"] {
            assert!(chosen(none).is_none(), "{none}");
        }
    }
}
