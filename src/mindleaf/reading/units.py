"""Units of voltage that are understood, as factors to volts; everything else is said aloud, never guessed."""

from __future__ import annotations

from mindleaf.errors import BadInput

VOLTS = {"nV": 1e-9, "uV": 1e-6, "µV": 1e-6, "μV": 1e-6, "mV": 1e-3, "V": 1.0}
#: Spellings seen in files. "MV" is left out: nobody knows whether it is milli or mega.
_SPELLINGS = {**VOLTS, "UV": 1e-6, "uv": 1e-6, "µv": 1e-6, "mv": 1e-3, "nv": 1e-9, "v": 1.0, "microvolts": 1e-6}
_NOT_VOLTAGE = frozenset(
    [
        "%",
        "bpm",
        "degc",
        "deg",
        "c",
        "°c",
        "k",
        "s",
        "us",
        "µs",
        "μs",
        "ms",
        "hz",
        "mmhg",
        "kg",
        "g",
        "n/a",
        "na",
        "ohm",
        "kohm",
        "cmh2o",
        "l/min",
        "lpm",
        "spo2",
        "boolean",
        "adc",
        "t",
        "t/m",
        "a",
        "rad",
        "lx",
        "pa",
        "m/s^2",
    ]
)


def volts_per_unit(unit: str) -> float | None:
    """Volts in one ``unit``; None for a unit that is not on the list."""
    return _SPELLINGS.get(unit.strip())


def is_other_quantity(unit: str) -> bool:
    """Whether the unit names something that is not a voltage (temperature, saturation ...)."""
    return unit.strip().lower() in _NOT_VOLTAGE


def asked_unit(unit: str) -> float:
    """Volts in the unit a person asked for with --unit; BadInput lists the choices."""
    factor = volts_per_unit(unit)
    if factor is None:
        raise BadInput(f"unit {unit!r} is not known; choose one of: {', '.join(dict.fromkeys(VOLTS))}.")
    return factor
