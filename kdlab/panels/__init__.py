"""The engine of all explorers and live panels: controls, a picture, a sentence.

`explore(view, temperature=slider)` shows what a pure function draws, `explore_live`
what a generator yields while something trains. See `explorer` and `live`.
"""

from kdlab.panels.controls import (
    choice,
    dropdown,
    share_slider,
    student_controls,
    temperature_slider,
    tick,
)
from kdlab.panels.explorer import Explorer, explore, show
from kdlab.panels.live import LivePanel, explore_live
from kdlab.panels.pad import drawing_pad, drawn_image, drawn_value
from kdlab.panels.picker import image_picker
