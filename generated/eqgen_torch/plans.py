"""Which planned functions a training step calls for which class, and on what."""

from __future__ import annotations

from . import activations, layers, losses, optimizers, planned
from .buffers import ActivationPlan, Call, LayerPlan, LossPlan, OptimizerPlan

ACTIVATIONS: dict[type, ActivationPlan] = {
    activations.AllReLUActivation: ActivationPlan(
        planned.all_relu, planned.all_relu_gradient, planned.all_relu_product
    ),
    activations.ELUActivation: ActivationPlan(planned.elu, planned.elu_gradient, planned.elu_product),
    activations.GELUActivation: ActivationPlan(planned.gelu, planned.gelu_gradient, planned.gelu_product),
    activations.LeakyReLUActivation: ActivationPlan(
        planned.leaky_relu, planned.leaky_relu_gradient, planned.leaky_relu_product
    ),
    activations.ReLUActivation: ActivationPlan(planned.relu, planned.relu_gradient, planned.relu_product),
    activations.SReLUActivation: ActivationPlan(planned.s_relu, planned.s_relu_gradient, planned.s_relu_product),
    activations.SiLUActivation: ActivationPlan(planned.silu, planned.silu_gradient, planned.silu_product),
    activations.SigmoidActivation: ActivationPlan(planned.sigmoid, planned.sigmoid_gradient, planned.sigmoid_product),
    activations.SoftplusActivation: ActivationPlan(
        planned.softplus, planned.softplus_gradient, planned.softplus_product
    ),
    activations.TReLUActivation: ActivationPlan(planned.t_relu, planned.t_relu_gradient, planned.t_relu_product),
    activations.TanhActivation: ActivationPlan(planned.tanh, planned.tanh_gradient, planned.tanh_product),
}

LOSSES = {
    losses.BinaryCrossEntropyLossFunction: LossPlan(
        planned.binary_cross_entropy_loss_gradient_and_value, planned.binary_cross_entropy_loss_gradient_and_value
    ),
    losses.CrossEntropyLossFunction: LossPlan(
        planned.cross_entropy_loss_gradient_and_value, planned.cross_entropy_loss_gradient_and_value
    ),
    losses.KLDivergenceLossFunction: LossPlan(
        planned.kl_divergence_loss_gradient_and_value, planned.kl_divergence_loss_gradient_and_value
    ),
    losses.LogisticCrossEntropyLossFunction: LossPlan(
        planned.logistic_cross_entropy_loss_gradient_and_value, planned.logistic_cross_entropy_loss_gradient_and_value
    ),
    losses.MeanSquaredErrorLossFunction: LossPlan(
        planned.mean_squared_error_loss_gradient_and_value, planned.mean_squared_error_loss_gradient_and_value
    ),
    losses.NegativeLogLikelihoodLossFunction: LossPlan(
        planned.negative_log_likelihood_loss_gradient_and_value, planned.negative_log_likelihood_loss_gradient_and_value
    ),
    losses.SigmoidBinaryCrossEntropyLossFunction: LossPlan(
        planned.sigmoid_binary_cross_entropy_loss_gradient_and_value,
        planned.sigmoid_binary_cross_entropy_loss_gradient_and_value,
    ),
    losses.SoftmaxCrossEntropyLossFunction: LossPlan(
        planned.softmax_cross_entropy_loss_gradient_and_value,
        planned.softmax_cross_entropy_loss_gradient_one_hot_and_value,
    ),
    losses.SquaredErrorLossFunction: LossPlan(
        planned.squared_error_loss_gradient_and_value, planned.squared_error_loss_gradient_and_value
    ),
}

