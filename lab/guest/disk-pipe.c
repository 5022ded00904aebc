// A pipe from a guest to dom0 through a disk that dom0 serves from a file: whatever its length, in bounded memory, and nothing is lost,
// because the guest goes on only when dom0 has written what it was sent.
//
//   disk-pipe send DEVICE        in the guest: sends what comes on standard input, and ends when all of it has been taken
//   disk-pipe receive FILE       in dom0: writes it to standard output, to its end
//
// The disk has a page with the sender's turn, one with the receiver's, and room for the bytes of one turn. A turn without bytes is the end.
// dom0's loop device writes the file through the page cache, where the receiver reads it; the guest's reads and writes go around its
// own page cache.
//
// Build: gcc -static -O2 -Wall -Wextra -o disk-pipe disk-pipe.c

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// What goes around the page cache is whole, aligned sectors.
enum { SECTOR = 512, PAGE = 4096, ROOM = 65536 };
enum { SENDERS_TURN = 0, RECEIVERS_TURN = PAGE, BYTES = 2 * PAGE };

// One word, so that nobody reads half of it.
union turn {
	uint64_t word;
	struct {
		uint32_t bytes;
		uint32_t number;
	};
};

static char bytes[ROOM] __attribute__((aligned(PAGE)));
static char page[PAGE] __attribute__((aligned(PAGE)));

static int failed(const char *what)
{
	fprintf(stderr, "disk-pipe: ");
	perror(what);
	return 1;
}

static int get(int disk, off_t place, union turn *turn)
{
	if (pread(disk, page, SECTOR, place) != SECTOR)
		return -1;
	turn->word = *(uint64_t *)page;
	return 0;
}

static int put(int disk, off_t place, union turn turn)
{
	memset(page, 0, SECTOR);
	*(uint64_t *)page = turn.word;
	return pwrite(disk, page, SECTOR, place) == SECTOR ? 0 : -1;
}

// Neither side is notified of what the other has written: a loop device does not notify either (lo_rw_aio in drivers/block/loop.c, Linux
// v6.12.117). Who looks often takes time from the guest, which is measured on the same processor; so the longer nothing came, the seldomer.
static useconds_t pause_us;

static void came(void)
{
	pause_us = 500;
}

static void look_again_later(void)
{
	usleep(pause_us);
	if (pause_us < 64000)
		pause_us *= 2;
}

static int send_all(const char *device)
{
	union turn turn = { 0 }, taken;
	ssize_t count;
	int disk = open(device, O_RDWR | O_DIRECT);

	if (disk < 0)
		return failed(device);
	do {
		count = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (count < 0)
			return failed("reading standard input");
		size_t sectors = ((size_t)count + SECTOR - 1) / SECTOR * SECTOR;
		if (pwrite(disk, bytes, sectors, BYTES) != (ssize_t)sectors)
			return failed("writing to the disk");
		turn.number++;
		turn.bytes = (uint32_t)count;
		if (put(disk, SENDERS_TURN, turn))
			return failed("writing to the disk");
		came();
		do {
			look_again_later();
			if (get(disk, RECEIVERS_TURN, &taken))
				return failed("reading from the disk");
		} while (taken.word != turn.word);
	} while (count);
	return 0;
}

static int write_all(const char *from, size_t count)
{
	while (count) {
		ssize_t written = write(STDOUT_FILENO, from, count);
		if (written < 0)
			return -1;
		from += written;
		count -= (size_t)written;
	}
	return 0;
}

static int receive_all(const char *file)
{
	union turn turn, taken = { 0 };
	int disk = open(file, O_RDWR);

	if (disk < 0)
		return failed(file);
	came();
	for (;;) {
		if (get(disk, SENDERS_TURN, &turn))
			return failed("reading the sender's turn");
		if (turn.word == taken.word) {
			look_again_later();
			continue;
		}
		if (turn.number != taken.number + 1 || turn.bytes > sizeof(bytes)) {
			fprintf(stderr, "disk-pipe: turn %u of %u bytes after turn %u\n", turn.number, turn.bytes, taken.number);
			return 1;
		}
		if (pread(disk, bytes, turn.bytes, BYTES) != (ssize_t)turn.bytes)
			return failed("reading the bytes");
		if (write_all(bytes, turn.bytes))
			return failed("writing to standard output");
		taken = turn;
		came();
		if (put(disk, RECEIVERS_TURN, taken))
			return failed("writing the receiver's turn");
		if (!turn.bytes)
			return 0;
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "send"))
		return send_all(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "receive"))
		return receive_all(argv[2]);
	fprintf(stderr, "usage: disk-pipe send DEVICE | receive FILE\n");
	return 2;
}
