//! What is in the filesets of connections: the certificate of the authority that signs a server's.

use crate::archives::{self, ArchiveError, Packed};

/// The largest fileset, unpacked.
pub(crate) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Names that the certificate of an authority is given, best first.
const NAMES: [&str; 8] = [
    "ca.pem",
    "ca-cert.pem",
    "ca.crt",
    "ca-bundle.pem",
    "server-ca.pem",
    "root.crt",
    "root.pem",
    "ca.cer",
];

/// The certificate of the authority in a fileset, as PEM; nothing where it has none.
///
/// # Errors
/// When it is no archive of plain files.
pub(crate) fn authority(fileset: &[u8]) -> Result<Option<Vec<u8>>, ArchiveError> {
    let files = archives::unpack(fileset, MAX_BYTES)?;
    let is_certificate = |file: &&Packed| {
        let text = std::str::from_utf8(&file.bytes).unwrap_or_default();
        text.contains("-----BEGIN CERTIFICATE-----")
    };
    let mut certificates: Vec<&Packed> = files.iter().filter(is_certificate).collect();
    let place = |file: &&Packed| {
        let name = file.name().to_ascii_lowercase();
        NAMES.iter().position(|known| *known == name)
    };
    certificates.sort_by_key(|file| place(file).unwrap_or(NAMES.len()));
    Ok(match &certificates[..] {
        [file] => Some(file.bytes.clone()),
        [file, ..] if place(file).is_some() => Some(file.bytes.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn the_authority_is_found_by_its_name_or_as_the_only_one() {
        for (names, expected) in [
            (
                &["certs/CA.pem", "client-cert.pem"][..],
                Some("certs/CA.pem"),
            ),
            (
                &["client-cert.pem", "server-ca.pem", "ca.pem"],
                Some("ca.pem"),
            ),
            (&["trust.pem"], Some("trust.pem")),
            (&["one.pem", "two.pem"], None),
            (&[], None),
        ] {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            let mut add = |name: &str, text: String| {
                zip.start_file(name, SimpleFileOptions::default()).unwrap();
                zip.write_all(text.as_bytes()).unwrap();
            };
            add("client-key.pem", "a key".to_owned());
            for name in names {
                add(name, format!("-----BEGIN CERTIFICATE-----\n{name}"));
            }
            let found = authority(&zip.finish().unwrap().into_inner()).unwrap();
            let expected = expected.map(|name| format!("-----BEGIN CERTIFICATE-----\n{name}"));
            assert_eq!(found, expected.map(String::into_bytes), "{names:?}");
        }
    }
}
