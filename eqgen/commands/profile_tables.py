"""Profiles as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from eqgen.commands import console
from eqgen.profiling.report import EquationProfile, Profile

GIGA = 1e9


def print_profile(profile: Profile, settings: Mapping[str, Any]) -> None:
    """A line for each equation, and below what the step takes without profiling."""
    machine = profile.machine
    shares = [f"{key.replace('_', ' ')} {settings[key]}" for key in ("densities", "overall_density") if key in settings]
    texts = [settings["layers"], settings["layer_sizes"], *shares, f"batch {settings['batch_size']}", settings["dtype"]]
    texts += [settings["optimizers"], settings["loss"], f"backend {settings['backend']}"]
    typer.echo("  ".join(texts))
    typer.echo(
        f"{machine.processor}, {machine.threads} threads: {machine.operations / GIGA:.0f} GFLOP/s, memory "
        f"{machine.memory_bandwidth / GIGA:.1f} GB/s, cache {machine.cache_bandwidth / GIGA:.0f} GB/s, "
        f"measured by {machine.method}"
    )
    typer.echo()
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("#", "equation"):
        table.add_column(name, overflow="fold")
    for name in ("calls", "ms", "of all", "GFLOP/s", "of peak", "FLOPs/byte", "of roof"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bound by", no_wrap=True)
    heading = None
    for number, e in enumerate(profile.equations, 1):
        if (e.layer, e.part) != heading:
            heading = (e.layer, e.part)
            table.add_row("", f"[bold]{escape(layer_text(e))}, {escape(e.part)}[/bold]")
        table.add_row(str(number), escape(f"{e.origin}  {e.equation}"), *_cells(e, profile))
    console.console().print(table)
    typer.echo()
    for line in summary(profile):
        typer.echo(line)


def layer_text(e: EquationProfile) -> str:
    """`layer 2 ReLU`, or the name of the loss."""
    return e.title if e.layer is None else f"layer {e.layer} {e.title}"


def _cells(e: EquationProfile, profile: Profile) -> tuple[str, ...]:
    machine = profile.machine
    return (
        str(e.calls),
        f"{1e3 * e.seconds:.3f}",
        f"{e.seconds / profile.seconds:.1%}",
        f"{e.rate / GIGA:.1f}",
        f"{e.share_of_peak(machine):.1%}",
        f"{e.intensity:.2f}",
        f"{e.share_of_roof(machine):.0%}",
        "memory" if e.is_bound_by_memory(machine) else "FLOPs",
    )


def summary(profile: Profile) -> list[str]:
    """What the equations are together, beside the step without profiling."""
    machine = profile.machine
    return [
        f"equations, one by one   {1e3 * profile.seconds:8.3f} ms   {profile.calls} calls, of which each costs "
        f"{1e6 * profile.timing:.1f} us to time",
        f"step with timed calls   {1e3 * profile.instrumented:8.3f} ms",
        f"step by its four parts  {1e3 * profile.whole:8.3f} ms   {profile.flops / 1e6:.1f} MFLOP, "
        f"{profile.rate / GIGA:.1f} GFLOP/s, {profile.rate / machine.operations:.1%} of peak",
        f"train_step              {1e3 * profile.training:8.3f} ms   in one call, as training makes it",
        f"equations / four parts  {profile.seconds / profile.whole:8.3f}      medians of {profile.steps} steps of "
        "each kind, in turn",
    ]


def profile_json(profile: Profile) -> dict[str, Any]:
    """Times in milliseconds, rates in FLOP/s."""
    return {
        "machine": asdict(profile.machine),
        "equations": [_equation_json(e, profile) for e in profile.equations],
        "step": {
            "repeats": profile.steps,
            "milliseconds": 1e3 * profile.whole,
            "milliseconds_with_timed_calls": 1e3 * profile.instrumented,
            "milliseconds_of_train_step": 1e3 * profile.training,
            "milliseconds_of_equations": 1e3 * profile.seconds,
            "milliseconds_to_time_a_call": 1e3 * profile.timing,
            "calls": profile.calls,
            "flops": profile.flops,
            "flops_per_second": profile.rate,
            "share_of_peak": profile.rate / profile.machine.operations,
        },
    }


def _equation_json(e: EquationProfile, profile: Profile) -> dict[str, Any]:
    return {
        "layer": e.layer,
        "name": e.title,
        "part": e.part,
        "place": e.origin,
        "equation": e.equation,
        "calls": e.calls,
        "milliseconds": 1e3 * e.seconds,
        "share_of_equations": e.seconds / profile.seconds,
        "flops": e.flops,
        "bytes_moved": e.moved,
        "bytes_moved_at_least": e.moved_least,
        "flops_per_second": e.rate,
        "intensity": e.intensity,
        "share_of_peak": e.share_of_peak(profile.machine),
        "share_of_roof": e.share_of_roof(profile.machine),
        "bound_by": "memory" if e.is_bound_by_memory(profile.machine) else "operations",
    }
