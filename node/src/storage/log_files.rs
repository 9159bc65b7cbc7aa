//! The log on disk: segments of bounded size, written one after the other.
//!
//! The newest segment is open; space for all of it is allocated when it is made,
//! so that a sync need not write the file's length too. One write and one sync
//! make a batch of entries durable. When a batch does not fit any more, the
//! segment is cut to its length, synced, and the next is made durable before
//! anything is written to it.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::StorageError;
use super::file_io::FileIo;
use super::frame;
use super::log_shape::LogShape;
use super::segment::{self, Age, Beginning, Header, HeaderFound, Name};
use crate::raft::{Entry, LogIndex, Position};

/// A segment that is not written any more.
#[derive(Debug)]
struct Sealed {
    header: Header,
    /// The greatest index of an entry in it.
    last: LogIndex,
}

/// The segment that is being written.
#[derive(Debug)]
struct Active {
    sealed: Sealed,
    path: PathBuf,
    file: File,
    /// Where the next frame goes.
    end: u64,
}

/// The segments and what they hold.
#[derive(Debug)]
pub(super) struct LogFiles {
    io: FileIo,
    dir: PathBuf,
    segment_bytes: u64,
    /// Oldest first.
    sealed: VecDeque<Sealed>,
    active: Option<Active>,
    next_sequence: u64,
    shape: LogShape,
    buffer: Vec<u8>,
}

/// What the segments held.
#[derive(Debug, Default)]
pub(super) struct LogFound {
    /// Those after the snapshot, consecutive.
    pub(super) entries: Vec<Entry>,
    pub(super) torn_bytes: u64,
}

/// A segment to be read.
#[derive(Debug)]
struct Segment {
    header: Header,
    age: Age,
    /// The whole file, if it has been read already.
    content: Option<(File, Vec<u8>)>,
}

/// What of the directory is to be read.
#[derive(Debug)]
struct Needed {
    /// Oldest first.
    segments: Vec<Segment>,
    /// What was removed of an unfinished frame.
    torn_bytes: u64,
}

/// What the newest segment turned out to be.
#[derive(Debug)]
enum Newest {
    Begun(Segment),
    /// It is removed: nothing in it was ever acknowledged.
    Unfinished {
        torn_bytes: usize,
    },
}

impl LogFiles {
    /// Opens the segments in `dir` and reads the entries after `covered`, the last
    /// one that the snapshot stands for.
    ///
    /// Segments that the snapshot covers are removed unread. If the log does not
    /// lead to the snapshot, or contradicts it, then installing it was interrupted:
    /// the log begins afresh after it.
    pub(super) fn open(
        dir: &Path,
        covered: Position,
        segment_bytes: u64,
        io: &FileIo,
    ) -> Result<(Self, LogFound), StorageError> {
        let mut log = Self {
            io: io.clone(),
            dir: dir.to_owned(),
            segment_bytes,
            sealed: VecDeque::new(),
            active: None,
            next_sequence: 1,
            shape: LogShape::empty_after(covered),
            buffer: Vec::new(),
        };
        let Needed { segments, torn_bytes } = log.find_needed(covered.index)?;
        // The names removed may be used again.
        log.io.sync_dir(dir)?;
        let mut found = LogFound { torn_bytes, ..LogFound::default() };
        if let Some(Segment { header: oldest, .. }) = segments.first() {
            if oldest.previous.index > covered.index {
                let what = "entries are missing between the snapshot and the log";
                return Err(StorageError::Missing { path: dir.to_owned(), what });
            }
            log.shape = LogShape::empty_after(oldest.previous);
            log.next_sequence = oldest.sequence + segments.len() as u64;
            for segment in segments {
                log.read_segment(segment, covered.index, &mut found)?;
            }
        }
        if log.shape.position_at(covered.index) != Some(covered) {
            found.entries.clear();
            log.begin_afresh(covered)?;
        }
        Ok((log, found))
    }

    pub(super) fn shape(&self) -> &LogShape {
        &self.shape
    }

