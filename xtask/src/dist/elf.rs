//! As much of a program's file as shows whether it runs by itself.

/// What the head of a program says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// The architecture.
    pub(super) machine: u16,
    /// Another program has to load it.
    pub(super) has_loader: bool,
    pub(super) needs_libraries: bool,
}

/// Kinds of segments.
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;

/// The kind of an entry of the dynamic segment that names a library.
const NEEDED: u64 = 1;

impl Program {
    /// Reads a little-endian ELF file of 64 bits; `None` where it is none.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        if !file.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let (start, size, count) = (u64_at(file, 32)?, u16_at(file, 54)?, u16_at(file, 56)?);
        let mut program = Self {
            machine: u16_at(file, 18)?,
            has_loader: false,
            needs_libraries: false,
        };
        for number in 0..usize::from(count) {
            let at = usize::try_from(start).ok()? + number * usize::from(size);
            let segment = file.get(at..)?.get(..56)?;
            match u32_at(segment, 0)? {
                INTERPRETER => program.has_loader = true,
                DYNAMIC => {
                    let offset = usize::try_from(u64_at(segment, 8)?).ok()?;
                    let length = usize::try_from(u64_at(segment, 32)?).ok()?;
                    let entries = file.get(offset..)?.get(..length)?;
                    program.needs_libraries |= entries
                        .chunks_exact(16)
                        .any(|entry| u64_at(entry, 0) == Some(NEEDED));
                }
                _ => {}
            }
        }
        Some(program)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_needs_a_loader_and_libraries() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let found = Program::read(&own).unwrap();
        assert!(found.has_loader && found.needs_libraries, "{found:?}");
        for end in [0, 17, 60, 100] {
            assert_eq!(Program::read(&own[..end]), None, "{end}");
        }
        assert_eq!(Program::read(b"#!/bin/sh\n"), None);
    }
}
