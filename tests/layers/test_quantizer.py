import copy

import torch

from mindleaf.layers.quantizer import Quantizer, Standardisation, perplexity, usage


def clustered_tokens(n: int = 400, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(20, 24, generator=torch.Generator().manual_seed(9))
    return centres[torch.randint(20, (n,), generator=draw)] + 0.1 * torch.randn(n, 24, generator=draw) + 5.0


def test_codes_do_not_collapse_although_tokens_share_a_direction():
    torch.manual_seed(0)
    quantizer = Quantizer(24, 32, code_width=8)
    optimiser = torch.optim.Adam(quantizer.parameters(), 1e-3)
    for step in range(60):
        quantized = quantizer(clustered_tokens(seed=step))
        optimiser.zero_grad()
        quantized.loss.mean().backward()
        optimiser.step()
    assert perplexity(quantized.ids, 32) > 8
    assert usage(quantized.ids, 32) > 0.5


def test_a_token_is_placed_alike_in_training_and_evaluation():
    """A batch of one store among batches of another must not be centred by itself; its gradient must be."""
    standardisation = Standardisation(3)
    draw = torch.Generator().manual_seed(0)
    for shift in (0.0, 4.0, 0.0, 4.0):
        standardisation.follow(shift + torch.randn(500, 3, generator=draw))
    tokens = (4.0 + torch.randn(50, 3, generator=draw)).requires_grad_()
    training = standardisation(tokens)
    (training * torch.randn(50, 3, generator=draw)).sum().backward()
    torch.testing.assert_close(tokens.grad.sum(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(training.detach(), standardisation.eval()(tokens).detach())
    assert training.mean() > 0.5


def test_the_moments_are_those_of_all_batches_at_first():
    standardisation = Standardisation(4)
    batches = [3.0 * k + (1 + k) * torch.randn(200, 4, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    for batch in batches:
        standardisation.follow(batch)
    together = torch.cat(batches)
    torch.testing.assert_close(standardisation.mean, together.mean(dim=0))
    torch.testing.assert_close(standardisation.variance, together.var(dim=0, unbiased=False), rtol=1e-4, atol=1e-4)


def test_codes_follow_fast_at_first_and_with_a_decay_of_99_hundredths_later():
    quantizer = Quantizer(24, 32, code_width=8)
    quantizer(clustered_tokens())
    assert quantizer.quantize._codebook.decay < 0.2
    quantizer.spread.n_batches.fill_(5000)
    quantizer(clustered_tokens())
    assert quantizer.quantize._codebook.decay == 0.99


def test_codes_out_of_use_come_back():
    torch.manual_seed(0)
    quantizer = Quantizer(24, 32, code_width=8)
    quantizer(clustered_tokens(seed=0))
    quantizer.quantize._codebook.embed[:, 4:] = quantizer.quantize._codebook.embed[:, :1]
    assert usage(quantizer.eval()(clustered_tokens()).ids, 32) < 0.2
    quantizer.train()
    for step in range(40):
        quantizer(clustered_tokens(seed=step))
    assert usage(quantizer.eval()(clustered_tokens()).ids, 32) > 0.6


def test_evaluation_never_changes_the_codebook_not_even_before_training():
    quantizer = Quantizer(24, 32, code_width=8).eval()
    before = copy.deepcopy(quantizer.state_dict())
    tokens = clustered_tokens()
    whole = quantizer(tokens)
    assert torch.equal(whole.ids[:5], quantizer(tokens[:5]).ids)
    assert all(torch.equal(before[name], value) for name, value in quantizer.state_dict().items())


def test_evaluation_agrees_with_the_library():
    torch.manual_seed(0)
    quantizer = Quantizer(24, 32, code_width=8)
    quantizer(clustered_tokens())
    quantizer.eval()
    tokens = clustered_tokens(seed=3)
    values, ids, _ = quantizer.quantize(quantizer.spread(quantizer.narrow(tokens))[None])
    mine = quantizer(tokens)
    assert torch.equal(mine.ids, ids[0])
    torch.testing.assert_close(mine.values, quantizer.widen(values[0]))


def test_a_restored_quantizer_goes_on_as_if_never_stopped():
    torch.manual_seed(0)
    first = Quantizer(24, 32, code_width=8)
    first(clustered_tokens())
    assert bool(first.quantize._codebook.initted)
    second = Quantizer(24, 32, code_width=8)
    second.load_state_dict(first.state_dict())
    for quantizer in (first, second):
        torch.manual_seed(1)
        quantizer(clustered_tokens(seed=1))
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_gradients_pass_straight_through():
    torch.manual_seed(0)
    tokens = clustered_tokens().requires_grad_()
    Quantizer(24, 32, code_width=8)(tokens).values.square().sum().backward()
    assert tokens.grad.abs().sum() > 0


def test_perplexity_counts_codes_in_even_use():
    assert abs(float(perplexity(torch.arange(8), 16)) - 8.0) < 1e-4
    assert abs(float(perplexity(torch.zeros(8, dtype=torch.long), 16)) - 1.0) < 1e-5
