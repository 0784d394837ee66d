//! The address of a remote, as far as it is a place on this file system.

use std::path::{Path, PathBuf};

/// Returns the path that an address means, or the protocol that it asks for instead.
pub(super) fn local_path(address: &str) -> Result<PathBuf, &str> {
    match address.split_once("://") {
        Some(("file", path)) => Ok(PathBuf::from(percent_decoded(path))),
        Some((scheme, _)) => Err(scheme),
        None if is_ssh_short_form(address) => Err("ssh"),
        None => Ok(PathBuf::from(address)),
    }
}

/// Recognises `host:path` as git does: a colon before any slash, and no such file here.
fn is_ssh_short_form(address: &str) -> bool {
    let Some((host, _)) = address.split_once(':') else {
        return false;
    };
    let is_drive = cfg!(windows) && host.len() == 1;
    !host.contains('/') && !is_drive && !Path::new(address).exists()
}

/// Reads `%20` and the like; a percent sign that begins no such thing stands for itself.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|pair| str::from_utf8(pair).ok());
        let code = digits
            .filter(|pair| first == b'%' && pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_addresses_are_local() {
        for (address, path) in [
            ("/srv/trail.git", "/srv/trail.git"),
            ("../trail.git", "../trail.git"),
            ("./odd:name", "./odd:name"),
            ("file:///srv/my%20trail", "/srv/my trail"),
            ("file:///srv/100%", "/srv/100%"),
        ] {
            assert_eq!(local_path(address), Ok(PathBuf::from(path)), "{address}");
        }
    }

    #[test]
    fn any_other_protocol_is_named() {
        for (address, scheme) in [
            ("https://user:word@host.example/trail.git", "https"),
            ("ssh://host.example/trail.git", "ssh"),
            ("git@host.example:trail.git", "ssh"),
        ] {
            assert_eq!(local_path(address), Err(scheme), "{address}");
        }
    }
}
