//! The drivers that are installed: what `odbcinst.ini` lists.
//!
//! The driver manager is not asked: `SQLDriversW` of unixODBC 2.3.14 writes a zero behind the buffer that `odbc-api` 29
//! measures for it, into memory that belongs to somebody else.

use std::path::{Path, PathBuf};

/// A driver that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) name: String,
    pub(super) library: Option<String>,
}

/// The drivers of the user's file, then those of the system's, where unixODBC looks for them. A file that cannot be read
/// lists none.
pub(super) fn installed() -> Vec<Installed> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let system = variable("ODBCSYSINI").unwrap_or_else(|| PathBuf::from("/etc"));
    let name = variable("ODBCINSTINI").unwrap_or_else(|| PathBuf::from("odbcinst.ini"));
    let own = std::env::home_dir().map(|home| home.join(".odbcinst.ini"));
    let mut all: Vec<Installed> = Vec::new();
    for file in own.into_iter().chain([system.join(name)]) {
        for driver in listed(&file) {
            // The user's word on a driver goes before the system's.
            if !all
                .iter()
                .any(|known| known.name.eq_ignore_ascii_case(&driver.name))
            {
                all.push(driver);
            }
        }
    }
    all
}

fn listed(file: &Path) -> Vec<Installed> {
    let bytes = std::fs::read(file).unwrap_or_default();
    drivers(&String::from_utf8_lossy(&bytes))
}

/// Each section is a driver, but for those of the driver manager itself.
fn drivers(text: &str) -> Vec<Installed> {
    let mut drivers: Vec<(Installed, bool)> = Vec::new();
    let mut is_driver = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
        {
            let of_manager = ["ODBC", "ODBC Drivers"];
            is_driver = !of_manager
                .iter()
                .any(|own| own.eq_ignore_ascii_case(name.trim()));
            if is_driver {
                let name = name.trim().to_owned();
                drivers.push((
                    Installed {
                        name,
                        library: None,
                    },
                    false,
                ));
            }
            continue;
        }
        let (Some((key, value)), Some((driver, is_64_bit))) = (
            line.split_once('='),
            drivers.last_mut().filter(|_| is_driver),
        ) else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let says_64_bit = key.eq_ignore_ascii_case("Driver64");
        if !value.is_empty() && (says_64_bit || key.eq_ignore_ascii_case("Driver") && !*is_64_bit) {
            driver.library = Some(value.to_owned());
            *is_64_bit |= says_64_bit;
        }
    }
    drivers.into_iter().map(|(driver, _)| driver).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_drivers() {
        let text = "; of the system\n[ODBC]\nTrace = no\nDriver = none\n\n[PostgreSQL Unicode]\r\n\
                    Description=x\r\nDriver = psqlodbcw.so\r\n[Two]\nDriver64=/lib/64.so\nDriver=/lib/32.so\n\
                    [Bare]\nDriver=\n# end\n";
        let found: Vec<_> = drivers(text)
            .into_iter()
            .map(|driver| (driver.name, driver.library))
            .collect();
        let library = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                ("PostgreSQL Unicode".to_owned(), library("psqlodbcw.so")),
                ("Two".to_owned(), library("/lib/64.so")),
                ("Bare".to_owned(), None),
            ]
        );
        assert_eq!(drivers("no section\nDriver=x\n"), []);
    }
}
