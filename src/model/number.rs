//! JSON numbers that lose nothing: one decimal value, one text.
//!
//! A number is written as RFC 8785 asks (the shortest print of the nearest double) wherever that text has the same decimal
//! value. A fraction of at most 17 significant digits within the range of a double is taken for the print of a double and
//! written in the RFC's form as well. Every other number keeps all its digits: an integer as plain digits, a fraction without
//! trailing zeros. The form depends on the value alone, never on how the literal was spelled, so `1E2`, `100.0` and `100` are
//! the same number.

use std::borrow::Cow;

/// Most digits that a number may need when written without an exponent; beyond it the literal is refused.
const MAX_PLAIN_DIGITS: i64 = 4096;

/// Most significant digits that the print of a double can have.
const DOUBLE_DIGITS: usize = 17;

/// A JSON number in its one canonical text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number<'a>(Cow<'a, str>);

/// Why a literal is not a number that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text does not follow the JSON grammar (RFC 8259, section 6).
    #[error("not a JSON number")]
    Syntax,
    /// Writing the value without an exponent would need too many digits.
    #[error("a number of more than {MAX_PLAIN_DIGITS} digits")]
    TooLong,
}

impl<'a> Number<'a> {
    /// Reads a JSON number literal.
    ///
    /// # Errors
    /// [`NumberError::Syntax`] for text that RFC 8259 does not call a number, [`NumberError::TooLong`] for a value whose plain
    /// form would pass 4,096 digits.
    pub fn parse(literal: &'a str) -> Result<Self, NumberError> {
        if is_short_integer(literal.as_bytes()) {
            return Ok(Self(Cow::Borrowed(literal)));
        }
        if let Some((whole, fraction)) = literal.split_once('.')
            && is_short_integer(whole.as_bytes())
            && !fraction.is_empty()
            && fraction.bytes().all(|digit| digit == b'0')
        {
            return Ok(Self(Cow::Borrowed(whole)));
        }
        let decimal = Decimal::parse(literal)?;
        let text = decimal.canonical()?;
        Ok(Self(if text == literal { Cow::Borrowed(literal) } else { Cow::Owned(text) }))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the value is an integer.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        Decimal::parse(&self.0).is_ok_and(|decimal| decimal.is_integer())
    }

    /// Detaches the number from the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> Number<'static> {
        Number(Cow::Owned(self.0.into_owned()))
    }
}

impl From<u64> for Number<'static> {
    fn from(value: u64) -> Self {
        // Below 10^21 the RFC writes an integer as plain digits, and so do we.
        Self(Cow::Owned(value.to_string()))
    }
}

/// Whether a literal is already canonical because a double holds every integer of its length.
fn is_short_integer(literal: &[u8]) -> bool {
    let digits = literal.strip_prefix(b"-").unwrap_or(literal);
    match digits {
        [b'0'] => literal.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < 15 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A decimal value: `±digits × 10^exponent`, `digits` without leading or trailing zeros, empty for zero.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(literal: &str) -> Result<Self, NumberError> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return Err(NumberError::Syntax),
            None => (mantissa, ""),
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(NumberError::Syntax);
        }
        let all = [whole, fraction].concat();
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, exponent: 0 });
        }
        let dropped = all.len() - all.trim_end_matches('0').len();
        let exponent = exponent.saturating_sub(length(fraction.len())).saturating_add(length(dropped));
        Ok(Self { negative, digits, exponent })
    }

    fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    fn canonical(&self) -> Result<String, NumberError> {
        if self.digits.is_empty() {
            return Ok("0".to_owned());
        }
        let sign = if self.negative { "-" } else { "" };
        let scientific = format!("{sign}{}e{}", self.digits, self.exponent);
        let nearest: f64 = scientific.parse().unwrap_or(f64::INFINITY);
        if nearest.is_finite() && nearest != 0.0 {
            let rfc = ryu_js::Buffer::new().format_finite(nearest).to_owned();
            let is_double_print = !self.is_integer() && self.digits.len() <= DOUBLE_DIGITS;
            if is_double_print || Self::parse(&rfc)? == *self {
                return Ok(rfc);
            }
        }
        self.plain()
    }

    /// All digits, without an exponent.
    fn plain(&self) -> Result<String, NumberError> {
        let point = length(self.digits.len()).saturating_add(self.exponent);
        let width = point.max(length(self.digits.len())).max(self.exponent.saturating_neg());
        if width > MAX_PLAIN_DIGITS {
            return Err(NumberError::TooLong);
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        let sign = if self.negative { "-" } else { "" };
        Ok(if self.exponent >= 0 {
            format!("{sign}{}{}", self.digits, zeros(self.exponent))
        } else if point <= 0 {
            format!("{sign}0.{}{}", zeros(-point), self.digits)
        } else {
            let (whole, fraction) = self.digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        })
    }
}