    /// Removes what is not needed and returns the rest, oldest first.
    fn find_needed(&self, covered: LogIndex) -> Result<Needed, StorageError> {
        let names = self.io.list(&self.dir)?;
        let mut names: Vec<_> = names.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        let mut segments = Vec::<Segment>::new();
        let mut torn_bytes = 0;
        if let Some(newest) = names.pop() {
            match self.look_at_newest(newest)? {
                Newest::Begun(segment) => segments.push(segment),
                Newest::Unfinished { torn_bytes: torn } => torn_bytes = torn as u64,
            }
        }
        let reaches = |segment: &Segment| {
            let Header { beginning, previous, .. } = segment.header;
            beginning == Beginning::Afresh || previous.index <= covered
        };
        while !segments.last().is_some_and(reaches)
            && let Some(name) = names.pop()
        {
            let header = self.read_header(name)?;
            if let Some(after) = segments.last()
                && after.header.sequence != header.sequence + 1
            {
                let path = name.path(&self.dir);
                return Err(StorageError::Missing { path, what: "the segment after it is gone" });
            }
            segments.push(Segment { header, age: Age::Older, content: None });
        }
        for obsolete in names {
            self.io.remove(&obsolete.path(&self.dir))?;
        }
        segments.reverse();
        Ok(Needed { segments, torn_bytes })
    }

    /// Reads the newest segment, and removes it if no frame of it was finished.
    ///
    /// One that continues the log must not stay without entries: those that come
    /// next may begin elsewhere than its name says. One that begins afresh makes
    /// the log before it void even so.
    fn look_at_newest(&self, name: Name) -> Result<Newest, StorageError> {
        let path = name.path(&self.dir);
        let file = self.io.open(&path)?;
        let content = self.io.read_all(&file, &path)?;
        let written = frame::written_end(&content).saturating_sub(segment::HEADER_BYTES);
        let unfinished = match Header::decode(&content) {
            HeaderFound::Sound(Header { beginning: Beginning::Continues, .. }) => {
                frame::find_sound(&content, segment::HEADER_BYTES).is_none()
            }
            // It is on disk before any frame is written.
            HeaderFound::Damaged => written == 0,
            HeaderFound::Sound(_) | HeaderFound::Foreign => false,
        };
        if unfinished {
            self.io.remove(&path)?;
            return Ok(Newest::Unfinished { torn_bytes: written });
        }
        let header = checked_header(name, path, &content)?;
        Ok(Newest::Begun(Segment { header, age: Age::Newest, content: Some((file, content)) }))
    }

    fn read_header(&self, name: Name) -> Result<Header, StorageError> {
        let path = name.path(&self.dir);
        let file = self.io.open(&path)?;
        let content = self.io.read_at(&file, &path, 0, segment::HEADER_BYTES)?;
        checked_header(name, path, &content)
    }

    fn read_segment(
        &mut self,
        segment: Segment,
        covered: LogIndex,
        found: &mut LogFound,
    ) -> Result<(), StorageError> {
        let Segment { header, age, content } = segment;
        let path = header.name().path(&self.dir);
        if self.shape.position_at(header.previous.index) != Some(header.previous) {
            let what = "the segment does not continue the one before it";
            return Err(StorageError::Corrupt { path, offset: 0, what });
        }
        let (file, content) = match content {
            Some(read) => read,
            None => {
                let file = self.io.open(&path)?;
                let content = self.io.read_all(&file, &path)?;
                (file, content)
            }
        };
        let mut last = header.previous.index;
        let end = segment::replay(&content, &path, age, |entry| {
            let index = entry.position.index;
            if index <= self.shape.base().index {
                // Entries from here on replaced some of segments now gone. The
                // snapshot stands for them, as it does for the base.
                let unknown = Position { index: index.previous(), ..Position::default() };
                self.shape = LogShape::empty_after(unknown);
            }
            self.shape.put(entry.position).ok_or("an entry is missing from the log")?;
            last = last.max(index);
            if index > covered {
                // What the snapshot covers is not kept, so the first one kept is
                // the one after it, or the log has a gap that `put` refuses.
                found.entries.truncate((index.0 - covered.0 - 1) as usize);
                found.entries.push(entry);
            } else {
                found.entries.clear();
            }
            Ok(())
        })?;
        let sealed = Sealed { header, last };
        let end_offset = end.offset as u64;
        if end.torn_bytes > 0 {
            found.torn_bytes = end.torn_bytes as u64;
            self.io.set_length(&file, &path, end_offset)?;
            self.io.allocate(&file, &path, self.segment_bytes)?;
        }
        // Always, for what was just read may be in memory only, written by a
        // process that was killed before it could sync.
        self.io.sync(&file, &path)?;
        let active = Active { sealed, path, file, end: end_offset };
        if let Some(before) = self.active.replace(active) {
            self.sealed.push_back(before.sealed);
        }
        Ok(())
    }

