//! One value of the file, read as what its setting has to be.

use std::ops::RangeInclusive;
use std::time::Duration;

use globset::{Glob, GlobMatcher};
use toml::Spanned;
use toml::de::DeValue;

use super::Signatures;
use super::domain_globs::{DomainGlobError, DomainGlobs, domain_glob};
use super::places::allowance;
use super::problem::Objection;
use super::settings::Setting;
use crate::audit::Exclusion;
use crate::canonical::Allowance;
use crate::catalogue::{Catalogue, Tier, kind_of};
use crate::genesys::{Region, RegionError};
use crate::model::nearest;

/// The units of a length of time, in seconds.
const TIME_UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

/// A length of time as it is written in settings and on the command line: `90s`, `15m`, `2h`, `1d`.
#[must_use]
pub fn time(text: &str) -> Option<Duration> {
    let seconds = TIME_UNITS.iter().find_map(|(unit, seconds)| {
        let count = text.strip_suffix(*unit)?.parse::<u64>().ok()?;
        count.checked_mul(*seconds)
    });
    seconds.map(Duration::from_secs)
}

/// A value with what is needed to judge it.
pub(super) struct Entry<'e, 't> {
    pub(super) setting: &'static Setting,
    pub(super) value: &'e Spanned<DeValue<'t>>,
    pub(super) catalogue: &'e Catalogue,
}

/// A value, or everything that is wrong with it.
pub(super) type Reading<T> = Result<T, Vec<Objection>>;

