/* PETSc's conjugate gradient methods on a matrix file, for a fixed number of iterations: the peer of
 * `halocg solve` in the bars of this folder. C99; PETSc 3.18 to 3.26.
 *
 *   mpirun -n 2 petsc -file A.mtx -partition A.part -methods cg,pipeprcg -pcs none,jacobi -iterations 100
 *
 * -file FILE        coordinate, real or integer, general or symmetric with one triangle stored
 * -partition FILE   one owner (rank from 0) per line, in row order; contiguous even shares if absent
 * -methods, -pcs    PETSc's names, separated by commas; and hypre, where it was built in (hypre.c), for its PCG
 * -iterations N     so many per timed solve; a short untimed solve before allocates and touches everything
 * -skip K           the clock of the steady state starts when iterate K is reached (default 0)
 * -repetitions R    timed solves of each method and preconditioner (default 1)
 * -check RTOL       no timing: solve to ||r|| <= RTOL ||b|| and say how good the solution is
 *
 * b = A ones/sqrt(n), x_0 = 0. Written is one line per solve, words separated by one space:
 *
 *   petsc VERSION METHOD PC RANKS ROWS ITERATIONS SECONDS_PER_ITERATION SECONDS_OF_THE_WHOLE_SOLVE
 *   check METHOD PC RANKS ROWS NONZEROS ITERATIONS NORM_OF_B RELATIVE_RESIDUAL RELATIVE_ERROR
 *
 * SECONDS_PER_ITERATION is (time of iterate N - time of iterate K) / (N - K), on rank 0, taken where PETSc
 * reports the norm of an iterate. The step too many that pipeprcg takes before it stops is not in it. */
#include <ctype.h>
#include <errno.h>
#include <petscksp.h>
#include <string.h>
#ifdef WITH_HYPRE
#include "hypre.h"
#endif

/* One sentence instead of PETSc's traces of the stack. */
#define FAIL(...) (fprintf(stderr, "petsc: " __VA_ARGS__), fputc('\n', stderr), MPI_Abort(MPI_COMM_WORLD, 1))

static int       rank, ranks;
static Mat       A;
static Vec       b, x, r;
static PetscInt  n, iterations = 100, skip, repetitions = 1;
static PetscReal check;
static PetscInt  last;    /* iterate that was reported */
static double   *reached; /* when each of them was */

/* The whole file as a string. */
static char *Slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) FAIL("%s: cannot open it: %s", path, strerror(errno));
    long  length = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    rewind(file);
    if (!text || fread(text, 1, (size_t)length, file) != (size_t)length) FAIL("%s: cannot read it", path);
    fclose(file);
    text[length] = 0;
    return text;
}

/* New numbers of all rows: those of rank 0 first, then those of rank 1, ..., each in the order of the file. */
static PetscErrorCode Renumber(const char *path, PetscInt *number, PetscInt *begin)
{
    PetscInt *owner;
    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(n, &owner));
    if (path[0]) {
        char *text = Slurp(path), *at = text, *end;
        for (PetscInt i = 0; i < n; i++, at = end) {
            long value = strtol(at, &end, 10);
            if (end == at) FAIL("%s: owner %ld of %ld is missing or not a number", path, (long)i + 1, (long)n);
            if (value < 0 || value >= ranks) FAIL("%s: owner %ld, but there are %d ranks", path, value, ranks);
            owner[i] = (PetscInt)value;
        }
        if (at[strspn(at, " \t\r\n")]) FAIL("%s: it goes on after the owners of %ld rows", path, (long)n);
        free(text);
    } else {
        for (PetscInt i = 0; i < n; i++) owner[i] = (PetscInt)((double)i * ranks / n);
    }
    begin[0] = 0;
    for (PetscInt o = 0; o < ranks; o++) {
        begin[o + 1] = begin[o];
        for (PetscInt i = 0; i < n; i++)
            if (owner[i] == o) number[i] = begin[o + 1]++;
    }
    PetscCall(PetscFree(owner));
    PetscFunctionReturn(0);
}

