//! Finds the stretches of a string that are the same in memory and in JSON.

/// How many bytes from the start need neither escaping nor decoding: up to a quote, a backslash or a control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut length = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        // A byte is zero in `x` where the test holds; the classic "has a zero byte" expression finds the first one exactly.
        let has_zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    length + bytes[length..].iter().take_while(|&&byte| byte != b'"' && byte != b'\\' && byte >= 0x20).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_runs_end_at_the_first_special_byte_wherever_it_stands() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for position in 0..40 {
                let mut bytes = vec![b'\x7f'; 48];
                bytes[position] = special;
                bytes[position + 5] = b'"';
                assert_eq!(plain_length(&bytes), position);
            }
        }
        assert_eq!(
            plain_length("é€😀 no special byte in any of these".as_bytes()),
            "é€😀 no special byte in any of these".len()
        );
    }
}
