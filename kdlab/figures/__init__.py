"""From numbers to pictures and words: `from kdlab import figures as fig`.

A view returns `fig.picture(title, *parts, says=...)`, a plain dict and its sentence.
"""

from kdlab.figures.parts import (
    LABELS,
    OTHER,
    SOFTENED,
    STUDENT,
    STUDENTS,
    TEACHER,
    TEMPERATURE_TICKS,
    Drawn,
    Part,
    axis,
    class_bars,
    curves,
    gallery,
    grouped_bars,
    image,
    image_address,
    nearest,
    picture,
    reliability_bars,
    short,
    temperature_axis,
    ticks_at,
    upright,
)
from kdlab.figures.runs import (
    DIVERGING,
    SEQUENTIAL,
    dots,
    heat_map,
    held_by,
    lines_with_spread,
    spared_dots,
    unnamed,
)
from kdlab.figures.words import Runs, a, in_words, mean_spread, mean_words, percent
