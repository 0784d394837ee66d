//! The table of domains: what is known of each of them that the contract does not say.

use std::path::Path;

use serde::Deserialize;

use crate::writing::reduced::LargestPage;

/// A row.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Row {
    pub domain: String,
    pub tf_types: String,
    pub method: String,
    pub list_path: String,
    pub query: String,
    pub required_query: String,
    pub response_model: String,
    pub pagination: String,
    pub page_fields: String,
    pub page_size_max: String,
    pub page_size_source: String,
    pub entities_key: String,
    pub entity_model: String,
    pub id_key: String,
    pub name_key: String,
    pub completeness: String,
    pub completeness_evidence: String,
    pub detail_path: String,
    pub detail_model: String,
    pub parent_domain: String,
    pub child_paths: String,
    pub volatile: String,
    pub audit_metadata: String,
    pub state_fields: String,
    pub set_arrays_tf: String,
    pub set_arrays_inferred: String,
    pub ordered_arrays_tf: String,
    pub secret_fields: String,
    pub refs: String,
    pub refs_tf_unmatched: String,
    pub embedded_refs: String,
    pub permissions: String,
    pub permission_mode: String,
    pub tf_excluded: String,
    pub tf_unresolvable: String,
    pub risk_added: String,
    pub risk_removed: String,
    pub risk_modified: String,
    pub notes: String,
}

/// Reads the table.
pub fn read(path: &Path) -> Result<Vec<Row>, String> {
    let problem = |error: csv::Error| format!("{}: {error}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(problem)?;
    reader.deserialize().collect::<Result<_, _>>().map_err(problem)
}

impl Row {
    /// The largest page that the API is known to serve.
    pub fn largest_page(&self) -> Option<LargestPage> {
        let size = self.page_size_max.trim_end_matches('?').parse().ok()?;
        let from = match self.page_size_source.as_str() {
            source if source.starts_with("swagger") => "swagger",
            source if source.starts_with("TF") => "provider",
            _ => "assumed",
        };
        Some(LargestPage { size, from })
    }
}
