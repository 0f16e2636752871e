/* Writes a small matrix and vector with PETSc, or loads files and says what they hold. C99; PETSc 3.18 to 3.26.
 *
 *   mpirun -n 3 petsc_files -matrix F -vector F     writes them, or, with -both F, one after the other to one file
 *   mpirun -n 3 petsc_files -load_matrix F          prints rows, entries, the sum of all entries, the asymmetry
 *   mpirun -n 3 petsc_files -load_vector F          prints rows and the sum of all entries
 *
 * The matrix has 11 rows: A(i,i) = 4 + i/7, A(i,i+1) = -1/(i+3), A(i,i+5) = (i+1)/-10, and the same across the
 * diagonal, i from 0. The vector has the values 1/(i+1), every second one negative. */
#include <petscmat.h>

static PetscErrorCode Open(const char *option, PetscFileMode mode, PetscViewer *viewer)
{
    char      path[4096];
    PetscBool given;
    PetscFunctionBeginUser;
    *viewer = NULL;
    PetscCall(PetscOptionsGetString(NULL, NULL, option, path, sizeof path, &given));
    if (given) PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, path, mode, viewer));
    PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
    const PetscInt n = 11;
    PetscInt       first, end, rows;
    PetscViewer    viewer;
    PetscScalar    sum;
    Mat            A, T;
    Vec            v, w;
    PetscCall(PetscInitialize(&argc, &argv, NULL, "See the head of petsc_files.c\n"));

    PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 5, NULL, 5, NULL, &A));
    PetscCall(MatGetOwnershipRange(A, &first, &end));
    for (PetscInt i = first; i < end; i++)
        for (PetscInt j = 0; j < n; j++) {
            PetscInt low = PetscMin(i, j), apart = PetscAbsInt(i - j);
            double   value = apart == 0 ? 4.0 + i / 7.0 : apart == 1 ? -1.0 / (low + 3) : (low + 1) / -10.0;
            if (apart == 0 || apart == 1 || apart == 5) PetscCall(MatSetValue(A, i, j, value, INSERT_VALUES));
        }
    PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
    PetscCall(MatCreateVecs(A, &v, NULL));
    for (PetscInt i = first; i < end; i++) PetscCall(VecSetValue(v, i, (i % 2 ? -1.0 : 1.0) / (i + 1), INSERT_VALUES));
    PetscCall(VecAssemblyBegin(v));
    PetscCall(VecAssemblyEnd(v));

    const char *written[] = {"-matrix", "-vector", "-both"};
    for (int k = 0; k < 3; k++) {
        PetscCall(Open(written[k], FILE_MODE_WRITE, &viewer));
        if (viewer && k != 1) PetscCall(MatView(A, viewer));
        if (viewer && k != 0) PetscCall(VecView(v, viewer));
        PetscCall(PetscViewerDestroy(&viewer));
    }

    PetscCall(Open("-load_matrix", FILE_MODE_READ, &viewer));
    if (viewer) {
        MatInfo   info;
        PetscReal apart;
        PetscCall(MatCreate(PETSC_COMM_WORLD, &T));
        PetscCall(MatLoad(T, viewer));
        PetscCall(MatGetInfo(T, MAT_GLOBAL_SUM, &info));
        PetscCall(MatGetSize(T, &rows, NULL));
        PetscCall(MatCreateVecs(T, &w, NULL));
        PetscCall(MatGetRowSum(T, w));
        PetscCall(VecSum(w, &sum));
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, "matrix %ld %.0f %.17g", (long)rows, info.nz_used, (double)sum));
        PetscCall(MatTranspose(T, MAT_INITIAL_MATRIX, &A));
        PetscCall(MatAXPY(A, -1.0, T, DIFFERENT_NONZERO_PATTERN));
        PetscCall(MatNorm(A, NORM_FROBENIUS, &apart));
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, " %g\n", (double)apart));
        PetscCall(PetscViewerDestroy(&viewer));
    }
    PetscCall(Open("-load_vector", FILE_MODE_READ, &viewer));
    if (viewer) {
        PetscCall(VecCreate(PETSC_COMM_WORLD, &w));
        PetscCall(VecLoad(w, viewer));
        PetscCall(VecGetSize(w, &rows));
        PetscCall(VecSum(w, &sum));
        PetscCall(PetscPrintf(PETSC_COMM_WORLD, "vector %ld %.17g\n", (long)rows, (double)sum));
        PetscCall(PetscViewerDestroy(&viewer));
    }
    PetscCall(PetscFinalize()); /* the end of the process frees the rest */
    return 0;
}