/* Every rank reads the file and keeps its own rows. */
static PetscErrorCode Load(const char *path, const char *partition)
{
    char        *text = Slurp(path), *at, *end, layout[32], field[32], symmetry[32];
    PetscInt    *number, *begin, *row, *column, *start, *columns;
    PetscScalar *value, *values;
    size_t       kept = 0;
    PetscFunctionBeginUser;
    for (at = text; *at && *at != '\n'; at++) *at = (char)tolower((unsigned char)*at);
    if (sscanf(text, "%%%%matrixmarket matrix %31s %31s %31s", layout, field, symmetry) != 3)
        FAIL("%s: the first line is not that of a Matrix Market matrix", path);
    int symmetric = !strcmp(symmetry, "symmetric");
    if (strcmp(layout, "coordinate") || (strcmp(field, "real") && strcmp(field, "integer"))
        || (!symmetric && strcmp(symmetry, "general")))
        FAIL("%s: only 'coordinate real general' and 'coordinate real symmetric' are read here", path);
    do {
        if (*at) at++;
        if (*at == '%') at += strcspn(at, "\n");
    } while (*at == '\n');
    long rows = strtol(at, &at, 10), width = strtol(at, &at, 10), entries = strtol(at, &at, 10);
    if (rows < 1 || rows != width || entries < 1) FAIL("%s: no sizes of a square matrix after the comments", path);
    if (rows >= PETSC_MAX_INT || entries > PETSC_MAX_INT / 2)
        FAIL("%s: too large for this PETSc's %d-byte integers", path, (int)sizeof(PetscInt));

    n = (PetscInt)rows;
    PetscCall(PetscCalloc3(n + 1, &start, n, &number, ranks + 1, &begin));
    PetscCall(Renumber(partition, number, begin));
    PetscInt first = begin[rank], local = begin[rank + 1] - first;

    /* Room for all entries; of it, only the pages that this rank's fill are ever touched. */
    size_t room = (size_t)entries * (symmetric ? 2 : 1);
    PetscCall(PetscMalloc3(room, &row, room, &column, room, &value));
    for (long k = 0; k < entries; k++, at = end) {
        long   i = strtol(at, &at, 10) - 1, j = strtol(at, &at, 10) - 1;
        double v = strtod(at, &end);
        if (end == at || i < 0 || i >= rows || j < 0 || j >= rows)
            FAIL("%s: entry %ld of %ld is not 'row column value' within the matrix", path, k + 1, entries);
        for (int mirrored = 0; mirrored <= (symmetric && i != j); mirrored++) {
            PetscInt own = number[mirrored ? j : i] - first;
            if (own < 0 || own >= local) continue;
            row[kept] = own;
            column[kept] = number[mirrored ? i : j];
            value[kept++] = v;
            start[own]++;
        }
    }
    free(text);

    for (PetscInt i = 0; i < local; i++) start[i + 1] += start[i]; /* where each row ends */
    PetscCall(PetscMalloc2(kept, &columns, kept, &values));
    for (size_t k = 0; k < kept; k++) {
        PetscInt place = --start[row[k]]; /* and in the end, where it starts */
        columns[place] = column[k];
        values[place] = value[k];
    }
    PetscCall(PetscFree3(row, column, value));
    for (PetscInt i = 0; i < local; i++) {
        PetscCall(PetscSortIntWithScalarArray(start[i + 1] - start[i], columns + start[i], values + start[i]));
        for (PetscInt k = start[i] + 1; k < start[i + 1]; k++)
            if (columns[k] == columns[k - 1]) FAIL("%s: an entry is given twice (or in both triangles)", path);
    }

    PetscCall(MatCreate(PETSC_COMM_WORLD, &A));
    PetscCall(MatSetSizes(A, local, local, n, n));
    PetscCall(MatSetType(A, MATAIJ));
    /* Counts the entries of every row in and beside the diagonal block, and fills it; one of the two applies. */
    PetscCall(MatSeqAIJSetPreallocationCSR(A, start, columns, values));
    PetscCall(MatMPIAIJSetPreallocationCSR(A, start, columns, values));
    PetscCall(MatSetOption(A, MAT_SPD, PETSC_TRUE));
    PetscCall(PetscFree2(columns, values));
    PetscCall(PetscFree3(start, number, begin));
    PetscFunctionReturn(0);
}

/* Solves to a tolerance and looks at the solution. */
static PetscErrorCode Check(KSP ksp, const char *method, const char *pc)
{
    PetscReal b_norm, residual, error;
    MatInfo   info;
    PetscFunctionBeginUser;
    PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED)); /* halocg's */
    PetscCall(KSPSetTolerances(ksp, check, 0.0, 1e300, 1000000));
    PetscCall(VecSet(x, 0.0));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetIterationNumber(ksp, &last));
    PetscCall(MatMult(A, x, r));
    PetscCall(VecAYPX(r, -1.0, b));
    PetscCall(VecNorm(r, NORM_2, &residual));
    PetscCall(VecNorm(b, NORM_2, &b_norm));
    PetscCall(VecShift(x, -1.0 / PetscSqrtReal((PetscReal)n)));
    PetscCall(VecNorm(x, NORM_2, &error));
    PetscCall(MatGetInfo(A, MAT_GLOBAL_SUM, &info));
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "check %s %s %d %ld %.0f %ld %.15e %.6e %.6e\n", method, pc, ranks,
                          (long)n, info.nz_used, (long)last, (double)b_norm, (double)(residual / b_norm),
                          (double)error));
    PetscFunctionReturn(0);
}

static PetscErrorCode Tick(KSP ksp, PetscInt iterate, PetscReal norm, void *context)
{
    (void)ksp, (void)norm, (void)context;
    if (iterate <= iterations) reached[iterate] = MPI_Wtime();
    last = iterate;
    return 0;
}

