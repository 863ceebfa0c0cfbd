"""The EEG encoder of a model, chosen by type: one config field that holds any of them."""

from __future__ import annotations

import pkgutil
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Tag

from mindleaf.encoders import ENCODERS
from mindleaf.encoders.cbramod import CBraModConfig, CBraModEncoder
from mindleaf.encoders.eegnet import EEGNetConfig, EEGNetEncoder
from mindleaf.encoders.labram import LabramConfig, LabramEncoder
from mindleaf.encoders.leaf import LeafConfig, LeafTower
from mindleaf.encoders.mindmix import MindMixConfig, MindMixEncoder
from mindleaf.errors import BadInput

EEGEncoder = MindMixEncoder | LabramEncoder | CBraModEncoder | EEGNetEncoder | LeafTower

_DEFAULT = "mindmix"


def encoder_named(wish: str) -> Any:
    """The config for "labram" or "labram:tiny" (encoder and preset; "base" where none is given); BadInput names what there is."""
    name, _, preset = wish.partition(":")
    if name not in ENCODERS:
        raise BadInput(f"encoder {name!r} is not known; there are: {', '.join(ENCODERS)}.")
    return pkgutil.resolve_name(ENCODERS[name]).preset(preset or "base")


def _settled(value: Any) -> Any:
    """A name becomes its config; MindMix, which older folders write without a type, loses it."""
    if isinstance(value, str):
        return encoder_named(value)
    if isinstance(value, dict) and value.get("type") == _DEFAULT:
        return {key: item for key, item in value.items() if key != "type"}
    return value


def _type_of(value: Any) -> str:
    return value.get("type", _DEFAULT) if isinstance(value, dict) else getattr(value, "type", _DEFAULT)


#: The field of a model's config: a config of any type, a dictionary with its ``type``, or a name ("labram", "mindmix:small").
EncoderConfig = Annotated[
    Annotated[MindMixConfig, Tag("mindmix")]
    | Annotated[LabramConfig, Tag("labram")]
    | Annotated[CBraModConfig, Tag("cbramod")]
    | Annotated[EEGNetConfig, Tag("eegnet")]
    | Annotated[LeafConfig, Tag("leaf")],
    Discriminator(
        _type_of, custom_error_type="encoder", custom_error_message=f"an encoder has one of the types {', '.join(ENCODERS)}"
    ),
    BeforeValidator(_settled),
]
