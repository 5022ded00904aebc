// Writes what comes on standard input to an I/O port, byte by byte, where a device of the emulator takes it: for domains whose
// memory no device reaches. See hw/char/debugcon.c of QEMU.
//
//   port ADDRESS
//
// Build: gcc -static -O2 -Wall -Wextra -o port port.c

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __x86_64__
#include <sys/io.h>

int main(int argc, char **argv)
{
	static unsigned char bytes[65536];
	ssize_t count;

	if (argc != 2) {
		fprintf(stderr, "usage: port ADDRESS\n");
		return 2;
	}
	unsigned short port = (unsigned short)strtoul(argv[1], NULL, 0);
	// ioperm(2) knows fewer ports on old kernels.
	if (iopl(3)) {
		perror("port: iopl (root, and CONFIG_X86_IOPL_IOPERM?)");
		return 1;
	}
	while ((count = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		outsb(port, bytes, (unsigned long)count);
	if (count < 0)
		perror("port: reading");
	return count < 0;
}
#else
int main(void)
{
	fprintf(stderr, "port: this processor has no I/O ports\n");
	return 1;
}
#endif
