//! The table of all settings.

mod deployment;
mod observability;
mod serving;
mod tracing;
mod workers;

use std::fmt;

use crate::key::Key;
use crate::row::Row;

/// Every setting, in the order of [`Key`], which is the order in `--help`.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        serving::ROWS,
        workers::ROWS,
        observability::ROWS,
        tracing::ROWS,
        deployment::ROWS,
    ]
    .into_iter()
    .flatten()
}

impl Key {
    pub(crate) fn row(self) -> &'static Row {
        match rows().find(|row| row.key == self) {
            Some(row) => row,
            None => unreachable!("{self:?} has no row"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        match (row.flag_name(), row.variables) {
            (Some(flag), []) => f.write_str(&flag),
            (Some(flag), variables) => write!(f, "{flag} ({})", variables.join(", ")),
            (None, variables) => f.write_str(&variables.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_keys() {
        for (index, row) in rows().enumerate() {
            assert_eq!(row.key as usize, index, "{:?}", row.key);
            assert_eq!(row.key.row().key, row.key);
        }
        assert_eq!(rows().count(), Key::ModelMetadata as usize + 1);
    }

    #[test]
    fn no_flag_or_variable_comes_twice_and_every_setting_has_one() {
        let mut seen = std::collections::BTreeSet::new();
        for row in rows() {
            let names: Vec<String> = row
                .flag_name()
                .into_iter()
                .chain(row.variables.iter().map(|v| (*v).to_owned()))
                .collect();
            assert!(!names.is_empty(), "{:?}", row.key);
            for name in names {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }

    #[test]
    fn a_key_is_displayed_as_its_flag_and_variables() {
        assert_eq!(
            Key::HttpPort.to_string(),
            "--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT)"
        );
        assert_eq!(
            Key::LogLevel.to_string(),
            "--log-level (LOG_LEVEL_ENV, SELDON_LOG_LEVEL)"
        );
        assert_eq!(Key::ServiceType.to_string(), "--service-type");
        assert_eq!(Key::UnitId.to_string(), "PREDICTIVE_UNIT_ID");
        assert_eq!(Key::InterfaceName.to_string(), "interface_name");
    }
}
