//! Frames: what one sync makes durable, with the means to tell it is whole.
//!
//! ```text
//! magic   4 bytes  marks the beginning of a frame
//! length  4 bytes  of the payload, little-endian
//! crc32   4 bytes  of length and payload, little-endian
//! payload
//! ```

/// The bytes a frame begins with. None is ASCII, so that text written by
/// clients does not look like a frame.
const MAGIC: [u8; 4] = [0xf7, 0x5c, 0xa1, 0x1e];

/// The length of what precedes the payload.
const HEADER_BYTES: usize = 12;

/// The longest payload. A length beyond it is damage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// What stands at some place of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A sound frame.
    Frame {
        payload: &'a [u8],
        /// The place after the frame.
        end: usize,
    },
    /// Nothing but zeros up to the end of the file: the space allocated ahead.
    End,
    /// Anything else.
    Damage,
}

/// Begins a frame in an empty buffer; the payload is appended to it.
pub(super) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&[0; HEADER_BYTES - MAGIC.len()]);
}

/// Completes the frame once its payload is in the buffer.
///
/// Returns `None` if the payload is too long.
pub(super) fn finish(buffer: &mut [u8]) -> Option<()> {
    let (header, payload) = buffer.split_at_mut(HEADER_BYTES);
    if payload.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    header[4..8].copy_from_slice(&length);
    header[8..12].copy_from_slice(&checksum(length, payload).to_le_bytes());
    Some(())
}

/// Reads the frame at `start`.
pub(super) fn read(file: &[u8], start: usize) -> Found<'_> {
    let damage = || {
        if written_end(file) <= start { Found::End } else { Found::Damage }
    };
    sound_frame(file, start).unwrap_or_else(damage)
}

/// Returns where the zeros begin that run to the end of the file.
pub(super) fn written_end(file: &[u8]) -> usize {
    file.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
}

/// Returns where the first sound frame at or after `from` begins.
pub(super) fn find_sound(file: &[u8], from: usize) -> Option<usize> {
    (from..file.len()).find(|&start| sound_frame(file, start).is_some())
}

fn sound_frame(file: &[u8], start: usize) -> Option<Found<'_>> {
    let rest = file.get(start..)?;
    if !rest.starts_with(&MAGIC) {
        return None;
    }
    let length: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
    let crc: [u8; 4] = rest.get(8..12)?.try_into().ok()?;
    let payload_bytes = u32::from_le_bytes(length) as usize;
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    let payload = rest.get(HEADER_BYTES..HEADER_BYTES + payload_bytes)?;
    (u32::from_le_bytes(crc) == checksum(length, payload))
        .then_some(Found::Frame { payload, end: start + HEADER_BYTES + payload_bytes })
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}
