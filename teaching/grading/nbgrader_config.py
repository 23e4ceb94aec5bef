"""nbgrader's settings for the exercises of the course; yours to change."""

import os
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

c = get_config()  # noqa: F821 - Jupyter defines it

c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = "kdlab"

# Students see the stub of the notebook, which the check knows as not attempted.
c.ClearSolutions.code_stub = {"python": "# your code here"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# A cell that comes to no end is stopped after so many seconds, and gets no points. The
# first cell loads torch.
c.Execute.timeout = 60
c.Execute.interrupt_on_timeout = True

# Feedback is what a hidden test says, without its sixty lines.
c.GenerateFeedback.preprocessors = [
    GetGrades,
    ClearHiddenTests,
    CSSHTMLHeaderPreprocessor,
]

# What zip_collect finds in downloaded/LESSON/archive, or in a zip there: files named
# STUDENT_LESSON.ipynb. Where your platform names them otherwise, say so here.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[/\\](?P<student_id>[^/\\_]+)_(?P<file_id>[^/\\]+)"
)

os.environ["KDLAB_PROGRESS"] = "off"  # who grades has no progress to keep
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
