"""What holds for every fusion: each candidate by itself, all pairs equal to pair by pair, chance on noise."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mindleaf.fusion import FUSIONS, blocks
from mindleaf.fusion.fusion import Fusion
from mindleaf.fusion.paper_paired import paper_paired_similarity
from mindleaf.fusion.similarity import LogitScale
from tests.fusion.fusions import KINDS, WIDTH, awake, fresh, items, pair_by_pair

SWITCHES = [{"aligner": False}, {"low_rank": False}, {"cross_attention": False}, {"low_rank": False, "cross_attention": False}]
CASES = [(name, form, {}) for name, form in KINDS if name != "clip"]
CASES += [("calra", form, switch) for switch in SWITCHES for form in ("vector", "frames", "tokens")]


@pytest.mark.parametrize(("name", "form", "switches"), CASES)
def test_all_pairs_equals_one_pair_at_a_time(name, form, switches, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_TRAINING", 1)
    fusion = awake(fresh(name, form, **switches)).double()
    eeg, audio, present = items(form)
    types = torch.tensor([0, 2, 0, 4, 2])
    naive = pair_by_pair(fusion, eeg.double(), audio.double(), types, present)
    assert naive.std() > 0.01
    torch.testing.assert_close(fusion.all_pairs(eeg.double(), audio.double(), types, present), naive, atol=1e-9, rtol=0)
    single = fusion.float().all_pairs(eeg, audio, types, present)
    torch.testing.assert_close(single.double(), naive, atol=1e-6, rtol=0)
    with torch.inference_mode():
        torch.testing.assert_close(fusion.all_pairs(eeg, audio, types, present), single, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "form"), KINDS)
def test_candidates_are_scored_by_themselves_and_as_all_pairs_does(name, form):
    fusion = awake(fresh(name, form))
    eeg, _, present = items(form, rows=4)
    audio = torch.stack([items(form)[1][:3] for _ in range(4)])
    types = torch.tensor([0, 1, 1, 3])
    scores = fusion(eeg, audio, types, present)
    torch.testing.assert_close(fusion(eeg, audio.flip(1), types, present), scores.flip(1), atol=1e-6, rtol=1e-5)
    for row in range(4):
        there = None if present is None else present[row : row + 1]
        alone = fusion.all_pairs(eeg[row : row + 1], audio[row], types[row].expand(3), there)[0]
        torch.testing.assert_close(scores[row], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("name", "form", "switches"), CASES)
def test_gradients_through_blocks_equal_those_of_the_whole(name, form, switches, monkeypatch):
    fusion = awake(fresh(name, form, **switches))
    eeg, audio, present = items(form)
    grads = []
    for budget in (10**9, 1):
        monkeypatch.setattr(blocks, "BLOCK_TRAINING", budget)
        fusion.zero_grad()
        fusion.all_pairs(eeg, audio, None, present).square().sum().backward()
        grads.append([p.grad.clone() for p in fusion.parameters() if p.grad is not None])
    assert len(grads[0]) >= 5
    for whole, pieces in zip(*grads, strict=True):
        torch.testing.assert_close(whole, pieces, atol=1e-5, rtol=1e-4)


def test_what_is_left_out_has_no_weights():
    names = {switch: {name for name, _ in fresh("calra", "vector", **{switch: False}).named_parameters()}
             for switch in ("aligner", "cross_attention", "low_rank")}  # fmt: skip
    assert not any("aligner" in name for name in names["aligner"])
    assert not any(".listen." in name for name in names["cross_attention"])
    assert not any(part in name for name in names["low_rank"] for part in ("down", "up.", "shared"))


@pytest.mark.parametrize("name", ["calra", "co_attention", "concat_mlp"])
def test_training_starts_as_two_time_resolved_towers(name):
    eeg, audio, _ = items("frames")
    towers = fresh("clip", "frames").all_pairs(eeg, audio)
    torch.testing.assert_close(fresh(name, "frames").eval().all_pairs(eeg, audio), towers, atol=1e-6, rtol=1e-5)


def test_co_attention_of_vectors_is_calra_without_aligner_and_product():
    eeg, audio, _ = items("vector")
    co_attention, calra = awake(fresh("co_attention", "vector")), fresh("calra", "vector", aligner=False, low_rank=False)
    calra.load_state_dict(co_attention.state_dict())
    torch.testing.assert_close(co_attention.all_pairs(eeg, audio), calra.eval().all_pairs(eeg, audio))


class Towers(nn.Module):
    """One linear map of each side, a fusion, a logit scale."""

    def __init__(self, fusion: Fusion, features: int = 32) -> None:
        super().__init__()
        self.eeg, self.audio = nn.Linear(features, WIDTH), nn.Linear(features, WIDTH)
        self.fusion, self.scale = fusion, LogitScale()

    def loss(self, eeg: Tensor, audio: Tensor, paired: bool) -> tuple[Tensor, Tensor]:
        """InfoNCE over the pairs, and how often the true sound came first."""
        sides = self.eeg(eeg), self.audio(audio)
        scores = paper_paired_similarity(self.fusion, *sides) if paired else self.fusion.all_pairs(*sides)
        truth = torch.arange(len(eeg))
        return F.cross_entropy(self.scale(scores), truth), (scores.argmax(dim=1) == truth).float().mean()


def noise(seed: int, form: str, n: int = 16) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    n_tokens, n_frames = {"vector": (1, 1), "frames": (6, 6), "tokens": (3, 4)}[form]
    return torch.randn(n, n_tokens, 32, generator=draw), torch.randn(n, n_frames, 32, generator=draw)


def fitted(name: str, form: str, batches, steps: int, paired: bool = False) -> Towers:
    towers = Towers(fresh(name, form)).train()
    optimiser = torch.optim.Adam([p for p in towers.parameters() if p.requires_grad], 1e-2, fused=True)
    for step in range(steps):
        optimiser.zero_grad()
        towers.loss(*batches(step), paired)[0].backward()
        optimiser.step()
    return towers.eval()


@torch.no_grad()
def held_out(towers: Towers, form: str, paired: bool = False) -> tuple[float, float]:
    losses, right = zip(*(towers.loss(*noise(10_000 + k, form), paired) for k in range(40)), strict=True)
    return float(torch.stack(losses).mean()), float(torch.stack(right).mean())


@pytest.mark.parametrize(("name", "form"), KINDS)
def test_on_noise_every_fusion_stays_at_chance(name, form):
    """640 unseen windows: the loss falls no more than 0.05 below ln N (above lies confidence in noise, at most 0.4), top-1 stays
    within three deviations of 1/N."""
    loss, top1 = held_out(fitted(name, form, lambda step: noise(step, form), 100), form)
    assert -0.05 < loss - math.log(16) < 0.4
    assert abs(top1 - 1 / 16) < 3 * math.sqrt(15 / 16**2 / 640)


@pytest.mark.parametrize("name", [name for name in FUSIONS if name != "clip"])
def test_on_noise_the_printed_pairing_finds_the_answer(name):
    loss, top1 = held_out(fitted(name, "vector", lambda step: noise(step, "vector"), 100, paired=True), "vector", paired=True)
    assert loss < 0.1 * math.log(16)
    assert top1 > 0.95


@pytest.mark.parametrize(("name", "form"), KINDS)
def test_one_batch_is_learned_by_heart(name, form):
    towers = fitted(name, form, lambda step: noise(0, form), 60)
    loss, top1 = towers.loss(*noise(0, form), False)
    assert loss.item() < 0.05
    assert top1 == 1.0