OPTIMIZERS = {
    optimizers.AdamOptimizer: OptimizerPlan(
        Call(
            planned.adam_step,
            ("theta", "Dtheta", "m", "v", "beta1", "beta2", "epsilon", "eta", "c1", "c2", "c3", "c4"),
            ("theta_new", "m_new", "v_new"),
        ),
        Call(
            planned.adam_product_step,
            ("theta", "factor 1", "factor 2", "m", "v", "beta1", "beta2", "epsilon", "eta", "c1", "c2", "c3", "c4"),
            ("theta_new", "m_new", "v_new"),
        ),
        True,
        None,
    ),
    optimizers.AdamWOptimizer: OptimizerPlan(
        Call(
            planned.adamw_step,
            ("theta", "Dtheta", "m", "v", "beta1", "beta2", "epsilon", "eta", "c1", "c2", "c3", "c4", "c5"),
            ("theta_new", "m_new", "v_new"),
        ),
        Call(
            planned.adamw_product_step,
            (
                "theta",
                "factor 1",
                "factor 2",
                "m",
                "v",
                "beta1",
                "beta2",
                "epsilon",
                "eta",
                "c1",
                "c2",
                "c3",
                "c4",
                "c5",
            ),
            ("theta_new", "m_new", "v_new"),
        ),
        True,
        None,
    ),
    optimizers.ClipByNormOptimizer: OptimizerPlan(
        Call(planned.clip_by_norm_step, ("Dtheta", "c"), ("Dtheta_new",)), None, False, None
    ),
    optimizers.ClipByValueOptimizer: OptimizerPlan(
        Call(planned.clip_by_value_step, ("Dtheta", "c", "c1"), ("Dtheta_new",)), None, False, None
    ),
    optimizers.GradientDescentOptimizer: OptimizerPlan(
        Call(planned.gradient_descent_step, ("theta", "Dtheta", "eta"), ("theta_new",)),
        Call(planned.gradient_descent_product_step, ("theta", "factor 1", "factor 2", "eta"), ("theta_new",)),
        False,
        None,
    ),
    optimizers.MomentumOptimizer: OptimizerPlan(
        Call(planned.momentum_step, ("theta", "Dtheta", "delta", "mu", "eta"), ("theta_new", "delta_new")),
        Call(
            planned.momentum_product_step,
            ("theta", "factor 1", "factor 2", "delta", "mu", "eta"),
            ("theta_new", "delta_new"),
        ),
        True,
        None,
    ),
    optimizers.NesterovOptimizer: OptimizerPlan(
        Call(planned.nesterov_step, ("theta", "Dtheta", "delta", "mu", "eta"), ("theta_new", "delta_new")),
        Call(
            planned.nesterov_product_step,
            ("theta", "factor 1", "factor 2", "delta", "mu", "eta"),
            ("theta_new", "delta_new"),
        ),
        True,
        None,
    ),
    optimizers.RMSPropOptimizer: OptimizerPlan(
        Call(planned.rms_prop_step, ("theta", "Dtheta", "v", "rho", "epsilon", "eta", "c1"), ("theta_new", "v_new")),
        Call(
            planned.rms_prop_product_step,
            ("theta", "factor 1", "factor 2", "v", "rho", "epsilon", "eta", "c1"),
            ("theta_new", "v_new"),
        ),
        True,
        None,
    ),
    optimizers.WeightDecayOptimizer: OptimizerPlan(
        Call(planned.weight_decay_step, ("theta", "Dtheta", "decay"), ("Dtheta_new",)), None, False, None
    ),
}

