"""In the kernel that runs a notebook for the site: each table covers all controls.

In a notebook the kernel answers what no table covers. A page has no kernel, so its
tables must reach further: over every control, as long as that stays within MOST
pictures. A slider with too many positions keeps fewer of them; a control without
positions, such as a pad, keeps those that buttons set.
"""

import asyncio
import math

import ipywidgets as widgets

from kdlab.panels.explorer import Explorer
from kdlab.panels.live import LivePanel
from kdlab.panels.panel import SLIDERS, positions
from kdlab.panels.table import Place, is_on

MOST = 2500  # pictures of one explorer
Positions = dict[Place, object]  # {place: value}


def wanted_places(explorer: Explorer, name: str) -> list[Place]:
    """Where the control is, or is put by a button: these must be there."""
    buttons = [dict(places) for _, places in explorer.picture.presets]
    named = [places[name] for places in buttons if name in places]
    return [explorer.places()[name], *named]


def all_positions(explorer: Explorer, name: str) -> Positions:
    """{place: value} of a control; of one that cannot be counted, those wanted."""
    try:
        return positions(explorer.controls[name])
    except ValueError:
        return {place: place for place in wanted_places(explorer, name)}


def thinned(axis: Positions, wanted: list[Place]) -> Positions:
    """Every second position, both ends, and those that are wanted."""
    places = list(axis)
    kept = {*places[::2], places[-1]}
    kept |= {place for place in places for one in wanted if is_on([place], one)}
    return {place: value for place, value in axis.items() if place in kept}


def page_positions(explorer: Explorer) -> dict[str, Positions]:
    """{control: {place: value}} for a page: at most MOST pictures, if that can be."""
    axes = {name: all_positions(explorer, name) for name in explorer.controls}
    wanted = {name: wanted_places(explorer, name) for name in axes}
    while math.prod(map(len, axes.values())) > MOST:
        fewer = {
            name: thinned(axis, wanted[name])
            for name, axis in axes.items()
            if isinstance(explorer.controls[name], SLIDERS)
        }
        fewer = {n: axis for n, axis in fewer.items() if len(axis) < len(axes[n])}
        if fewer:
            longest = max(fewer, key=lambda name: len(axes[name]))
            axes[longest] = fewer[longest]
        else:  # nothing left to thin: the last controls need a kernel
            axes.popitem()
    return axes


def tabulate_all() -> None:
    """From now on, every explorer that is made has its table for a page at once."""
    make = Explorer.__init__

    def make_and_tabulate(explorer: Explorer, *args: object, **named: object) -> None:
        make(explorer, *args, **named)
        if explorer.controls:
            explorer.tabulate_now(page_positions(explorer))

    Explorer.__init__ = make_and_tabulate


async def finish() -> None:
    """Wait until nothing trains any more, and send what each training shows last.

    A picture that a thread sends between two cells is lost: nbclient hears none.
    """
    live = [w for w in widgets.widget._instances.values() if isinstance(w, LivePanel)]
    while any(panel.drive.thread.is_alive() for panel in live):
        await asyncio.sleep(0.05)
    for panel in live:
        panel.picture.send_state(["now", "state"])
