import pytest
import torch

from mindleaf.layers.patching import PatchEmbedding
from mindleaf.layers.transformer import Attention, DropPath, Transformer


def n_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_vanilla_stack_of_the_paper_has_5_791_200_parameters():
    vanilla = Transformer(200, 12, 10, 800, qk_norm=False, layer_scale=None, final_norm=False)
    assert n_parameters(vanilla) == 5_791_200


def test_with_its_patch_network_and_tables_it_is_labram_base_of_5_824_736_parameters():
    """LaBraM-base has query-key norm, layer scale and a last norm as ours, no key biases, and a class token."""
    stack, patching = Transformer(200, 12, 10, 800), PatchEmbedding(200)
    places, patches, class_token, key_biases = 129 * 200, 16 * 200, 200, 12 * 200
    assert n_parameters(stack) == 5_797_360
    assert n_parameters(patching) == 576
    assert n_parameters(stack) + n_parameters(patching) + places + patches + class_token - key_biases == 5_824_736


def test_tokens_that_do_not_exist_change_nothing_and_come_out_as_zeros():
    torch.manual_seed(0)
    stack = Transformer(16, 2, 4, 32).eval()
    tokens = torch.randn(3, 5, 16)
    padded = torch.cat([tokens, 100 * torch.randn(3, 4, 16)], dim=1)
    mask = torch.arange(9).expand(3, 9) < 5
    out = stack(padded, mask)
    torch.testing.assert_close(out[:, :5], stack(tokens), atol=1e-5, rtol=1e-5)
    assert not out[:, 5:].any()


def test_a_row_without_any_token_gives_zeros_and_no_nan_gradient():
    stack = Transformer(16, 1, 4, 32)
    mask = torch.tensor([[True, True], [False, False]])
    out = stack(torch.randn(2, 2, 16), mask)
    out.sum().backward()
    assert not out[1].any()
    assert all(torch.isfinite(parameter.grad).all() for parameter in stack.parameters())


def test_drop_path_keeps_the_mean_and_is_off_in_evaluation():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    ones = torch.ones(4000, 2)
    assert abs(float(drop(ones).mean()) - 1.0) < 0.05
    assert torch.equal(drop.eval()(ones), ones)


@pytest.mark.parametrize(
    ("gain", "qk_norm", "high"), [(1.0, True, False), (3.0, True, False), (30.0, True, True), (30.0, False, True)]
)
def test_an_exported_program_attends_as_the_layer_does(gain, qk_norm, high):
    """Whatever is absent, and however high the scores are: e^90 would not be finite."""
    torch.manual_seed(0)
    layer = Attention(16, 2, qk_norm).eval().requires_grad_(False)
    with torch.no_grad():
        for norm in (layer.query_norm, layer.key_norm) if qk_norm else (layer.project,):
            norm.weight.mul_(gain)
    layer.bound_scores()
    assert (layer.highest_score > 60) == high
    batch = torch.export.Dim("batch", min=1, max=64)
    allowed, tokens = torch.rand(5, 1, 9) < 0.5, 3 * torch.randn(5, 9, 16)
    allowed[:, :, 0] = True
    program = torch.export.export(layer, (tokens, allowed), dynamic_shapes={"tokens": {0: batch}, "allowed": {0: batch}})
    assert any("scaled_dot_product" in str(node.target) for node in program.graph.nodes) == high
    ours, wanted = program.module()(tokens[:3], allowed[:3]), layer(tokens[:3], allowed[:3])
    assert torch.isfinite(ours).all()
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(program.module()(tokens, torch.ones_like(allowed)), layer(tokens, None), atol=1e-5, rtol=1e-5)