    /// Appends consecutive entries, in place of what stood at their indices and
    /// after; all are durable on return, or none after a crash.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), StorageError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        let index = first.position.index;
        if index > self.shape.last().next() {
            let path = self.dir.clone();
            return Err(StorageError::Gap { path, last: self.shape.last(), next: index });
        }
        self.fill_buffer(entries)?;
        self.make_room(index)?;
        let active = self.active.as_mut().expect("room was made in it");
        self.io.write_at(&active.file, &active.path, &self.buffer, active.end)?;
        self.io.sync(&active.file, &active.path)?;
        active.end += self.buffer.len() as u64;
        active.sealed.last = active.sealed.last.max(last.position.index);
        for entry in entries {
            self.shape.put(entry.position).expect("the entries are consecutive");
        }
        Ok(())
    }

    fn fill_buffer(&mut self, entries: &[Entry]) -> Result<(), StorageError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        frame::begin(&mut buffer);
        for entry in entries {
            buffer = postcard::to_extend(entry, buffer)
                .expect("writing plain data to memory does not fail");
        }
        self.buffer = buffer;
        frame::finish(&mut self.buffer)
            .ok_or_else(|| StorageError::TooLarge { path: self.dir.clone() })
    }

    /// Sees to it that the frame in the buffer, which begins with the entry at
    /// `first`, has a segment to go to.
    fn make_room(&mut self, first: LogIndex) -> Result<(), StorageError> {
        if first <= self.shape.base().index {
            // What is replaced is not held any more, so neither is its term. Only
            // a planted bug takes back what a snapshot already stands for.
            let unknown = Position { index: first.previous(), ..Position::default() };
            return self.begin_afresh(unknown);
        }
        let fits = self.active.as_ref().is_some_and(|active| {
            let only_frame = active.end == segment::HEADER_BYTES as u64;
            only_frame || active.end + self.buffer.len() as u64 <= self.segment_bytes
        });
        if fits {
            return Ok(());
        }
        let previous = self.shape.position_at(first.previous());
        self.begin_segment(
            Beginning::Continues,
            previous.expect("the entry continues what is held"),
        )
    }

    /// Makes the log empty after `base`, whatever it held.
    pub(super) fn begin_afresh(&mut self, base: Position) -> Result<(), StorageError> {
        self.begin_segment(Beginning::Afresh, base)?;
        self.shape = LogShape::empty_after(base);
        while let Some(void) = self.sealed.pop_front() {
            self.io.remove(&void.header.name().path(&self.dir))?;
        }
        Ok(())
    }

    /// Ends the newest segment and makes the next.
    fn begin_segment(
        &mut self,
        beginning: Beginning,
        previous: Position,
    ) -> Result<(), StorageError> {
        if let Some(Active { sealed, path, file, end }) = self.active.take() {
            self.io.set_length(&file, &path, end)?;
            self.io.sync(&file, &path)?;
            self.sealed.push_back(sealed);
        }
        let header = Header { sequence: self.next_sequence, beginning, previous };
        self.next_sequence += 1;
        let path = header.name().path(&self.dir);
        let file = self.io.create(&path)?;
        self.io.allocate(&file, &path, self.segment_bytes)?;
        self.io.write_at(&file, &path, &header.encode(), 0)?;
        self.io.sync(&file, &path)?;
        self.io.sync_dir(&self.dir)?;
        let end = segment::HEADER_BYTES as u64;
        let sealed = Sealed { header, last: previous.index };
        self.active = Some(Active { sealed, path, file, end });
        Ok(())
    }

    /// Removes the segments of which no entry lies beyond `through`.
    ///
    /// The removals need not be durable: opening repeats them.
    pub(super) fn compact(&mut self, through: LogIndex) -> Result<(), StorageError> {
        while let Some(covered) = self.sealed.pop_front_if(|sealed| sealed.last <= through) {
            self.io.remove(&covered.header.name().path(&self.dir))?;
        }
        let oldest = self.sealed.front().or(self.active.as_ref().map(|active| &active.sealed));
        // It may have been replaced since, or not even be held any more.
        if let Some(oldest) = oldest
            && self.shape.base().index < oldest.header.previous.index
            && let Some(base) = self.shape.position_at(oldest.header.previous.index)
        {
            self.shape.forget_to(base);
        }
        Ok(())
    }
}

/// Reads the header of the segment with this name.
fn checked_header(name: Name, path: PathBuf, content: &[u8]) -> Result<Header, StorageError> {
    let corrupt = |path, what| Err(StorageError::Corrupt { path, offset: 0, what });
    match Header::decode(content) {
        HeaderFound::Sound(header) if header.name() == name => Ok(header),
        HeaderFound::Sound(_) => corrupt(path, "the file was renamed"),
        HeaderFound::Foreign => Err(StorageError::Foreign { path }),
        HeaderFound::Damaged => corrupt(path, "the header is damaged"),
    }
}
