//! Porcupine's key-value histories: `:get`, `:put` and `:append` on string keys.
//!
//! Maps as in Jepsen's, with a `:key`, and without indices and times: their order is the
//! order of events. Only the functions of the model are accepted, so that no other history is
//! taken for one of these.
//!
//! Source: `test_data/kv` of <https://github.com/anishathalye/porcupine>.

use super::assemble::Fields;
use super::edn::cursor::Fault;
use super::jepsen_edn;

/// The fields of the event that `form` is.
pub(super) fn fields(form: &[u8]) -> Result<Option<Fields<'_>>, Fault> {
    let Some(fields) = jepsen_edn::fields(form)? else { return Ok(None) };
    if !matches!(fields.f, Some(b":get" | b":put" | b":append")) {
        let found = fields.f.unwrap_or_default();
        return Err(Fault::at("a function: `:get`, `:put` or `:append`", found));
    }
    if !fields.key.is_some_and(|key| key.starts_with(b"\"")) {
        return Err(Fault::at("a `:key`, which is a string", fields.key.unwrap_or(form)));
    }
    Ok(Some(fields))
}
