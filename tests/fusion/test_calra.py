import pytest
import torch

from mindleaf.fusion.calra import AUDITORY_TYPES, UNKNOWN_TYPE, Calra
from mindleaf.fusion.dual_tower import DualTower
from mindleaf.fusion.paper_paired import authors_decision, paper_paired_similarity
from mindleaf.fusion.similarity import LogitScale, cosine
from mindleaf.recording import AuditoryType


def awake(calra: Calra) -> Calra:
    """What is zero at the start gets weights, so that every part of the computation counts."""
    with torch.no_grad():
        for parameter in calra.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return calra.eval()


@pytest.fixture(params=["vector", "frames"])
def calra(request) -> Calra:
    torch.manual_seed(0)
    return awake(Calra(16, heads=4, hidden=24, rank=8, form=request.param))


def items(calra: Calra, rows: int = 6, columns: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    frames = 1 if calra.form == "vector" else 20
    return torch.randn(rows, frames, 16), torch.randn(columns, frames, 16)


def test_the_paper_size_has_1_203_584_parameters_without_aligner():
    assert sum(parameter.numel() for parameter in Calra(aligner=False).parameters()) == 1_203_584


def test_a_type_of_sound_costs_131_584_parameters():
    """One map per type and modality; "about 0.13 M per type"."""
    sizes = [sum(parameter.numel() for parameter in Calra(aligner=aligner).parameters()) for aligner in (False, True)]
    assert sizes[1] - sizes[0] == len(AUDITORY_TYPES) * 2 * (256 * 256 + 256) == len(AUDITORY_TYPES) * 131_584


def test_what_the_ablations_take_away():
    whole = sum(parameter.numel() for parameter in Calra(aligner=False).parameters())
    sizes = {part: whole - sum(parameter.numel() for parameter in Calra(aligner=False, **{part: False}).parameters())
             for part in ("cross_attention", "low_rank")}  # fmt: skip
    assert sizes["cross_attention"] == 2 * 4 * (256 * 256 + 256)
    assert sizes["low_rank"] == 2 * (256 * 128 + 128 + 128 * 256 + 256) + 128 * 128 + 128


def test_auditory_types_are_those_of_stimuli():
    assert set(AUDITORY_TYPES) == set(AuditoryType.__args__)


def test_an_eeg_item_is_scored_under_the_candidates_type_not_its_own(calra):
    eeg, audio = items(calra)
    speech = calra.all_pairs(eeg, audio, torch.zeros(5, dtype=torch.long))
    mixed = calra.all_pairs(eeg, audio, torch.tensor([0, 2, 0, 2, 0]))
    torch.testing.assert_close(mixed[:, 0::2], speech[:, 0::2], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(mixed[:, 1::2], speech[:, 1::2])


def test_training_starts_as_a_time_resolved_dual_tower():
    torch.manual_seed(0)
    eeg, audio = torch.randn(6, 20, 16), torch.randn(6, 20, 16)
    fresh = Calra(16, heads=4, hidden=24, rank=8, form="frames").eval()
    torch.testing.assert_close(fresh.all_pairs(eeg, audio), DualTower("frames").all_pairs(eeg, audio), atol=1e-6, rtol=1e-5)


def test_query_and_key_take_no_part_and_every_other_weight_gets_a_gradient(calra):
    eeg, audio = items(calra)
    calra.all_pairs(eeg, audio, torch.full((5,), UNKNOWN_TYPE)).square().sum().backward()
    without = {name for name, parameter in calra.named_parameters() if parameter.grad is None}
    assert {name.split(".")[2] for name in without if "listen." in name} == {"query", "key"}
    assert all("listen." in name or "out_norm" in name for name in without)


def test_type_dropout_makes_unknown_types_familiar():
    calra = Calra(16, heads=4, hidden=24, rank=8, type_dropout=0.5).train()
    torch.manual_seed(0)
    groups = dict(calra.by_type(torch.zeros(200, dtype=torch.long), 200, torch.device("cpu")))
    assert 60 < len(groups[UNKNOWN_TYPE]) < 140
    assert list(dict(calra.eval().by_type(torch.zeros(3, dtype=torch.long), 3, torch.device("cpu")))) == [0]


def test_the_dual_tower_is_a_correlation():
    frames = torch.randn(3, 30, 2)
    scores = DualTower("frames")(frames, torch.stack([frames, -2 * frames + 5], dim=1))
    torch.testing.assert_close(scores, torch.tensor([[1.0, -1.0]]).expand(3, 2), atol=1e-5, rtol=0)
    other = torch.randn(4, 30, 2)
    pairs = DualTower("frames").all_pairs(frames, other)
    torch.testing.assert_close(pairs[1], DualTower("frames")(frames[1:2], other[None])[0])


def test_the_logit_scale_starts_at_its_temperature_and_is_clamped():
    scale = LogitScale()
    assert abs(float(scale(torch.ones(())).detach()) - 1 / 0.07) < 1e-4
    with torch.no_grad():
        scale.log_scale.fill_(10.0)
    assert abs(float(scale(torch.ones(())).detach()) - 100.0) < 1e-3


def test_paper_paired_uses_each_items_own_partner(calra):
    eeg, audio = items(calra, 4, 4)
    similarity = paper_paired_similarity(calra, eeg, audio)
    own = calra.fuse(*calra.align(eeg, audio))
    expected = torch.stack([cosine(own[0][i].expand_as(own[1]), own[1], calra.centre) for i in range(4)])
    torch.testing.assert_close(similarity, expected, atol=1e-5, rtol=1e-4)


def test_the_authors_rule_changes_with_the_answer_it_is_told(calra):
    eeg, _ = items(calra, rows=4)
    audio = torch.stack([items(calra)[1][:2] for _ in range(4)])
    first = authors_decision(calra, LogitScale(), eeg, audio, torch.zeros(4, dtype=torch.long))
    second = authors_decision(calra, LogitScale(), eeg, audio, torch.ones(4, dtype=torch.long))
    assert first.shape == (4, 2)
    assert not torch.allclose(first, second)