/// An exponent clamped to a range that no kept number reaches, so that sums with it cannot overflow.
fn parse_exponent(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if !is_digits(digits) {
        return Err(NumberError::Syntax);
    }
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Ok(if negative { -magnitude } else { magnitude })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(literal: &str) -> String {
        Number::parse(literal).unwrap().as_str().to_owned()
    }

    #[test]
    fn the_rfc_8785_samples_have_the_form_of_the_rfc() {
        // RFC 8785, appendix B: IEEE 754 bits and the text they must have.
        let samples: [(u64, &str); 22] = [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        ];
        for (bits, expected) in samples {
            let double = f64::from_bits(bits);
            assert_eq!(canonical(&format!("{double:e}")), expected);
            assert_eq!(canonical(expected), expected, "the form of the RFC must read back as itself");
        }
    }

    #[test]
    fn what_a_double_cannot_hold_keeps_its_digits() {
        for (literal, expected) in [
            ("9007199254740993", "9007199254740993"),
            ("9007199254740993.0", "9007199254740993"),
            ("18446744073709551616", "18446744073709551616"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0.123456789012345678901234567890", "0.12345678901234567890123456789"),
            ("333333333.33333329", "333333333.3333333"),
            ("1E30", "1e+30"),
            ("-0", "0"),
            ("-0.0e7", "0"),
            ("3.0", "3"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000000000000000000000000001", "1e-27"),
            ("1e400", &format!("1{}", "0".repeat(400))),
            ("12e-401", &format!("0.{}12", "0".repeat(399))),
        ] {
            assert_eq!(canonical(literal), expected, "{literal}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for literal in ["", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1 ", "--1", "1.2.3", "١"] {
            assert_eq!(Number::parse(literal), Err(NumberError::Syntax), "{literal}");
        }
        assert_eq!(Number::parse("1e5000"), Err(NumberError::TooLong));
        assert_eq!(Number::parse("1e-99999999999999999999"), Err(NumberError::TooLong));
    }

    proptest! {
        #[test]
        fn one_value_has_one_form(digits in "[1-9][0-9]{0,35}", exponent in -40i64..40, zeros in 0usize..5) {
            let plain = canonical(&format!("{digits}e{exponent}"));
            let padded = canonical(&format!("{digits}{}e{}", "0".repeat(zeros), exponent - i64::try_from(zeros).unwrap()));
            let (head, tail) = digits.split_at(1);
            let tail_or_zero = if tail.is_empty() { "0" } else { tail };
            let shifted = canonical(&format!("{head}.{tail_or_zero}E{}", exponent + i64::try_from(tail.len()).unwrap()));
            prop_assert_eq!(&plain, &padded);
            prop_assert_eq!(&plain, &shifted);
            prop_assert_eq!(canonical(&plain), plain);
        }

        #[test]
        fn every_double_is_written_as_the_rfc_writes_it(double in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            let rfc = serde_json_canonicalizer::to_string(&double).unwrap();
            prop_assert_eq!(canonical(&rfc), rfc);
        }

        #[test]
        fn integers_are_exact(value in any::<i128>()) {
            let text = canonical(&value.to_string());
            let back = Decimal::parse(&text).unwrap();
            prop_assert_eq!(back, Decimal::parse(&value.to_string()).unwrap());
        }
    }
}
