//! A run as one zip file, made while it is sent.
//!
//! A thread compresses and hands over pieces; a few wait at most, so that a history of any
//! size takes little memory. When the reader is gone, the thread's next piece finds nobody and
//! it ends.

use std::fs::File;
use std::io::{self, Read as _, Write};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::stream;
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Asked;
use super::files::kept_as;
use super::reply::{Refusal, Reply};
use crate::store::{Beneath, Listed, list_files};

/// Pieces that wait for the reader.
const PIECES_MAX: usize = 4;

/// How large a piece is, in bytes.
const PIECE: usize = 64 << 10;

/// Files from this size on get the fields of large ones: packed, a file may be a little larger
/// than it was.
const LARGE: u64 = 3 << 30;

/// Quick rather than small: the reader is on this machine, most often.
const LEVEL: i64 = 3;

pub(super) fn reply(asked: &Asked, path: &[&str]) -> Result<Reply, Refusal> {
    let id = path.join("/");
    let run =
        asked.index.run(&id).ok_or_else(|| Refusal::not_found("There is no such run here."))?;
    let site = asked.site.clone();
    let files = list_files(site.store.beneath(), &id)
        .map_err(|_| Refusal::not_found("This run was just removed."))?;
    if !files.missing.is_nothing() {
        let why = &files.missing;
        return Err(Refusal::bad(format!(
            "An archive of this run would not be whole: {why}. Copy its folder instead."
        )));
    }
    let place = site.archives.clone().try_acquire_owned().map_err(|_| Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        sentence: "Other runs are being packed already; try again when one is done.".to_owned(),
    })?;
    let leaf = id.rsplit('/').next().unwrap_or_default();
    let folder = format!("{}-{leaf}", run.name);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, kept_as(&format!("{folder}.zip")));
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    std::thread::spawn(move || {
        let mut pieces = Pieces { sender: sender.clone(), waiting: Vec::with_capacity(PIECE) };
        if let Err(error) = pack(site.store.beneath(), &id, &folder, &files.listed, &mut pieces) {
            // Ends the transfer as broken, so that nobody takes a part for the whole.
            drop(sender.blocking_send(Err(error)));
        }
        drop(place);
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(Reply::Streamed { headers, body: Body::from_stream(pieces) })
}

/// Packs every file that is still there.
///
/// # Errors
/// When a file is there and cannot be read, or became something else than a file.
fn pack(
    store: &Beneath,
    id: &str,
    folder: &str,
    files: &[Listed],
    pieces: &mut Pieces,
) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(&mut *pieces);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    for file in files {
        let parts: Vec<&str> = id.split('/').chain(file.path.iter().map(String::as_str)).collect();
        let opened = match store.file(&parts) {
            Ok(opened) => opened,
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let size = opened.metadata()?.len();
        let name = format!("{folder}/{}", file.path.join("/"));
        archive.start_file(name, options.large_file(size > LARGE))?;
        copy(opened, size, &mut archive)?;
    }
    archive.finish()?;
    pieces.flush()
}

/// Copies the first `size` bytes; what is appended meanwhile belongs to the next archive.
fn copy(file: File, size: u64, archive: &mut impl Write) -> io::Result<()> {
    io::copy(&mut file.take(size), archive).map(|_| ())
}

/// A writer whose bytes are handed over in pieces.
struct Pieces {
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
    waiting: Vec<u8>,
}

impl Pieces {
    fn hand_over(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_was_removed_is_left_out_and_what_cannot_be_read_ends_it() {
        let store = tempfile::tempdir().unwrap();
        let run = store.path().join("run");
        std::fs::create_dir(&run).unwrap();
        std::fs::write(run.join("here"), b"here").unwrap();
        symlink(run.join("here"), run.join("link")).unwrap();
        let beneath = Beneath::new(store.path().to_path_buf());
        let packed = |names: [&str; 2]| {
            let (sender, receiver) = mpsc::channel(64);
            let listed = |name: &str| Listed { path: vec![name.to_owned()], size: 4 };
            let mut pieces = Pieces { sender, waiting: Vec::new() };
            let packed = pack(&beneath, "run", "run", &names.map(listed), &mut pieces);
            drop(receiver);
            packed
        };
        assert!(packed(["here", "gone"]).is_ok());
        // It was a file when it was listed.
        assert!(packed(["here", "link"]).is_err());
    }
}
