/* hypre's conjugate gradients (ParCSRPCG) on the matrix that petsc.c has read, for a fixed number of iterations. */
#include "hypre.h"
#include <HYPRE.h>
#include <HYPRE_IJ_mv.h>
#include <HYPRE_krylov.h>
#include <HYPRE_parcsr_ls.h>

static HYPRE_IJMatrix     matrix;
static HYPRE_IJVector     rhs, solution;
static HYPRE_ParCSRMatrix A;
static HYPRE_ParVector    b, x;

/* A copy of the matrix, in hypre's own storage. */
static PetscErrorCode Copy(Mat from)
{
    PetscInt first, end;
    PetscFunctionBeginUser;
    PetscCall(MatGetOwnershipRange(from, &first, &end));
    HYPRE_Init();
    HYPRE_IJMatrixCreate(PETSC_COMM_WORLD, first, end - 1, first, end - 1, &matrix);
    HYPRE_IJMatrixSetObjectType(matrix, HYPRE_PARCSR);
    HYPRE_IJMatrixInitialize(matrix);
    for (PetscInt i = first; i < end; i++) {
        const PetscInt    *columns;
        const PetscScalar *values;
        PetscInt           count;
        PetscCall(MatGetRow(from, i, &count, &columns, &values));
        HYPRE_Int    entries = count;
        HYPRE_BigInt row = i, to[4096];
        if (count > 4096) SETERRQ(PETSC_COMM_SELF, PETSC_ERR_SUP, "row %ld has more than 4096 entries", (long)i);
        for (PetscInt k = 0; k < count; k++) to[k] = columns[k];
        HYPRE_IJMatrixSetValues(matrix, 1, &entries, &row, to, values);
        PetscCall(MatRestoreRow(from, i, &count, &columns, &values));
    }
    HYPRE_IJMatrixAssemble(matrix);
    HYPRE_IJMatrixGetObject(matrix, (void **)&A);
    for (int v = 0; v < 2; v++) {
        HYPRE_IJVector *vector = v ? &solution : &rhs;
        HYPRE_IJVectorCreate(PETSC_COMM_WORLD, first, end - 1, vector);
        HYPRE_IJVectorSetObjectType(*vector, HYPRE_PARCSR);
        HYPRE_IJVectorInitialize(*vector);
        HYPRE_IJVectorAssemble(*vector);
        HYPRE_IJVectorGetObject(*vector, v ? (void **)&x : (void **)&b);
    }
    PetscFunctionReturn(0);
}

/* Seconds of a solve with so many iterations. */
static double Solve(HYPRE_Solver solver, HYPRE_Int iterations)
{
    HYPRE_Int taken;
    HYPRE_ParVectorSetConstantValues(x, 0.0);
    HYPRE_PCGSetMaxIter(solver, iterations);
    MPI_Barrier(PETSC_COMM_WORLD);
    double begin = MPI_Wtime();
    HYPRE_ParCSRPCGSolve(solver, A, b, x);
    double seconds = MPI_Wtime() - begin;
    HYPRE_PCGGetNumIterations(solver, &taken);
    HYPRE_ClearAllErrors(); /* the iteration limit is one of them */
    return taken == iterations ? seconds : -1;
}

PetscErrorCode HypreTime(Mat from, Vec right, const char *pc, PetscInt iterations, PetscInt skip, double *each,
                         double *whole)
{
    static PetscBool   is_copied;
    const PetscScalar *values;
    PetscInt           first, end;
    HYPRE_Solver       solver;
    PetscFunctionBeginUser;
    if (!is_copied) PetscCall(Copy(from));
    is_copied = PETSC_TRUE;
    PetscCall(VecGetOwnershipRange(right, &first, &end));
    PetscCall(VecGetArrayRead(right, &values));
    for (PetscInt i = first; i < end; i++) {
        HYPRE_BigInt row = i;
        HYPRE_IJVectorSetValues(rhs, 1, &row, values + (i - first));
    }
    PetscCall(VecRestoreArrayRead(right, &values));
    HYPRE_IJVectorAssemble(rhs);

    HYPRE_ParCSRPCGCreate(PETSC_COMM_WORLD, &solver);
    HYPRE_PCGSetTol(solver, 0.0);
    HYPRE_PCGSetTwoNorm(solver, 0); /* no sum beside the two of the method */
    if (pc[0] == 'j')
        HYPRE_PCGSetPrecond(solver, (HYPRE_PtrToSolverFcn)HYPRE_ParCSRDiagScale,
                            (HYPRE_PtrToSolverFcn)HYPRE_ParCSRDiagScaleSetup, NULL);
    HYPRE_ParCSRPCGSetup(solver, A, b, x);
    Solve(solver, PetscMin(iterations, 5)); /* the warm-up */
    double least = skip ? Solve(solver, skip) : 0;
    *whole = Solve(solver, iterations);
    if (least < 0 || *whole < 0) SETERRQ(PETSC_COMM_SELF, PETSC_ERR_CONV_FAILED, "hypre stopped early");
    *each = (*whole - least) / (double)(iterations - skip);
    HYPRE_ParCSRPCGDestroy(solver);
    PetscFunctionReturn(0);
}
