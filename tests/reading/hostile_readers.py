"""Readers that misbehave, for the guard to survive. They run in the child process only."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from mindleaf.errors import ReadError


def crash(path: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(path: str) -> None:
    time.sleep(60)


def gorge(path: str) -> int:
    return int(np.ones(3_000_000_000, np.uint8).sum())


def refuse(path: str) -> None:
    raise ReadError(f"{path}: refused.")


def stumble(path: str) -> None:
    raise ValueError("could not convert string to float: 'Jane Roe'")


def smuggle(path: str) -> object:
    return object()


def echo(path: str, *values: object) -> list:
    return [path, *values, np.arange(6, dtype=np.int16).reshape(2, 3), {"nan": float("nan"), "empty": np.empty((0, 2))}]


def who(path: str) -> list[int]:
    return [os.getppid(), os.getpid()]


def crash_on_second(path: str) -> int:
    if path.endswith("1.edf"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return 1
