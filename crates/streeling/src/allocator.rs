//! The command's allocator, and what keeps it giving memory back.
//!
//! It belongs to `main` and not to the library: a program has one allocator, and one that
//! embeds the library chooses it.

#![expect(
    unsafe_code,
    reason = "an allocator is unsafe by its contract; no other code of ours is"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::time::Duration;

use libmimalloc_sys as mimalloc;

/// The systems' allocators keep what a wave of large bodies took (docs/performance.md has figures).
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Memory is given back so long after it was freed, at the latest; mimalloc waits for a second.
const INTERVAL: Duration = Duration::from_secs(5);

/// More than mimalloc takes from a page that it shares between allocations.
const PAGE: usize = 1 << 20;

/// Gives back what is free of the thread that it is on, for as long as it runs. Mimalloc does so
/// when that thread allocates and frees, which on an idle server nothing makes it do: after a wave
/// of bodies of 200 kB it kept 400 MB, after 10,000 connections to gRPC 70 MB.
pub(crate) async fn give_back() {
    loop {
        tokio::time::sleep(INTERVAL).await;
        // SAFETY: it looks through what is free, and what other threads have freed for this one.
        unsafe { mimalloc::mi_collect(false) };
        drop(black_box(Vec::<u8>::with_capacity(PAGE)));
    }
}

/// Mimalloc, but for what is large. Its own crate says the alignment each time.
///
/// Mimalloc keeps an allocation that another thread frees until its own one allocates again, which
/// may be never: after 20 responses of 25 MB that were not read it kept 320 MB. Those have mappings
/// of their own, which go as they are freed, and grow without being copied.
struct Allocator;

