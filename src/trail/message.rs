//! The parts of a commit message.

/// A commit message, taken apart.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) trailers: Vec<(String, String)>,
}

/// The trailers of a commit message, in order.
#[must_use]
pub fn trailers_of(message: &str) -> Vec<(String, String)> {
    Message::parse(message).trailers
}

impl Message {
    /// Reads the first paragraph as subject, the last as trailers if each of its lines is one, the rest as body.
    pub(super) fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
        let subject_end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
        let (subject, rest) = lines.split_at(subject_end);
        let last_start = rest.iter().rposition(|line| line.is_empty()).map_or(0, |blank| blank + 1);
        let (before, last) = rest.split_at(last_start);
        let (body, trailers) = match parse_trailers(last) {
            Some(trailers) => (before, trailers),
            None => (rest, Vec::new()),
        };
        Self { subject: subject.join(" "), body: body.join("\n").trim().to_owned(), trailers }
    }
}

/// Reads `Key: value` lines, where an indented line continues the one before; `None` if any line is neither.
fn parse_trailers(lines: &[&str]) -> Option<Vec<(String, String)>> {
    let mut trailers: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            let (_, value) = trailers.last_mut()?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        let (key, value) = line.split_once(':')?;
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if key.is_empty() || !key.chars().all(is_key) {
            return None;
        }
        trailers.push((key.to_owned(), value.trim().to_owned()));
    }
    Some(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn subject_body_and_trailers_are_told_apart() {
        let message = Message::parse(
            "high: two queues changed\n\nSupport EN\nSupport DE\n\nMore.\n\nOrgtrail-Run: 7\nGenesys-Actor: Ann\n Lee\n",
        );
        assert_eq!(message.subject, "high: two queues changed");
        assert_eq!(message.body, "Support EN\nSupport DE\n\nMore.");
        assert_eq!(message.trailers, [pair("Orgtrail-Run", "7"), pair("Genesys-Actor", "Ann Lee")]);
    }

    #[test]
    fn a_subject_alone_is_never_a_trailer() {
        let message = Message::parse("fix: the queue\n");
        assert_eq!(message.subject, "fix: the queue");
        assert_eq!(message.body, "");
        assert_eq!(message.trailers, []);
    }

    #[test]
    fn a_last_paragraph_with_a_line_of_prose_is_body() {
        let message = Message::parse("subject\n\nSee-also: this\nand that");
        assert_eq!(message.body, "See-also: this\nand that");
        assert_eq!(message.trailers, []);
    }

    #[test]
    fn trailers_may_follow_the_subject_directly() {
        let message = Message::parse("subject\n\nOrgtrail-Kind: baseline");
        assert_eq!(message.body, "");
        assert_eq!(message.trailers, [pair("Orgtrail-Kind", "baseline")]);
    }

    #[test]
    fn an_empty_message_has_empty_parts() {
        assert_eq!(Message::parse("\n"), Message::default());
    }
}
