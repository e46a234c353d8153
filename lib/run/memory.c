#include "memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base.h"

enum { LARGE_BYTES = 128 * 1024 };

/* glibc raises both bounds with each large block that is freed: an answer of some megabytes, and a
 * heap's end of twice as much stays for ever. Set once, they are not raised. */
void memory_hold_little(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);
}

/* Only what the file says is never written: such pages are as they are in the file. */
static void segment_drop(uintptr_t base, const ElfW(Phdr) * segment)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (base + segment->p_vaddr) & ~(page - 1);
    uintptr_t to = (base + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);

    if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0)
        /* Addresses of the loader come as integers. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

static int object_drop(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        segment_drop(info->dlpi_addr, &info->dlpi_phdr[i]);
    return 0;
}

/* The constructors of thirty libraries touch far more of them than work ever does. */
void memory_trim(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(object_drop, NULL);
}
