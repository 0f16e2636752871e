/* A network of known latency for a program on MPI, on one machine: loaded before the MPI library (LD_PRELOAD).
 *
 * Nobody sleeps. Each rank has a clock of its own, which MPI_Wtime shows: processor time between its MPI calls, plus
 * modelled communication:
 *   a message    is there one hop after it was sent;
 *   an Allreduce is there ceil(log2 P) hops after the last rank has called it, without anybody's help.
 * Ranks may therefore outnumber processors, and other load on the machine hardly matters.
 *
 * The simulation is exact for the program's order of calls: a test is answered only when the answer can no longer
 * change. What a rank will send cannot arrive before its present clock plus a hop, so whoever asks about a message that
 * has not been sent waits, in real time, until the sender's clock is near enough to tell. A rank whose tests fail four
 * times in a row with nothing between them is waiting: its clock goes on to the next event that can concern it.
 *
 * Modelled: Isend, Irecv, Send_init, Recv_init, Startall, Iallreduce, Test, Testall, Wtime: what an iteration of halocg
 * calls, on copies of the world. Everything else (the set-up) passes at its real speed and costs no modelled time.
 * Not modelled: bandwidth, contention, noise, processor time inside MPI.
 *
 * HALOCG_LATENCY_BOARD   an empty file that all ranks map
 * HALOCG_LATENCY_HOP_US  microseconds of a hop
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mpi.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { RANKS = 64, LETTERS = 64, SUMS = 8, REQUESTS = 4096, PATIENCE = 4 };

/* Messages from one rank to another: when each was sent. */
struct lane {
    _Atomic unsigned long sent, taken;
    struct { int tag; double when; } letters[LETTERS];
};

struct board {
    _Atomic double clock[RANKS];
    /* Of each rank: how many Allreduces it has called, and when the last ones. */
    _Atomic unsigned long sums[RANKS];
    double sum_when[RANKS][SUMS];
    struct lane lanes[RANKS][RANKS]; /* [from][to] */
};

enum kind { FREE, SEND, RECEIVE, SUM };

struct request {
    enum kind kind;
    MPI_Request handle;
    int peer, tag, persistent, active, known;
    double due;
    unsigned long number; /* of a sum */
};

static struct board *board;
static struct request requests[REQUESTS];
static int used, me, ranks, failures;
static double clock_now, processor_then, hop;
/* Letters taken from a lane before somebody asked for their tag. */
static struct { int from, tag; double when; } kept[RANKS * LETTERS];
static int kept_count;

static void fail(const char *why) {
    fprintf(stderr, "latency shim: %s\n", why);
    PMPI_Abort(MPI_COMM_WORLD, 1);
}

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Into MPI: the processor time since the last call was the program's. */
static double enter(void) {
    double spent = processor_seconds() - processor_then;
    clock_now += spent;
    return spent;
}

static void leave(void) {
    if (board) atomic_store(&board->clock[me], clock_now);
    processor_then = processor_seconds();
}

static int levels(void) {
    int k = 0;
    while (1 << k < ranks) k++;
    return k;
}

static void start(void) {
    const char *path = getenv("HALOCG_LATENCY_BOARD"), *microseconds = getenv("HALOCG_LATENCY_HOP_US");
    PMPI_Comm_rank(MPI_COMM_WORLD, &me);
    PMPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (!path || !microseconds) fail("HALOCG_LATENCY_BOARD and HALOCG_LATENCY_HOP_US must be set");
    if (ranks > RANKS) fail("too many ranks");
    hop = 1e-6 * atof(microseconds);
    if (!(hop > 0)) fail("HALOCG_LATENCY_HOP_US must be greater than 0");
    int file = open(path, O_RDWR);
    if (file < 0 || ftruncate(file, sizeof *board)) fail("HALOCG_LATENCY_BOARD cannot be used");
    struct board *map = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) fail("HALOCG_LATENCY_BOARD cannot be mapped");
    board = map;
    PMPI_Barrier(MPI_COMM_WORLD);
    leave();
}

