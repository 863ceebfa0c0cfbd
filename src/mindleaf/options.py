"""What the verbs of the command line share: options with their help and what is refused at once, and how results are shown."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated, Any

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
Run = Annotated[Path, typer.Option("--model", help="A RUN folder.")]
Input = Annotated[
    Path, typer.Option("--input", help="A signal file, a folder of them (with its tables, if there are any), or a store.")
]
OutFile = Annotated[Path, typer.Option("--out", help="File to write.")]
WindowLength = Annotated[float | None, typer.Option("--window", help="Seconds of a window; as in training where left out.")]
Hop = Annotated[float | None, typer.Option("--hop", help="Seconds from one window to the next; end to end where left out.")]
Unit = Annotated[str, typer.Option("--unit", help="Unit of the files' numbers (uV, mV ...), in place of what they say.")]
FoldNumber = Annotated[
    int | None, typer.Option("--fold", help="Of a fine-tuned RUN the one model to ask (from 0); all where left out.")
]


def show(values: Any, as_json: bool) -> None:
    """Print a result, as JSON or in lines for people."""
    if as_json:
        typer.echo(json.dumps(values, indent=1, default=str))
    elif isinstance(values, dict):
        for key, value in values.items():
            for number, item in enumerate(value if isinstance(value, list) else [value]):
                told = ", ".join(f"{name}: {count}" for name, count in item.items()) if isinstance(item, dict) else item
                typer.echo(f"{key if not number else '':<20} {told}")
    else:
        for line in values:
            typer.echo(line)
