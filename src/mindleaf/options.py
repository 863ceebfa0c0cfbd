"""The options that several verbs of the command line share: their names, their help, and what is refused at once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from mindleaf.errors import BadInput

Out = Annotated[Path, typer.Option("--out", help="Folder to write.")]
StorePath = Annotated[Path, typer.Option("--store", help="A prepared store.")]
Stores = Annotated[list[Path], typer.Option("--store", help="A prepared store; may be given several times.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="path=value: change one setting.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random draw.")]


def _usable_device(name: str) -> str:
    """The device as it was named; BadInput where it is not known or not there, before any work is done."""
    if name not in ("auto", "cpu", "cuda"):
        raise BadInput(f"--device wants auto, cpu or cuda, got {name!r}.")
    if name == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise BadInput("--device cuda wants an NVIDIA GPU that PyTorch can use, found none; use --device auto or cpu.")
    return name


def _hushed(quiet: bool) -> bool:
    """Warnings are no errors; those that matter stand in cards and reports as well."""
    if quiet:
        warnings.simplefilter("ignore")
    return quiet


Device = Annotated[str, typer.Option("--device", callback=_usable_device, help="auto, cpu or cuda.")]
Quiet = Annotated[bool, typer.Option("--quiet", callback=_hushed, help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue from the newest checkpoint.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="column=value,value: leave these windows out.")]
Split = Annotated[Path | None, typer.Option("--split", help="A file with one fold: train on its training part only.")]
Splits = Annotated[list[Path] | None, typer.Option("--split", help="As for pretrain; with several stores one for each.")]
Models = Annotated[list[str], typer.Option("--model", help="A system by name, package.module:Class, or a RUN folder.")]
#: Written out here so that --help imports nothing; tests hold it to the table of tasks.
_TASKS = "attention, match_mismatch, retrieval_duo, retrieval_trio, retrieval_pool[:K], classify[:COLUMN], emotion[:COLUMN]."
Task = Annotated[str, typer.Option("--task", help=_TASKS)]
Protocol = Annotated[str | None, typer.Option("--protocol", help="How the data are split; see 'mindleaf list protocols'.")]
TestStore = Annotated[Path | None, typer.Option("--test-store", help="Test on this store (with protocol cross_dataset).")]
Window = Annotated[str | None, typer.Option("--window", help="Window lengths in seconds: 2,5,10.")]
Target = Annotated[str, typer.Option("--target", help="What EEG-only systems predict: side or talker.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder with one folder per data set (or store).")]
Zarr = Annotated[Path, typer.Option("--zarr", help="A Zarr v3 folder.")]
