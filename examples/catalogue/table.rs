//! The table of domains: what is known of each of them that the contract does not say.

use std::path::Path;

use serde::Deserialize;

use crate::writing::reduced::LargestPage;

/// A row.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Row {
    pub(crate) domain: String,
    pub(crate) tf_types: String,
    pub(crate) method: String,
    pub(crate) list_path: String,
    pub(crate) query: String,
    pub(crate) required_query: String,
    pub(crate) pagination: String,
    pub(crate) page_fields: String,
    pub(crate) page_size_max: String,
    pub(crate) page_size_source: String,
    pub(crate) entities_key: String,
    pub(crate) entity_model: String,
    pub(crate) id_key: String,
    pub(crate) name_key: String,
    pub(crate) completeness: String,
    pub(crate) completeness_evidence: String,
    pub(crate) detail_path: String,
    pub(crate) detail_model: String,
    pub(crate) parent_domain: String,
    pub(crate) child_paths: String,
    pub(crate) volatile: String,
    pub(crate) audit_metadata: String,
    pub(crate) state_fields: String,
    pub(crate) set_arrays_tf: String,
    pub(crate) set_arrays_inferred: String,
    pub(crate) ordered_arrays_tf: String,
    pub(crate) secret_fields: String,
    pub(crate) refs: String,
    pub(crate) refs_tf_unmatched: String,
    pub(crate) embedded_refs: String,
    pub(crate) tf_excluded: String,
    pub(crate) tf_unresolvable: String,
    pub(crate) risk_added: String,
    pub(crate) risk_removed: String,
    pub(crate) risk_modified: String,
    pub(crate) notes: String,
}

/// Reads the table.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, String> {
    let problem = |error: csv::Error| format!("{}: {error}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(problem)?;
    reader.deserialize().collect::<Result<_, _>>().map_err(problem)
}

impl Row {
    /// The largest page that the API is known to serve.
    pub(crate) fn largest_page(&self) -> Option<LargestPage> {
        let size = self.page_size_max.trim_end_matches('?').parse().ok()?;
        let from = match self.page_size_source.as_str() {
            source if source.starts_with("swagger") => "swagger",
            source if source.starts_with("TF") => "provider",
            _ => "assumed",
        };
        Some(LargestPage { size, from })
    }
}
