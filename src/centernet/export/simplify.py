"""Simplification of ONNX graphs, without a change of what they compute."""

from typing import Any

_ROUNDS = 2
"""After the first, sizes of reshapes are known and what leads to them can go."""


def simplify(model: Any) -> None:
    """Folds constants and batch norms, and removes operations that do nothing or are duplicates.

    As `onnxscript.optimizer.optimize`, without `slice_split_rule`, which compares each pair of nodes, took a
    fifth of the time of an export and never matched in our graphs.

    Args:
        model: An `onnx_ir.Model`; changed.
    """
    from onnx_ir.passes import common
    from onnxscript.optimizer import fold_constants, remove_unused_nodes
    from onnxscript.rewriter import RewritePass

    common.InlinePass()(model)
    rewrite = RewritePass(_rules())
    for _ in range(_ROUNDS):
        fold_constants(model)
        rewrite(model)
        remove_unused_nodes(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.DeduplicateInitializersPass()(model)
    common.IdentityEliminationPass()(model)
    common.CommonSubexpressionEliminationPass()(model)
    common.RemoveUnusedOpsetsPass()(model)
    common.OutputFixPass()(model)
    common.NameFixPass()(model)


def _rules() -> list[Any]:
    """The rewrite rules that match in our graphs, and similar ones."""
    from onnxscript.rewriter.rules import common as rules

    return [
        *(rules.add_0_rule, rules.sub_0_rule, rules.mul_by_1_rule, rules.div_by_1_rule),
        *(rules.cast_cast_rule, rules.no_op_cast_rule, rules.no_op_expand_rule),
        *(rules.transpose_transpose_rule, rules.no_op_transpose_rule, rules.unsqueeze_unsqueeze_rule),
        *(rules.reshape_reshape_rule, rules.materialize_reshape_shape_rule),
        *(rules.collapse_slice_rule, rules.collapse_slice2_rule),
        *(rules.no_op_static_scatter_nd_rule, rules.no_op_dynamic_scatter_nd_rule),
        *(rules.fuse_batchnorm_into_conv_rule, rules.fuse_batchnorm_into_conv_transpose_rule),
        *(rules.remove_optional_bias_from_conv_rule, rules.remove_optional_bias_from_conv_transpose_rule),
    ]