static struct request *find(MPI_Request handle) {
    for (int i = 0; i < used; i++)
        if (requests[i].kind != FREE && requests[i].handle == handle) return &requests[i];
    return NULL;
}

static struct request *add(enum kind kind, MPI_Request handle, int peer, int tag) {
    int i = 0;
    while (i < used && requests[i].kind != FREE) i++;
    if (i == REQUESTS) fail("too many requests");
    if (i == used) used++;
    requests[i] = (struct request){.kind = kind, .handle = handle, .peer = peer, .tag = tag, .active = 1};
    return &requests[i];
}

static void post(int to, int tag) {
    struct lane *lane = &board->lanes[me][to];
    unsigned long n = atomic_load(&lane->sent);
    if (n - atomic_load(&lane->taken) >= LETTERS) fail("too many messages on their way");
    lane->letters[n % LETTERS].tag = tag;
    lane->letters[n % LETTERS].when = clock_now;
    atomic_store(&lane->sent, n + 1);
}

/* Whether the next message from there with this tag has been sent; when. */
static int take(int from, int tag, double *when) {
    struct lane *lane = &board->lanes[from][me];
    for (unsigned long n = atomic_load(&lane->taken); n < atomic_load(&lane->sent); n++) {
        if (kept_count == RANKS * LETTERS) fail("too many messages that nobody asks for");
        kept[kept_count].from = from;
        kept[kept_count].tag = lane->letters[n % LETTERS].tag;
        kept[kept_count++].when = lane->letters[n % LETTERS].when;
        atomic_store(&lane->taken, n + 1);
    }
    for (int i = 0; i < kept_count; i++)
        if (kept[i].from == from && kept[i].tag == tag) {
            *when = kept[i].when;
            for (kept_count--; i < kept_count; i++) kept[i] = kept[i + 1];
            return 1;
        }
    return 0;
}

/* When the request will be complete, if that is certain; else no earlier than that. */
static double due(struct request *r) {
    double when, earliest = 1e300, latest = 0;
    if (r->known || r->kind == SEND) return r->kind == SEND ? 0 : r->due;
    if (r->kind == RECEIVE) {
        double clock = atomic_load(&board->clock[r->peer]); /* before the look at the letters */
        if (!take(r->peer, r->tag, &when)) return clock + hop;
        r->known = 1;
        return r->due = when + hop;
    }
    for (int i = 0; i < ranks; i++) {
        double clock = atomic_load(&board->clock[i]);
        if (atomic_load(&board->sums[i]) > r->number) clock = board->sum_when[i][r->number % SUMS];
        else earliest = 0; /* somebody is missing, and will come after its clock */
        if (clock > latest) latest = clock;
    }
    r->known = earliest > 0;
    return r->due = latest + levels() * hop;
}

static int is_certain(struct request *r) { return r->known || r->kind == SEND; }

/* The answer to: is it complete now? Waits until there is one. */
static int is_due(struct request *r) {
    for (;;) {
        double when = due(r);
        if (when > clock_now) return 0;
        if (is_certain(r)) return 1;
        sched_yield();
    }
}

/* A rank that is waiting: nothing concerns it before the first of what it has asked for. */
static void skip(void) {
    double first = 1e300;
    for (int i = 0; i < used; i++)
        if (requests[i].kind != FREE && requests[i].kind != SEND && requests[i].active) {
            double when = due(&requests[i]);
            if (when > clock_now && when < first) first = when;
            /* What is due already is not what the caller waits for; but what may become due any time could be. */
            if (when <= clock_now && !is_certain(&requests[i])) return;
        }
    if (first < 1e300) clock_now = first;
    atomic_store(&board->clock[me], clock_now);
}

int MPI_Init(int *argc, char ***argv) {
    int code = PMPI_Init(argc, argv);
    start();
    return code;
}

int MPI_Init_thread(int *argc, char ***argv, int wanted, int *got) {
    int code = PMPI_Init_thread(argc, argv, wanted, got);
    start();
    return code;
}

int MPI_Finalize(void) {
    if (board) atomic_store(&board->clock[me], 1e200); /* nobody needs to wait for this rank */
    return PMPI_Finalize();
}

