/* See hypre.c. */
#include <petscksp.h>

/* Seconds per iteration between iterate `skip` and iterate `iterations`, and of the whole solve, of hypre's PCG for
 * A x = b from x = 0 with preconditioner `pc`, none or jacobi. Collective. */
PetscErrorCode HypreTime(Mat A, Vec b, const char *pc, PetscInt iterations, PetscInt skip, double *each, double *whole);
