// Describes the BPF programs that are loaded: a line for each, `NAME JITED XLATED VERIFIED INSTRUCTIONS`, with the bytes that the kernel's
// compiler made, the bytes of BPF after the verifier, the instructions that the verifier walked, and those of BPF as they are in memory, in
// hexadecimal. `cargo xtask bench probes` runs it as root.
//
// The kernel keeps 15 characters of a program's name (BPF_OBJ_NAME_LEN): the whole name is that of its first function in its BTF.
//
// Source: include/uapi/linux/bpf.h and btf.h, Linux v6.12.

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_FUNCTIONS = 64, MOST_BTF_BYTES = 1 << 20, MOST_BYTES = 1 << 20 };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int open_by_id(int command, __u32 id)
{
	union bpf_attr attributes = { .prog_id = id };
	return (int)bpf(command, &attributes);
}

static int describe(int fd, void *info, __u32 size)
{
	union bpf_attr attributes = { .info = { .bpf_fd = (__u32)fd, .info_len = size, .info = (__u64)(unsigned long)info } };
	return (int)bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
}

// Bytes of a type behind its btf_type; of kinds that a program's BTF may have.
static size_t bytes_behind(const struct btf_type *type)
{
	size_t members = BTF_INFO_VLEN(type->info);
	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return members * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return members * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return members * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return members * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return members * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

// The name of a type in the BTF with this id.
static const char *name_of(__u32 btf, __u32 wanted)
{
	static char data[MOST_BTF_BYTES];
	struct bpf_btf_info info = { .btf = (__u64)(unsigned long)data, .btf_size = sizeof(data) };
	int fd = open_by_id(BPF_BTF_GET_FD_BY_ID, btf);
	if (fd < 0 || describe(fd, &info, sizeof(info)))
		fail("a program's BTF");
	close(fd);
	const struct btf_header *header = (void *)data;
	const char *at = data + header->hdr_len + header->type_off;
	for (__u32 id = 1; id < wanted; id++)
		at += sizeof(struct btf_type) + bytes_behind((void *)at);
	return data + header->hdr_len + header->str_off + ((const struct btf_type *)(const void *)at)->name_off;
}

static void print(int fd)
{
	static unsigned char instructions[MOST_BYTES];
	struct bpf_func_info functions[MOST_FUNCTIONS];
	struct bpf_prog_info info = {
		.xlated_prog_insns = (__u64)(unsigned long)instructions,
		.xlated_prog_len = sizeof(instructions),
		.func_info = (__u64)(unsigned long)functions,
		.nr_func_info = MOST_FUNCTIONS,
		.func_info_rec_size = sizeof(*functions),
	};
	if (describe(fd, &info, sizeof(info)))
		fail("a program's description");
	if (info.xlated_prog_len > sizeof(instructions)) {
		fprintf(stderr, "a program has %u bytes\n", info.xlated_prog_len);
		exit(1);
	}
	const char *name = info.btf_id && info.nr_func_info ? name_of(info.btf_id, functions[0].type_id) : info.name;
	printf("%s %u %u %u ", name, info.jited_prog_len, info.xlated_prog_len, info.verified_insns);
	for (__u32 i = 0; i < info.xlated_prog_len; i++)
		printf("%02x", instructions[i]);
	printf("\n");
}

int main(void)
{
	union bpf_attr next = { .start_id = 0 };
	while (!bpf(BPF_PROG_GET_NEXT_ID, &next)) {
		int fd = open_by_id(BPF_PROG_GET_FD_BY_ID, next.next_id);
		if (fd < 0)
			fail("a program");
		print(fd);
		close(fd);
		next.start_id = next.next_id;
	}
	if (errno != ENOENT)
		fail("the next program");
	return 0;
}
