//! The terminal: where data goes, where words go, and how they look.

use std::cell::RefCell;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::DomainCapture;
use crate::model::DomainId;
use crate::report;
use crate::session::{Exit, Failure, Observer};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is said beside the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Problems only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// Each step.
    Verbose,
}

/// The streams of a command.
pub struct Ui {
    output: Option<PathBuf>,
    opened: RefCell<Option<File>>,
    stdout_colour: bool,
    stderr_colour: bool,
    verbosity: Verbosity,
    is_interactive: bool,
    bar: RefCell<Option<ProgressBar>>,
}

impl Ui {
    /// The streams of this process.
    #[must_use]
    pub fn of_process(colour: ColourChoice, verbosity: Verbosity, output: Option<PathBuf>) -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let colour_on = |is_terminal: bool| match colour {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            stdout_colour: output.is_none() && colour_on(stdout.is_terminal()),
            stderr_colour: colour_on(stderr.is_terminal()),
            is_interactive: stderr.is_terminal() && verbosity > Verbosity::Quiet,
            output,
            opened: RefCell::new(None),
            verbosity,
            bar: RefCell::new(None),
        }
    }

    /// How data is shown.
    #[must_use]
    pub fn style(&self) -> report::Style {
        if self.stdout_colour { report::Style::Colour } else { report::Style::Plain }
    }

    /// Writes data: to `--output`, else to stdout. A reader that went away is no failure.
    ///
    /// # Errors
    /// [`Failure`] where the data cannot be written.
    pub fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.pause();
        let written = if let Some(path) = &self.output {
            self.append(path, bytes)
        } else {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        };
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => {
                let place = self
                    .output
                    .as_ref()
                    .map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
                let failure = Failure::new(Exit::Upstream, format!("could not write {place}: {error}"));
                Err(failure.hint("`--output` takes the path of a file in a folder that can be written"))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Appends to the file of `--output`, which is made anew by the first data.
    fn append(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut opened = self.opened.borrow_mut();
        let file = match &mut *opened {
            Some(file) => file,
            None => opened.insert(File::create(path)?),
        };
        file.write_all(bytes)
    }

    /// Says something a person wants to know.
    pub fn say(&self, text: impl AsRef<str>) {
        if self.verbosity > Verbosity::Quiet {
            self.line(text.as_ref());
        }
    }

    /// Says something that nobody should miss.
    pub fn insist(&self, text: impl AsRef<str>) {
        self.line(text.as_ref());
    }

    /// Says why a command failed, and what to do next.
    pub fn fail(&self, failure: &Failure) {
        self.tagged("error", AnsiColor::Red, &failure.message);
        if let Some(hint) = &failure.hint {
            self.tagged("hint", AnsiColor::Cyan, hint);
        }
    }

    /// Shows a bar of so many steps while something takes long; only on a terminal.
    pub fn begin(&self, steps: usize, what: &'static str) {
        if !self.is_interactive {
            return;
        }
        let bar = ProgressBar::with_draw_target(u64::try_from(steps).ok(), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(what);
        *self.bar.borrow_mut() = Some(bar);
    }

    /// Moves the bar one step on.
    pub fn step(&self, what: &str) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.set_message(what.to_owned());
            bar.inc(1);
        }
    }

    /// Takes the bar away.
    pub fn pause(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }

    fn tagged(&self, tag: &str, colour: AnsiColor, text: &str) {
        let style = if self.stderr_colour { Style::new().fg_color(Some(colour.into())).bold() } else { Style::new() };
        self.line(&format!("{style}{tag}{style:#}: {text}"));
    }

    fn line(&self, text: &str) {
        if let Some(bar) = &*self.bar.borrow() {
            bar.suspend(|| write_line(text));
        } else {
            write_line(text);
        }
    }
}

impl Observer for Ui {
    fn begins(&self, domains: usize) {
        self.begin(domains, "capturing");
    }

    fn captured(&self, domain: &DomainId, _capture: &DomainCapture) {
        self.step(domain.as_str());
    }

    fn ends(&self) {
        self.pause();
    }

    fn note(&self, text: &str) {
        self.say(text);
    }

    fn warn(&self, text: &str) {
        self.tagged("warning", AnsiColor::Yellow, text);
    }
}

/// Nothing can be done where stderr itself is gone.
fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
