"""Pages and PDFs made of a notebook show its panels as stills: see stills.py."""

import sys
from pathlib import Path

from nbconvert.exporters import Exporter

c = get_config()  # noqa: F821 - Jupyter defines it

sys.path.append(str(Path(__file__).parent))
known = Exporter.class_traits()["default_preprocessors"].default()
after = known.index("nbconvert.preprocessors.ExecutePreprocessor") + 1
c.TemplateExporter.default_preprocessors = [  # not of notebooks: they stay alive
    *known[:after],
    "stills.Stills",
    *known[after:],
]
