//! One snapshot on disk.
//!
//! ```text
//! snap/<last index, 20 digits>-<its term, 20 digits>.snap
//!
//! "squall" 'S' version   8 bytes
//! length of meta         4 bytes, little-endian, as all numbers here
//! meta                   postcard: last entry and membership
//! crc32                  4 bytes, of all of the above
//! data                   as it is
//! crc32 of each block    4 bytes for each 256 KiB of data or part of it
//! length of data         8 bytes
//! crc32                  4 bytes, of the checksums and the length
//! ```
//!
//! The checksums follow the data, so that it can be written as it is produced
//! and any piece of it found, read and verified without the rest.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::StorageError;
use super::file_io::FileIo;
use crate::raft::{LogIndex, Position, SnapshotMeta, Term};

const MAGIC: &[u8; 8] = b"squallS\x01";

/// The data behind one checksum.
const BLOCK_BYTES: usize = 256 << 10;

/// Data written between syncs. A single sync of all of it would hold up those of
/// the log for as long as it takes.
const SYNC_BYTES: u64 = 8 << 20;

/// The longest description of a snapshot; a length beyond it is damage.
const META_BYTES_MAX: u32 = 16 << 20;

/// Returns the name of the snapshot that ends with this entry.
pub(super) fn name(last: Position) -> String {
    format!("{:020}-{:020}.snap", last.index.0, last.term.0)
}

/// Reads the name of a file, if it is that of a snapshot.
pub(super) fn parse_name(file: &str) -> Option<Position> {
    let (index, term) = file.strip_suffix(".snap")?.split_once('-')?;
    let last = Position { term: Term(term.parse().ok()?), index: LogIndex(index.parse().ok()?) };
    (name(last) == file).then_some(last)
}

/// A snapshot being written; what it is given is its data.
pub(super) struct SnapshotWriter<'a> {
    io: &'a FileIo,
    path: &'a Path,
    file: File,
    /// Where the next block goes.
    end: u64,
    block: Vec<u8>,
    data_bytes: u64,
    checksums: Vec<u8>,
    synced_end: u64,
    /// What [`Write`] could not tell.
    failure: Option<StorageError>,
}

impl<'a> SnapshotWriter<'a> {
    /// Creates the file and writes what precedes the data.
    pub(super) fn create(
        io: &'a FileIo,
        path: &'a Path,
        meta: &SnapshotMeta,
    ) -> Result<Self, StorageError> {
        let header = encode_header(meta);
        let file = io.create(path)?;
        io.write_at(&file, path, &header, 0)?;
        Ok(Self {
            io,
            path,
            file,
            end: header.len() as u64,
            block: Vec::with_capacity(BLOCK_BYTES),
            data_bytes: 0,
            checksums: Vec::new(),
            synced_end: 0,
            failure: None,
        })
    }

    /// Writes what follows the data and makes all of it durable, under this name.
    ///
    /// `produced` is what came of writing the data.
    pub(super) fn finish(mut self, produced: io::Result<()>) -> Result<(), StorageError> {
        if produced.is_ok() {
            self.write_block()?;
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        produced.map_err(|source| StorageError::Encode { path: self.path.to_owned(), source })?;
        let mut footer = self.checksums;
        footer.extend_from_slice(&self.data_bytes.to_le_bytes());
        let crc = crc32fast::hash(&footer);
        footer.extend_from_slice(&crc.to_le_bytes());
        self.io.write_at(&self.file, self.path, &footer, self.end)?;
        self.io.sync(&self.file, self.path)
    }

    fn write_block(&mut self) -> Result<(), StorageError> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.io.write_at(&self.file, self.path, &self.block, self.end)?;
        self.checksums.extend_from_slice(&crc32fast::hash(&self.block).to_le_bytes());
        self.end += self.block.len() as u64;
        self.data_bytes += self.block.len() as u64;
        self.block.clear();
        if self.end - self.synced_end >= SYNC_BYTES {
            self.io.sync(&self.file, self.path)?;
            self.synced_end = self.end;
        }
        Ok(())
    }
}

impl Write for SnapshotWriter<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.write_block().map_err(|failure| {
                self.failure = Some(failure);
                io::Error::other("the disk failed")
            })?;
        }
        let count = data.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&data[..count]);
        Ok(count)
    }

    /// Does nothing: all blocks but the last are whole.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A whole snapshot, open for reading. It can be read even after its name is gone.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    path: PathBuf,
    file: File,
    meta: SnapshotMeta,
    data_offset: u64,
    data_bytes: u64,
    checksums: Vec<u8>,
}

