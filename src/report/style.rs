//! Colour, or none.

use anstyle::{AnsiColor, Style as Ansi};

use crate::model::Severity;

/// Whether a text for people has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape sequence at all.
    Plain,
    /// Colours of the terminal's own palette.
    Colour,
}

impl Style {
    /// What is beside the point: ids, rules.
    pub(super) fn dimmed(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    /// What came.
    pub(super) fn added(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What went.
    pub(super) fn removed(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// What a reader looks for.
    pub(super) fn heading(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// A severity as a tag.
    pub(super) fn level(self, severity: Severity) -> String {
        let colour = match severity {
            Severity::Critical => AnsiColor::Magenta,
            Severity::High => AnsiColor::Red,
            Severity::Medium => AnsiColor::Yellow,
            Severity::Low => AnsiColor::Blue,
        };
        self.paint(colour.on_default().bold(), &severity.as_str().to_uppercase())
    }

    fn paint(self, ansi: Ansi, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("{ansi}{text}{ansi:#}"),
        }
    }
}
