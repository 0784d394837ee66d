//! What is wrong with the files of a domain, and where.

/// A domain file that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}{}: {problem}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct CatalogueProblem {
    /// The file, as its user names it.
    pub file: String,
    /// The line, counted from 1; absent where the file as such is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

/// A problem whose place is still a byte offset.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) offset: usize,
    pub(super) problem: String,
}

impl Objection {
    pub(super) fn new(offset: usize, problem: impl Into<String>) -> Self {
        Self { offset, problem: problem.into() }
    }

    /// The problem at its line of a file.
    pub(super) fn in_file(self, file: &str, text: &str) -> CatalogueProblem {
        CatalogueProblem { file: file.to_owned(), line: Some(line_at(text, self.offset)), problem: self.problem }
    }
}

/// The line of a text that an offset lies in, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// A question that names what was probably meant, or nothing.
pub(super) fn meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default()
}
