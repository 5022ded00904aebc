// Holds mappings of the kernel's, as programs and maps of BPF have them, and does nothing with them: `cargo xtask bench truth` runs it.
//
//   mappings COUNT
//
// Each is an array that could be mapped, which the kernel allocates by vmalloc (kernel/bpf/arraymap.c and kernel/bpf/syscall.c,
// bpf_map_area_alloc, Linux v6.12). It prints a line when it has all of them, and holds them until it is killed.

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc == 2 ? atoi(argv[1]) : 0;
	if (count < 1) {
		fprintf(stderr, "mappings COUNT\n");
		return 2;
	}
	struct rlimit descriptors = { (rlim_t)count + 16, (rlim_t)count + 16 };
	setrlimit(RLIMIT_NOFILE, &descriptors);
	for (int made = 0; made < count; made++) {
		union bpf_attr attributes = {
			.map_type = BPF_MAP_TYPE_ARRAY,
			.key_size = 4,
			.value_size = 4096,
			.max_entries = 4,
			.map_flags = BPF_F_MMAPABLE,
		};
		if (syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)) < 0) {
			perror("a map");
			return 1;
		}
	}
	puts("held");
	fflush(stdout);
	pause();
	return 0;
}