double MPI_Wtime(void) {
    enter();
    processor_then = processor_seconds();
    return clock_now;
}

int MPI_Isend(const void *words, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    enter();
    post(to, tag);
    int code = PMPI_Isend(words, count, type, to, tag, comm, request);
    add(SEND, *request, to, tag);
    leave();
    return code;
}

int MPI_Irecv(void *words, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    enter();
    int code = PMPI_Irecv(words, count, type, from, tag, comm, request);
    add(RECEIVE, *request, from, tag);
    leave();
    return code;
}

int MPI_Send_init(const void *words, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    int code = PMPI_Send_init(words, count, type, to, tag, comm, request);
    struct request *r = add(SEND, *request, to, tag);
    r->persistent = 1, r->active = 0;
    return code;
}

int MPI_Recv_init(void *words, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    int code = PMPI_Recv_init(words, count, type, from, tag, comm, request);
    struct request *r = add(RECEIVE, *request, from, tag);
    r->persistent = 1, r->active = 0;
    return code;
}

int MPI_Startall(int count, MPI_Request list[]) {
    enter();
    for (int i = 0; i < count; i++) {
        struct request *r = find(list[i]);
        if (!r) fail("a persistent request that is not known");
        r->active = 1, r->known = 0;
        if (r->kind == SEND) post(r->peer, r->tag);
    }
    int code = PMPI_Startall(count, list);
    leave();
    return code;
}

int MPI_Request_free(MPI_Request *request) {
    struct request *r = find(*request);
    if (r) r->kind = FREE;
    return PMPI_Request_free(request);
}

int MPI_Iallreduce(const void *mine, void *sums, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm, MPI_Request *request) {
    enter();
    int code = PMPI_Iallreduce(mine, sums, count, type, op, comm, request);
    struct request *r = add(SUM, *request, -1, -1);
    r->number = atomic_load(&board->sums[me]);
    board->sum_when[me][r->number % SUMS] = clock_now;
    atomic_store(&board->sums[me], r->number + 1);
    leave();
    return code;
}

int MPI_Testall(int count, MPI_Request list[], int *done, MPI_Status statuses[]) {
    double spent = enter();
    int all = 1, code = MPI_SUCCESS;
    struct request *found[count > 0 ? count : 1];
    for (int i = 0; i < count; i++) {
        found[i] = list[i] == MPI_REQUEST_NULL ? NULL : find(list[i]);
        if (all && found[i] && found[i]->active) all = is_due(found[i]);
    }
    *done = 0;
    if (all) {
        code = PMPI_Testall(count, list, done, statuses);
        /* Modelled to be there, so it is: but the real one may still be on its way. */
        int modelled = 0;
        for (int i = 0; i < count; i++) modelled |= found[i] != NULL;
        while (modelled && !*done) {
            sched_yield();
            code = PMPI_Testall(count, list, done, statuses);
        }
    }
    if (*done) {
        failures = 0;
        for (int i = 0; i < count; i++)
            if (found[i]) {
                found[i]->active = 0;
                if (!found[i]->persistent) found[i]->kind = FREE;
            }
    } else {
        failures = spent < 2e-6 ? failures + 1 : 0;
        if (failures >= PATIENCE) skip();
        sched_yield();
    }
    leave();
    return code;
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status) { return MPI_Testall(1, request, done, status); }

/* Would pass unmodelled, and make every figure wrong. */
#define REFUSE(name, arguments) \
    int name arguments { fail(#name " is not modelled"); return MPI_ERR_OTHER; }
#pragma GCC diagnostic ignored "-Wunused-parameter"
REFUSE(MPI_Wait, (MPI_Request *request, MPI_Status *status))
REFUSE(MPI_Waitall, (int count, MPI_Request list[], MPI_Status statuses[]))
REFUSE(MPI_Allreduce, (const void *mine, void *sums, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm))
REFUSE(MPI_Send, (const void *words, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm))
REFUSE(MPI_Recv, (void *words, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status))
