"""The command line: a verb, what it works on, --out. Each verb calls one stage."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from mindleaf import __version__
from mindleaf.command_groups import data_app, store_app
from mindleaf.errors import BadInput, plain_warnings, refusal
from mindleaf.options import (
    Data,
    Device,
    Exclude,
    FoldNumber,
    Hop,
    Input,
    Json,
    Models,
    Out,
    OutFile,
    Protocol,
    Quiet,
    Resume,
    Run,
    Seed,
    Settings,
    Split,
    Splits,
    StorePath,
    Stores,
    Target,
    Task,
    TestStore,
    Unit,
    Window,
    WindowLength,
    show,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(store_app, name="store")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def verbs(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """The command line: a verb, what it works on, --out. Each verb calls one stage."""


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
    unit: Unit = "",
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
    show({"store": str(store.path), "content_sha256": store.content_sha256, "trials": len(store.index)}, as_json)


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
        show(result.to_json(), True)


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
def predict(
    model: Run, source: Input, out: OutFile, window: WindowLength = None, hop: Hop = None, unit: Unit = "", fold: FoldNumber = None,
    task: Annotated[str, typer.Option("--task", help="Of a model that knows several tasks, the name or number of one.")] = "",
    settings: Settings = None, device: Device = "auto", quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """What a RUN says of each window: probabilities of classes, or a score for each sound. Writes a CSV file."""
    from mindleaf.stages.predict import PredictConfig
    from mindleaf.stages.predict import predict as stage

    values = {"window_s": window, "hop_s": hop, "unit": unit, "fold": fold, "task": task, "device": device}
    config = PredictConfig.checked(values, "the command line").with_settings(settings or ())
    told = stage(config, model, source, out, quiet)
    show(told.to_json(), True) if as_json else typer.echo(told.out)


@app.command()
def embed(
    model: Run, source: Input, out: OutFile, window: WindowLength = None, hop: Hop = None, unit: Unit = "", fold: FoldNumber = None,
    device: Device = "auto", quiet: Quiet = False, as_json: Json = False,
) -> None:  # fmt: skip
    """A RUN's embedding of each window, as a NumPy .npz file."""
    from mindleaf.stages.predict import PredictConfig
    from mindleaf.stages.predict import embed as stage

    values = {"window_s": window, "hop_s": hop, "unit": unit, "fold": fold, "device": device}
    told = stage(PredictConfig.checked(values, "the command line"), model, source, out, quiet)
    show(told.to_json(), True) if as_json else typer.echo(told.out)


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
def export(
    model: Annotated[Path, typer.Option("--model", help="A RUN, or one fold of a fine-tuned one.")],
    out: Annotated[Path, typer.Option("--out", help="File to write.")],
    kind: Annotated[str, typer.Option("--format", help="onnx, onnx-int8 or torch.")] = "onnx",
    store: Annotated[Path | None, typer.Option("--store", help="Its channels are taken, int8 is compared on its windows.")] = None,
    channels: Annotated[str, typer.Option("--channels", help="Names, Fz,Cz,...; the 19 of 10-20 (LEAF: its 65) where none are given.")] = "",
    window: Annotated[float, typer.Option("--window", min=0, help="Seconds of a window; 2 where none are given.")] = 0.0,
    licence: Annotated[str, typer.Option("--licence", help="Of the weights; it stands in the file.")] = "not stated",
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """The model of a RUN as one file for other programs: ONNX, ONNX in int8, or torch's exported program."""
    from mindleaf.stages.export import ExportConfig
    from mindleaf.stages.export import export as stage

    names = tuple(name.strip() for name in channels.split(",") if name.strip())
    told = stage(model, kind, out, ExportConfig(channels=names, window_s=window, licence=licence), store)
    if not quiet:
        typer.echo(told)


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
    say = (lambda line: None) if as_json or quiet else typer.echo
    if page:
        place = Place(host, port, lambda line: typer.echo(line, err=as_json))
        show(live_with_page(asked, place, record, seconds, send, say), as_json)
    else:
        show(stage(asked, record, seconds, send, say), as_json)


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
    show(stage(asked, out, seconds, attend), as_json)


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
    model: Annotated[list[str] | None, typer.Option("--model", help="Only these systems of the suite, or your own: package.module:Class.")] = None,
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
    typer.echo(benchmarked(suite, data, out, config, tuple(model or ()), quiet))


@app.command()
def runs(
    paths: Annotated[list[Path], typer.Argument(help="RUN folders, or folders that hold some.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the page; left out, its tables are printed.")] = None,
    as_json: Json = False,
) -> None:
    """Compare RUNs: what each is and how it ended, which settings differ, their curves over the same steps, on one page."""
    from mindleaf.recipes.choice import recipe_of
    from mindleaf.stages.runs import runs_page

    page, values = runs_page(paths, recipe_of)
    report = page.write(out) if out else None
    if as_json:
        show(values, True)
    else:
        typer.echo(report or page.markdown())


@app.command("list")
def list_names(what: str, as_json: Json = False) -> None:
    """Names of the datasets, encoders, objectives, protocols, tasks, systems, recipes, pipelines or reproductions."""
    from mindleaf.recipes import RECIPES
    from mindleaf.stages.listing import names

    if what == "reproductions":
        from mindleaf.recipes.reproductions import REPRODUCTIONS

        show(list(REPRODUCTIONS), as_json)
        return
    show(list(RECIPES) if what == "recipes" else names(what), as_json)


_STOPPED = 130


def _complain(sentence: str) -> None:
    typer.echo(f"mindleaf: {sentence}", err=True)


def main() -> None:
    """Entry point: 0 when the work is done, 2 with one sentence for bad input, 130 when interrupted."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    os.environ.setdefault("MNE_LOGGING_LEVEL", "ERROR")
    if not debug:
        plain_warnings()
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
