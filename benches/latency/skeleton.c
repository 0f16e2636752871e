/* What an iteration of halocg's methods sends and waits for, without its arithmetic: for a simulator (SimGrid SMPI).
 *
 *   skeleton METHOD SIDE ITERATIONS POLL_ROWS GBPS MATRIX_BYTES
 *
 * Each rank owns a square of SIDE x SIDE rows of a square grid of ranks; rows at the edge are boundary rows. Work is
 * charged as bytes over the bandwidth. Prints microseconds per iteration, of a sum, of an exchange of one vector and of a
 * pair: `iteration sum halo halo2`.
 *
 * Sums are recursive doubling over messages, as in src/comm/mpi/doubling.rs: they advance when polled, after every
 * POLL_ROWS rows of a product (0: at the end of the interior rows only), and in every wait. POLL_ROWS = -1 takes a
 * step nearly as soon as its message is there, as an MPI with progress of its own would.
 */
#include <math.h>
#include <mpi.h>
#include <smpi/smpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 20, NEIGHBOURS = 4 };

static int me, ranks, across, levels;
static int neighbour[NEIGHBOURS], neighbours;
static double rows, side, bandwidth, matrix_bytes;
static int poll_rows;

/* Flops at the platform's 1 Gf. */
static void work(double bytes) { smpi_execute_flops(1e9 * bytes / bandwidth); }

/* The sum in flight. */
static struct {
    MPI_Request receives[MOST_STEPS], sends[MOST_STEPS];
    double mine[8], theirs[MOST_STEPS][8];
    int at;
} sum;

static void step(void) {
    MPI_Isend(sum.mine, 4, MPI_DOUBLE, me ^ (1 << sum.at), 3, MPI_COMM_WORLD, &sum.sends[sum.at]);
}

static void start_sum(void) {
    for (int k = 0; k < levels; k++)
        MPI_Irecv(sum.theirs[k], 4, MPI_DOUBLE, me ^ (1 << k), 3, MPI_COMM_WORLD, &sum.receives[k]);
    sum.at = 0;
    if (levels) step();
}

static int poll(void) {
    while (sum.at < levels) {
        int done;
        MPI_Test(&sum.receives[sum.at], &done, MPI_STATUS_IGNORE);
        if (!done) return 0;
        if (++sum.at < levels) step();
    }
    return 1;
}

static void finish_sum(void) {
    while (sum.at < levels) {
        MPI_Wait(&sum.receives[sum.at], MPI_STATUS_IGNORE);
        if (++sum.at < levels) step();
    }
    MPI_Waitall(levels, sum.sends, MPI_STATUSES_IGNORE);
}

static void blocking_sum(void) {
    start_sum();
    finish_sum();
}

/* Work of so many bytes per row on so many rows, during which a sum may advance. */
static void product(double bytes, double count, int summing) {
    if (!summing || poll_rows == 0) {
        work(bytes * count);
    } else if (poll_rows > 0) {
        for (double first = 0; first < count; first += poll_rows) {
            work(bytes * fmin(poll_rows, count - first));
            poll();
        }
    } else {
        /* Steps are taken nearly at once: short pieces of work; the simulator is told that a test costs nothing. */
        double piece = fmax(count / 16, 8);
        for (double first = 0; first < count; first += piece) {
            work(bytes * fmin(piece, count - first));
            poll();
        }
    }
    if (summing) poll();
}

static MPI_Request halo[2 * NEIGHBOURS];
static double *buffers;

static void start_halo(int vectors) {
    int words = (int)side * vectors;
    for (int i = 0; i < neighbours; i++)
        MPI_Irecv(buffers + i * words, words, MPI_DOUBLE, neighbour[i], 9, MPI_COMM_WORLD, &halo[i]);
    for (int i = 0; i < neighbours; i++)
        MPI_Isend(buffers + (NEIGHBOURS + i) * words, words, MPI_DOUBLE, neighbour[i], 9, MPI_COMM_WORLD, &halo[neighbours + i]);
}

static void finish_halo(void) { MPI_Waitall(2 * neighbours, halo, MPI_STATUSES_IGNORE); }