impl<'t> Entry<'_, 't> {
    /// A text that may not be empty.
    pub(super) fn text(&self) -> Reading<String> {
        self.optional_text()?.ok_or_else(|| vec![self.unfit("a text that is not empty", "\"\"")])
    }

    /// A text; the empty one leaves the setting open.
    pub(super) fn optional_text(&self) -> Reading<Option<String>> {
        let text = self.string("a string")?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The name or domain of a region; the empty text leaves the setting open.
    pub(super) fn region(&self) -> Reading<Option<Region>> {
        let Some(given) = self.optional_text()? else { return Ok(None) };
        Region::parse(&given).map(Some).map_err(|error| {
            let nearest = if let RegionError::UnknownRegion { nearest, .. } = &error { nearest.clone() } else { None };
            vec![self.objection(self.value, &error.to_string()).with_nearest(nearest)]
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Reading<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.wrong_kind("true or false")),
        }
    }

    /// A number within a range.
    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Reading<f64> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let (number, literal) = match self.value.get_ref() {
            DeValue::Float(float) => (float.as_str().parse().ok(), float.to_string()),
            DeValue::Integer(integer) => (integer.as_str().parse().ok(), integer.to_string()),
            _ => return Err(self.wrong_kind(&expected)),
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| vec![self.unfit(&expected, &literal)])
    }

    /// A whole number within a range.
    pub(super) fn whole_number(&self, range: RangeInclusive<usize>) -> Reading<usize> {
        let expected = match *range.end() {
            usize::MAX => format!("a whole number, {} or more", range.start()),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        let DeValue::Integer(integer) = self.value.get_ref() else { return Err(self.wrong_kind(&expected)) };
        let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.filter(|number| range.contains(number)).ok_or_else(|| vec![self.unfit(&expected, &integer.to_string())])
    }

    /// A tier, by its word.
    pub(super) fn tier(&self) -> Reading<Tier> {
        let expected = r#""standard", "deep" or "content""#;
        let word = self.string(expected)?;
        Tier::ALL.into_iter().find(|tier| tier.as_str() == word).ok_or_else(|| {
            let nearest = nearest(word, Tier::ALL.map(Tier::as_str)).map(str::to_owned);
            vec![self.unfit(expected, &format!("{word:?}")).with_nearest(nearest)]
        })
    }

    /// Whose commits have to be signed, by the word for it.
    pub(super) fn signatures(&self) -> Reading<Signatures> {
        let expected = r#""none" or "tool""#;
        let word = self.string(expected)?;
        Signatures::ALL.into_iter().find(|whose| whose.as_str() == word).ok_or_else(|| {
            let nearest = nearest(word, Signatures::ALL.map(Signatures::as_str)).map(str::to_owned);
            vec![self.unfit(expected, &format!("{word:?}")).with_nearest(nearest)]
        })
    }

    /// A length of time above zero, such as `24h`.
    pub(super) fn duration(&self) -> Reading<Duration> {
        self.time(r#"a time above zero such as "90m", "24h" or "7d""#, 1)
    }

    /// A length of time, also none at all.
    pub(super) fn duration_or_none(&self) -> Reading<Duration> {
        self.time(r#"a time such as "0s", "60s" or "2m""#, 0)
    }

    fn time(&self, expected: &str, least: u64) -> Reading<Duration> {
        let given = self.string(expected)?;
        let time = time(given).filter(|time| time.as_secs() >= least);
        time.ok_or_else(|| vec![self.unfit(expected, &format!("{given:?}"))])
    }

    /// A list of globs.
    pub(super) fn globs(&self) -> Reading<Vec<GlobMatcher>> {
        self.list(|element, pattern| match Glob::new(pattern) {
            Ok(glob) => Ok(glob.compile_matcher()),
            Err(error) => Err(self.objection(element, &format!("{pattern:?} is not a glob: {}", error.kind()))),
        })
    }

    /// A list of globs over names of domains, each of which has to match one.
    pub(super) fn domains(&self) -> Reading<DomainGlobs> {
        let globs = self.list(|element, pattern| {
            domain_glob(pattern, self.catalogue).map_err(|error| {
                let nearest = match &error {
                    DomainGlobError::NoDomain { nearest, .. } => nearest.as_ref().map(ToString::to_string),
                    DomainGlobError::Syntax { .. } => None,
                };
                self.objection(element, &error.to_string()).with_nearest(nearest)
            })
        })?;
        Ok(DomainGlobs::of(globs))
    }

    /// A list of places whose values may stay in clear.
    pub(super) fn places(&self) -> Reading<Vec<Allowance>> {
        self.list(|element, text| {
            allowance(text, self.catalogue)
                .map_err(|error| self.objection(element, &error.to_string()).with_nearest(error.nearest()))
        })
    }

    /// A list of tables, each with the `entity` that is left alone and the `reason`.
    pub(super) fn exclusions(&self) -> Reading<Vec<Exclusion>> {
        let expected = "a list of tables with the keys entity and reason";
        let Some(elements) = self.value.get_ref().as_array() else { return Err(self.wrong_kind(expected)) };
        let mut taken = Vec::new();
        let mut objections = Vec::new();
        for element in &**elements {
            let table = element.get_ref().as_table();
            let text = |key: &str| table.and_then(|table| table.get(key)).and_then(|value| value.get_ref().as_str());
            let is_known = |table: &toml::de::DeTable<'_>| {
                table.keys().all(|key| matches!(key.get_ref().as_ref(), "entity" | "reason"))
            };
            let read = match (table.filter(|table| is_known(table)), text("entity"), text("reason")) {
                (Some(_), Some(entity), Some(reason)) => Exclusion::new(entity, reason),
                _ => Err(format!("expected {expected}")),
            };
            match read {
                Ok(exclusion) => taken.push(exclusion),
                Err(complaint) => objections.push(self.objection(element, &complaint)),
            }
        }
        if objections.is_empty() { Ok(taken) } else { Err(objections) }
    }

    /// A list of strings, each of which is taken or objected to on its own.
    fn list<T>(&self, take: impl Fn(&Spanned<DeValue<'t>>, &str) -> Result<T, Objection>) -> Reading<Vec<T>> {
        let expected = "a list of strings";
        let Some(elements) = self.value.get_ref().as_array() else { return Err(self.wrong_kind(expected)) };
        let mut taken = Vec::new();
        let mut objections = Vec::new();
        for element in &**elements {
            let one = element.get_ref().as_str().map_or_else(
                || Err(self.objection(element, &format!("{expected} cannot hold {}", kind_of(element.get_ref())))),
                |text| take(element, text),
            );
            match one {
                Ok(one) => taken.push(one),
                Err(objection) => objections.push(objection),
            }
        }
        if objections.is_empty() { Ok(taken) } else { Err(objections) }
    }

    fn string(&self, expected: &str) -> Reading<&str> {
        self.value.get_ref().as_str().ok_or_else(|| self.wrong_kind(expected))
    }

    fn wrong_kind(&self, expected: &str) -> Vec<Objection> {
        vec![self.unfit(expected, kind_of(self.value.get_ref()))]
    }

    fn unfit(&self, expected: &str, found: &str) -> Objection {
        let message = format!("{} must be {expected}, not {found}", self.setting);
        Objection::new(self.value.span().start, message)
    }

    fn objection(&self, at: &Spanned<DeValue<'t>>, complaint: &str) -> Objection {
        Objection::new(at.span().start, format!("{}: {complaint}", self.setting))
    }
}
