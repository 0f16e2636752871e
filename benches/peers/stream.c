/* What the memory gives to the ranks of a measurement, all of them at once: bytes per second of three loops over
   arrays of 64 MiB per rank, the fastest of several passes of each.

   read: a sum over one array. update: a <- a + q b, two read and one of them written, as in a conjugate gradient
   method. triad: a <- b + q c, where the write counts once though the memory reads the line before it. */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH = 8 << 20, PASSES = 7, LANES = 32 };

static volatile double q = 0.999, sink;

static void pass(int loop, double *restrict a, const double *restrict b, const double *restrict c)
{
  double factor = q;
  if (loop == 0) {
    double sums[LANES] = {0};
    for (int i = 0; i < LENGTH; i += LANES)
      for (int lane = 0; lane < LANES; lane++) sums[lane] += b[i + lane];
    for (int lane = 0; lane < LANES; lane++) sink += sums[lane];
  } else if (loop == 1) {
    for (int i = 0; i < LENGTH; i++) a[i] += factor * b[i];
  } else {
    for (int i = 0; i < LENGTH; i++) a[i] = b[i] + factor * c[i];
  }
}

int main(int argc, char **argv)
{
  static const char *names[] = {"read", "update", "triad"};
  static const int words[] = {1, 3, 3};
  int ranks, rank;
  double *arrays[3];
  MPI_Init(&argc, &argv);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int k = 0; k < 3; k++) {
    arrays[k] = aligned_alloc(1 << 21, LENGTH * sizeof(double));
    if (!arrays[k]) MPI_Abort(MPI_COMM_WORLD, 1);
    for (int i = 0; i < LENGTH; i++) arrays[k][i] = k;
  }
  if (rank == 0) printf("stream");
  for (int loop = 0; loop < 3; loop++) {
    double best = 0;
    for (int k = 0; k < PASSES; k++) {
      MPI_Barrier(MPI_COMM_WORLD);
      double seconds = -MPI_Wtime(), slowest;
      pass(loop, arrays[0], arrays[1], arrays[2]);
      seconds += MPI_Wtime();
      MPI_Allreduce(&seconds, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      double rate = (double)ranks * words[loop] * LENGTH * sizeof(double) / slowest;
      best = rate > best ? rate : best;
    }
    if (rank == 0) printf(" %s %.4g", names[loop], best);
  }
  if (rank == 0) printf("\n");
  MPI_Finalize();
  return 0;
}
