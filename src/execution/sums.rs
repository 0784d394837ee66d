//! The sums that digits of some kinds carry, which tell them from other digits.

/// The sum of a kind by its name; `None` for a name that is none.
pub(super) fn sum(name: &str) -> Option<fn(&str) -> bool> {
    match name {
        "luhn" => Some(luhn),
        "mod-97" => Some(mod_97),
        "dni" => Some(dni),
        "nir" => Some(nir),
        _ => None,
    }
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// The sum of ISO/IEC 7812, over 13 to 19 digits that are not all the same.
fn luhn(text: &str) -> bool {
    let all: Vec<u32> = digits(text).collect();
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let of = |(place, digit): (usize, &u32)| if place % 2 == 1 { doubled(*digit) } else { *digit };
    let total: u32 = all.iter().rev().enumerate().map(of).sum();
    (13..=19).contains(&all.len()) && all.iter().any(|digit| *digit != all[0]) && total.is_multiple_of(10)
}

/// The sum of ISO 7064 as an account number of ISO 13616 has it.
fn mod_97(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let Some((head, tail)) = plain.split_at_checked(4) else { return false };
    let rest = tail.chars().chain(head.chars()).filter_map(|c| c.to_digit(36));
    let step = |rest: u32, value: u32| (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    (15..=34).contains(&plain.len()) && rest.fold(0, step) == 1
}

/// The letter of a Spanish number.
fn dni(text: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let Some((number, letter)) = plain.split_at_checked(8) else { return false };
    let number = number.replacen('X', "0", 1).replacen('Y', "1", 1).replacen('Z', "2", 1);
    let place = number.parse::<usize>().ok().map(|number| number % LETTERS.len());
    place.is_some_and(|place| letter.as_bytes() == &LETTERS[place..=place])
}

/// The last two digits of a French number.
fn nir(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    let Some((number, control)) = plain.split_at_checked(13) else { return false };
    let (number, control) = (number.parse::<u64>(), control.parse::<u64>());
    matches!((number, control), (Ok(number), Ok(control)) if 97 - number % 97 == control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sum_tells_its_numbers_from_others() {
        for (name, good, bad) in [
            ("luhn", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("luhn", "378282246310005", "378282246310006"),
            ("luhn", "6011-1111-1111-1117", "0000000000000000"),
            ("mod-97", "DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
            ("mod-97", "GB82WEST12345698765432", "GB82"),
            ("dni", "12345678Z", "12345678A"),
            ("dni", "X1234567-L", "X1234567T"),
            ("nir", "2 55 08 14 168 025 38", "255081416802539"),
        ] {
            let sum = sum(name).unwrap_or(|_| false);
            assert_eq!((sum(good), sum(bad)), (true, false), "{name} {good} {bad}");
        }
        assert!(sum("crc").is_none());
    }
}