LAYERS = {
    layers.ActivationLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.activation_forward, ("X", "W", "b", "act"), ("Y", "Z")),
        Call(planned.activation_gradients, ("Z", "DY", "act"), ("Db", "DZ")),
        Call(planned.activation_input_gradient, ("W", "DZ"), ("DX",)),
        {
            "W": Call(planned.transposed_product, ("DZ", "X"), ("C",)),
        },
        None,
        False,
    ),
    layers.ActivationDropoutLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.activation_dropout_forward, ("X", "W", "b", "R", "act"), ("Y", "Z")),
        Call(planned.activation_dropout_gradients, ("X", "R", "Z", "DY", "act"), ("DW", "Db", "DZ")),
        Call(planned.activation_dropout_input_gradient, ("W", "R", "DZ"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.BatchNormalizationLayer: LayerPlan(
        "X",
        "Y",
        Call(
            planned.batch_normalization_forward,
            ("X", "gamma", "beta", "epsilon"),
            ("Y", "Sigma", "inv_sqrt_Sigma", "Z"),
        ),
        Call(planned.batch_normalization_gradients, ("Z", "DY"), ("Dgamma", "Dbeta")),
        Call(planned.batch_normalization_input_gradient, ("gamma", "inv_sqrt_Sigma", "Z", "DY"), ("DX",)),
        {},
        Call(
            planned.batch_normalization_update,
            ("X", "mean", "variance", "Sigma", "momentum"),
            ("mean_new", "variance_new"),
        ),
        False,
    ),
    layers.EmbeddingLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.embedding_forward, ("X", "E"), ("Y",)),
        Call(planned.embedding_gradients, ("X", "E", "DY"), ("DE",)),
        None,
        {},
        None,
        False,
    ),
    layers.LayerNormalizationLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.layer_normalization_forward, ("X", "gamma", "beta", "epsilon"), ("Y", "inv_sqrt_Sigma", "Z")),
        Call(planned.layer_normalization_gradients, ("Z", "DY"), ("Dgamma", "Dbeta")),
        Call(planned.layer_normalization_input_gradient, ("gamma", "inv_sqrt_Sigma", "Z", "DY"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.LinearLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.linear_forward, ("X", "W", "b"), ("Y",)),
        Call(planned.linear_gradients, ("DY",), ("Db",)),
        Call(planned.linear_input_gradient, ("W", "DY"), ("DX",)),
        {
            "W": Call(planned.transposed_product, ("DY", "X"), ("C",)),
        },
        None,
        False,
    ),
    layers.LinearDropoutLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.linear_dropout_forward, ("X", "W", "b", "R"), ("Y",)),
        Call(planned.linear_dropout_gradients, ("X", "R", "DY"), ("DW", "Db")),
        Call(planned.linear_dropout_input_gradient, ("W", "R", "DY"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.LogSoftmaxLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.log_softmax_forward, ("X", "W", "b"), ("Y", "Z")),
        Call(planned.log_softmax_gradients, ("Z", "DY"), ("Db", "DZ")),
        Call(planned.log_softmax_input_gradient, ("W", "DZ"), ("DX",)),
        {
            "W": Call(planned.transposed_product, ("DZ", "X"), ("C",)),
        },
        None,
        False,
    ),
    layers.SReLULayer: LayerPlan(
        "X",
        "Y",
        Call(planned.s_relu_forward, ("X", "W", "b", "al", "tl", "ar", "tr"), ("Y", "Z")),
        Call(planned.s_relu_gradients, ("al", "tl", "ar", "tr", "Z", "DY"), ("Db", "Dal", "Dtl", "Dar", "Dtr", "DZ")),
        Call(planned.s_relu_input_gradient, ("W", "DZ"), ("DX",)),
        {
            "W": Call(planned.transposed_product, ("DZ", "X"), ("C",)),
        },
        None,
        False,
    ),
    layers.SoftmaxLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.softmax_forward, ("X", "W", "b"), ("Y",)),
        Call(planned.softmax_gradients, ("Y", "DY"), ("Db", "DZ")),
        Call(planned.softmax_input_gradient, ("W", "DZ"), ("DX",)),
        {
            "W": Call(planned.transposed_product, ("DZ", "X"), ("C",)),
        },
        None,
        False,
    ),
    layers.SparseActivationLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.sparse_activation_forward, ("X", "W", "W_pattern", "b", "act"), ("Y", "Z")),
        Call(planned.sparse_activation_gradients, ("X", "W", "W_pattern", "Z", "DY", "act"), ("DW", "Db", "DZ")),
        Call(planned.sparse_activation_input_gradient, ("W", "W_pattern", "DZ"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.SparseLinearLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.sparse_linear_forward, ("X", "W", "W_pattern", "b"), ("Y",)),
        Call(planned.sparse_linear_gradients, ("X", "W", "W_pattern", "DY"), ("DW", "Db")),
        Call(planned.sparse_linear_input_gradient, ("W", "W_pattern", "DY"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.SparseLogSoftmaxLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.sparse_log_softmax_forward, ("X", "W", "W_pattern", "b"), ("Y", "Z")),
        Call(planned.sparse_log_softmax_gradients, ("X", "W", "W_pattern", "Z", "DY"), ("DW", "Db", "DZ")),
        Call(planned.sparse_log_softmax_input_gradient, ("W", "W_pattern", "DZ"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.SparseSReLULayer: LayerPlan(
        "X",
        "Y",
        Call(planned.sparse_s_relu_forward, ("X", "W", "W_pattern", "b", "al", "tl", "ar", "tr"), ("Y", "Z")),
        Call(
            planned.sparse_s_relu_gradients,
            ("X", "W", "W_pattern", "al", "tl", "ar", "tr", "Z", "DY"),
            ("DW", "Db", "Dal", "Dtl", "Dar", "Dtr", "DZ"),
        ),
        Call(planned.sparse_s_relu_input_gradient, ("W", "W_pattern", "DZ"), ("DX",)),
        {},
        None,
        False,
    ),
    layers.SparseSoftmaxLayer: LayerPlan(
        "X",
        "Y",
        Call(planned.sparse_softmax_forward, ("X", "W", "W_pattern", "b"), ("Y",)),
        Call(planned.sparse_softmax_gradients, ("X", "W", "W_pattern", "Y", "DY"), ("DW", "Db", "DZ")),
        Call(planned.sparse_softmax_input_gradient, ("W", "W_pattern", "DZ"), ("DX",)),
        {},
        None,
        False,
    ),
}
