"""Commands with two words: what is known about data sets, and the care of stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindleaf.options import Json, Out, Quiet, Zarr, show

data_app = typer.Typer(no_args_is_help=True, help="What is known about the data sets, and whether a copy is whole.")
store_app = typer.Typer(no_args_is_help=True, help="Look into a store, check it, take it elsewhere.")


@data_app.command("list")
def data_list(as_json: Json = False) -> None:
    """All data sets, one line each."""
    from mindleaf.stages.listing import dataset_lines

    show(dataset_lines(), as_json)


@data_app.command("show")
def data_show(name: str, as_json: Json = False) -> None:
    """What is known about a data set, and what is unverified."""
    from mindleaf.stages.listing import fact_lines, facts_of

    show(facts_of(name) if as_json else fact_lines(name), as_json)


@data_app.command("check")
def data_check(name: str, root: Annotated[Path, typer.Option("--root")], as_json: Json = False, quiet: Quiet = False) -> None:
    """Hold a copy against the published facts: what is there, what is missing, what is damaged."""
    from mindleaf.stages.data_check import check_copy, verdict

    found = check_copy(name, root, quiet)
    show(found, as_json)
    sentence = verdict(name, root, found)
    if not as_json:
        typer.echo(sentence)


@data_app.command("get")
def data_get(name: str, root: Annotated[Path, typer.Option("--root")], quiet: Quiet = False) -> None:
    """Fetch the files where their terms allow it; else say how to get access. The same command continues a broken fetch."""
    from mindleaf.stages.data_get import get

    typer.echo(get(name, root, quiet))


@data_app.command("template")
def data_template(
    folder: Annotated[Path, typer.Option("--from", help="Folder with signal files, and sounds if there are any.")],
    out: Out,
    quiet: Quiet = False,
) -> None:
    """Write recordings.tsv and trials.tsv for a folder of your own recordings, to correct by hand."""
    from mindleaf.stages.data_template import write_template

    typer.echo(write_template(folder, out, quiet))


@store_app.command("info")
def store_info(store: Path, as_json: Json = False) -> None:
    """What a store holds."""
    from mindleaf.stages.store_care import store_lines, store_summary

    show(store_summary(store) if as_json else store_lines(store), as_json)


@store_app.command("verify")
def store_verify(store: Path, quiet: Quiet = False) -> None:
    """Read every part and compare its hash."""
    from mindleaf.stages.store_care import verify_store

    typer.echo(verify_store(store, quiet))


@store_app.command("export")
def store_export(store: Path, zarr: Zarr, quiet: Quiet = False) -> None:
    """Write a store as a Zarr v3 folder that other tools read."""
    from mindleaf.stages.store_care import export_store

    typer.echo(export_store(store, zarr, quiet))


@store_app.command("import")
def store_import(zarr: Zarr, out: Out, quiet: Quiet = False, as_json: Json = False) -> None:
    """Write a store from a Zarr folder that 'store export' wrote."""
    from mindleaf.stages.store_care import import_store

    store = import_store(zarr, out, quiet)
    show({"store": str(store.path), "content_sha256": store.content_sha256, "trials": len(store.index)}, as_json)
