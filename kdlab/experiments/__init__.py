"""Experiments: from settings to rows of a table on disk, by one command.

A lesson declares its own as `Experiment(run, settings)`; `teachers` and `tuning`, which
all lessons share, are here.
"""

from kdlab.experiments.colour import (
    RECIPES,
    TEACHERS,
    colour_file,
    colour_teachers,
    fit_colour_teacher,
    new_colour_teacher,
    told_by,
    way_here,
)
from kdlab.experiments.fleets import fleet
from kdlab.experiments.races import (
    EAGER,
    FLOAT,
    INT8,
    RUNNERS,
    Runners,
    int8_width,
    race,
    runners_of,
)
from kdlab.experiments.students import (
    CHANGES,
    LEARNING_RATE,
    METHODS,
    OF_DATA,
    WITHOUT_TEACHER,
    columns_of,
    measured,
    new_cnn,
    new_student,
    student_run,
    student_steps,
)
from kdlab.experiments.sweep import SEEDS, Experiment, Setting, where
from kdlab.experiments.teachers import HINTON, other_teacher_steps, teachers
from kdlab.experiments.tuning import (
    ARMS,
    DRAWS,
    EPOCHS,
    HOT,
    LABEL_COUNTS,
    LABELS,
    SMOOTHING,
    TEMPERATURES,
    TUNED,
    WIDTHS,
    WITHOUT_A_DIGIT,
    best_rates,
    epochs_for,
    grid,
    nearest_rate,
    rates_of,
    setting,
    taught,
    tuned,
    tuning,
)