static PetscErrorCode Time(KSP ksp, const char *method, const char *pc)
{
    PetscFunctionBeginUser;
    /* With this norm no method needs a sum beside its own: another one costs pipeprcg a second, blocking sum. */
    PetscCall(KSPSetNormType(ksp, KSP_NORM_NATURAL));
    PetscCall(KSPMonitorSet(ksp, Tick, NULL, NULL));
    for (PetscInt repetition = -1; repetition < repetitions; repetition++) {
        PetscCall(KSPSetTolerances(ksp, 0.0, 0.0, 1e300, repetition < 0 ? PetscMin(iterations, 5) : iterations));
        PetscCall(VecSet(x, 0.0));
        PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
        double begin = MPI_Wtime();
        PetscCall(KSPSolve(ksp, b, x));
        double whole = MPI_Wtime() - begin;
        if (repetition < 0) continue; /* the warm-up */
        if (last != iterations)
            FAIL("%s with %s stopped at iterate %ld of %ld: ask for fewer", method, pc, (long)last, (long)iterations);
        double each = (reached[iterations] - reached[skip]) / (double)(iterations - skip);
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, "petsc %d.%d.%d %s %s %d %ld %ld %.6e %.6e\n", PETSC_VERSION_MAJOR,
                              PETSC_VERSION_MINOR, PETSC_VERSION_SUBMINOR, method, pc, ranks, (long)n,
                              (long)iterations, each, whole));
    }
    PetscFunctionReturn(0);
}

/* The same of hypre's PCG; its version number is its own. */
static PetscErrorCode TimeHypre(const char *pc)
{
    PetscFunctionBeginUser;
#ifdef WITH_HYPRE
    for (PetscInt repetition = 0; repetition < repetitions; repetition++) {
        double each = 0, whole = 0;
        PetscCall(HypreTime(A, b, pc, iterations, skip, &each, &whole));
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, "petsc - hypre %s %d %ld %ld %.6e %.6e\n", pc, ranks, (long)n,
                              (long)iterations, each, whole));
    }
#else
    FAIL("this driver was built without hypre, which %s asks for", pc);
#endif
    PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
    char      file[4096] = "", partition[4096] = "", *methods[16], *pcs[16];
    PetscInt  n_methods = 16, n_pcs = 16;
    PetscBool has_file, has_methods, has_pcs;
    KSP       ksp;
    PC        pc;
    PetscCall(PetscInitialize(&argc, &argv, NULL, "Fixed iterations of PETSc's CG methods: see the head of petsc.c\n"));
    PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
    PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &ranks));
    PetscCall(PetscOptionsGetString(NULL, NULL, "-file", file, sizeof file, &has_file));
    PetscCall(PetscOptionsGetString(NULL, NULL, "-partition", partition, sizeof partition, NULL));
    PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-methods", methods, &n_methods, &has_methods));
    PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-pcs", pcs, &n_pcs, &has_pcs));
    PetscCall(PetscOptionsGetInt(NULL, NULL, "-iterations", &iterations, NULL));
    PetscCall(PetscOptionsGetInt(NULL, NULL, "-skip", &skip, NULL));
    PetscCall(PetscOptionsGetInt(NULL, NULL, "-repetitions", &repetitions, NULL));
    PetscCall(PetscOptionsGetReal(NULL, NULL, "-check", &check, NULL));
    if (!has_file || !has_methods || !has_pcs) FAIL("give -file A.mtx, -methods cg,pipeprcg and -pcs none,jacobi");
    if (skip < 0 || skip >= iterations) FAIL("-skip must be at least 0 and less than -iterations");

    PetscCall(Load(file, partition));
    PetscCall(MatCreateVecs(A, &x, &b));
    PetscCall(VecDuplicate(b, &r));
    PetscCall(VecSet(x, 1.0 / PetscSqrtReal((PetscReal)n)));
    PetscCall(MatMult(A, x, b));
    PetscCall(PetscCalloc1(iterations + 1, &reached));

    for (PetscInt p = 0; p < n_pcs; p++)
        for (PetscInt m = 0; m < n_methods; m++) {
            if (!strcmp(methods[m], "hypre")) {
                PetscCall(TimeHypre(pcs[p]));
                continue;
            }
            PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
            PetscCall(KSPSetOperators(ksp, A, A));
            PetscCall(KSPSetType(ksp, methods[m]));
            PetscCall(KSPGetPC(ksp, &pc));
            PetscCall(PCSetType(pc, pcs[p]));
            PetscCall((check > 0 ? Check : Time)(ksp, methods[m], pcs[p]));
            PetscCall(KSPDestroy(&ksp));
        }
    PetscCall(PetscFinalize()); /* the end of the process frees the rest */
    return 0;
}
