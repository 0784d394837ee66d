//! What is wrong with a configuration file, and where.

use std::fmt;

/// Everything that is wrong with a configuration file, in order of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The problems; at least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as its user names it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1, where the file is not TOML.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub nearest: Option<String>,
}

/// A problem whose place is still a byte offset.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) offset: usize,
    pub(super) kind: ObjectionKind,
    pub(super) message: String,
    pub(super) nearest: Option<String>,
}

/// What an objection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectionKind {
    /// The text is not TOML.
    Syntax,
    /// The text says something that is no setting.
    Content,
}

impl Objection {
    pub(super) fn new(offset: usize, message: String) -> Self {
        Self { offset, kind: ObjectionKind::Content, message, nearest: None }
    }

    pub(super) fn with_nearest(self, nearest: Option<String>) -> Self {
        Self { nearest, ..self }
    }
}

impl ConfigError {
    pub(super) fn new(file: &str, text: &str, mut objections: Vec<Objection>) -> Self {
        objections.sort_by_key(|objection| objection.offset);
        let problems = objections.into_iter().map(|objection| Problem::new(file, text, objection)).collect();
        Self { problems }
    }
}

impl Problem {
    fn new(file: &str, text: &str, objection: Objection) -> Self {
        let before = text.get(..objection.offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = (objection.kind == ObjectionKind::Syntax).then(|| 1 + before[line_start..].chars().count());
        Self {
            file: file.to_owned(),
            line: 1 + before.matches('\n').count(),
            column,
            message: objection.message,
            nearest: objection.nearest,
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}