impl SnapshotFile {
    /// Opens the snapshot; its data is not verified before it is read.
    pub(super) fn open(io: &FileIo, path: PathBuf) -> Result<Self, StorageError> {
        let file = io.open(&path)?;
        let length = io.length(&file, &path)?;
        let corrupt = |offset, what| StorageError::Corrupt { path: path.clone(), offset, what };
        let start = io.read_at(&file, &path, 0, MAGIC.len() + 4)?;
        if start.len() >= MAGIC.len() && !start.starts_with(MAGIC) {
            return Err(StorageError::Foreign { path });
        }
        let (meta, data_offset) = read_header(io, &file, &path, &start)?
            .ok_or_else(|| corrupt(0, "the header is damaged"))?;
        let damaged_end = || corrupt(length.saturating_sub(12), "the end is damaged");
        let end_offset = length.checked_sub(12).ok_or_else(damaged_end)?;
        let end = io.read_at(&file, &path, end_offset, 12)?;
        let data_bytes = u64::from_le_bytes(
            end.get(..8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged_end)?,
        );
        let checksum_bytes = data_bytes.div_ceil(BLOCK_BYTES as u64).checked_mul(4);
        let whole = checksum_bytes.and_then(|bytes| {
            data_offset.checked_add(data_bytes)?.checked_add(bytes)?.checked_add(12)
        });
        if whole != Some(length) {
            return Err(damaged_end());
        }
        let checksums_offset = data_offset + data_bytes;
        let checksum_bytes = (end_offset - checksums_offset) as usize;
        let checksums = io.read_at(&file, &path, checksums_offset, checksum_bytes)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&checksums);
        hasher.update(&end[..8]);
        if end[8..] != hasher.finalize().to_le_bytes() {
            return Err(damaged_end());
        }
        Ok(Self { path, file, meta, data_offset, data_bytes, checksums })
    }

    pub(super) fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    /// Returns the length of the data in bytes.
    pub(super) fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and verifies `length` bytes of the data from `offset` on; fewer only
    /// where the data ends.
    pub(super) fn read(
        &self,
        io: &FileIo,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let block_bytes = BLOCK_BYTES as u64;
        let offset = offset.min(self.data_bytes);
        let end = self.data_bytes.min(offset.saturating_add(length as u64));
        let from = offset - offset % block_bytes;
        let to = self.data_bytes.min(end.next_multiple_of(block_bytes));
        let place = self.data_offset + from;
        let mut data = io.read_at(&self.file, &self.path, place, (to - from) as usize)?;
        let first = (from / block_bytes) as usize;
        let mut expected = self.checksums.chunks_exact(4).skip(first);
        let mut checked = 0;
        for block in data.chunks(BLOCK_BYTES) {
            if expected.next() != Some(&crc32fast::hash(block).to_le_bytes()) {
                break;
            }
            checked += block.len() as u64;
        }
        if checked != to - from {
            let offset = place + checked;
            let what = "a block of the state is damaged";
            return Err(StorageError::Corrupt { path: self.path.clone(), offset, what });
        }
        data.truncate((end - from) as usize);
        data.drain(..(offset - from) as usize);
        Ok(data)
    }
}

fn encode_header(meta: &SnapshotMeta) -> Vec<u8> {
    let body = postcard::to_stdvec(meta).expect("writing plain data to memory does not fail");
    let length = u32::try_from(body.len()).expect("a membership is far smaller than 4 GiB");
    let mut header = [MAGIC, &length.to_le_bytes()[..], &body].concat();
    let crc = crc32fast::hash(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// Returns the meta and where the data begins, unless the header is damaged.
fn read_header(
    io: &FileIo,
    file: &File,
    path: &Path,
    start: &[u8],
) -> Result<Option<(SnapshotMeta, u64)>, StorageError> {
    let Some(length) = start.get(MAGIC.len()..).and_then(|bytes| bytes.try_into().ok()) else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(length);
    if length > META_BYTES_MAX {
        return Ok(None);
    }
    let meta_end = start.len() + length as usize;
    let header = io.read_at(file, path, 0, meta_end + 4)?;
    let Some((body, crc)) = header.split_at_checked(meta_end) else { return Ok(None) };
    if crc != crc32fast::hash(body).to_le_bytes() {
        return Ok(None);
    }
    let meta = postcard::from_bytes(&body[start.len()..]).ok();
    Ok(meta.map(|meta| (meta, header.len() as u64)))
}
