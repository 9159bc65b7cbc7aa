//! Certificates: a verdict with what proves it, to be kept beside the history.
//!
//! Holds the format only; [`verify`](crate::verify) judges a certificate and
//! [`check`](crate::check()) produces what one is made from.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::history::FORMAT_VERSION;
use crate::verdict::{
    Analysis, Conclusion, Contradiction, Counterexample, Edge, OperationId, Verdict,
};

/// The proof of a verdict, as it stands in `certificate.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Format version, [`FORMAT_VERSION`].
    pub squall: u32,
    /// Always `"certificate"`.
    #[serde(rename = "type")]
    pub kind: CertificateTag,
    /// The model, by name.
    pub model: String,
    /// The verdict claimed for the whole history.
    pub verdict: Verdict,
    /// The proof per key.
    pub keys: Vec<KeyCertificate>,
}

/// Marks a document as a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateTag {
    /// The only value.
    #[default]
    #[serde(rename = "certificate")]
    Certificate,
}

/// The proof for one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "KeyRecord", into = "KeyRecord")]
pub struct KeyCertificate {
    /// The key; `None` for a history without keys.
    pub key: Option<String>,
    /// What is claimed, with the proof.
    pub conclusion: Conclusion,
}

/// Why a certificate could not be read or written; messages complete "failed to ...".
#[derive(Debug, Error)]
pub enum CertificateError {
    /// Not the JSON of a certificate, or the source or sink failed.
    #[error("read or write the JSON of a certificate")]
    Json {
        /// What the parser or the sink said.
        #[from]
        source: serde_json::Error,
    },
    /// The sink failed.
    #[error("write a certificate")]
    Write {
        /// What the sink said.
        #[from]
        source: io::Error,
    },
    /// A certificate of another format version.
    #[error(
        "read the certificate: it declares format version {found}, this is a reader of \
         version {FORMAT_VERSION}; use the release that wrote it"
    )]
    Version {
        /// The version declared.
        found: u32,
    },
}

impl Certificate {
    /// What `analysis` claims and proves.
    pub fn of(analysis: &Analysis) -> Self {
        Self {
            squall: FORMAT_VERSION,
            kind: CertificateTag::Certificate,
            model: analysis.model.clone(),
            verdict: analysis.verdict,
            keys: analysis
                .keys
                .iter()
                .map(|analysis| KeyCertificate {
                    key: analysis.key.clone(),
                    conclusion: analysis.conclusion.clone(),
                })
                .collect(),
        }
    }

    /// Reads a certificate; `source` should be buffered.
    ///
    /// # Errors
    /// What is not a certificate of [`FORMAT_VERSION`].
    pub fn read_json(source: impl Read) -> Result<Self, CertificateError> {
        let certificate: Self = serde_json::from_reader(source)?;
        if certificate.squall == FORMAT_VERSION {
            Ok(certificate)
        } else {
            Err(CertificateError::Version { found: certificate.squall })
        }
    }

    /// Writes the certificate as one line of JSON; `sink` should be buffered.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn write_json(&self, mut sink: impl Write) -> Result<(), CertificateError> {
        serde_json::to_writer(&mut sink, self)?;
        sink.write_all(b"\n")?;
        sink.flush()?;
        Ok(())
    }
}

/// [`KeyCertificate`] on paper: flat, so that reading a long order buffers nothing.
#[derive(Clone, Serialize, Deserialize)]
struct KeyRecord {
    key: Option<String>,
    verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Vec<OperationId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Contradiction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<OperationId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edges: Vec<Edge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<KeyCertificate> for KeyRecord {
    fn from(certificate: KeyCertificate) -> Self {
        let mut record = Self {
            key: certificate.key,
            verdict: certificate.conclusion.verdict(),
            order: None,
            kind: None,
            operations: None,
            explanation: None,
            edges: Vec::new(),
            reason: None,
        };
        match certificate.conclusion {
            Conclusion::Linearizable { order } => record.order = Some(order),
            Conclusion::Unknown { reason } => record.reason = Some(reason),
            Conclusion::Violation(counterexample) => {
                record.kind = Some(counterexample.kind);
                record.operations = Some(counterexample.operations);
                record.explanation = Some(counterexample.explanation);
                record.edges = counterexample.edges;
            }
        }
        record
    }
}

/// A record whose verdict comes without its proof.
#[derive(Debug, Error)]
#[error("a key with verdict `{verdict}` needs the field `{missing}`")]
struct Incomplete {
    verdict: &'static str,
    missing: &'static str,
}

impl TryFrom<KeyRecord> for KeyCertificate {
    type Error = Incomplete;

    fn try_from(record: KeyRecord) -> Result<Self, Incomplete> {
        let violation = |missing| Incomplete { verdict: "violation", missing };
        let conclusion = match record.verdict {
            Verdict::Linearizable => Conclusion::Linearizable {
                order: record
                    .order
                    .ok_or(Incomplete { verdict: "linearizable", missing: "order" })?,
            },
            Verdict::Unknown => Conclusion::Unknown { reason: record.reason.unwrap_or_default() },
            Verdict::Violation => Conclusion::Violation(Counterexample {
                kind: record.kind.ok_or(violation("kind"))?,
                operations: record.operations.ok_or(violation("operations"))?,
                explanation: record.explanation.unwrap_or_default(),
                edges: record.edges,
            }),
        };
        Ok(Self { key: record.key, conclusion })
    }
}
