from dataclasses import replace

import pytest
import torch

from mindleaf.batch import Batch
from mindleaf.encoders.mindmix import MindMixConfig
from mindleaf.encoders.stem import StemConfig
from mindleaf.errors import BadInput
from mindleaf.fusion.calra import Calra
from mindleaf.fusion.dual_tower import DualTower
from mindleaf.models import alignment
from mindleaf.models.alignment import AlignedConfig, AlignedModel
from tests.models.small_batches import FACTS, noise_batch

SMALL = MindMixConfig(width=16, depth=1, heads=2, hidden=32, n_codes=16, code_width=8, drop_path=0.0)
CONFIGS = {
    "frames": AlignedConfig(encoder=SMALL, dims=8, hidden=16, rank=4, stem=StemConfig(hidden=8, per_subject=True)),
    "dual_tower": AlignedConfig(encoder=SMALL, dims=8, pairing="dual_tower", stem=StemConfig(hidden=8)),
    "linear": AlignedConfig.preset("linear"),
    "pooled": AlignedConfig(encoder=SMALL, stem=None, alignment="pooled", dims=16, hidden=32, rank=8),
    "tokens": AlignedConfig(encoder=SMALL, stem=None, alignment="tokens", dims=16, hidden=32, rank=8),
    "co_attention": AlignedConfig(encoder=SMALL, dims=8, hidden=16, fusion="co_attention"),
    "concat_mlp": AlignedConfig(encoder=SMALL, stem=None, alignment="pooled", dims=16, hidden=32, fusion="concat_mlp"),
}