/* A product of one vector or a pair: interior rows while the halo travels, then the boundary. */
static void pass(int vectors, int summing) {
    double boundary = fmin(rows, 4 * side - 4), bytes = matrix_bytes + 16 * vectors;
    start_halo(vectors);
    product(bytes, rows - boundary, summing);
    /* Both kinds of messages are waited for together: the sum takes its steps meanwhile. */
    while (summing && !poll()) {
        int done, index;
        MPI_Request pending[2 * NEIGHBOURS + 1];
        MPI_Testall(2 * neighbours, halo, &done, MPI_STATUSES_IGNORE);
        if (done) break;
        memcpy(pending, halo, sizeof halo);
        pending[2 * neighbours] = sum.receives[sum.at];
        MPI_Waitany(2 * neighbours + 1, pending, &index, MPI_STATUS_IGNORE);
        memcpy(halo, pending, sizeof(MPI_Request) * (size_t)(2 * neighbours));
        sum.receives[sum.at] = pending[2 * neighbours];
    }
    finish_halo();
    product(bytes, boundary, 0);
}

static void iteration(const char *method) {
    if (!strcmp(method, "hs-cg")) {
        work(24 * rows); /* p from r */
        pass(1, 0);
        blocking_sum();
        work(48 * rows); /* x, r from p, s */
        blocking_sum();
    } else if (!strcmp(method, "cg-cg")) {
        pass(1, 0); /* w = A r */
        blocking_sum();
        work(72 * rows); /* p, s, x, r read and written, w read */
    } else if (!strcmp(method, "pr-cg")) {
        pass(1, 0); /* s = A p; the inner products read r besides */
        work(8 * rows);
        blocking_sum();
        work(56 * rows); /* x, r, p read and written, s read */
    } else if (!strcmp(method, "gv-cg")) {
        start_sum();
        pass(1, 1); /* t = A w */
        finish_sum();
        work(104 * rows); /* p, s, u, x, r, w read and written, t read */
    } else if (!strcmp(method, "overlap")) {
        start_sum();
        pass(2, 1);
        finish_sum();
        work(80 * rows); /* x, p, r, s read and written, w, u read */
    } else if (!strcmp(method, "one-sweep")) {
        start_sum();
        start_halo(2);
        finish_sum();
        finish_halo();
        work((matrix_bytes + 64) * rows);
    } else {
        fprintf(stderr, "skeleton: unknown method %s\n", method);
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
}

static void exchange1(void) { start_halo(1), finish_halo(); }
static void exchange2(void) { start_halo(2), finish_halo(); }

static double microseconds(void (*what)(void), int times) {
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = MPI_Wtime();
    for (int i = 0; i < times; i++) what();
    return 1e6 * (MPI_Wtime() - begin) / times;
}

static const char *method;
static void one_iteration(void) { iteration(method); }

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    if (argc != 7) return fprintf(stderr, "usage: see the head of skeleton.c\n"), 2;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    method = argv[1], side = atof(argv[2]), rows = side * side;
    int iterations = atoi(argv[3]);
    poll_rows = atoi(argv[4]), bandwidth = 1e9 * atof(argv[5]), matrix_bytes = atof(argv[6]);
    while (1 << levels < ranks) levels++;
    across = (int)lround(sqrt(ranks));
    if (across * across != ranks || 1 << levels != ranks) return fprintf(stderr, "skeleton: 4^k ranks\n"), 2;
    int row = me / across, column = me % across;
    if (row > 0) neighbour[neighbours++] = me - across;
    if (row + 1 < across) neighbour[neighbours++] = me + across;
    if (column > 0) neighbour[neighbours++] = me - 1;
    if (column + 1 < across) neighbour[neighbours++] = me + 1;
    buffers = calloc((size_t)(2 * NEIGHBOURS * 2 * side), sizeof *buffers);
    one_iteration();
    double each = microseconds(one_iteration, iterations);
    double g = microseconds(blocking_sum, iterations);
    double h = microseconds(exchange1, iterations), h2 = microseconds(exchange2, iterations);
    double slowest[4] = {each, g, h, h2}, all[4];
    MPI_Reduce(slowest, all, 4, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (!me) printf("%.3f %.3f %.3f %.3f\n", all[0], all[1], all[2], all[3]);
    MPI_Finalize();
    return 0;
}