// SAFETY: each allocation is of one of two allocators, chosen by its layout alone, which is the
// same whenever it comes up; and both of them keep the contract. Neither panics.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if mapped::is_for(layout) {
            return mapped::alloc(layout.size());
        }
        // SAFETY: as the caller says, neither is zero.
        unsafe {
            if is_common(layout) {
                mimalloc::mi_malloc(layout.size()).cast()
            } else {
                mimalloc::mi_malloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if mapped::is_for(layout) {
            // The system gives nothing but zeros.
            return mapped::alloc(layout.size());
        }
        // SAFETY: as the caller says, neither is zero.
        unsafe {
            if is_common(layout) {
                mimalloc::mi_zalloc(layout.size()).cast()
            } else {
                mimalloc::mi_zalloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if mapped::is_for(layout) {
            // SAFETY: it is mapped, since its layout is as it was when it was allocated.
            return unsafe { mapped::dealloc(pointer, layout.size()) };
        }
        // SAFETY: it is mimalloc's.
        unsafe { mimalloc::mi_free(pointer.cast()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller says that the size, rounded up to the alignment, is no overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (mapped::is_for(layout), mapped::is_for(wanted)) {
            // SAFETY: it is mimalloc's.
            (false, false) => unsafe {
                if is_common(layout) && is_common(wanted) {
                    mimalloc::mi_realloc(pointer.cast(), size).cast()
                } else {
                    mimalloc::mi_realloc_aligned(pointer.cast(), size, layout.align()).cast()
                }
            },
            // SAFETY: it is mapped, since its layout is as it was when it was allocated.
            (true, true) => unsafe { mapped::realloc(pointer, layout.size(), size) },
            // SAFETY: both have room for what is copied, and the old one is freed once.
            _ => unsafe {
                let new = self.alloc(wanted);
                if !new.is_null() {
                    pointer.copy_to_nonoverlapping(new, layout.size().min(size));
                    self.dealloc(pointer, layout);
                }
                new
            },
        }
    }
}

/// Whether mimalloc aligns it so by itself, which takes it half the time.
fn is_common(layout: Layout) -> bool {
    const ALIGNMENT: usize = 16;
    layout.align() <= ALIGNMENT && layout.align() <= layout.size()
}

/// Allocations that are mappings.
#[cfg(target_os = "linux")]
mod mapped {
    use std::alloc::Layout;
    use std::ptr::null_mut;

    use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, munmap};

    /// From so many bytes on. To take fresh pages for each body costs a tenth of what reading it
    /// does; below this mimalloc's own are soon looked through again.
    const LARGE: usize = 4 << 20;

    /// What a mapping is aligned to on every machine.
    const ALIGNMENT: usize = 4096;

    pub(super) fn is_for(layout: Layout) -> bool {
        layout.size() >= LARGE && layout.align() <= ALIGNMENT
    }

    pub(super) fn alloc(size: usize) -> *mut u8 {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: no address is given, so that nothing is mapped over.
        let mapping = unsafe { mmap_anonymous(null_mut(), size, access, MapFlags::PRIVATE) };
        mapping.map_or(null_mut(), <*mut _>::cast)
    }

    /// # Safety
    ///
    /// `pointer` is from [`alloc`] or [`realloc`] with this size, and not used any more.
    pub(super) unsafe fn dealloc(pointer: *mut u8, size: usize) {
        // SAFETY: as the caller says. It fails for want of mappings alone, and then keeps this one.
        let _ = unsafe { munmap(pointer.cast(), size) };
    }

    /// # Safety
    ///
    /// `pointer` is from [`alloc`] or [`realloc`] with the size `old`; it is used no more, unless
    /// null is returned.
    pub(super) unsafe fn realloc(pointer: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: as the caller says; the system chooses where it may move to.
        let moved = unsafe { mremap(pointer.cast(), old, new, MremapFlags::MAYMOVE) };
        moved.map_or(null_mut(), <*mut _>::cast)
    }
}

/// Elsewhere there are none.
#[cfg(not(target_os = "linux"))]
mod mapped {
    use std::alloc::Layout;
    use std::ptr::null_mut;

    pub(super) fn is_for(_: Layout) -> bool {
        false
    }

    pub(super) fn alloc(_: usize) -> *mut u8 {
        null_mut()
    }

    pub(super) unsafe fn dealloc(_: *mut u8, _: usize) {}

    pub(super) unsafe fn realloc(_: *mut u8, _: usize, _: usize) -> *mut u8 {
        null_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Bytes of this process.
    #[cfg(target_os = "linux")]
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        let kilobytes = line.split_whitespace().nth(1).unwrap();
        1024 * kilobytes.parse::<usize>().unwrap()
    }

    /// Numbers that say where they are.
    fn numbers(count: usize) -> impl Iterator<Item = u64> {
        0..count as u64
    }

    #[test]
    fn what_it_holds_stays_as_it_grows_and_shrinks_through_both() {
        let mut values: Vec<u64> = Vec::new();
        for size in [1, 1000, MIB / 8, MIB, 3 * MIB, 2 * MIB] {
            values.extend(numbers(size).skip(values.len()));
            values.truncate(size);
            values.shrink_to_fit();
            assert!(values.iter().copied().eq(numbers(size)), "{size} numbers");
        }
        values.truncate(10);
        values.shrink_to_fit();
        assert!(values.iter().copied().eq(numbers(10)));
    }

    #[test]
    fn zeroed_memory_is_zero() {
        for size in [MIB, 4 * MIB, 9 * MIB + 1] {
            for _ in 0..2 {
                let mut bytes = vec![0_u8; size];
                assert!(bytes.iter().all(|byte| *byte == 0));
                bytes.fill(1);
                black_box(bytes);
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_another_thread_frees_is_given_back_at_once() {
        let before = resident();
        let large: Vec<Vec<u8>> = (0..8).map(|_| vec![1; 32 * MIB]).collect();
        assert!(resident() > before + 200 * MIB);
        std::thread::spawn(move || drop(large)).join().unwrap();
        assert!(resident() < before + 100 * MIB);
    }

    #[test]
    fn every_alignment_is_kept() {
        for align in (0..14).map(|shift| 1_usize << shift) {
            for size in [1, 8, 24, 100, 5000, 5 * MIB] {
                let layout = Layout::from_size_align(size, align).unwrap();
                // SAFETY: it is freed with the layout that it has by then.
                unsafe {
                    let mut pointer = ALLOCATOR.alloc(layout);
                    assert!(pointer.addr().is_multiple_of(align), "{layout:?}");
                    pointer.write(7);
                    pointer = ALLOCATOR.realloc(pointer, layout, 3 * size);
                    assert!(pointer.addr().is_multiple_of(align), "{layout:?}");
                    assert_eq!(pointer.read(), 7);
                    let grown = Layout::from_size_align(3 * size, align).unwrap();
                    ALLOCATOR.dealloc(pointer, grown);
                }
            }
        }
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        let mut bytes = Vec::<u8>::new();
        assert!(bytes.try_reserve_exact(isize::MAX as usize).is_err());
        let mut bytes = vec![1_u8; 8 * MIB];
        assert!(bytes.try_reserve_exact(isize::MAX as usize / 2).is_err());
        assert_eq!((bytes.len(), bytes[8 * MIB - 1]), (8 * MIB, 1));
    }
}
