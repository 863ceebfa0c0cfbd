"""The command line: a verb, what it works on, --out. Each verb calls one stage."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from mindleaf.errors import BadInput, refusal
from mindleaf.options import (
    Data,
    Device,
    Exclude,
    Json,
    Models,
    Out,
    Protocol,
    Quiet,
    Resume,
    Seed,
    Settings,
    Split,
    Splits,
    StorePath,
    Stores,
    Target,
    Task,
    TestStore,
    Window,
    Zarr,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
data_app = typer.Typer(no_args_is_help=True, help="What is known about the data sets, and whether a copy is whole.")
store_app = typer.Typer(no_args_is_help=True, help="Look into a store, check it, take it elsewhere.")
app.add_typer(data_app, name="data")
app.add_typer(store_app, name="store")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out")] = Path("runs/demo"),
    settings: Settings = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Every stage on generated two-talker recordings; ends with DIR/report.html."""
    from mindleaf.recipes.demo import run_demo

    typer.echo(run_demo(out, tuple(settings or ()), seed, quiet))


@app.command()
def prepare(
    dataset: str,
    root: Annotated[Path, typer.Option("--root", help="Folder with the data set's files.")],
    out: Out,
    pipeline: Annotated[list[str] | None, typer.Option("--pipeline", help="Make these views now.")] = None,
    settings: Settings = None,
    unit: Annotated[str, typer.Option("--unit", help="Unit of the files' numbers (uV, mV ...), in place of what they say.")] = "",
    workers: Annotated[int, typer.Option("--workers", help="Processes of this machine.")] = 1,
    scheduler: Annotated[str, typer.Option("--scheduler", help="Address of a Dask scheduler: tcp://HOST:8786.")] = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of generated data; 0 where none is given.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Files of a data set -> a store. The synthetic ones write their files below --root first where there are none."""
    from mindleaf.stages.prepare import prepare as stage

    chosen = (*(settings or ()), *([f"unit={unit}"] if unit else []))
    store = stage(dataset, root, out, tuple(pipeline or ()), chosen, seed, quiet, workers, scheduler)
    _print({"store": str(store.path), "content_sha256": store.content_sha256, "trials": len(store.index)}, as_json)


@app.command()
def pretrain(
    recipe: str, store: Stores, out: Out, exclude: Exclude = None, split: Split = None, settings: Settings = None,
    seed: Seed = 0, device: Device = "auto", resume: Resume = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Self-supervised training of an EEG encoder (stage 1)."""
    from mindleaf.recipes.choice import filled
    from mindleaf.stages.pretrain import pretrain as stage

    config = filled("pretraining", recipe, seed, device).with_settings(settings or ())
    typer.echo(stage(config, store, out, tuple(exclude or ()), split, resume, quiet))


@app.command()
def align(
    recipe: str, store: Stores, out: Out, start: Annotated[Path | None, typer.Option("--start", help="A pretrained RUN.")] = None,
    exclude: Exclude = None, split: Splits = None, settings: Settings = None, seed: Seed = 0, device: Device = "auto",
    resume: Resume = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Alignment of EEG with audio (MindMix), with language (LEAF) or with both, stage 2."""
    from mindleaf.recipes.choice import aligning, filled

    config = filled("alignment", recipe, seed, device).with_settings(settings or ())
    typer.echo(aligning(recipe)(config, store, out, start, tuple(exclude or ()), tuple(split or ()), resume, quiet))


@app.command()
def finetune(
    recipe: str, store: StorePath, out: Out, task: Task, protocol: Protocol = None,
    start: Annotated[Path | None, typer.Option("--start", help="A pretrained or aligned RUN.")] = None, window: Window = None,
    target: Target = "side", settings: Settings = None, seed: Seed = 0, device: Device = "auto", resume: Resume = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Train for a task inside every fold of a protocol (stage 3); 'evaluate' then scores exactly these folds."""
    from mindleaf.recipes.choice import filled, owner_of
    from mindleaf.stages.finetune import finetune as stage
    from mindleaf.stages.question import EvaluateConfig
    from mindleaf.tasks import build_task

    config = EvaluateConfig.of(task, protocol, window, target, seed, "quick", settings or (), device=device)
    theirs = filled("finetuning", recipe, build_task(task).asks)
    typer.echo(stage(owner_of(recipe), theirs, config, store, out, start, resume, quiet))


@app.command()
def evaluate(
    store: StorePath, model: Models, task: Task, out: Out, protocol: Protocol = None, window: Window = None, target: Target = "side",
    test_store: TestStore = None, split: Split = None,
    depth: Annotated[str, typer.Option("--depth", help="Audit: quick or full.")] = "quick",
    floor: Annotated[bool, typer.Option("--floor/--no-floor", help="Add the linear floor.")] = True,
    settings: Settings = None, seed: Seed = 0, device: Device = "auto", quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Fit and score systems in every fold, audit them, and write results.json, predictions.parquet and report.html."""
    from mindleaf.stages.evaluate import evaluate as stage
    from mindleaf.stages.question import EvaluateConfig

    config = EvaluateConfig.of(task, protocol, window, target, seed, depth, settings or (), device=device, floor=floor)
    result = stage(config, store, model, out, test_store=test_store, split=split, quiet=quiet)
    if as_json:
        _print(result.to_json(), True)


@app.command()
def audit(
    store: StorePath, model: Models, task: Task, out: Out, protocol: Protocol = None, window: Window = None, target: Target = "side",
    test_store: TestStore = None, split: Split = None,
    depth: Annotated[str, typer.Option("--depth", help="quick or full (refits with permuted labels and more).")] = "full",
    settings: Settings = None, seed: Seed = 0, device: Device = "auto", quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """The evaluation's controls at full depth."""
    evaluate(
        store, model, task, out, protocol, window, target, test_store, split, depth, True, settings, seed, device, quiet, as_json
    )


@app.command()
def explain(
    store: StorePath, out: Out, model: Annotated[Path, typer.Option("--model", help="An aligned RUN.")], split: Split = None,
    settings: Settings = None, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Sound read back from EEG, where on the head the model listens, what its embedding tells apart: a report with pictures."""
    from mindleaf.stages.explain import ExplainConfig
    from mindleaf.stages.explain import explain as stage

    typer.echo(stage(store, model, out, ExplainConfig().with_settings(settings or ()), split, quiet))


@app.command()
def live(
    source: Annotated[str, typer.Option("--source", help="synthetic, lsl:NAME, replay:FILE, store:PATH or session:DIR.")],
    model: Annotated[str, typer.Option("--model", help="An aligned RUN or a linear decoder; the shipped one where none is given.")] = "",
    audio: Annotated[str, typer.Option("--audio", help="The sounds: wav:A,B or lsl:NAME.")] = "",
    calibration: Annotated[Path | None, typer.Option("--calibration", help="What calibrate wrote.")] = None,
    record: Annotated[Path | None, typer.Option("--record", help="New folder for everything that comes and is said.")] = None,
    seconds: Annotated[float, typer.Option("--for", min=0, help="Stop after so many seconds; 0: when the source ends.")] = 0.0,
    speed: Annotated[float, typer.Option("--speed", help="Of a replay or the synthetic listener; inf: as fast as possible.")] = 1.0,
    send: Annotated[str, typer.Option("--send", help="Send the answers as LSL streams of this name.")] = "",
    unit: Annotated[str, typer.Option("--unit", help="Unit of the EEG, in place of what it says.")] = "",
    page: Annotated[bool, typer.Option("--page/--no-page", help="Show it in a browser.")] = True,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the page; 0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option("--host", help="Of the page; another than this machine's own makes a token.")] = "127.0.0.1",
    settings: Settings = None, seed: Seed = 0, quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Decode while it happens: which sound is listened to, once every half second. Not a medical device."""
    from mindleaf.stages.live import Asked
    from mindleaf.stages.live import live as stage
    from mindleaf.stages.live_page import Place, live_with_page

    asked = Asked(source, model, audio, calibration, unit, speed, seed, tuple(settings or ()))
    say = (lambda line: None) if as_json else typer.echo
    if page:
        place = Place(host, port, lambda line: typer.echo(line, err=as_json))
        _print(live_with_page(asked, place, record, seconds, send, say), as_json)
    else:
        _print(stage(asked, record, seconds, send, say), as_json)


@app.command()
def calibrate(
    source: Annotated[str, typer.Option("--source", help="As for live.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, for live --calibration.")],
    model: Annotated[str, typer.Option("--model", help="As for live.")] = "",
    audio: Annotated[str, typer.Option("--audio", help="As for live.")] = "",
    attend: Annotated[str, typer.Option("--attend", help="Who is attended for how many seconds: 0:60,1:60.")] = "",
    seconds: Annotated[float, typer.Option("--for", min=30, help="Seconds to listen.")] = 180.0,
    speed: Annotated[float, typer.Option("--speed", help="As for live.")] = 1.0,
    unit: Annotated[str, typer.Option("--unit", help="As for live.")] = "",
    settings: Settings = None, seed: Seed = 0, quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Measure a listener whose attention is known: channels, lag, accuracy with its interval, the scale of probabilities."""
    from mindleaf.stages.live import Asked
    from mindleaf.stages.live import calibrate as stage

    asked = Asked(source, model, audio, None, unit, speed, seed, tuple(settings or ()))
    _print(stage(asked, out, seconds, attend), as_json)


@app.command()
def reproduce(
    name: Annotated[str, typer.Argument(help="PAPER:TABLE or PAPER:FIGURE, such as mindmix:table2; see 'mindleaf list reproductions'.")],
    out: Out,
    data: Data = None,
    settings: Settings = None, seed: Seed = 0, device: Device = "auto", quiet: Quiet = False,
) -> None:  # fmt: skip
    """Fill a table or figure of a paper for the data sets at hand, the published values beside ours; continues where it stopped."""
    from mindleaf.recipes.reproductions import reproduced

    typer.echo(reproduced(name, data, out, tuple(settings or ()), seed, device, quiet))


@app.command()
def benchmark(
    suite: Annotated[str, typer.Argument(help="quick, local, mindmix, leaf or auditory.")],
    out: Out,
    data: Data = None,
    budget: Annotated[float, typer.Option("--budget", min=0, help="Seconds of training for a system on a question; 0: no limit.")] = 60.0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Cells at a time.")] = 1,
    seeds: Annotated[int, typer.Option("--seeds", min=1)] = 1,
    settings: Settings = None, seed: Seed = 0, device: Device = "auto", quiet: Quiet = False,
) -> None:  # fmt: skip
    """Many systems on many questions, leaking splits beside sound ones, in one report; continues where it stopped."""
    from mindleaf.recipes.suites import benchmarked
    from mindleaf.stages.benchmark import BenchmarkConfig

    config = BenchmarkConfig(
        budget_s=budget, seeds=seeds, workers=workers, seed=seed, device=device, settings=tuple(settings or ())
    )
    typer.echo(benchmarked(suite, data, out, config, quiet))


@app.command("list")
def list_names(what: str, as_json: Json = False) -> None:
    """Names of the datasets, encoders, objectives, protocols, tasks, systems, recipes, pipelines or reproductions."""
    from mindleaf.recipes import RECIPES
    from mindleaf.stages.listing import names

    if what == "reproductions":
        from mindleaf.recipes.reproductions import REPRODUCTIONS

        _print(list(REPRODUCTIONS), as_json)
        return
    _print(list(RECIPES) if what == "recipes" else names(what), as_json)


@data_app.command("list")
def data_list(as_json: Json = False) -> None:
    """All data sets, one line each."""
    from mindleaf.stages.listing import dataset_lines

    _print(dataset_lines(), as_json)


@data_app.command("show")
def data_show(name: str, as_json: Json = False) -> None:
    """What is known about a data set, and what is unverified."""
    from mindleaf.stages.listing import fact_lines, facts_of

    _print(facts_of(name) if as_json else fact_lines(name), as_json)


@data_app.command("check")
def data_check(name: str, root: Annotated[Path, typer.Option("--root")], as_json: Json = False, quiet: Quiet = False) -> None:
    """Hold a copy against the published facts: what is there, what is missing, what is damaged."""
    from mindleaf.stages.data_check import check_copy, verdict

    found = check_copy(name, root, quiet)
    _print(found, as_json)
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

    _print(store_summary(store) if as_json else store_lines(store), as_json)


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
    _print({"store": str(store.path), "content_sha256": store.content_sha256, "trials": len(store.index)}, as_json)


def _print(values: Any, as_json: bool) -> None:
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


_STOPPED = 130


def _complain(sentence: str) -> None:
    typer.echo(f"mindleaf: {sentence}", err=True)


def main() -> None:
    """Entry point: 0 when the work is done, 2 with one sentence for bad input, 130 when interrupted."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    try:
        app(standalone_mode=True)
    except BadInput as error:
        if debug:
            traceback.print_exc()
        _complain(str(error))
        sys.exit(2)
    except OSError as error:
        if debug or not (sentence := refusal(error)):
            raise
        _complain(sentence)
        sys.exit(2)
    except SystemExit as stop:
        # Typer turns Ctrl-C into this code and says nothing.
        if stop.code == _STOPPED:
            _complain("stopped; the same command (with --resume where it trains) continues.")
        raise


if __name__ == "__main__":
    main()
