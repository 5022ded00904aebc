//! The layouts and numbers against the kernel's own headers, by the C compiler; and the third-party client's
//! program, which is built for the lab elsewhere, as clean C.

use std::fmt::Write as _;
use std::io::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::{Command, Stdio};

use grantscope_generator::uapi::{dma_heap, drm, gntalloc, gntdev, udmabuf};

/// Compiles C that is read from standard input, without making anything of it.
fn check_c(arguments: &[&str], source: &str) {
    let mut compiler = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .args(arguments)
        .args(["-x", "c", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a C compiler called cc, which linking Rust programs needs as well");
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn numbers_and_sizes_are_those_of_the_kernels_own_headers() {
    let numbers = [
        ("IOCTL_GNTDEV_MAP_GRANT_REF", gntdev::MAP_GRANT_REF),
        ("IOCTL_GNTDEV_UNMAP_GRANT_REF", gntdev::UNMAP_GRANT_REF),
        ("IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR", gntdev::GET_OFFSET_FOR_VADDR),
        ("IOCTL_GNTDEV_SET_MAX_GRANTS", gntdev::SET_MAX_GRANTS),
        ("IOCTL_GNTDEV_SET_UNMAP_NOTIFY", gntdev::SET_UNMAP_NOTIFY),
        ("IOCTL_GNTDEV_GRANT_COPY", gntdev::GRANT_COPY),
        ("IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS", gntdev::DMABUF_EXP_FROM_REFS),
        ("IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED", gntdev::DMABUF_EXP_WAIT_RELEASED),
        ("IOCTL_GNTDEV_DMABUF_IMP_TO_REFS", gntdev::DMABUF_IMP_TO_REFS),
        ("IOCTL_GNTDEV_DMABUF_IMP_RELEASE", gntdev::DMABUF_IMP_RELEASE),
        ("GNTDEV_DMA_FLAG_WC", gntdev::DMA_FLAG_WC.into()),
        ("GNTDEV_DMA_FLAG_COHERENT", gntdev::DMA_FLAG_COHERENT.into()),
        ("IOCTL_GNTALLOC_ALLOC_GREF", gntalloc::ALLOC_GREF),
        ("IOCTL_GNTALLOC_DEALLOC_GREF", gntalloc::DEALLOC_GREF),
        ("IOCTL_GNTALLOC_SET_UNMAP_NOTIFY", gntalloc::SET_UNMAP_NOTIFY),
        ("GNTALLOC_FLAG_WRITABLE", gntalloc::FLAG_WRITABLE.into()),
        ("UNMAP_NOTIFY_CLEAR_BYTE", gntdev::UNMAP_NOTIFY_CLEAR_BYTE.into()),
        ("UNMAP_NOTIFY_SEND_EVENT", gntdev::UNMAP_NOTIFY_SEND_EVENT.into()),
        ("UDMABUF_CREATE", udmabuf::CREATE),
        ("UDMABUF_FLAGS_CLOEXEC", udmabuf::FLAG_CLOEXEC.into()),
        ("DMA_HEAP_IOCTL_ALLOC", dma_heap::ALLOC),
        ("sizeof(struct gntdev_grant_copy_segment)", size_of::<gntdev::CopySegment>() as u64),
        ("sizeof(struct ioctl_gntdev_grant_ref)", size_of::<gntdev::Reference>() as u64),
    ];
    // Debian's kernel headers leave these out; where libdrm-dev is there, it has them. Elsewhere the lab's kernel alone
    // shows that they are right: it answers these calls.
    let drm_numbers = [
        ("DRM_IOCTL_VERSION", drm::VERSION),
        ("DRM_IOCTL_GEM_CLOSE", drm::GEM_CLOSE),
        ("DRM_IOCTL_PRIME_FD_TO_HANDLE", drm::PRIME_FD_TO_HANDLE),
        ("__builtin_offsetof(struct drm_version, name)", offset_of!(drm::Version, name) as u64),
        ("__builtin_offsetof(struct drm_prime_handle, fd)", offset_of!(drm::PrimeHandle, fd) as u64),
    ];
    let mut source = String::from(
        "#include <stdint.h>\ntypedef uint32_t grant_ref_t;\ntypedef uint16_t domid_t;\n\
         #include <sys/ioctl.h>\n#include <xen/gntdev.h>\n#include <xen/gntalloc.h>\n\
         #include <linux/udmabuf.h>\n#include <linux/dma-heap.h>\n\
         #if __has_include(<drm/drm.h>)\n#include <drm/drm.h>\n\
         #elif __has_include(<libdrm/drm.h>)\n#include <libdrm/drm.h>\n#endif\n",
    );
    let asserted = |(name, value): (&str, u64)| format!("_Static_assert({name} == {value:#x}u, \"{name}\");\n");
    source.extend(numbers.map(asserted));
    write!(source, "#ifdef DRM_IOCTL_BASE\n{}#endif\n", drm_numbers.map(asserted).concat()).unwrap();
    check_c(&[], &source);
}

#[test]
#[should_panic(expected = "differ")]
fn a_difference_to_the_headers_would_be_noticed() {
    check_c(&[], "#include <linux/types.h>\n_Static_assert(sizeof(__u32) == 5, \"differ\");\n");
}

#[test]
fn the_strangers_program_is_clean_c() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign.c");
    check_c(&["-O2", "-Wpedantic"], &std::fs::read_to_string(path).unwrap());
}