def awake(config: AlignedConfig) -> AlignedModel:
    torch.manual_seed(0)
    model = config.build(FACTS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(params=list(CONFIGS))
def model(request) -> AlignedModel:
    return awake(CONFIGS[request.param])


def rows(batch: Batch, positions: list[int]) -> Batch:
    return replace(batch, **{name: tensor[positions] for name, tensor in batch._tensors()})


@torch.no_grad()
def test_scores_do_not_depend_on_the_batch_or_on_the_order_of_candidates(model):
    batch = noise_batch(4)
    scores = model.score(batch)
    assert scores.shape == (4, 2)
    torch.testing.assert_close(model.score(rows(batch, [2])), scores[[2]], atol=1e-4, rtol=1e-4)
    swapped = replace(batch, audio=batch.audio.flip(1))
    torch.testing.assert_close(model.score(swapped), scores.flip(1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_all_pairs_and_score_agree_on_the_true_pairs(model):
    batch = noise_batch(4)
    pairs = model.all_pairs(batch)
    assert pairs.shape == (4, 4)
    torch.testing.assert_close(pairs.diagonal(), model.score(batch)[:, 0], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_channel_order_and_padding_change_nothing(model):
    batch = noise_batch(3, channels=4)
    order = torch.tensor([2, 0, 3, 1])
    turned = replace(
        batch,
        eeg=batch.eeg[:, order],
        channel_index=batch.channel_index[:, order],
        positions=batch.positions[:, order],
    )
    pad = torch.nn.functional.pad
    padded = replace(
        batch,
        eeg=pad(batch.eeg, (0, 0, 0, 3), value=4.0),
        channel_index=pad(batch.channel_index, (0, 3)),
        positions=pad(batch.positions, (0, 0, 0, 3)),
        channel_mask=pad(batch.channel_mask, (0, 3)),
    )
    scores = model.score(batch)
    for other in (turned, padded):
        torch.testing.assert_close(model.score(other), scores, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("seconds", [0.5, 3.0, 10.0])
def test_windows_of_any_length(model, seconds):
    scores = model.score(noise_batch(2, seconds=seconds))
    assert scores.shape == (2, 2)
    assert torch.isfinite(scores).all()


@torch.no_grad()
def test_a_window_without_context_or_usable_channels_still_gives_numbers(model):
    batch = noise_batch(2, context=0)
    batch.channel_mask[1] = False
    assert torch.isfinite(model.score(batch)).all()


@torch.no_grad()
def test_a_fresh_encoder_adds_nothing_to_the_stem():
    batch = noise_batch(2)
    model = CONFIGS["frames"].build(FACTS).eval()
    torch.testing.assert_close(model.eeg_frames(batch, 100), model.stem(batch, 100))


@torch.no_grad()
def test_chunks_of_a_long_window_are_what_the_encoder_gives_for_short_ones():
    model = awake(CONFIGS["frames"])
    batch = noise_batch(2, seconds=6.0, context=0)
    tokens, mask = model._tokens(batch, 300)
    middle = batch.eeg[..., 400:800]
    middle = (middle - middle.mean(-1, keepdim=True)) / middle.std(-1, keepdim=True, correction=0)
    alone, _ = model.encoder(replace(batch, eeg=middle))
    torch.testing.assert_close(tokens[:, :, 2:4].flatten(1, 2), alone, atol=1e-4, rtol=1e-4)
    assert mask.all()


def test_a_choice_that_cannot_work_is_refused():
    with pytest.raises(BadInput, match="pooled"):
        AlignedConfig.checked({"pairing": "paper_paired"})
    with pytest.raises(BadInput, match="encoder or"):
        AlignedConfig.checked({"encoder": None, "stem": None})
    with pytest.raises(BadInput, match=r"stem\.stride"):
        AlignedConfig.preset("linear").build(FACTS.model_copy(update={"frame_rate": 64.0}))
    with pytest.raises(BadInput, match="audio"):
        CONFIGS["linear"].build(FACTS).score(replace(noise_batch(2), audio=None))


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"pairing": "dual_tower", "fusion": "co_attention"}, "pairing='all_pairs'"),
        ({"pairing": "paper_paired", "alignment": "pooled", "fusion": "clip"}, "fusion='calra'"),
        ({"alignment": "tokens", "fusion": "concat_mlp"}, "alignment='pooled'"),
        ({"fusion": "co_attention", "low_rank": False}, "leave them True"),
        ({"encoder": None, "alignment": "tokens"}, "encoder or"),
        ({"alignment": "tokens", "token_s": 0}, "above 0"),
    ],
)
def test_a_fusion_that_cannot_be_is_refused_with_the_mend(settings, mend):
    with pytest.raises(BadInput, match=mend):
        AlignedConfig.checked(settings)


def test_dual_tower_and_clip_are_one_choice():
    clip = AlignedConfig(fusion="clip")
    assert AlignedConfig(pairing="dual_tower") == clip
    assert AlignedConfig().with_settings(["pairing=dual_tower"]) == clip
    assert AlignedConfig.checked(clip.model_dump(mode="json")) == clip
    assert isinstance(clip.build(FACTS).fusion, DualTower)
    assert isinstance(AlignedConfig.preset("linear").with_settings(["fusion=calra"]).build(FACTS).fusion, Calra)


def test_a_run_written_before_fusions_had_names_still_loads(tmp_path):
    new = ("fusion", "cross_attention", "low_rank", "token_s")
    for old in (CONFIGS["pooled"], CONFIGS["dual_tower"]):
        saved = {name: value for name, value in old.model_dump(mode="json").items() if name not in new}
        saved["pairing"] = "dual_tower" if old.fusion == "clip" else "all_pairs"
        assert AlignedConfig.checked(saved) == old


@torch.no_grad()
@pytest.mark.parametrize("name", ["frames", "pooled", "tokens", "linear"])
def test_many_sounds_are_ranked_as_they_are_scored(name, monkeypatch):
    monkeypatch.setattr(alignment, "_SOUNDS_AT_ONCE", 3)
    model, batch = awake(CONFIGS[name]), noise_batch(4)
    sounds = noise_batch(7, seed=5).audio[:, 0]
    asked = replace(batch, audio=sounds.expand(4, -1, -1, -1), auditory_type=None)
    ranking, scores = model.rank(batch, sounds, 7), model.score(asked)
    torch.testing.assert_close(scores.gather(1, ranking.order), model.logit_scale(ranking.scores), atol=1e-4, rtol=1e-4)
    shortlist = model.rank(batch, sounds, 3)
    assert shortlist.scores.shape == (4, 3)
    torch.testing.assert_close(
        scores.gather(1, shortlist.order[:, :3]), model.logit_scale(shortlist.scores), atol=1e-4, rtol=1e-4
    )
    with pytest.raises(BadInput, match="top_k"):
        model.rank(batch, sounds, 0)


def test_the_paper_form_has_the_paper_sizes():
    config = AlignedConfig.paper("tiny", pairing="paper_paired")
    model = config.build(FACTS)
    calra = sum(p.numel() for name, p in model.fusion.named_parameters() if "aligner" not in name)
    assert calra == 1_203_584
    assert model.authors_score(noise_batch(2), torch.zeros(2, dtype=torch.long)).shape == (2, 2)
