/* One step of a softmax layer in C: forward, backward, update.

   cc -std=c99 -I generated/eqgen_cpp/src examples/softmax_layer.c \
       -L generated/eqgen_cpp -leqgen_cpp -Wl,-rpath,"$PWD/generated/eqgen_cpp" -o softmax_layer */

#include <stdio.h>
#include <stdlib.h>

#include "eqgen_cpp.h"

enum { N = 2, D = 3, K = 2 }; /* rows of the batch, inputs, outputs */

static void check(int code) {
    if (code != EQGEN_OK) {
        fprintf(stderr, "%s\n", eqgen_last_error());
        exit(1);
    }
}

static float loss(const float* Y, const float* T) {
    float L = 0;
    check(eqgen_cross_entropy_loss_f32(N, K, Y, T, &L));
    return L;
}

int main(void) {
    const float X[N * D] = {1, 0, 2, 0, 1, 1};
    const float T[N * K] = {1, 0, 0, 1};
    const float W[K * D] = {0.1f, -0.2f, 0.3f, -0.1f, 0.2f, 0.1f};
    const float b[K] = {0};
    float Y[N * K], DY[N * K], DX[N * D], DW[K * D], Db[K];
    float new_W[K * D], new_b[K];

    check(eqgen_softmax_forward_f32(N, D, K, X, W, b, Y));
    printf("loss before: %.6f\n", loss(Y, T));

    check(eqgen_cross_entropy_loss_gradient_f32(N, K, Y, T, DY));
    check(eqgen_softmax_backward_f32(N, D, K, X, W, Y, DY, DX, DW, Db));
    check(eqgen_gradient_descent_step_f32(K, D, W, DW, 0.1, new_W));
    check(eqgen_gradient_descent_step_f32(1, K, b, Db, 0.1, new_b));

    check(eqgen_softmax_forward_f32(N, D, K, X, new_W, new_b, Y));
    printf("loss after:  %.6f\n", loss(Y, T));
    return 0;
}
